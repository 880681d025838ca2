// SPDX-License-Identifier: Apache-2.0
#include "exporters/http/web_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vqscope {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;

// Of the password "secret", by libxcrypt.
constexpr const char* kHash = "$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";

TEST(WebConfig, TakesEveryKey) {
  const auto config = parse_web_config(std::string(R"(
tls_server_config:
  cert_file: server.pem
  key_file: /etc/keys/server.key
  client_ca_file: ca.pem
  client_auth_type: RequireAndVerifyClientCert
  client_allowed_sans: [prometheus.example, 10.0.0.1]
  min_version: TLS12
  max_version: TLS12
  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]
  prefer_server_cipher_suites: false
  curve_preferences: [X25519, CurveP256]
http_server_config:
  http2: true
  headers:
    Strict-Transport-Security: max-age=31536000
    X-Frame-Options: deny
    X-Content-Type-Options: ""
basic_auth_users:
  prometheus: )") + kHash + "\n");
  ASSERT_TRUE(config) << config.error().message;
  ASSERT_TRUE(config->tls);
  const TlsSettings& tls = *config->tls;
  EXPECT_EQ(tls.certificate.file, "server.pem");
  EXPECT_EQ(tls.key.file, "/etc/keys/server.key");
  EXPECT_EQ(tls.client_ca.file, "ca.pem");
  EXPECT_EQ(tls.client_auth, ClientAuth::kRequireAndVerifyClientCert);
  EXPECT_THAT(tls.client_allowed_sans, ElementsAre("prometheus.example", "10.0.0.1"));
  EXPECT_EQ(tls.min_version, TlsVersion::kTls12);
  EXPECT_EQ(tls.max_version, TlsVersion::kTls12);
  EXPECT_THAT(tls.cipher_suites, ElementsAre("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"));
  EXPECT_FALSE(tls.prefer_server_cipher_suites);
  EXPECT_THAT(tls.curves, ElementsAre("X25519", "CurveP256"));
  EXPECT_THAT(config->headers, ElementsAre(Pair("Strict-Transport-Security", "max-age=31536000"),
                                           Pair("X-Frame-Options", "deny"), Pair("X-Content-Type-Options", "")));
  EXPECT_THAT(config->users, ElementsAre(Pair("prometheus", kHash)));
}

TEST(WebConfig, HasTheDocumentedDefaults) {
  const auto config = parse_web_config("tls_server_config: {cert_file: a, key_file: b}");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->tls->client_auth, ClientAuth::kNoClientCert);
  EXPECT_EQ(config->tls->min_version, TlsVersion::kTls12);
  EXPECT_EQ(config->tls->max_version, TlsVersion::kTls13);
  EXPECT_TRUE(config->tls->prefer_server_cipher_suites);
  EXPECT_THAT(config->headers, IsEmpty());
  EXPECT_THAT(config->users, IsEmpty());
}

TEST(WebConfig, CertificateAndKeyMayBeInTheFileItself) {
  const auto config = parse_web_config("tls_server_config:\n  cert: |\n    AAA\n  key: |\n    BBB\n");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->tls->certificate.text, "AAA\n");
  EXPECT_EQ(config->tls->key.text, "BBB\n");
}

TEST(WebConfig, NothingAskedForIsPlainHttpForEveryone) {
  for (const char* text : {"", "# nothing\n", "---\n", "tls_server_config:\n", "tls_server_config: {}\n",
                           "basic_auth_users:\nhttp_server_config:\n"}) {
    const auto config = parse_web_config(text);
    ASSERT_TRUE(config) << text << config.error().message;
    EXPECT_FALSE(config->tls) << text;
    EXPECT_THAT(config->users, IsEmpty()) << text;
  }
}

TEST(WebConfig, EveryClientAuthTypeOfGoIsKnown) {
  const std::string files = "tls_server_config: {cert_file: a, key_file: b, client_auth_type: ";
  const std::pair<const char*, ClientAuth> cases[] = {
      {"NoClientCert}", ClientAuth::kNoClientCert},
      {"RequestClientCert}", ClientAuth::kRequestClientCert},
      {"RequireAnyClientCert}", ClientAuth::kRequireAnyClientCert},
      {"VerifyClientCertIfGiven, client_ca_file: c}", ClientAuth::kVerifyClientCertIfGiven},
      {"RequireAndVerifyClientCert, client_ca_file: c}", ClientAuth::kRequireAndVerifyClientCert}};
  for (const auto& [rest, expected] : cases) {
    const auto config = parse_web_config(files + rest);
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->tls->client_auth, expected);
  }
}

