// SPDX-License-Identifier: Apache-2.0
// What a TLS server shows and asks for: its certificate and key, versions and ciphers, whose clients it lets in.
#pragma once

#include <gnutls/gnutls.h>

#include <memory>
#include <string>
#include <vector>

#include "agent/base/result.h"
#include "exporters/http/web_config.h"

namespace vqscope {

// PEM texts, as read.
struct TlsMaterial {
  std::string certificate;  // the server's, followed by those that lead to its CA
  std::string key;
  std::string client_ca;  // empty: none
};

// Owns GnuTLS' copies of all that. Does not change; any thread may use it.
class TlsContext {
 public:
  // `material` is what the settings' PEM sources hold. An error says which part of it cannot be used, and quotes no
  // key.
  static Result<std::shared_ptr<const TlsContext>> create(const TlsSettings& settings, const TlsMaterial& material);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  // Makes a server's session follow this context, which must outlive it. Before the handshake; the session's pointer
  // must be a TlsSession by then.
  Result<void> apply(gnutls_session_t session) const;

  // Whether a client without a certificate is turned away.
  [[nodiscard]] bool requires_certificate() const {
    return client_auth_ == ClientAuth::kRequireAnyClientCert || verifies_all();
  }
  // Whether nobody is let in but those whose certificates are signed by the client CA.
  [[nodiscard]] bool verifies_all() const { return client_auth_ == ClientAuth::kRequireAndVerifyClientCert; }
  // Whether only clients are let in whose certificates have certain names.
  [[nodiscard]] bool names_clients() const { return !allowed_sans_.empty(); }

 private:
  TlsContext(ClientAuth client_auth, std::vector<std::string> allowed_sans)
      : client_auth_(client_auth), allowed_sans_(std::move(allowed_sans)) {}

  static int verify_client(gnutls_session_t session);
  [[nodiscard]] int verify(gnutls_session_t session) const;

  ClientAuth client_auth_;
  std::vector<std::string> allowed_sans_;
  gnutls_certificate_credentials_t credentials_ = nullptr;
  gnutls_priority_t priority_ = nullptr;
};

}  // namespace vqscope
