// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/serve/pages.h"

#include <fmt/format.h>

#include <chrono>

#include "agent/recording/codec.h"
#include "exporters/prometheus/formats.h"
#include "exporters/prometheus/model_families.h"
#include "version.h"

namespace vqscope {

HttpResponse Pages::operator()(const HttpRequest& request) const {
  const std::string text = "text/plain; charset=utf-8";
  if (request.path == options_.telemetry_path) return metrics(request);
  if (request.path == "/") return landing();
  if (request.path == "/-/healthy") return {200, text, "vqscope is healthy.\n", false};
  if (request.path == "/-/snapshot") return snapshot(request);
  if (request.path == "/-/ready") return {200, text, "vqscope is ready.\n", false};
  return {404, text, "not found; the metrics are at " + options_.telemetry_path + "\n", false};
}

HttpResponse Pages::metrics(const HttpRequest& request) const {
  const auto start = std::chrono::steady_clock::now();
  const Format format = negotiate_format(request.accept);
  HttpResponse response{200, std::string(content_type(format)), {}, accepts_gzip(request.accept_encoding)};
  response.body = shared_.metrics(format, response.gzip).get(request.asked_ns, [&] {
    const Model model = collector_.collect();
    std::vector<Family> families = model_families(model);
    for (Family& family : self_.families(options_.measure.paths.procfs, connections_.counts()))
      families.push_back(std::move(family));
    std::string body = write(format, families, options_.classic_buckets);
    return response.gzip ? compress_gzip(body) : body;
  });
  self_.count_scrape(format, std::chrono::steady_clock::now() - start);
  return response;
}

HttpResponse Pages::snapshot(const HttpRequest& request) const {
  return {200, std::string(kRecordingMediaType),
          shared_.snapshot().get(request.asked_ns,
                                 [&] {
                                   const RecordingHeader header = make_recording_header(options_.measure.paths.procfs,
                                                                                        collector_.counting_since_ns());
                                   return encode_recording(header, collector_.reading());
                                 }),
          false};
}

HttpResponse Pages::landing() const {
  return {200, "text/html; charset=utf-8",
          fmt::format(R"(<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>vqscope</title></head>
<body>
<h1>vqscope {}</h1>
<p>Which hardware queue, interrupt and vCPU this guest's disk requests go through, and how long they take there.</p>
<ul>
<li><a href="{}">Metrics</a></li>
<li><a href="/-/healthy">Healthy</a></li>
<li><a href="/-/ready">Ready</a></li>
<li><a href="/-/snapshot">Snapshot</a> for <code>vqscope record --url</code> and <code>vqscope doctor --url</code></li>
</ul>
</body>
</html>
)",
                      VQSCOPE_VERSION, options_.telemetry_path),
          false};
}

}  // namespace vqscope
