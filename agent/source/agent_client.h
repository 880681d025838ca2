// SPDX-License-Identifier: Apache-2.0
// Reads a running agent over HTTP.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "agent/base/result.h"
#include "agent/recording/reader.h"

namespace vqscope {

// Where a running agent is, and how it lets one in.
struct AgentAddress {
  // "http://HOST:PORT", "https://USER:PASSWORD@HOST:PORT" or "unix:PATH"; "http://" may be left out, and then the port
  // too, which is 10177; the path of one of the agent's pages, such as "/metrics", may be there. Without a user,
  // ~/.netrc is asked. Empty: no agent.
  std::string url;
  std::filesystem::path ca_file;                     // PEM; empty: the system's CAs
  std::filesystem::path certificate_file, key_file;  // PEM, shown to the agent; empty: none
  long patience_ms = 5000;                           // how long to wait for an answer
  int give_up = -1;  // descriptor that is readable when no answer is to be waited for any more; -1: none
};

// A connection to one agent, kept open between calls. An object serves one thread at a time.
class AgentClient {
 public:
  // Connects nowhere yet. Errors, here and later, show the URL without the password. Fails in a build without
  // libcurl (VQSCOPE_CURL=OFF).
  static Result<AgentClient> create(const AgentAddress& address);

  // The library that reads, and its version; empty in a build without.
  static std::string library();

  // Of the snapshot, without the password.
  [[nodiscard]] const std::string& url() const { return url_; }

  // GET /-/snapshot. The error has the code ECANCELED where AgentAddress::give_up was readable before the answer was
  // there.
  Result<DecodedSnapshot> snapshot();

 private:
  struct Closer {
    void operator()(void* handle) const;
  };
  struct TransfersCloser {
    void operator()(void* transfers) const;
  };
  using Handle = std::unique_ptr<void, Closer>;
  using Transfers = std::unique_ptr<void, TransfersCloser>;
  AgentClient(Transfers transfers, Handle handle, int give_up, std::string url)
      : transfers_(std::move(transfers)), handle_(std::move(handle)), give_up_(give_up), url_(std::move(url)) {}

  // libcurl's: what a transfer runs in, with the connections that are kept, and the transfer.
  Transfers transfers_;
  Handle handle_;
  [[maybe_unused]] int give_up_;
  std::string url_;  // of the snapshot, to be shown
};

}  // namespace vqscope
