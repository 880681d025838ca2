// SPDX-License-Identifier: Apache-2.0
// --web.config.file: the format of Prometheus' exporters,
// https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md, as plain data.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/base/result.h"

namespace vqscope {

// Who must show a certificate, named as in Go's crypto/tls.
enum class ClientAuth {
  kNoClientCert,                // none is asked for
  kRequestClientCert,           // asked for, and any or none will do
  kRequireAnyClientCert,        // one is needed, signed by whomever
  kVerifyClientCertIfGiven,     // none will do, but one that is shown must be signed by client_ca
  kRequireAndVerifyClientCert,  // one signed by client_ca is needed
};

enum class TlsVersion { kTls10, kTls11, kTls12, kTls13 };

// A PEM text, in the configuration itself or in a file of its own.
struct PemSource {
  std::string text;  // empty: in `file`
  std::string file;  // as written: relative to the configuration's folder, or absolute; empty: there is none

  [[nodiscard]] bool given() const { return !text.empty() || !file.empty(); }
};

struct TlsSettings {
  PemSource certificate, key, client_ca;
  ClientAuth client_auth = ClientAuth::kNoClientCert;
  std::vector<std::string> client_allowed_sans;  // empty: every client's certificate will do
  TlsVersion min_version = TlsVersion::kTls12, max_version = TlsVersion::kTls13;
  std::vector<std::string> cipher_suites;  // of TLS 1.2 and before, IANA's names; empty: GnuTLS' choice
  std::vector<std::string> curves;         // Go's names; empty: Go's choice
  bool prefer_server_cipher_suites = true;
};

struct WebConfig {
  std::optional<TlsSettings> tls;                            // absent: plain HTTP
  std::vector<std::pair<std::string, std::string>> headers;  // of every answer; an empty one is left out
  std::map<std::string, std::string, std::less<>> users;     // name -> bcrypt hash; empty: everyone may read
};

// Touches no files, and may be called by any thread. Keys that are unknown or given twice, and values that make no
// sense, are errors that name the line and the key. No error contains a key's or a hash's text.
Result<WebConfig> parse_web_config(std::string_view text);

}  // namespace vqscope
