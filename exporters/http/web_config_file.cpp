// SPDX-License-Identifier: Apache-2.0
#include "exporters/http/web_config_file.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "agent/base/text.h"

namespace vqscope {

namespace {

std::int64_t nanoseconds(const timespec& time) { return time.tv_sec * 1'000'000'000 + time.tv_nsec; }

tl::unexpected<Error> explained(Error error) {
  if (error.code == EACCES)
    error.message += fmt::format("; the agent runs as user {} and must be able to read it", ::geteuid());
  if (error.code == EINVAL) error.message += ", and would be read only once: it is read again when it changes";
  return tl::unexpected(std::move(error));
}

Result<std::string> read_for_agent(const std::filesystem::path& path) {
  auto text = read_regular_file(path);
  if (!text) return explained(text.error());
  return text;
}

// What keeps strangers out may be replaced while the agent serves, but not be lost: a file that is being written is
// empty for a moment, and whoever empties it by mistake would not notice.
Result<void> check_change(const WebRules& before, const WebRules& now) {
  if ((before.tls == nullptr) != (now.tls == nullptr)) return fail("TLS can only be switched on or off by a restart");
  if (before.users && !now.users) return fail("passwords (basic_auth_users) can only be switched off by a restart");
  if (!before.tls) return {};
  if ((before.tls->requires_certificate() && !now.tls->requires_certificate()) ||
      (before.tls->verifies_all() && !now.tls->verifies_all()))
    return fail("a client_auth_type that lets more clients in takes a restart");
  if (before.tls->names_clients() && !now.tls->names_clients())
    return fail("client_allowed_sans can only be switched off by a restart");
  return {};
}

}  // namespace

Result<std::unique_ptr<WebConfigFile>> WebConfigFile::create(std::filesystem::path path) {
  std::unique_ptr<WebConfigFile> file(new WebConfigFile(std::move(path)));
  Attempt attempt = file->load();
  if (!attempt.rules) return tl::unexpected(attempt.rules.error());
  file->seen_ = std::move(attempt.stamps);
  file->rules_ = std::move(*attempt.rules);
  if (!file->rules_->tls && !file->rules_->users)
    spdlog::warn("{} has neither tls_server_config nor basic_auth_users: whoever reaches the endpoint may read it",
                 file->path_.string());
  return file;
}

std::shared_ptr<const WebRules> WebConfigFile::current() {
  const std::lock_guard lock(mutex_);
  if (std::all_of(seen_.begin(), seen_.end(), [](const Stamp& seen) { return seen == stamp(seen.path); }))
    return rules_;
  read_anew();
  return rules_;
}

Result<void> WebConfigFile::check_readable() {
  const std::lock_guard lock(mutex_);
  for (const Stamp& seen : seen_)
    if (const auto readable = check_regular_file(seen.path); !readable) return explained(readable.error());
  return {};
}

void WebConfigFile::reload() {
  const std::lock_guard lock(mutex_);
  read_anew();
}

void WebConfigFile::read_anew() {
  Attempt attempt = load();
  seen_ = std::move(attempt.stamps);
  if (attempt.rules)
    if (const auto allowed = check_change(*rules_, **attempt.rules); !allowed)
      attempt.rules = fail(fmt::format("{}: {}", path_.string(), allowed.error().message));
  if (attempt.rules) {
    rules_ = std::move(*attempt.rules);
    spdlog::info("{} and its certificates were read anew", path_.string());
  } else {
    spdlog::error("what was read before goes on to hold: {}", attempt.rules.error().message);
  }
}

WebConfigFile::Stamp WebConfigFile::stamp(const std::filesystem::path& path) {
  struct stat status = {};
  if (::stat(path.c_str(), &status) != 0) return {path, errno, 0, 0, 0, 0, 0};
  return {path,
          0,
          status.st_dev,
          status.st_ino,
          static_cast<std::uint64_t>(status.st_size),
          nanoseconds(status.st_mtim),
          nanoseconds(status.st_ctim)};
}

WebConfigFile::Attempt WebConfigFile::load() const {
  std::vector<Stamp> stamps;
  auto rules = read(stamps);
  return {std::move(stamps), std::move(rules)};
}

Result<std::string> WebConfigFile::read_pem(const PemSource& source, std::vector<Stamp>& stamps) const {
  if (source.file.empty()) return source.text;
  const std::filesystem::path path = path_.parent_path() / source.file;
  stamps.push_back(stamp(path));
  return read_for_agent(path);
}

Result<std::shared_ptr<const WebRules>> WebConfigFile::read(std::vector<Stamp>& stamps) const {
  stamps.push_back(stamp(path_));
  const auto text = read_for_agent(path_);
  if (!text) return tl::unexpected(text.error());
  auto config = parse_web_config(*text);
  if (!config) return fail(fmt::format("{}: {}", path_.string(), config.error().message));
  auto rules = std::make_shared<WebRules>();
  rules->headers = std::move(config->headers);
  if (!config->users.empty()) rules->users = std::make_shared<BasicAuth>(std::move(config->users));
  if (!config->tls) return rules;

  TlsMaterial material;
  for (const auto& [source, target] : {std::pair{&config->tls->certificate, &material.certificate},
                                       {&config->tls->key, &material.key},
                                       {&config->tls->client_ca, &material.client_ca}}) {
    auto pem = read_pem(*source, stamps);
    if (!pem) return fail(fmt::format("{}: {}", path_.string(), pem.error().message), pem.error().code);
    *target = std::move(*pem);
  }
  auto tls = TlsContext::create(*config->tls, material);
  if (!tls) return fail(fmt::format("{}: {}", path_.string(), tls.error().message));
  rules->tls = std::move(*tls);
  return rules;
}

}  // namespace vqscope
