// SPDX-License-Identifier: Apache-2.0
// In place of agent_client.cpp in a build without libcurl.
#include "agent/source/agent_client.h"

namespace vqscope {

void AgentClient::Closer::operator()(void* /*handle*/) const {}
void AgentClient::TransfersCloser::operator()(void* /*transfers*/) const {}

Result<AgentClient> AgentClient::create(const AgentAddress& /*address*/) {
  return fail(
      "cannot read another agent: this vqscope was built without libcurl, and so without --url; use a distribution's "
      "package, or leave --url out to measure this guest");
}

std::string AgentClient::library() { return ""; }

Result<DecodedSnapshot> AgentClient::snapshot() { return fail("this vqscope was built without libcurl"); }

}  // namespace vqscope
