// SPDX-License-Identifier: Apache-2.0
// What the daemon answers with.
#pragma once

#include "agent/collector/collector.h"
#include "agent/commands/serve/options.h"
#include "agent/commands/serve/shared_pages.h"
#include "exporters/http/connections.h"
#include "exporters/http/server.h"
#include "exporters/page/live_page.h"
#include "exporters/page/site.h"
#include "exporters/prometheus/self_metrics.h"

namespace vqscope {

// Whatever it refers to has to outlive it. Thread-safe.
class Pages {
 public:
  Pages(const ServeOptions& options, Collector& collector, SelfMetrics& self, Connections& connections,
        SharedPages& shared, LivePage& live);

  HttpResponse operator()(const HttpRequest& request) const;

 private:
  [[nodiscard]] HttpResponse metrics(const HttpRequest& request) const;
  // A recording of this moment: what `vqscope record` and `vqscope doctor` read of a running agent.
  [[nodiscard]] HttpResponse snapshot(const HttpRequest& request) const;

  const ServeOptions& options_;
  Collector& collector_;
  SelfMetrics& self_;
  Connections& connections_;
  SharedPages& shared_;
  LivePage& live_;
  Site site_;
};

// What serve --replay answers with: the page, and neither metrics nor a snapshot. Thread-safe.
HttpResponse answer_of_recording(const HttpRequest& request, const Site& site, LivePage& page,
                                 const std::string& telemetry_path, Connections& connections);

}  // namespace vqscope
