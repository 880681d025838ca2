// SPDX-License-Identifier: Apache-2.0
#include "exporters/http/tls_context.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gnutls/x509.h>

#include <algorithm>
#include <optional>

#include "exporters/http/tls_priority.h"
#include "exporters/http/tls_session.h"
#include "exporters/http/tls_trial.h"

namespace vqscope {

namespace {

struct CertificateDeleter {
  void operator()(gnutls_x509_crt_t certificate) const { ::gnutls_x509_crt_deinit(certificate); }
};
using Certificate = std::unique_ptr<std::remove_pointer_t<gnutls_x509_crt_t>, CertificateDeleter>;

gnutls_datum_t datum(const std::string& text) {
  return {reinterpret_cast<unsigned char*>(const_cast<char*>(text.data())), static_cast<unsigned>(text.size())};
}

std::string readable(gnutls_x509_subject_alt_name_t type, const std::string& value) {
  if (type != GNUTLS_SAN_IPADDRESS) return value;
  char text[INET6_ADDRSTRLEN] = {};
  const int family = value.size() == sizeof(in_addr) ? AF_INET : AF_INET6;
  const bool whole = value.size() == sizeof(in_addr) || value.size() == sizeof(in6_addr);
  return whole && ::inet_ntop(family, value.data(), text, sizeof text) != nullptr ? text : "";
}

// The DNS names, e-mail addresses, URIs and IP addresses that a certificate is for.
std::vector<std::string> subject_alternative_names(const gnutls_datum_t& der) {
  gnutls_x509_crt_t raw = nullptr;
  if (::gnutls_x509_crt_init(&raw) != GNUTLS_E_SUCCESS) return {};
  const Certificate certificate(raw);
  if (::gnutls_x509_crt_import(raw, &der, GNUTLS_X509_FMT_DER) != GNUTLS_E_SUCCESS) return {};
  std::vector<std::string> names;
  for (unsigned i = 0;; ++i) {
    std::size_t size = 0;
    int type = ::gnutls_x509_crt_get_subject_alt_name(raw, i, nullptr, &size, nullptr);
    if (type >= 0) continue;                                 // an empty name
    if (type != GNUTLS_E_SHORT_MEMORY_BUFFER) return names;  // there is no other, or none that can be read
    std::string value(size, '\0');
    type = ::gnutls_x509_crt_get_subject_alt_name(raw, i, value.data(), &size, nullptr);
    if (type != GNUTLS_SAN_DNSNAME && type != GNUTLS_SAN_RFC822NAME && type != GNUTLS_SAN_URI &&
        type != GNUTLS_SAN_IPADDRESS)
      continue;
    value.resize(size);
    names.push_back(readable(static_cast<gnutls_x509_subject_alt_name_t>(type), value));
  }
}

gnutls_alert_description_t alert_for(unsigned status) {
  if ((status & GNUTLS_CERT_EXPIRED) != 0) return GNUTLS_A_CERTIFICATE_EXPIRED;
  if ((status & GNUTLS_CERT_SIGNER_NOT_FOUND) != 0) return GNUTLS_A_UNKNOWN_CA;
  return GNUTLS_A_BAD_CERTIFICATE;
}

std::string describe(unsigned status) {
  gnutls_datum_t text = {};
  if (::gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0) != GNUTLS_E_SUCCESS)
    return "its certificate cannot be verified";
  std::string described(reinterpret_cast<const char*>(text.data), text.size);
  ::gnutls_free(text.data);
  return described;
}

// Every key exchange that is offered here has the server sign something, and every client asks whether the certificate
// is a server's.
Result<void> check_what_it_is_for(gnutls_certificate_credentials_t credentials) {
  gnutls_x509_crt_t* list = nullptr;
  unsigned count = 0;
  if (::gnutls_certificate_get_x509_crt(credentials, 0, &list, &count) != GNUTLS_E_SUCCESS) return {};
  std::vector<Certificate> chain(list, list + count);
  ::gnutls_free(list);
  if (chain.empty()) return {};
  if (::gnutls_x509_crt_check_key_purpose(chain[0].get(), GNUTLS_KP_TLS_WWW_SERVER, 0) == 0)
    return fail(
        "the certificate is not a server's: its extended key usage leaves out serverAuth, so that clients refuse it; "
        "have one issued with it, or without an extended key usage");
  unsigned usage = 0;
  if (::gnutls_x509_crt_get_key_usage(chain[0].get(), &usage, nullptr) != GNUTLS_E_SUCCESS ||
      (usage & GNUTLS_KEY_DIGITAL_SIGNATURE) != 0)
    return {};
  return fail(
      "the certificate is not good for TLS as it is spoken here: its key usage leaves out digitalSignature, which "
      "every handshake needs; have one issued with it, or without a key usage");
}

Result<void> load(gnutls_certificate_credentials_t credentials, const TlsMaterial& material) {
  const gnutls_datum_t certificate = datum(material.certificate), key = datum(material.key);
  int code = ::gnutls_certificate_set_x509_key_mem2(credentials, &certificate, &key, GNUTLS_X509_FMT_PEM, nullptr, 0);
  if (code == GNUTLS_E_CERTIFICATE_KEY_MISMATCH) return fail("the key does not belong to the certificate");
  if (code == GNUTLS_E_DECRYPTION_FAILED) return fail("the key is encrypted; the agent can only use one that is not");
  if (code < 0) return fail(fmt::format("certificate and key cannot be used: {}", ::gnutls_strerror(code)));
  if (auto may = check_what_it_is_for(credentials); !may) return may;
  if (material.client_ca.empty()) return {};
  const gnutls_datum_t authority = datum(material.client_ca);
  code = ::gnutls_certificate_set_x509_trust_mem(credentials, &authority, GNUTLS_X509_FMT_PEM);
  if (code < 0) return fail(fmt::format("the client CA cannot be used: {}", ::gnutls_strerror(code)));
  if (code == 0) return fail("there is no certificate in the client CA");
  return {};
}

}  // namespace

