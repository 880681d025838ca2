// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cctype>
#include <charconv>
#include <map>
#include <optional>

#include "agent/base/text.h"
#include "exporters/prometheus/formats.h"

namespace vqscope {

namespace {

// One element of an Accept or Accept-Encoding header (RFC 9110, 12.5).
struct Preference {
  std::string what;  // lower case
  std::map<std::string, std::string> parameters;
  double q = 1;
};

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); });
  return result;
}

std::string_view unquote(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') return text.substr(1, text.size() - 2);
  return text;
}

// An element whose q makes no sense is dropped, as if it had not been sent.
std::optional<Preference> parse_preference(std::string_view element) {
  const auto parts = split(element, ";");
  if (parts.empty()) return std::nullopt;
  Preference preference;
  preference.what = lower(trim(parts[0]));
  for (const std::string_view part : std::span(parts).subspan(1)) {
    const auto equals = part.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string name = lower(trim(part.substr(0, equals)));
    const std::string_view value = unquote(trim(part.substr(equals + 1)));
    if (name != "q") {
      preference.parameters[name] = value;
      continue;
    }
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), preference.q);
    if (error != std::errc{} || end != value.data() + value.size() || !(preference.q >= 0 && preference.q <= 1))
      return std::nullopt;
  }
  return preference;
}

// Most wanted first; those with q=0 are left out.
std::vector<Preference> parse_preferences(std::string_view header) {
  std::vector<Preference> preferences;
  for (const std::string_view element : split(header, ","))
    if (auto preference = parse_preference(element); preference && preference->q > 0)
      preferences.push_back(std::move(*preference));
  std::stable_sort(preferences.begin(), preferences.end(),
                   [](const Preference& a, const Preference& b) { return a.q > b.q; });
  return preferences;
}

bool absent_or(const Preference& preference, const std::string& name, std::initializer_list<std::string_view> values) {
  const auto it = preference.parameters.find(name);
  return it == preference.parameters.end() || std::find(values.begin(), values.end(), it->second) != values.end();
}

std::optional<Format> offered(const Preference& preference) {
  if (preference.what == "application/vnd.google.protobuf") {
    const bool delimited = preference.parameters.contains("encoding") &&
                           absent_or(preference, "encoding", {"delimited"}) &&
                           absent_or(preference, "proto", {"io.prometheus.client.MetricFamily"});
    return delimited ? std::optional(Format::kProtobuf) : std::nullopt;
  }
  if (preference.what == "application/openmetrics-text")
    return absent_or(preference, "version", {"1.0.0", "0.0.1"}) ? std::optional(Format::kOpenMetrics) : std::nullopt;
  if (preference.what == "text/plain")
    return absent_or(preference, "version", {"0.0.4"}) ? std::optional(Format::kText) : std::nullopt;
  if (preference.what == "text/*" || preference.what == "*/*") return Format::kText;
  return std::nullopt;
}

}  // namespace

Format negotiate_format(std::string_view accept) {
  for (const Preference& preference : parse_preferences(accept))
    if (const auto format = offered(preference)) return *format;
  return Format::kText;
}

bool accepts_gzip(std::string_view accept_encoding) {
  for (const std::string_view element : split(accept_encoding, ","))
    if (const auto preference = parse_preference(element))
      if (preference->what == "gzip" || preference->what == "x-gzip") return preference->q > 0;
  for (const Preference& preference : parse_preferences(accept_encoding))
    if (preference.what == "*") return true;
  return false;
}

std::string_view content_type(Format format) {
  switch (format) {
    case Format::kText: return "text/plain; version=0.0.4; charset=utf-8";
    case Format::kOpenMetrics: return "application/openmetrics-text; version=1.0.0; charset=utf-8";
    case Format::kProtobuf:
      return "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";
  }
  return "";
}

std::string_view format_name(Format format) {
  switch (format) {
    case Format::kText: return "text";
    case Format::kOpenMetrics: return "openmetrics";
    case Format::kProtobuf: return "protobuf";
  }
  return "";
}

std::string write(Format format, std::span<const Family> families, const ClassicBuckets& buckets) {
  switch (format) {
    case Format::kText: return write_text(families, buckets);
    case Format::kOpenMetrics: return write_openmetrics(families, buckets);
    case Format::kProtobuf: return write_protobuf(families, buckets);
  }
  return {};
}

}  // namespace vqscope
