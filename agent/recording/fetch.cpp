// SPDX-License-Identifier: Apache-2.0
#include "agent/recording/fetch.h"

#include <curl/curl.h>
#include <fmt/format.h>

namespace vqscope {

namespace {

constexpr long kTimeoutMs = 5000;
constexpr std::size_t kMaxAnswer = 64 << 20;

std::size_t append(const char* data, std::size_t size, std::size_t count, void* target) {
  auto& body = *static_cast<std::string*>(target);
  if (body.size() + size * count > kMaxAnswer) return 0;  // ends the transfer with an error
  body.append(data, size * count);
  return size * count;
}

}  // namespace

void AgentClient::Closer::operator()(void* handle) const { ::curl_easy_cleanup(handle); }

Result<AgentClient> AgentClient::create(const std::string& url) {
  std::string base = url.find("://") == std::string::npos ? "http://" + url : url;
  if (!base.starts_with("http://") && !base.starts_with("https://"))
    return fail(fmt::format("'{}' is not the URL of an agent, such as http://127.0.0.1:10177", url));
  while (base.ends_with('/')) base.pop_back();
  if (::curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return fail("cannot start libcurl");
  std::unique_ptr<void, Closer> handle(::curl_easy_init());
  if (!handle) return fail("cannot start libcurl");
  return AgentClient(std::move(handle), base + "/-/snapshot");
}

std::string AgentClient::library() { return fmt::format("libcurl {}", ::curl_version_info(CURLVERSION_NOW)->version); }

Result<DecodedSnapshot> AgentClient::snapshot() {
  std::string body;
  char reason[CURL_ERROR_SIZE] = {};
  CURL* curl = handle_.get();
  ::curl_easy_setopt(curl, CURLOPT_URL, url_.c_str());
  ::curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &append);
  ::curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
  ::curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason);
  ::curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, kTimeoutMs);
  ::curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  const CURLcode code = ::curl_easy_perform(curl);
  ::curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, nullptr);
  if (code != CURLE_OK)
    return fail(fmt::format("cannot read {}: {}", url_, reason[0] != '\0' ? reason : ::curl_easy_strerror(code)));
  long status = 0;
  ::curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  if (status == 404) return fail(url_ + " does not exist there: no agent of vqscope, or one that is too old");
  if (status != 200) return fail(fmt::format("{} answers with HTTP status {}", url_, status));
  return decode_recorded_snapshot(std::move(body), url_);
}

}  // namespace vqscope
