// SPDX-License-Identifier: Apache-2.0
#include "exporters/http/password.h"

#include <crypt.h>
#include <fmt/format.h>
#include <gnutls/crypto.h>
#include <strings.h>

#include <algorithm>
#include <iterator>
#include <memory>

#include "agent/base/text.h"

namespace vqscope {

namespace {

constexpr unsigned kMinCost = 4;
// One more doubles the time: 16 takes some five seconds, and the first scrape of a user waits for it.
constexpr unsigned kMaxCost = 16;

// bcrypt's alphabet for salt and digest.
bool is_bcrypt_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '/';
}

bool matches_bcrypt(const std::string& password, const std::string& hash) {
  // 32 KiB, too much for the stack; wiped because it holds the password.
  const auto data = std::make_unique<crypt_data>();
  const char* computed = ::crypt_r(password.c_str(), hash.c_str(), data.get());
  // crypt(3) reads up to the first NUL: what follows would not count.
  const bool same = computed != nullptr && password.find('\0') == std::string::npos &&
                    std::char_traits<char>::length(computed) == hash.size() &&
                    ::gnutls_memcmp(computed, hash.data(), hash.size()) == 0;
  ::gnutls_memset(data.get(), 0, sizeof(crypt_data));
  return same;
}

}  // namespace

Credentials::~Credentials() { ::gnutls_memset(password.data(), 0, password.size()); }

Result<void> check_bcrypt_hash(std::string_view hash) {
  constexpr std::size_t kPrefix = 7, kLength = 60;  // "$2y$10$", then 22 digits of salt and 31 of digest
  const bool bcrypt = hash.size() == kLength && hash.substr(0, 2) == "$2" &&
                      (hash[2] == 'a' || hash[2] == 'b' || hash[2] == 'y') && hash[3] == '$' && hash[6] == '$' &&
                      std::all_of(hash.begin() + kPrefix, hash.end(), is_bcrypt_digit);
  if (!bcrypt) return fail("is not a bcrypt hash, which `htpasswd -nB USER` prints and which begins with $2y$");
  const auto cost = parse_number<unsigned>(hash.substr(4, 2));
  if (!cost || *cost < kMinCost || *cost > kMaxCost)
    return fail(fmt::format("has a bcrypt cost that is not from {} to {}", kMinCost, kMaxCost));
  return {};
}

std::optional<Credentials> parse_basic_authorization(std::string_view header) {
  constexpr std::string_view kScheme = "Basic ";
  if (header.size() < kScheme.size() || ::strncasecmp(header.data(), kScheme.data(), kScheme.size()) != 0)
    return std::nullopt;
  std::string encoded(trim(header.substr(kScheme.size())));
  if (encoded.empty()) return std::nullopt;
  const gnutls_datum_t base64 = {reinterpret_cast<unsigned char*>(encoded.data()),
                                 static_cast<unsigned>(encoded.size())};
  gnutls_datum_t decoded = {};
  if (::gnutls_base64_decode2(&base64, &decoded) != GNUTLS_E_SUCCESS) return std::nullopt;
  std::string pair(reinterpret_cast<const char*>(decoded.data), decoded.size);
  ::gnutls_memset(decoded.data, 0, decoded.size);
  ::gnutls_free(decoded.data);
  const std::size_t colon = pair.find(':');
  std::optional<Credentials> credentials;
  if (colon != std::string::npos) credentials.emplace(pair.substr(0, colon), pair.substr(colon + 1));
  ::gnutls_memset(pair.data(), 0, pair.size());
  return credentials;
}

BasicAuth::BasicAuth(std::map<std::string, std::string, std::less<>> users) : users_(std::move(users)) {
  // Fails only where the kernel has no random numbers, without which no process gets this far.
  if (::gnutls_rnd(GNUTLS_RND_KEY, key_.data(), key_.size()) != GNUTLS_E_SUCCESS) std::abort();
}

BasicAuth::Digest BasicAuth::digest(std::string_view label, const std::string& user, const std::string& secret) const {
  // Lengths in front, so that no two inputs read the same.
  std::string input = fmt::format("{} {} {} {}", label, user.size(), user, secret);
  Digest result = {};
  (void)::gnutls_hmac_fast(GNUTLS_MAC_SHA256, key_.data(), key_.size(), input.data(), input.size(), result.data());
  ::gnutls_memset(input.data(), 0, input.size());
  return result;
}

// The hash of some real user, always the same for a name: were it always the same for all names, or one of our own,
// its cost could differ from that of real users.
const std::string& BasicAuth::stand_in(const std::string& user) const {
  const Digest random = digest("stand-in", user, "");
  const std::size_t index = (std::size_t{random[0]} << 8 | random[1]) % users_.size();
  return std::next(users_.begin(), static_cast<std::ptrdiff_t>(index))->second;
}

bool BasicAuth::remembers(const Credentials& credentials) const {
  const Digest given = digest("right", credentials.user, credentials.password);
  const std::lock_guard lock(mutex_);
  const auto found = right_.find(credentials.user);
  return found != right_.end() && ::gnutls_memcmp(found->second.data(), given.data(), given.size()) == 0;
}

bool BasicAuth::check(const Credentials& credentials) {
  const auto user = users_.find(credentials.user);
  const bool exists = user != users_.end();
  ++bcrypt_runs_;
  const bool same = matches_bcrypt(credentials.password, exists ? user->second : stand_in(credentials.user));
  if (!exists || !same) return false;
  const Digest given = digest("right", credentials.user, credentials.password);
  const std::lock_guard lock(mutex_);
  right_[credentials.user] = given;
  return true;
}

}  // namespace vqscope