TlsContext::~TlsContext() {
  if (priority_ != nullptr) ::gnutls_priority_deinit(priority_);
  if (credentials_ != nullptr) ::gnutls_certificate_free_credentials(credentials_);
}

Result<std::shared_ptr<const TlsContext>> TlsContext::create(const TlsSettings& settings, const TlsMaterial& material) {
  const auto priority = tls_priority(settings);
  if (!priority) return tl::unexpected(priority.error());
  if (settings.client_ca.given() && material.client_ca.empty()) return fail("there is no certificate in the client CA");
  const std::shared_ptr<TlsContext> context(new TlsContext(settings.client_auth, settings.client_allowed_sans));
  if (::gnutls_certificate_allocate_credentials(&context->credentials_) != GNUTLS_E_SUCCESS ||
      ::gnutls_priority_init(&context->priority_, priority->c_str(), nullptr) != GNUTLS_E_SUCCESS)
    return fail("cannot set up GnuTLS");
  if (auto loaded = load(context->credentials_, material); !loaded) return tl::unexpected(loaded.error());
  if (const auto tried = try_handshake(context->credentials_, context->priority_); !tried)
    return fail(fmt::format("no client could connect with this certificate, these versions and cipher suites: {}",
                            tried.error().message));
  return context;
}

Result<void> TlsContext::apply(gnutls_session_t session) const {
  int code = ::gnutls_priority_set(session, priority_);
  if (code == GNUTLS_E_SUCCESS) {
    ::gnutls_credentials_clear(session);
    code = ::gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials_);
  }
  if (code != GNUTLS_E_SUCCESS) return fail(fmt::format("cannot begin TLS: {}", ::gnutls_strerror(code)));
  ::gnutls_certificate_server_set_request(session, client_auth_ == ClientAuth::kNoClientCert ? GNUTLS_CERT_IGNORE
                                                   : requires_certificate()                  ? GNUTLS_CERT_REQUIRE
                                                                                             : GNUTLS_CERT_REQUEST);
  if (client_auth_ != ClientAuth::kNoClientCert) ::gnutls_session_set_verify_function(session, &verify_client);
  return {};
}

int TlsContext::verify_client(gnutls_session_t session) {
  return static_cast<const TlsSession*>(::gnutls_session_get_ptr(session))->context->verify(session);
}

// GnuTLS itself has seen to it that there is a certificate where one is required, and that the client has its key.
int TlsContext::verify(gnutls_session_t session) const {
  unsigned count = 0;
  const gnutls_datum_t* chain = ::gnutls_certificate_get_peers(session, &count);
  if (chain == nullptr || count == 0) return 0;
  if (client_auth_ == ClientAuth::kVerifyClientCertIfGiven || client_auth_ == ClientAuth::kRequireAndVerifyClientCert) {
    gnutls_typed_vdata_st purpose = {};
    purpose.type = GNUTLS_DT_KEY_PURPOSE_OID;
    purpose.data = reinterpret_cast<unsigned char*>(const_cast<char*>(GNUTLS_KP_TLS_WWW_CLIENT));
    unsigned status = 0;
    const int code = ::gnutls_certificate_verify_peers(session, &purpose, 1, &status);
    if (code != GNUTLS_E_SUCCESS) return refuse(session, GNUTLS_A_BAD_CERTIFICATE, ::gnutls_strerror(code));
    if (status != 0) return refuse(session, alert_for(status), describe(status));
  }
  if (allowed_sans_.empty()) return 0;
  const auto names = subject_alternative_names(chain[0]);
  if (std::find_first_of(names.begin(), names.end(), allowed_sans_.begin(), allowed_sans_.end()) != names.end())
    return 0;
  return refuse(session, GNUTLS_A_BAD_CERTIFICATE,
                fmt::format("client_allowed_sans has none of its certificate's names ({})", fmt::join(names, ", ")));
}

}  // namespace vqscope
