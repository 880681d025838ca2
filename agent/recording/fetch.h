// SPDX-License-Identifier: Apache-2.0
// Reads a running agent over HTTP.
#pragma once

#include <memory>
#include <string>

#include "agent/base/result.h"
#include "agent/recording/reader.h"

namespace vqscope {

// A connection to one agent, kept open between calls. An object serves one thread at a time.
class AgentClient {
 public:
  // `url` is that of the agent, "http://HOST:PORT" ("http://" may be left out; https is possible). Connects nowhere
  // yet. Fails in a build without libcurl (VQSCOPE_CURL=OFF).
  static Result<AgentClient> create(const std::string& url);

  // The library that reads, and its version; empty in a build without.
  static std::string library();

  // GET /-/snapshot.
  Result<DecodedSnapshot> snapshot();

 private:
  struct Closer {
    void operator()(void* handle) const;
  };
  AgentClient(std::unique_ptr<void, Closer> handle, std::string url)
      : handle_(std::move(handle)), url_(std::move(url)) {}

  std::unique_ptr<void, Closer> handle_;  // libcurl's
  std::string url_;                       // of the snapshot
};

}  // namespace vqscope
