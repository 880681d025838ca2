// SPDX-License-Identifier: Apache-2.0
#include "exporters/page/site.h"

#include <fmt/format.h>

#include <utility>

#include "exporters/http/gzip.h"
#include "exporters/page/assets.h"

namespace vqscope {

namespace {

constexpr std::string_view kPage = "index.html";

// The page takes its own files and asks its own agent. It has no script and no style in the document, and no script of
// it makes markup out of text, which the last two hold it to.
constexpr const char* kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

std::string content_type_of(std::string_view name) {
  if (name.ends_with(".html")) return "text/html; charset=utf-8";
  if (name.ends_with(".css")) return "text/css; charset=utf-8";
  if (name.ends_with(".svg")) return "image/svg+xml";
  return "text/javascript; charset=utf-8";
}

void replace_all(std::string& text, std::string_view what, std::string_view by) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
}

}  // namespace

std::string relative_link(std::string_view path) {
  std::string link = ".";
  for (const char c : path) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("/-._~").find(c) != std::string_view::npos;
    link += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return link;
}

Site::Site(std::string_view version, std::string_view metrics_path) {
  for (const Asset& asset : assets()) {
    std::string text(asset.text);
    if (asset.name == kPage) {
      replace_all(text, "@VERSION@", version);
      replace_all(text, "@METRICS@", relative_link(metrics_path));
    }
    std::string packed = compress_gzip(text);
    files_.emplace(asset.name == kPage ? "/" : fmt::format("/-/page/{}", asset.name),
                   File{content_type_of(asset.name), std::move(text), std::move(packed)});
  }
}

std::optional<HttpResponse> Site::find(const std::string& path, bool gzip) const {
  const auto found = files_.find(path);
  if (found == files_.end()) return std::nullopt;
  const File& file = found->second;
  return HttpResponse{200,
                      file.content_type,
                      gzip ? file.gzip : file.plain,
                      gzip,
                      {{"Cache-Control", "no-cache"}, {"Content-Security-Policy", kPolicy}}};
}

}  // namespace vqscope
