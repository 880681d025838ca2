// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gnutls/x509.h>
#include <gtest/gtest.h>

#include <ctime>

#include "exporters/http/tls_context.h"
#include "exporters/http/tls_priority.h"

namespace vqscope {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// Names of the suites of TLS 1.2 and before that a priority string turns on, as GnuTLS has them.
std::vector<std::string> suites(const std::string& priority) {
  gnutls_priority_t parsed = nullptr;
  EXPECT_EQ(gnutls_priority_init(&parsed, priority.c_str(), nullptr), GNUTLS_E_SUCCESS) << priority;
  std::vector<std::string> names;
  unsigned index = 0;
  for (unsigned i = 0;; ++i) {
    const int code = gnutls_priority_get_cipher_suite_index(parsed, i, &index);
    if (code == GNUTLS_E_UNKNOWN_CIPHER_SUITE) continue;
    if (code != GNUTLS_E_SUCCESS) break;
    gnutls_protocol_t version{};
    const char* name = gnutls_cipher_suite_info(index, nullptr, nullptr, nullptr, nullptr, &version);
    if (version != GNUTLS_TLS1_3) names.emplace_back(name);
  }
  gnutls_priority_deinit(parsed);
  return names;
}

TEST(TlsPriority, WithoutWishesEveryKeyExchangeHasForwardSecrecy) {
  const auto priority = tls_priority({});
  ASSERT_TRUE(priority) << priority.error().message;
  EXPECT_THAT(*priority, AllOf(HasSubstr("+VERS-TLS1.3:+VERS-TLS1.2"), Not(HasSubstr("TLS1.1"))));
  const auto names = suites(*priority);
  EXPECT_FALSE(names.empty());
  for (const std::string& name : names) EXPECT_THAT(name, HasSubstr("ECDHE"));
}

TEST(TlsPriority, TheListedSuitesAreAllThatThereIs) {
  TlsSettings settings;
  settings.cipher_suites = {"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
                            "TLS_AES_128_GCM_SHA256"};
  const auto priority = tls_priority(settings);
  ASSERT_TRUE(priority) << priority.error().message;
  EXPECT_THAT(suites(*priority),
              testing::UnorderedElementsAre("TLS_ECDHE_ECDSA_AES_256_GCM_SHA384", "TLS_ECDHE_RSA_AES_256_GCM_SHA384"));
}

TEST(TlsPriority, EverySuiteOfGoCanBeAskedForAlone) {
  for (const char* suite :
       {"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
        "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"}) {
    TlsSettings settings;
    settings.max_version = TlsVersion::kTls12;
    settings.cipher_suites = {suite};
    const auto priority = tls_priority(settings);
    ASSERT_TRUE(priority) << priority.error().message;
    EXPECT_EQ(suites(*priority).size(), 1U) << suite;
  }
}

TEST(TlsPriority, WhatGnuTlsCannotHonourIsAnErrorThatSaysWhat) {
  const auto error = [](std::vector<std::string> cipher_suites, std::vector<std::string> curves = {}) {
    TlsSettings settings;
    settings.cipher_suites = std::move(cipher_suites);
    settings.curves = std::move(curves);
    const auto priority = tls_priority(settings);
    return priority ? "" : priority.error().message;
  };
  EXPECT_THAT(error({"TLS_NONSENSE"}), HasSubstr("'TLS_NONSENSE' is not a suite known here"));
  EXPECT_THAT(error({"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"}),
              AllOf(HasSubstr("only together with"), HasSubstr("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
                    HasSubstr("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256")));
  EXPECT_THAT(error({"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"}), HasSubstr("set max_version: TLS12"));
  EXPECT_THAT(error({}, {"CurveP224"}), HasSubstr("'CurveP224' is none of CurveP256"));
  EXPECT_EQ(error({}, {"X25519", "CurveP256", "CurveP384", "CurveP521"}), "");
}

TEST(TlsContext, WhatIsNoPemIsAnErrorThatDoesNotQuoteIt) {
  const auto context = TlsContext::create({}, {"hunter2", "hunter2", ""});
  ASSERT_FALSE(context);
  EXPECT_THAT(context.error().message,
              AllOf(HasSubstr("certificate and key cannot be used"), Not(HasSubstr("hunter2"))));
}

TEST(TlsContext, AnEmptyClientCaIsAnError) {
  TlsSettings settings;
  settings.client_ca.file = "ca.pem";
  const auto context = TlsContext::create(settings, {});
  ASSERT_FALSE(context);
  EXPECT_THAT(context.error().message, HasSubstr("no certificate in the client CA"));
}

// A self-signed certificate of now and its key, by GnuTLS; `usage` 0: for anything, and so it is without a purpose.
TlsMaterial self_signed(gnutls_pk_algorithm_t algorithm, unsigned bits, unsigned usage, const char* purpose = nullptr) {
  gnutls_x509_privkey_t key = nullptr;
  gnutls_x509_crt_t certificate = nullptr;
  EXPECT_EQ(gnutls_x509_privkey_init(&key), GNUTLS_E_SUCCESS);
  EXPECT_EQ(gnutls_x509_privkey_generate(key, algorithm, bits, 0), GNUTLS_E_SUCCESS);
  EXPECT_EQ(gnutls_x509_crt_init(&certificate), GNUTLS_E_SUCCESS);
  gnutls_x509_crt_set_version(certificate, 3);
  gnutls_x509_crt_set_serial(certificate, "\1", 1);
  gnutls_x509_crt_set_activation_time(certificate, ::time(nullptr));
  gnutls_x509_crt_set_expiration_time(certificate, ::time(nullptr) + 3600);
  gnutls_x509_crt_set_key(certificate, key);
  if (usage != 0) gnutls_x509_crt_set_key_usage(certificate, usage);
  if (purpose != nullptr) gnutls_x509_crt_set_key_purpose_oid(certificate, purpose, 0);
  EXPECT_EQ(gnutls_x509_crt_sign2(certificate, certificate, key, GNUTLS_DIG_SHA256, 0), GNUTLS_E_SUCCESS);
  gnutls_datum_t certificate_pem = {}, key_pem = {};
  EXPECT_EQ(gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_PEM, &certificate_pem), GNUTLS_E_SUCCESS);
  EXPECT_EQ(gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &key_pem), GNUTLS_E_SUCCESS);
  const auto text = [](gnutls_datum_t& datum) {
    std::string copy(reinterpret_cast<const char*>(datum.data), datum.size);
    gnutls_free(datum.data);
    return copy;
  };
  TlsMaterial material{text(certificate_pem), text(key_pem), ""};
  gnutls_x509_crt_deinit(certificate);
  gnutls_x509_privkey_deinit(key);
  return material;
}

