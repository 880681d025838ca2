// SPDX-License-Identifier: Apache-2.0
#include "agent/source/agent_client.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <array>
#include <optional>

#include "agent/recording/header.h"

namespace vqscope {

namespace {

constexpr std::size_t kMaxAnswer = 64 << 20;
constexpr std::string_view kUnix = "unix:";
constexpr const char* kPath = "/-/snapshot";
constexpr const char* kDefaultPort = "10177";
// Pages of an agent whose address may have been pasted.
constexpr std::array<std::string_view, 4> kPages = {"/metrics", kPath, "/-/healthy", "/-/ready"};

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

// Of the path of a page what stands before it: an agent may be behind a proxy.
std::string path_of_agent(std::string path) {
  while (path.ends_with('/')) path.pop_back();
  for (const std::string_view page : kPages)
    if (path.ends_with(page)) {
      path.resize(path.size() - page.size());
      break;
    }
  return path;
}

// Gives `curl` the URL's user and password, and returns the rest, which may be shown.
Result<std::string> set_url(CURL* curl, const std::string& text) {
  const bool bare = text.find("://") == std::string::npos;
  const std::string whole = !bare ? text : text.starts_with(':') ? "http://127.0.0.1" + text : "http://" + text;
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
  for (const CURLUPart unused : {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_QUERY, CURLUPART_FRAGMENT})
    ::curl_url_set(url.get(), unused, nullptr, 0);
  // Whoever types no more than a host means the agent's own port, not that of the web.
  if (bare && !part(url.get(), CURLUPART_PORT)) ::curl_url_set(url.get(), CURLUPART_PORT, kDefaultPort, 0);
  const std::string path = path_of_agent(part(url.get(), CURLUPART_PATH).value_or("")) + kPath;
  ::curl_url_set(url.get(), CURLUPART_PATH, path.c_str(), 0);
  std::string shown = part(url.get(), CURLUPART_URL).value_or("");
  ::curl_easy_setopt(curl, CURLOPT_URL, shown.c_str());
  return shown;
}

// What such an error often means.
std::string_view hint_at(CURLcode code) {
  switch (code) {
    case CURLE_UNSUPPORTED_PROTOCOL:  // also an answer that is no HTTP
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_GOT_NOTHING: return " (is that an agent of vqscope, and does it want https:// or http://?)";
    case CURLE_SSL_CONNECT_ERROR: return " (does it want http://?)";
    default: return "";
  }
}

// Until the transfer is over; nullopt when `give_up` was readable before.
std::optional<CURLcode> perform(CURLM* transfers, CURL* curl, int give_up) {
  if (::curl_multi_add_handle(transfers, curl) != CURLM_OK) return CURLE_FAILED_INIT;
  std::optional<CURLcode> result;
  curl_waitfd watched = {give_up, CURL_WAIT_POLLIN, 0};
  const unsigned count = give_up >= 0 ? 1 : 0;
  int running = 1;
  while (running > 0 && watched.revents == 0) {
    constexpr int kPatienceMs = 1000;  // libcurl has timers of its own, which end it sooner
    if (::curl_multi_perform(transfers, &running) != CURLM_OK ||
        (running > 0 && ::curl_multi_poll(transfers, &watched, count, kPatienceMs, nullptr) != CURLM_OK)) {
      result = CURLE_FAILED_INIT;
      break;
    }
  }
  int left = 0;
  while (const CURLMsg* message = ::curl_multi_info_read(transfers, &left))
    if (message->msg == CURLMSG_DONE) result = message->data.result;
  ::curl_multi_remove_handle(transfers, curl);
  return result;
}

void set_file(CURL* curl, CURLoption option, const std::filesystem::path& file) {
  if (!file.empty()) ::curl_easy_setopt(curl, option, file.c_str());
}

}  // namespace

void AgentClient::Closer::operator()(void* handle) const { ::curl_easy_cleanup(handle); }
void AgentClient::TransfersCloser::operator()(void* transfers) const { ::curl_multi_cleanup(transfers); }

Result<AgentClient> AgentClient::create(const AgentAddress& address) {
  if (::curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return fail("cannot start libcurl");
  Transfers transfers(::curl_multi_init());
  Handle handle(::curl_easy_init());
  if (!transfers || !handle) return fail("cannot start libcurl");
  CURL* curl = handle.get();
  const bool local = address.url.starts_with(kUnix);
  if (local) ::curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, address.url.c_str() + kUnix.size());
  auto shown = set_url(curl, local ? "http://localhost" : address.url);
  if (!shown) return tl::unexpected(shown.error());
  set_file(curl, CURLOPT_CAINFO, address.ca_file);
  set_file(curl, CURLOPT_SSLCERT, address.certificate_file);
  set_file(curl, CURLOPT_SSLKEY, address.key_file);
  ::curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  ::curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, address.patience_ms);
  ::curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
  ::curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);  // a name that is not resolved is not waited for at the end
#endif
  return AgentClient(std::move(transfers), std::move(handle), address.give_up,
                     local ? address.url + kPath : std::move(*shown));
}

std::string AgentClient::library() { return fmt::format("libcurl {}", ::curl_version_info(CURLVERSION_NOW)->version); }

Result<DecodedSnapshot> AgentClient::snapshot() {
  std::string body;
  char reason[CURL_ERROR_SIZE] = {};
  CURL* curl = handle_.get();
  ::curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &append);
  ::curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
  ::curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason);
  const auto performed = perform(transfers_.get(), curl, give_up_);
  ::curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, nullptr);
  if (!performed) return fail(fmt::format("{} had not answered when this was ended", url_), ECANCELED);
  const CURLcode code = *performed;
  if (code == CURLE_COULDNT_CONNECT && url_.starts_with(kUnix))
    return fail(fmt::format("cannot read {}: no agent serves on that socket, or this user may not open it", url_));
  if (code == CURLE_OPERATION_TIMEDOUT) {
    double seconds = 0;
    ::curl_easy_getinfo(curl, CURLINFO_TOTAL_TIME, &seconds);
    return fail(
        fmt::format("cannot read {}: no answer in {:.0f} s; is the agent stopped, or out of reach?", url_, seconds));
  }
  if (code != CURLE_OK)
    return fail(fmt::format("cannot read {}: {}{}", url_, reason[0] != '\0' ? reason : ::curl_easy_strerror(code),
                            hint_at(code)));
  long status = 0;
  ::curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  const bool other = status == 200 && !body.starts_with(kRecordingMagic);
  if (other || (status >= 300 && status < 400) || status == 404 || status == 405)
    return fail(fmt::format("what answers at {} is no agent of vqscope, or one that is too old: {}", url_,
                            other ? "it sent something else than a recording" : fmt::format("HTTP status {}", status)));
  if (status == 401)
    return fail(url_ + " wants a user and the right password, as in https://USER:PASSWORD@HOST:PORT or in ~/.netrc");
  if (status != 200) return fail(fmt::format("{} answers with HTTP status {}", url_, status));
  return decode_recorded_snapshot(std::move(body), url_);
}

}  // namespace vqscope