TEST(WebConfig, WhatMakesNoSenseIsAnErrorThatNamesLineAndKey) {
  const std::string tls = "tls_server_config:\n  cert_file: a\n  key_file: b\n";
  const std::pair<std::string, const char*> cases[] = {
      {"tls_config: {}", "line 1: tls_config is none of tls_server_config, http_server_config"},
      {"- a", "line 1: the file must be a list of keys and values"},
      {"just text", "line 1: the file must be a list of keys and values"},
      {"a: b\n---\nc: d", "not one YAML document"},
      {"a: b\n---\n", "not one YAML document"},
      // yaml-cpp's LoadAll() never ends with this one.
      {",headers:\n    X-Frame-Options: deny\nb.crt\n  min_version: TLS12\n  cipher_suites:\n    - TLS:hus",
       "not one YAML document"},
      {"a: [b", "this is not YAML"},
      {"rate_limit: {interval: 1s}", "line 1: rate_limit is not offered"},
      {tls + "  certfile: c", "line 4: certfile is not a key of tls_server_config"},
      {tls + "  key_file: c", "line 4: key_file is in tls_server_config twice"},
      {tls + "  cert: c", "both cert and cert_file"},
      {tls + "  cert_file2: [a]", "cert_file2 is not a key"},
      {"tls_server_config: {cert_file: [a]}", "cert_file must be a single value"},
      {"tls_server_config: {key_file: b}", "needs cert_file"},
      {"tls_server_config: {cert_file: b}", "needs key_file"},
      {"tls_server_config: {min_version: TLS13}", "needs cert_file"},
      {tls + "  min_version: SSL30", "line 4: min_version is 'SSL30', which is none of TLS10, TLS11, TLS12, TLS13"},
      {tls + "  min_version: TLS13\n  max_version: TLS12", "min_version is above max_version"},
      {tls + "  client_auth_type: Perhaps", "line 4: client_auth_type is 'Perhaps', which is none of NoClientCert"},
      {tls + "  client_auth_type: RequireAndVerifyClientCert", "needs client_ca_file"},
      {tls + "  client_auth_type: VerifyClientCertIfGiven", "needs client_ca_file"},
      {tls + "  client_ca_file: c", "no effect without a client_auth_type"},
      {tls + "  client_allowed_sans: [a]", "client_allowed_sans needs client_auth_type"},
      {tls + "  client_auth_type: RequestClientCert\n  client_allowed_sans: [a]", "client_allowed_sans needs"},
      {tls + "  client_allowed_sans: a", "client_allowed_sans must be a list"},
      {tls + "  prefer_server_cipher_suites: perhaps", "must be true or false"},
      {"http_server_config: {http2: 2}", "http2 must be true or false"},
      {"http_server_config: {port: 2}", "port is not a key of http_server_config"},
      {"http_server_config: {headers: {Server: x}}", "the header Server cannot be set"},
      {"http_server_config: {headers: {X-Frame-Options: maybe}}", "X-Frame-Options can only be deny or sameorigin"},
      {R"(http_server_config: {headers: {X-XSS-Protection: "a\r\nb"}})", "a character that no header may have"},
      {"basic_auth_users: [a]", "basic_auth_users must be a list of keys and values"},
      {"basic_auth_users: {a: }", "needs the bcrypt hash"},
      {"basic_auth_users: {'': x}", "the name of a user"},
      {"basic_auth_users: {'a:b': x}", "the name of a user"},
      {"basic_auth_users: {a: [x]}", "the password of user a must be a single value"},
      {"basic_auth_users: {a: x}", "line 1: the password of user a is not a bcrypt hash"},
  };
  for (const auto& [text, message] : cases) {
    const auto config = parse_web_config(text);
    ASSERT_FALSE(config) << text;
    EXPECT_THAT(config.error().message, HasSubstr(message)) << text;
  }
}

TEST(WebConfig, ErrorsDoNotQuoteSecrets) {
  for (const char* text : {"basic_auth_users: {alice: hunter2}", "basic_auth_users: {alice: $2y$99$hunter2}",
                           "tls_server_config: {key: hunter2}", "tls_server_config: {key: [hunter2]}",
                           "basic_auth_users: hunter2", "basic_auth_users: {alice: [hunter2"}) {
    const auto config = parse_web_config(text);
    ASSERT_FALSE(config) << text;
    EXPECT_THAT(config.error().message, Not(HasSubstr("hunter2"))) << text;
  }
}

TEST(WebConfig, TheEndOfADocumentMayBeMarked) {
  EXPECT_TRUE(parse_web_config("---\nhttp_server_config: {http2: true}\n...\n# the end\n"));
}

TEST(WebConfig, LargeAndDeepTextIsAnError) {
  EXPECT_THAT(parse_web_config(std::string(2 << 20, '#')).error().message, HasSubstr("larger than 1 MiB"));
  EXPECT_THAT(parse_web_config("a: " + std::string(100'000, '[')).error().message, HasSubstr("YAML"));
}

}  // namespace
}  // namespace vqscope
