// SPDX-License-Identifier: Apache-2.0
#include "exporters/http/tls_trial.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>

namespace vqscope {

namespace {

// Of a client, each with the server's answer: three in TLS 1.2, and one more where the server asks for another key.
constexpr int kMostFlights = 8;

struct SessionDeleter {
  void operator()(gnutls_session_t session) const { ::gnutls_deinit(session); }
};
using Session = std::unique_ptr<std::remove_pointer_t<gnutls_session_t>, SessionDeleter>;

struct CredentialsDeleter {
  void operator()(gnutls_certificate_credentials_t credentials) const {
    ::gnutls_certificate_free_credentials(credentials);
  }
};
using Credentials = std::unique_ptr<std::remove_pointer_t<gnutls_certificate_credentials_t>, CredentialsDeleter>;

// One end of the line between the two.
struct End {
  Session session;
  End* other = nullptr;
  std::string arrived;
};

ssize_t push(gnutls_transport_ptr_t end, const void* data, std::size_t size) {
  static_cast<End*>(end)->other->arrived.append(static_cast<const char*>(data), size);
  return static_cast<ssize_t>(size);
}

ssize_t pull(gnutls_transport_ptr_t pointer, void* data, std::size_t size) {
  auto& end = *static_cast<End*>(pointer);
  if (end.arrived.empty()) {
    ::gnutls_transport_set_errno(end.session.get(), EAGAIN);
    return -1;
  }
  size = std::min(size, end.arrived.size());
  std::copy_n(end.arrived.begin(), size, static_cast<char*>(data));
  end.arrived.erase(0, size);
  return static_cast<ssize_t>(size);
}

// GnuTLS' error, or success.
int open(End& end, End& other, unsigned side, gnutls_certificate_credentials_t credentials,
         gnutls_priority_t priority) {
  gnutls_session_t raw = nullptr;
  if (const int code = ::gnutls_init(&raw, side | GNUTLS_NONBLOCK); code != GNUTLS_E_SUCCESS) return code;
  end.session.reset(raw);
  end.other = &other;
  ::gnutls_transport_set_ptr(raw, &end);
  ::gnutls_transport_set_push_function(raw, &push);
  ::gnutls_transport_set_pull_function(raw, &pull);
  const int code = ::gnutls_priority_set(raw, priority);
  return code == GNUTLS_E_SUCCESS ? ::gnutls_credentials_set(raw, GNUTLS_CRD_CERTIFICATE, credentials) : code;
}

}  // namespace

Result<void> try_handshake(gnutls_certificate_credentials_t credentials, gnutls_priority_t priority) {
  gnutls_certificate_credentials_t none = nullptr;
  if (const int code = ::gnutls_certificate_allocate_credentials(&none); code != GNUTLS_E_SUCCESS)
    return fail(::gnutls_strerror(code));
  const Credentials trusting(none);
  End server, client;
  if (const int code = open(server, client, GNUTLS_SERVER, credentials, priority); code != GNUTLS_E_SUCCESS)
    return fail(::gnutls_strerror(code));
  if (const int code = open(client, server, GNUTLS_CLIENT, trusting.get(), priority); code != GNUTLS_E_SUCCESS)
    return fail(::gnutls_strerror(code));
  int of_server = GNUTLS_E_AGAIN, of_client = GNUTLS_E_AGAIN;
  for (int flight = 0; flight < kMostFlights; ++flight) {
    if (of_client == GNUTLS_E_AGAIN) of_client = ::gnutls_handshake(client.session.get());
    if (of_server == GNUTLS_E_AGAIN) of_server = ::gnutls_handshake(server.session.get());
    for (const int code : {of_server, of_client})
      if (code != GNUTLS_E_SUCCESS && code != GNUTLS_E_AGAIN) return fail(::gnutls_strerror(code));
    if (of_server == GNUTLS_E_SUCCESS && of_client == GNUTLS_E_SUCCESS) return {};
  }
  return fail("it does not come to an end");
}

}  // namespace vqscope
