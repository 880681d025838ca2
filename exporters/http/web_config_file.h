// SPDX-License-Identifier: Apache-2.0
// The configuration file of --web.config.file with the certificates that it names, read anew when they change.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "agent/base/result.h"
#include "exporters/http/password.h"
#include "exporters/http/tls_context.h"
#include "exporters/http/web_config.h"

namespace vqscope {

// One state of the files. Does not change, but for what `users` remembers.
struct WebRules {
  std::shared_ptr<const TlsContext> tls;                     // null: plain HTTP
  std::shared_ptr<BasicAuth> users;                          // null: everyone may read
  std::vector<std::pair<std::string, std::string>> headers;  // of every answer; an empty one is left out
};

// Any thread may call.
class WebConfigFile {
 public:
  // Reads the files, which must be regular ones, because they are read again: a pipe would be empty then. An error
  // names the file, and the line where there is one. One that keeps nobody out is logged, as an
  // empty one does.
  static Result<std::unique_ptr<WebConfigFile>> create(std::filesystem::path path);

  // What holds now. Looks at each file's state (a stat() each) and reads them anew if one changed. If they cannot be
  // used, or would let in clients that had to show a password or a certificate until now, then what held before goes on
  // to hold, and that is logged once. Never waits for a file that has become a pipe.
  std::shared_ptr<const WebRules> current();

  // Reads the files anew, whether one of them changed or not; otherwise as current().
  void reload();

  // Whether this process, with the rights that it has now, could read the files again. Reads none.
  Result<void> check_readable();

 private:
  // Enough of stat() to tell that a file is not the one that was read.
  struct Stamp {
    std::filesystem::path path;
    int error = 0;  // of stat()
    std::uint64_t device = 0, inode = 0, size = 0;
    std::int64_t modified_ns = 0, changed_ns = 0;

    bool operator==(const Stamp&) const = default;
  };
  struct Attempt {
    std::vector<Stamp> stamps;  // of each file that was looked at, as it was before it was read
    Result<std::shared_ptr<const WebRules>> rules;
  };

  explicit WebConfigFile(std::filesystem::path path) : path_(std::move(path)) {}

  void read_anew();  // with mutex_ held
  static Stamp stamp(const std::filesystem::path& path);
  [[nodiscard]] Attempt load() const;
  [[nodiscard]] Result<std::shared_ptr<const WebRules>> read(std::vector<Stamp>& stamps) const;
  [[nodiscard]] Result<std::string> read_pem(const PemSource& source, std::vector<Stamp>& stamps) const;

  const std::filesystem::path path_;
  std::mutex mutex_;
  std::vector<Stamp> seen_;                // of the last attempt; guarded by mutex_
  std::shared_ptr<const WebRules> rules_;  // of the last one that succeeded; guarded by mutex_
};

}  // namespace vqscope
