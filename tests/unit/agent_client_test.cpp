// SPDX-License-Identifier: Apache-2.0
#include "agent/source/agent_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <string>

#include "agent/base/fd.h"

namespace vqscope {
namespace {

TEST(AgentClient, WaitsForNoAnswerWhenItIsToldToGiveUp) {
  if (AgentClient::library().empty()) GTEST_SKIP() << "built without libcurl";
  // It takes connections, and never says a word.
  const Fd mute(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(mute.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(mute.get(), 8), 0);
  ASSERT_EQ(::getsockname(mute.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  const Fd told(::eventfd(1, 0));
  AgentAddress agent;
  agent.url = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  agent.patience_ms = 3'600'000;
  agent.give_up = told.get();
  auto client = AgentClient::create(agent);
  ASSERT_TRUE(client) << client.error().message;
  for (int again = 0; again < 2; ++again) {
    const auto snapshot = client->snapshot();
    ASSERT_FALSE(snapshot);
    EXPECT_EQ(snapshot.error().code, ECANCELED);
    EXPECT_EQ(snapshot.error().message, "http://" + agent.url + "/-/snapshot had not answered when this was ended");
  }
}

}  // namespace
}  // namespace vqscope
