// SPDX-License-Identifier: Apache-2.0
#include "exporters/http/tls_priority.h"

#include <fmt/format.h>
#include <gnutls/gnutls.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <set>
#include <type_traits>
#include <vector>

namespace vqscope {

namespace {

using SuiteId = std::array<unsigned char, 2>;  // as IANA numbers them

struct SuiteName {
  std::string_view name;
  SuiteId id;
};

// What Go's crypto/tls knows, which exporter-toolkit takes.
constexpr SuiteName kSuites[] = {
    {"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", {0xc0, 0x09}},
    {"TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", {0xc0, 0x0a}},
    {"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", {0xc0, 0x13}},
    {"TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", {0xc0, 0x14}},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", {0xc0, 0x2b}},
    {"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", {0xc0, 0x2c}},
    {"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", {0xc0, 0x2f}},
    {"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", {0xc0, 0x30}},
    {"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", {0xcc, 0xa8}},
    {"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", {0xcc, 0xa9}},
};

// Accepted and without effect, as in Go: TLS 1.3 always has all of them that the ciphers of older suites leave.
constexpr std::string_view kTls13Suites[] = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
                                             "TLS_CHACHA20_POLY1305_SHA256"};

constexpr std::pair<std::string_view, std::string_view> kCurves[] = {{"CurveP256", "GROUP-SECP256R1"},
                                                                     {"CurveP384", "GROUP-SECP384R1"},
                                                                     {"CurveP521", "GROUP-SECP521R1"},
                                                                     {"X25519", "GROUP-X25519"}};

// Go's own choice. Its clients, OpenSSL's and browsers send a key of X25519 unasked: another curve in front, as GnuTLS
// has it, would cost each handshake a round trip and a key more.
const std::vector<std::string> kDefaultCurves = {"X25519", "CurveP256", "CurveP384", "CurveP521"};

constexpr std::string_view kVersions[] = {"VERS-TLS1.0", "VERS-TLS1.1", "VERS-TLS1.2", "VERS-TLS1.3"};

struct Suite {
  std::string name;  // GnuTLS'
  SuiteId id;
  std::string key_exchange, cipher, mac;
  bool tls13;
};

// The index-th suite that GnuTLS knows.
std::optional<Suite> suite_at(std::size_t index) {
  Suite suite = {};
  gnutls_kx_algorithm_t key_exchange{};
  gnutls_cipher_algorithm_t cipher{};
  gnutls_mac_algorithm_t mac{};
  gnutls_protocol_t version{};
  const char* name = ::gnutls_cipher_suite_info(index, suite.id.data(), &key_exchange, &cipher, &mac, &version);
  if (name == nullptr) return std::nullopt;
  suite.name = name;
  suite.tls13 = version == GNUTLS_TLS1_3;
  // TLS 1.3 has no key exchange in its suites.
  if (!suite.tls13) suite.key_exchange = ::gnutls_kx_get_name(key_exchange);
  suite.cipher = ::gnutls_cipher_get_name(cipher);
  suite.mac = ::gnutls_mac_get_name(mac);
  return suite;
}

struct PriorityDeleter {
  void operator()(gnutls_priority_t priority) const { ::gnutls_priority_deinit(priority); }
};
using Priority = std::unique_ptr<std::remove_pointer_t<gnutls_priority_t>, PriorityDeleter>;

// The suites that a priority string turns on.
Result<std::vector<Suite>> suites_of(const std::string& text) {
  gnutls_priority_t raw = nullptr;
  if (const int code = ::gnutls_priority_init(&raw, text.c_str(), nullptr); code != GNUTLS_E_SUCCESS)
    return fail(fmt::format("GnuTLS of this system refuses '{}': {}", text, ::gnutls_strerror(code)));
  const Priority priority(raw);
  std::vector<Suite> suites;
  for (unsigned i = 0;; ++i) {
    unsigned index = 0;
    const int code = ::gnutls_priority_get_cipher_suite_index(priority.get(), i, &index);
    if (code == GNUTLS_E_UNKNOWN_CIPHER_SUITE) continue;
    if (code != GNUTLS_E_SUCCESS) return suites;
    if (auto suite = suite_at(index)) suites.push_back(std::move(*suite));
  }
}

Result<std::set<SuiteId>> wanted_ids(const std::vector<std::string>& names) {
  std::set<SuiteId> ids;
  for (const std::string& name : names) {
    if (std::find(std::begin(kTls13Suites), std::end(kTls13Suites), name) != std::end(kTls13Suites)) continue;
    const auto* const known = std::find_if(std::begin(kSuites), std::end(kSuites),
                                           [&](const SuiteName& suite) { return suite.name == name; });
    if (known == std::end(kSuites)) return fail(fmt::format("cipher_suites: '{}' is not a suite known here", name));
    ids.insert(known->id);
  }
  return ids;
}

std::string_view name_of(const SuiteId& id) {
  for (const SuiteName& suite : kSuites)
    if (suite.id == id) return suite.name;
  return {};
}

// Whether the priority string means the wanted suites and no others.
Result<void> check_suites(const std::string& text, std::set<SuiteId> wanted, bool tls13) {
  const auto got = suites_of(text);
  if (!got) return tl::unexpected(got.error());
  std::vector<std::string_view> unwanted;
  for (const Suite& suite : *got)
    if (!suite.tls13 && wanted.erase(suite.id) == 0)
      unwanted.push_back(name_of(suite.id).empty() ? std::string_view(suite.name) : name_of(suite.id));
  if (!unwanted.empty())
    return fail(fmt::format("cipher_suites: GnuTLS can allow these only together with {}; list that too, or fewer",
                            fmt::join(unwanted, ", ")));
  if (!wanted.empty())
    return fail(fmt::format("cipher_suites: GnuTLS of this system does not offer {}", name_of(*wanted.begin())));
  if (tls13 && std::none_of(got->begin(), got->end(), [](const Suite& suite) { return suite.tls13; }))
    return fail("cipher_suites: GnuTLS has no suite of TLS 1.3 with these ciphers; set max_version: TLS12");
  return {};
}

// ":-KX-ALL:+ECDHE-RSA:...", in the order of the list.
std::string suite_words(const std::vector<std::string>& names, const std::set<SuiteId>& wanted) {
  std::vector<Suite> known;
  for (std::size_t i = 0; auto suite = suite_at(i); ++i)
    if (wanted.contains(suite->id)) known.push_back(std::move(*suite));
  std::string words = ":-KX-ALL:-CIPHER-ALL:-MAC-ALL";
  std::set<std::string> said;
  const auto say = [&](const std::string& word) {
    if (said.insert(word).second) words += ":+" + word;
  };
  for (const std::string& name : names)
    for (const Suite& suite : known)
      if (name_of(suite.id) == name) {
        say(suite.key_exchange);
        say(suite.cipher);
        say(suite.mac);
      }
  return words;
}

}  // namespace

