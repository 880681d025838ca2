// SPDX-License-Identifier: Apache-2.0
// The Authorization header of a request, and the hashes of basic_auth_users.
#include <gnutls/gnutls.h>

#include <string>

#include "exporters/http/password.h"
#include "tests/fuzz/fuzz.h"

using vqscope::fuzz::require;

namespace {

// The header that a client would send for these (RFC 7617).
std::string header_for(const vqscope::Credentials& credentials) {
  std::string pair = credentials.user + ":" + credentials.password;
  const gnutls_datum_t plain = {reinterpret_cast<unsigned char*>(pair.data()), static_cast<unsigned>(pair.size())};
  gnutls_datum_t encoded = {};
  require(::gnutls_base64_encode2(&plain, &encoded) == GNUTLS_E_SUCCESS);
  std::string header = "Basic " + std::string(reinterpret_cast<const char*>(encoded.data), encoded.size);
  ::gnutls_free(encoded.data);
  return header;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = vqscope::fuzz::text(data, size);
  if (const auto credentials = vqscope::parse_basic_authorization(text)) {
    require(credentials->user.find(':') == std::string::npos);
    const auto again = vqscope::parse_basic_authorization(header_for(*credentials));
    require(again && again->user == credentials->user && again->password == credentials->password);
  }
  if (vqscope::check_bcrypt_hash(text)) require(size == 60);
  return 0;
}
