// SPDX-License-Identifier: Apache-2.0
// Basic authentication against bcrypt hashes.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "agent/base/result.h"

namespace vqscope {

// Whether crypt(3) can compare a password with this hash within a scrape's time: bcrypt ($2a$, $2b$ or $2y$) of cost 4
// to 16. The error continues "the password of user NAME", and does not contain the hash.
Result<void> check_bcrypt_hash(std::string_view hash);

// The password is wiped from memory with the object that holds it last.
struct Credentials {
  Credentials(std::string name, std::string secret) : user(std::move(name)), password(std::move(secret)) {}
  Credentials(Credentials&&) noexcept = default;
  Credentials& operator=(Credentials&&) noexcept = default;
  ~Credentials();

  std::string user, password;
};

// What an Authorization header of the scheme "Basic" carries (RFC 7617); nullopt for anything else.
std::optional<Credentials> parse_basic_authorization(std::string_view header);

// The users of one configuration. Any thread may call.
class BasicAuth {
 public:
  // `users`: name -> hash that check_bcrypt_hash() accepts; at least one.
  explicit BasicAuth(std::map<std::string, std::string, std::less<>> users);

  // Whether check() has found just these credentials right before. Costs microseconds.
  [[nodiscard]] bool remembers(const Credentials& credentials) const;

  // Runs bcrypt exactly once, whether the user exists or not, at a cost that tells nobody which. Takes tens of
  // milliseconds to seconds: not for a thread that others wait for.
  bool check(const Credentials& credentials);

  // How often check() ran bcrypt.
  [[nodiscard]] std::uint64_t bcrypt_runs() const { return bcrypt_runs_; }

 private:
  using Digest = std::array<unsigned char, 32>;

  [[nodiscard]] Digest digest(std::string_view label, const std::string& user, const std::string& secret) const;
  [[nodiscard]] const std::string& stand_in(const std::string& user) const;

  std::map<std::string, std::string, std::less<>> users_;
  Digest key_;  // random, so that a digest in a memory dump cannot be guessed from a list of passwords
  std::atomic<std::uint64_t> bcrypt_runs_ = 0;
  mutable std::mutex mutex_;
  std::map<std::string, Digest> right_;  // by user: what check() found right last; guarded by mutex_
};

}  // namespace vqscope
