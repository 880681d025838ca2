// SPDX-License-Identifier: Apache-2.0
#include "exporters/http/web_config.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "exporters/http/password.h"

namespace vqscope {

namespace {

constexpr std::size_t kMaxSize = 1 << 20;

// Stays in this file: parse_web_config() turns it into a Result.
struct Mistake {
  std::string sentence;
};

[[noreturn]] void reject(const YAML::Mark& mark, const std::string& what) {
  throw Mistake{mark.is_null() ? what : fmt::format("line {}: {}", mark.line + 1, what)};
}

std::string scalar(const YAML::Node& node, std::string_view key) {
  if (!node.IsScalar()) reject(node.Mark(), fmt::format("{} must be a single value", key));
  return node.Scalar();
}

bool boolean(const YAML::Node& node, std::string_view key) {
  bool value = false;
  if (!node.IsScalar() || !YAML::convert<bool>::decode(node, value))
    reject(node.Mark(), fmt::format("{} must be true or false", key));
  return value;
}

std::vector<std::string> list(const YAML::Node& node, std::string_view key) {
  if (!node.IsSequence()) reject(node.Mark(), fmt::format("{} must be a list", key));
  std::vector<std::string> values;
  for (const YAML::Node& item : node) values.push_back(scalar(item, fmt::format("an entry of {}", key)));
  return values;
}

// Calls take(key, value) for each entry that has a value; an entry without one ("key:") counts as not given.
template <typename Take>
void each(const YAML::Node& node, std::string_view section, Take take) {
  if (node.IsNull()) return;
  if (!node.IsMap()) reject(node.Mark(), fmt::format("{} must be a list of keys and values", section));
  std::set<std::string, std::less<>> seen;
  for (const auto& entry : node) {
    const std::string key = scalar(entry.first, fmt::format("a key of {}", section));
    if (!seen.insert(key).second) reject(entry.first.Mark(), fmt::format("{} is in {} twice", key, section));
    if (!entry.second.IsNull()) take(key, entry.second, entry.first.Mark());
  }
}

[[noreturn]] void unknown(const YAML::Mark& mark, std::string_view key, std::string_view section) {
  reject(mark, fmt::format("{} is not a key of {}", key, section));
}

template <typename Value, std::size_t size>
Value choose(const YAML::Node& node, std::string_view key, const std::pair<std::string_view, Value> (&choices)[size]) {
  const std::string given = scalar(node, key);
  std::vector<std::string_view> names;
  for (const auto& [name, value] : choices) {
    if (name == given) return value;
    names.push_back(name);
  }
  reject(node.Mark(), fmt::format("{} is '{}', which is none of {}", key, given, fmt::join(names, ", ")));
}

ClientAuth client_auth(const YAML::Node& node) {
  static constexpr std::pair<std::string_view, ClientAuth> kNames[] = {
      {"NoClientCert", ClientAuth::kNoClientCert},
      {"RequestClientCert", ClientAuth::kRequestClientCert},
      {"RequireAnyClientCert", ClientAuth::kRequireAnyClientCert},
      {"VerifyClientCertIfGiven", ClientAuth::kVerifyClientCertIfGiven},
      {"RequireAndVerifyClientCert", ClientAuth::kRequireAndVerifyClientCert}};
  return choose(node, "client_auth_type", kNames);
}

TlsVersion tls_version(const YAML::Node& node, std::string_view key) {
  static constexpr std::pair<std::string_view, TlsVersion> kNames[] = {{"TLS10", TlsVersion::kTls10},
                                                                       {"TLS11", TlsVersion::kTls11},
                                                                       {"TLS12", TlsVersion::kTls12},
                                                                       {"TLS13", TlsVersion::kTls13}};
  return choose(node, key, kNames);
}

void check(const TlsSettings& tls, const YAML::Mark& mark) {
  const auto one_of = [&](const PemSource& pem, const char* name) {
    if (!pem.text.empty() && !pem.file.empty())
      reject(mark, fmt::format("tls_server_config has both {0} and {0}_file", name));
  };
  one_of(tls.certificate, "cert");
  one_of(tls.key, "key");
  one_of(tls.client_ca, "client_ca");
  // A section that asks for anything asks for TLS: serving in the clear instead would be no small surprise.
  if (!tls.certificate.given()) reject(mark, "tls_server_config needs cert_file");
  if (!tls.key.given()) reject(mark, "tls_server_config needs key_file");
  if (tls.min_version > tls.max_version) reject(mark, "min_version is above max_version");
  const bool verifies = tls.client_auth == ClientAuth::kVerifyClientCertIfGiven ||
                        tls.client_auth == ClientAuth::kRequireAndVerifyClientCert;
  const bool requires_one = tls.client_auth == ClientAuth::kRequireAnyClientCert ||
                            tls.client_auth == ClientAuth::kRequireAndVerifyClientCert;
  if (verifies && !tls.client_ca.given())
    reject(mark, "client_auth_type asks for certificates that are verified, which needs client_ca_file");
  if (tls.client_ca.given() && tls.client_auth == ClientAuth::kNoClientCert)
    reject(mark,
           "client_ca_file has no effect without a client_auth_type; RequireAndVerifyClientCert is the one that "
           "lets in nobody else");
  if (!tls.client_allowed_sans.empty() && !requires_one)
    reject(mark, "client_allowed_sans needs client_auth_type RequireAndVerifyClientCert or RequireAnyClientCert");
}

TlsSettings tls_settings(const YAML::Node& section) {
  TlsSettings tls;
  each(section, "tls_server_config", [&](const std::string& key, const YAML::Node& value, const YAML::Mark& mark) {
    if (key == "cert")
      tls.certificate.text = scalar(value, key);
    else if (key == "cert_file")
      tls.certificate.file = scalar(value, key);
    else if (key == "key")
      tls.key.text = scalar(value, key);
    else if (key == "key_file")
      tls.key.file = scalar(value, key);
    else if (key == "client_ca")
      tls.client_ca.text = scalar(value, key);
    else if (key == "client_ca_file")
      tls.client_ca.file = scalar(value, key);
    else if (key == "client_auth_type")
      tls.client_auth = client_auth(value);
    else if (key == "client_allowed_sans")
      tls.client_allowed_sans = list(value, key);
    else if (key == "min_version")
      tls.min_version = tls_version(value, key);
    else if (key == "max_version")
      tls.max_version = tls_version(value, key);
    else if (key == "cipher_suites")
      tls.cipher_suites = list(value, key);
    else if (key == "curve_preferences")
      tls.curves = list(value, key);
    else if (key == "prefer_server_cipher_suites")
      tls.prefer_server_cipher_suites = boolean(value, key);
    else
      unknown(mark, key, "tls_server_config");
  });
  check(tls, section.Mark());
  return tls;
}

std::pair<std::string, std::string> header(const std::string& name, const YAML::Node& node, const YAML::Mark& mark) {
  // The only ones that exporter-toolkit lets one set, and their values where only some make sense.
  static const std::map<std::string, std::vector<std::string_view>, std::less<>> kAllowed = {
      {"Content-Security-Policy", {}},
      {"Strict-Transport-Security", {}},
      {"X-Content-Type-Options", {"nosniff"}},
      {"X-Frame-Options", {"deny", "sameorigin"}},
      {"X-XSS-Protection", {}}};
  const auto allowed = kAllowed.find(name);
  if (allowed == kAllowed.end()) reject(mark, fmt::format("the header {} cannot be set here", name));
  std::string value = scalar(node, name);
  const auto& values = allowed->second;
  if (!value.empty() && !values.empty() && std::find(values.begin(), values.end(), value) == values.end())
    reject(node.Mark(), fmt::format("the header {} can only be {}", name, fmt::join(values, " or ")));
  if (std::any_of(value.begin(), value.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
    reject(node.Mark(), fmt::format("the header {} contains a character that no header may have", name));
  return {name, std::move(value)};
}

void http_settings(const YAML::Node& section, WebConfig& config) {
  each(section, "http_server_config", [&](const std::string& key, const YAML::Node& value, const YAML::Mark& mark) {
    if (key == "http2")  // HTTP/1.1 is what there is, which every client of HTTP/2 falls back to
      (void)boolean(value, key);
    else if (key == "headers")
      each(value, "headers", [&](const std::string& name, const YAML::Node& text, const YAML::Mark& at) {
        config.headers.push_back(header(name, text, at));
      });
    else
      unknown(mark, key, "http_server_config");
  });
}

void users(const YAML::Node& section, WebConfig& config) {
  each(section, "basic_auth_users", [&](const std::string& name, const YAML::Node& value, const YAML::Mark& mark) {
    if (name.empty() || name.find(':') != std::string::npos)
      reject(mark, "the name of a user must not be empty and must not contain a colon");
    std::string hash = scalar(value, fmt::format("the password of user {}", name));
    if (const auto usable = check_bcrypt_hash(hash); !usable)
      reject(value.Mark(), fmt::format("the password of user {} {}", name, usable.error().message));
    config.users.emplace(name, std::move(hash));
  });
  // A key without a value is not "no users": whoever wrote it wanted a password to be asked for.
  if (section.IsMap() && config.users.size() != section.size())
    reject(section.Mark(), "each user of basic_auth_users needs the bcrypt hash of a password");
}

// What a document consists of is of no interest yet.
class Skip : public YAML::EventHandler {
  void OnDocumentStart(const YAML::Mark& /*mark*/) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& /*mark*/, YAML::anchor_t /*anchor*/) override {}
  void OnAlias(const YAML::Mark& /*mark*/, YAML::anchor_t /*anchor*/) override {}
  void OnScalar(const YAML::Mark& /*mark*/, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                const std::string& /*value*/) override {}
  void OnSequenceStart(const YAML::Mark& /*mark*/, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                       YAML::EmitterStyle::value /*style*/) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark& /*mark*/, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                  YAML::EmitterStyle::value /*style*/) override {}
  void OnMapEnd() override {}
};

// Whether something follows the first document. YAML::LoadAll() would tell, but there are texts that it reads forever:
// what follows may be a token that no document begins with, and that is never taken.
bool has_more_than_one_document(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  Skip skip;
  return parser.HandleNextDocument(skip) && static_cast<bool>(parser);
}

WebConfig parse(const YAML::Node& document) {
  WebConfig config;
  each(document, "the file", [&](const std::string& key, const YAML::Node& value, const YAML::Mark& mark) {
    if (key == "tls_server_config")
      config.tls = value.IsMap() && value.size() == 0 ? std::nullopt : std::optional(tls_settings(value));
    else if (key == "http_server_config")
      http_settings(value, config);
    else if (key == "basic_auth_users")
      users(value, config);
    else if (key == "rate_limit")
      reject(mark, "rate_limit is not offered here; limit clients in front of the agent");
    else
      reject(mark, fmt::format("{} is none of tls_server_config, http_server_config and basic_auth_users", key));
  });
  return config;
}

}  // namespace

Result<WebConfig> parse_web_config(std::string_view text) {
  if (text.size() > kMaxSize) return fail("it is larger than 1 MiB");
  try {
    const std::string whole(text);
    if (has_more_than_one_document(whole)) return fail("it is not one YAML document: something follows the first");
    return parse(YAML::Load(whole));
  } catch (const Mistake& mistake) {
    return fail(mistake.sentence);
  } catch (const YAML::Exception& error) {
    return fail(error.mark.is_null() ? "it is not YAML: " + error.msg
                                     : fmt::format("line {}: this is not YAML: {}", error.mark.line + 1, error.msg));
  }
}

}  // namespace vqscope