Result<std::string> tls_priority(const TlsSettings& settings) {
  std::string text = "NORMAL:-VERS-ALL";
  for (auto version = settings.max_version; version >= settings.min_version;
       version = static_cast<TlsVersion>(static_cast<int>(version) - 1)) {
    text += fmt::format(":+{}", kVersions[static_cast<std::size_t>(version)]);
    if (version == TlsVersion::kTls10) break;
  }
  const auto wanted = wanted_ids(settings.cipher_suites);
  if (!wanted) return tl::unexpected(wanted.error());
  // Without forward secrecy a key that leaks one day opens all that was said before.
  const bool choose = settings.min_version <= TlsVersion::kTls12 && !wanted->empty();
  text += choose ? suite_words(settings.cipher_suites, *wanted) : ":-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA";
  text += ":-GROUP-ALL";
  for (const std::string& name : settings.curves.empty() ? kDefaultCurves : settings.curves) {
    const auto* const curve =
        std::find_if(std::begin(kCurves), std::end(kCurves), [&](const auto& known) { return known.first == name; });
    if (curve == std::end(kCurves))
      return fail(fmt::format("curve_preferences: '{}' is none of CurveP256, CurveP384, CurveP521, X25519", name));
    text += fmt::format(":+{}", curve->second);
  }
  if (settings.prefer_server_cipher_suites) text += ":%SERVER_PRECEDENCE";
  if (choose) {
    if (auto honoured = check_suites(text, *wanted, settings.max_version == TlsVersion::kTls13); !honoured)
      return tl::unexpected(honoured.error());
  } else if (auto usable = suites_of(text); !usable) {
    return tl::unexpected(usable.error());
  }
  return text;
}

}  // namespace vqscope
