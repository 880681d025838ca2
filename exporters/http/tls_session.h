// SPDX-License-Identifier: Apache-2.0
// One connection's TLS session: how its handshake goes, and why it failed if it did.
#pragma once

#include <gnutls/gnutls.h>

#include <functional>
#include <memory>
#include <span>
#include <string>

namespace vqscope {

class TlsContext;

// From before the handshake to the end of the connection; GnuTLS refers to it. One thread at a time.
struct TlsSession {
  std::shared_ptr<const TlsContext> context;
  std::function<void()> on_established;                                     // called at the end of the handshake
  bool said_hello = false, shown_certificate = false, established = false;  // how far it came
  std::string refusal;  // why the client was not let in; empty: that is not what ended the handshake
  std::span<unsigned char> client_hello = {};  // while GnuTLS looks at it
};

// Makes `session` know of the handshake of `raw`, whose pointer it becomes (gnutls_session_get_ptr()). Before the
// handshake. A client that has no certificate to show is told so where one is `required`.
void follow_handshake(gnutls_session_t raw, TlsSession& session, bool required);

// 0 to go on; otherwise tells the client why and ends the handshake.
int refuse(gnutls_session_t raw, gnutls_alert_description_t alert, std::string reason);

// Why the handshake over `fd` ended before it was established; empty if the client hung up before it began.
std::string why_handshake_failed(gnutls_session_t raw, const TlsSession& session, int fd);

}  // namespace vqscope