TEST(TlsContext, ACertificateThatMaySignIsTaken) {
  EXPECT_TRUE(TlsContext::create({}, self_signed(GNUTLS_PK_RSA, 2048, 0)));
  EXPECT_TRUE(TlsContext::create({}, self_signed(GNUTLS_PK_EC, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0)));
  EXPECT_TRUE(TlsContext::create(
      {}, self_signed(GNUTLS_PK_RSA, 2048, GNUTLS_KEY_DIGITAL_SIGNATURE | GNUTLS_KEY_KEY_ENCIPHERMENT)));
  TlsSettings required;
  required.client_auth = ClientAuth::kRequireAnyClientCert;
  EXPECT_TRUE(TlsContext::create(required, self_signed(GNUTLS_PK_RSA, 2048, 0)));
}

TEST(TlsContext, ACertificateThatMayNotSignIsAnErrorThatSaysSo) {
  const auto context = TlsContext::create({}, self_signed(GNUTLS_PK_RSA, 2048, GNUTLS_KEY_KEY_ENCIPHERMENT));
  ASSERT_FALSE(context);
  EXPECT_THAT(context.error().message, HasSubstr("its key usage leaves out digitalSignature"));
}

TEST(TlsContext, ACertificateThatIsForClientsOnlyIsAnErrorThatSaysSo) {
  EXPECT_TRUE(TlsContext::create({}, self_signed(GNUTLS_PK_RSA, 2048, 0, GNUTLS_KP_TLS_WWW_SERVER)));
  const auto context = TlsContext::create({}, self_signed(GNUTLS_PK_RSA, 2048, 0, GNUTLS_KP_TLS_WWW_CLIENT));
  ASSERT_FALSE(context);
  EXPECT_THAT(context.error().message, HasSubstr("its extended key usage leaves out serverAuth"));
}

TEST(TlsContext, ACertificateWithWhichNoHandshakeSucceedsIsAnError) {
  TlsSettings settings;
  settings.max_version = TlsVersion::kTls12;
  settings.cipher_suites = {"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"};
  const auto context = TlsContext::create(settings, self_signed(GNUTLS_PK_RSA, 2048, 0));
  ASSERT_FALSE(context);
  EXPECT_THAT(context.error().message, HasSubstr("no client could connect with this certificate"));
}

}  // namespace
}  // namespace vqscope
