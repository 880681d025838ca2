// SPDX-License-Identifier: Apache-2.0
// The files of the live page, ready to be sent. Immutable and thread-safe.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "exporters/http/server.h"

namespace vqscope {

class Site {
 public:
  // `metrics_path`: where the metrics are, such as "/metrics".
  Site(std::string_view version, std::string_view metrics_path);

  // The page at "/", and what it asks for below "/-/page/"; nullopt: there is no such thing.
  [[nodiscard]] std::optional<HttpResponse> find(const std::string& path, bool gzip) const;

 private:
  struct File {
    std::string content_type;
    Body plain, gzip;
  };

  std::map<std::string, File> files_;  // by path
};

// A path as a link that is relative to "/", so that it leads to the same place below a reverse proxy's sub-path.
std::string relative_link(std::string_view path);

}  // namespace vqscope
