// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/serve/pages.h"

#include <fmt/format.h>

#include <chrono>

#include "agent/recording/codec.h"
#include "exporters/http/gzip.h"
#include "exporters/prometheus/formats.h"
#include "exporters/prometheus/model_families.h"
#include "version.h"

namespace vqscope {

namespace {

constexpr const char* kText = "text/plain; charset=utf-8";

// What the page at / shows, for itself and for scripts.
HttpResponse history(const HttpRequest& request, LivePage& live, Connections& connections) {
  if (request.from_elsewhere) {
    connections.refused(Refusal::kOrigin);
    return {403, kText, "pages of other origins are not answered here\n", false};
  }
  const bool gzip = accepts_gzip(request.accept_encoding);
  const auto answer = live.answer(request.query, gzip);
  if (!answer) return {400, kText, answer.error().message + "\n", false};
  return {200, "application/json", *answer, gzip, {{"Cache-Control", "no-store"}}};
}

}  // namespace

HttpResponse answer_of_recording(const HttpRequest& request, const Site& site, LivePage& page,
                                 const std::string& telemetry_path, Connections& connections) {
  if (request.path == telemetry_path || request.path == "/-/snapshot")
    return {404, kText, "this is a recording: scraped, what it holds would be taken for what is now\n", false};
  if (auto file = site.find(request.path, accepts_gzip(request.accept_encoding))) return *std::move(file);
  if (request.path == "/-/healthy") return {200, kText, "vqscope is healthy.\n", false};
  if (request.path == "/-/history") return history(request, page, connections);
  if (request.path == "/-/ready") return {200, kText, "vqscope is ready.\n", false};
  return {404, kText, "not found; the page of the recording is at /\n", false};
}

Pages::Pages(const ServeOptions& options, Collector& collector, SelfMetrics& self, Connections& connections,
             SharedPages& shared, LivePage& live)
    : options_(options),
      collector_(collector),
      self_(self),
      connections_(connections),
      shared_(shared),
      live_(live),
      site_(VQSCOPE_VERSION, options.telemetry_path) {}

HttpResponse Pages::operator()(const HttpRequest& request) const {
  if (request.path == options_.telemetry_path) return metrics(request);
  if (auto file = site_.find(request.path, accepts_gzip(request.accept_encoding))) return *std::move(file);
  if (request.path == "/-/healthy") return {200, kText, "vqscope is healthy.\n", false};
  if (request.path == "/-/history") return history(request, live_, connections_);
  if (request.path == "/-/snapshot") return snapshot(request);
  if (request.path == "/-/ready") return {200, kText, "vqscope is ready.\n", false};
  return {404, kText, "not found; the metrics are at " + options_.telemetry_path + "\n", false};
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

}  // namespace vqscope
