// SPDX-License-Identifier: Apache-2.0
#include "agent/recording/fetch.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <optional>

namespace vqscope {

namespace {

constexpr long kTimeoutMs = 5000;
constexpr std::size_t kMaxAnswer = 64 << 20;
constexpr std::string_view kUnix = "unix:";
constexpr const char* kPath = "/-/snapshot";

std::size_t append(const char* data, std::size_t size, std::size_t count, void* target) {
  auto& body = *static_cast<std::string*>(target);
  if (body.size() + size * count > kMaxAnswer) return 0;  // ends the transfer with an error
  body.append(data, size * count);
  return size * count;
}

struct UrlDeleter {
  void operator()(CURLU* url) const { ::curl_url_cleanup(url); }
};

// A part of a URL, with %XX decoded where `flags` say so; nullopt if it has none.
std::optional<std::string> part(CURLU* url, CURLUPart which, unsigned flags = 0) {
  char* text = nullptr;
  if (::curl_url_get(url, which, &text, flags) != CURLUE_OK) return std::nullopt;
  std::string copy = text;
  ::curl_free(text);
  return copy;
}

// Gives `curl` the URL's user and password, and returns the rest, which may be shown.
Result<std::string> set_url(CURL* curl, const std::string& text) {
  const std::string whole = text.find("://") == std::string::npos ? "http://" + text : text;
  const std::unique_ptr<CURLU, UrlDeleter> url(::curl_url());
  const bool parsed =
      url && ::curl_url_set(url.get(), CURLUPART_URL, whole.c_str(), CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK;
  const auto scheme = parsed ? part(url.get(), CURLUPART_SCHEME) : std::nullopt;
  // What cannot be taken apart may hold a password.
  if (!scheme || (*scheme != "http" && *scheme != "https"))
    return fail("--url is not the URL of an agent, such as http://127.0.0.1:10177 or unix:/run/vqscope/agent.sock");
  if (const auto user = part(url.get(), CURLUPART_USER, CURLU_URLDECODE)) {
    const auto password = part(url.get(), CURLUPART_PASSWORD, CURLU_URLDECODE);
    ::curl_easy_setopt(curl, CURLOPT_USERNAME, user->c_str());
    ::curl_easy_setopt(curl, CURLOPT_PASSWORD, password.value_or("").c_str());
  } else {
    ::curl_easy_setopt(curl, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_OPTIONAL));
  }
  for (const CURLUPart secret : {CURLUPART_USER, CURLUPART_PASSWORD}) ::curl_url_set(url.get(), secret, nullptr, 0);
  std::string shown = part(url.get(), CURLUPART_URL).value_or("");
  while (shown.ends_with('/')) shown.pop_back();
  shown += kPath;
  ::curl_easy_setopt(curl, CURLOPT_URL, shown.c_str());
  return shown;
}

void set_file(CURL* curl, CURLoption option, const std::filesystem::path& file) {
  if (!file.empty()) ::curl_easy_setopt(curl, option, file.c_str());
}

}  // namespace

void AgentClient::Closer::operator()(void* handle) const { ::curl_easy_cleanup(handle); }

Result<AgentClient> AgentClient::create(const AgentAddress& address) {
  if (::curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return fail("cannot start libcurl");
  std::unique_ptr<void, Closer> handle(::curl_easy_init());
  if (!handle) return fail("cannot start libcurl");
  CURL* curl = handle.get();
  const bool local = address.url.starts_with(kUnix);
  if (local) ::curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, address.url.c_str() + kUnix.size());
  auto shown = set_url(curl, local ? "http://localhost" : address.url);
  if (!shown) return tl::unexpected(shown.error());
  set_file(curl, CURLOPT_CAINFO, address.ca_file);
  set_file(curl, CURLOPT_SSLCERT, address.certificate_file);
  set_file(curl, CURLOPT_SSLKEY, address.key_file);
  ::curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  ::curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, kTimeoutMs);
  ::curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  return AgentClient(std::move(handle), local ? address.url + kPath : std::move(*shown));
}

std::string AgentClient::library() { return fmt::format("libcurl {}", ::curl_version_info(CURLVERSION_NOW)->version); }

Result<DecodedSnapshot> AgentClient::snapshot() {
  std::string body;
  char reason[CURL_ERROR_SIZE] = {};
  CURL* curl = handle_.get();
  ::curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &append);
  ::curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
  ::curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason);
  const CURLcode code = ::curl_easy_perform(curl);
  ::curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, nullptr);
  if (code != CURLE_OK)
    return fail(fmt::format("cannot read {}: {}", url_, reason[0] != '\0' ? reason : ::curl_easy_strerror(code)));
  long status = 0;
  ::curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  if (status == 404) return fail(url_ + " does not exist there: no agent of vqscope, or one that is too old");
  if (status == 401)
    return fail(url_ + " wants a user and the right password, as in https://USER:PASSWORD@HOST:PORT or in ~/.netrc");
  if (status != 200) return fail(fmt::format("{} answers with HTTP status {}", url_, status));
  return decode_recorded_snapshot(std::move(body), url_);
}

}  // namespace vqscope
