// SPDX-License-Identifier: Apache-2.0
#include "exporters/http/tls_session.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdint>
#include <span>

namespace vqscope {

namespace {

TlsSession& session_of(gnutls_session_t raw) { return *static_cast<TlsSession*>(::gnutls_session_get_ptr(raw)); }

// Reads a message from its front; what is not there is empty.
class Reader {
 public:
  explicit Reader(std::span<unsigned char> bytes) : left_(bytes) {}

  std::span<unsigned char> take(std::size_t size) {
    const auto taken = left_.first(std::min(size, left_.size()));
    left_ = left_.subspan(taken.size());
    return taken;
  }
  std::size_t number(std::size_t bytes) {
    std::size_t value = 0;
    for (const unsigned char byte : take(bytes)) value = value << 8 | byte;
    return value;
  }
  [[nodiscard]] bool empty() const { return left_.empty(); }

 private:
  std::span<unsigned char> left_;
};

// GnuTLS ends the handshake with a client that asks for a name that is none by the letter, such as "db_1.example" or
// one with a port, although the server has no use for the name: there is one certificate. So the extension gets a
// number of private use, which GnuTLS skips (RFC 8446, 4.1.2, and RFC 8447, 7).
void hide_server_name(std::span<unsigned char> client_hello) {
  constexpr std::size_t kServerName = 0;
  constexpr unsigned char kPrivateUse = 0xff;
  Reader hello(client_hello);
  hello.take(2 + 32);           // version and random
  hello.take(hello.number(1));  // session
  hello.take(hello.number(2));  // cipher suites
  hello.take(hello.number(1));  // compression
  Reader extensions(hello.take(hello.number(2)));
  while (!extensions.empty()) {
    const auto type = extensions.take(2);
    if (Reader(type).number(2) == kServerName) std::fill(type.begin(), type.end(), kPrivateUse);
    extensions.take(extensions.number(2));
  }
}

// The one moment for it: the message was hashed as it came, which both sides have to agree on, and the extension has
// not been looked at.
int see_extension(gnutls_session_t raw, const unsigned char*, std::size_t) {
  hide_server_name(session_of(raw).client_hello);
  return 0;
}

int send_nothing(gnutls_session_t, gnutls_buffer_t) { return 0; }

// What GnuTLS itself would say in TLS 1.2: points of curves come uncompressed (RFC 8422, 5.2).
int send_point_formats(gnutls_session_t, gnutls_buffer_t buffer) {
  constexpr unsigned char kUncompressed[] = {1, 0};
  const int code = ::gnutls_buffer_append_data(buffer, kUncompressed, sizeof kUncompressed);
  return code == GNUTLS_E_SUCCESS ? static_cast<int>(sizeof kUncompressed) : code;
}

// Extensions of which clients send one at the least, those of TLS 1.2 and those of TLS 1.3, and that mean nothing to a
// server with one kind of points and without resumption. GnuTLS shows them before the others.
void watch_extensions(gnutls_session_t raw) {
  constexpr int kPointFormats = 11, kPskModes = 45;
  constexpr unsigned kSeen = GNUTLS_EXT_FLAG_OVERRIDE_INTERNAL | GNUTLS_EXT_FLAG_CLIENT_HELLO;
  (void)::gnutls_session_ext_register(raw, "point formats", kPointFormats, GNUTLS_EXT_VERSION_NEG, &see_extension,
                                      &send_point_formats, nullptr, nullptr, nullptr,
                                      kSeen | GNUTLS_EXT_FLAG_TLS12_SERVER_HELLO);
  (void)::gnutls_session_ext_register(raw, "key exchange modes", kPskModes, GNUTLS_EXT_VERSION_NEG, &see_extension,
                                      &send_nothing, nullptr, nullptr, nullptr, kSeen);
}

// What a client sends that has no certificate to show is all zeros: an empty context, which TLS 1.2 does not have, and
// a list of no bytes (RFC 8446, 4.4.2; RFC 5246, 7.4.6).
bool shows_none(const gnutls_datum_t& message) {
  return std::all_of(message.data, message.data + message.size, [](unsigned char byte) { return byte == 0; });
}

// GnuTLS ends the handshake where a certificate is required and not shown, but leaves it to its caller to tell the
// client, and libmicrohttpd just hangs up.
void tell_that_one_is_missing(gnutls_session_t raw) {
  const bool tls13 = ::gnutls_protocol_get_version(raw) == GNUTLS_TLS1_3;
  (void)refuse(raw, tls13 ? GNUTLS_A_CERTIFICATE_REQUIRED : GNUTLS_A_HANDSHAKE_FAILURE, "it showed no certificate");
}

// Called before (GNUTLS_HOOK_PRE) and after each message of the handshake is looked at.
template <bool kRequired>
int see_message(gnutls_session_t raw, unsigned type, unsigned when, unsigned incoming, const gnutls_datum_t* message) {
  TlsSession& session = session_of(raw);
  if (incoming == 0) {
    session.shown_certificate |= type == GNUTLS_HANDSHAKE_CERTIFICATE_PKT;
    return 0;
  }
  if (type == GNUTLS_HANDSHAKE_CLIENT_HELLO) {
    session.said_hello = true;
    session.client_hello =
        when == GNUTLS_HOOK_PRE ? std::span(message->data, message->size) : std::span<unsigned char>();
  }
  if (type == GNUTLS_HANDSHAKE_CERTIFICATE_PKT && when == GNUTLS_HOOK_POST && kRequired && shows_none(*message))
    tell_that_one_is_missing(raw);
  if (type == GNUTLS_HANDSHAKE_FINISHED && when == GNUTLS_HOOK_POST) {
    session.established = true;
    session.on_established();
  }
  return 0;
}

}  // namespace

void follow_handshake(gnutls_session_t raw, TlsSession& session, bool required) {
  ::gnutls_session_set_ptr(raw, &session);
  watch_extensions(raw);
  ::gnutls_handshake_set_hook_function(raw, GNUTLS_HANDSHAKE_ANY, GNUTLS_HOOK_BOTH,
                                       required ? &see_message<true> : &see_message<false>);
}

int refuse(gnutls_session_t raw, gnutls_alert_description_t alert, std::string reason) {
  session_of(raw).refusal = std::move(reason);
  (void)::gnutls_alert_send(raw, GNUTLS_AL_FATAL, alert);
  return GNUTLS_E_CERTIFICATE_ERROR;
}

std::string why_handshake_failed(gnutls_session_t raw, const TlsSession& session, int fd) {
  if (!session.refusal.empty()) return session.refusal;
  // An alert of the client's, which begins with "close notify": number 0, as if there were none.
  if (const auto alert = ::gnutls_alert_get(raw); alert != GNUTLS_A_CLOSE_NOTIFY) {
    const char* name = ::gnutls_alert_get_name(alert);
    return fmt::format("the client broke it off: {}", name != nullptr ? name : "alert " + std::to_string(alert));
  }
  // The alert of a client by TLS 1.3 often is one that GnuTLS cannot read.
  if (session.shown_certificate)
    return "the client broke it off when it had seen the certificate; perhaps it trusts another CA";
  char byte = 0;
  const bool hung_up = ::recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
  if (session.said_hello)
    return hung_up ? "the client hung up"
                   : "client and server have no version, cipher suite, curve or signature in common";
  return hung_up ? "" : "what the client sent is not TLS";
}

}  // namespace vqscope
