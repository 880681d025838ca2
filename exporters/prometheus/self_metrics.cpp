// SPDX-License-Identifier: Apache-2.0
#include "exporters/prometheus/self_metrics.h"

#include <unistd.h>

#include <stdexcept>

#include "agent/base/text.h"

namespace vqscope {

namespace {

// The labels of this file's metrics, as text that lives on.
std::string_view label_name(std::string_view name) {
  for (const std::string_view known : {"format", "revision", "version"})
    if (name == known) return known;
  throw std::logic_error("no metric of the agent itself has a label " + std::string(name));
}

// Plain data of the library -> plain data of ours.
Family convert(const prometheus::MetricFamily& source) {
  Family family{source.name, source.help, MetricType::kGauge, {}};
  if (source.type == prometheus::MetricType::Counter) family.type = MetricType::kCounter;
  for (const prometheus::ClientMetric& metric : source.metric) {
    Sample sample;
    sample.value = family.type == MetricType::kCounter ? metric.counter.value : metric.gauge.value;
    std::vector<Label> labels;
    for (const auto& label : metric.label) labels.push_back({label_name(label.name), label.value});
    sample.labels = Labels(labels);
    family.samples.push_back(std::move(sample));
  }
  return family;
}

// Times and memory of /proc/self/stat (proc(5)), and the start of time from /proc/stat.
void add_process(const std::filesystem::path& procfs, std::vector<Family>& families) {
  const auto add = [&families](const char* name, const char* help, MetricType type, double value) {
    families.push_back({name, help, type, {{{}, value, nullptr}}});
  };
  const auto stat = read_file(procfs / "self/stat");
  const std::size_t name_end = stat ? stat->rfind(')') : std::string::npos;
  if (name_end != std::string::npos) {
    const auto fields = split(std::string_view(*stat).substr(name_end + 1));
    const auto field = [&fields](std::size_t number) {  // numbered from 1 as in proc(5); the name is number 2
      return number - 3 < fields.size() ? parse_number<std::uint64_t>(fields[number - 3]) : std::nullopt;
    };
    const auto hertz = static_cast<double>(::sysconf(_SC_CLK_TCK));
    const auto user = field(14), system = field(15), start = field(22), size = field(23), resident = field(24);
    if (user && system)
      add("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", MetricType::kCounter,
          static_cast<double>(*user + *system) / hertz);
    if (size)
      add("process_virtual_memory_bytes", "Virtual memory size in bytes.", MetricType::kGauge,
          static_cast<double>(*size));
    if (resident)
      add("process_resident_memory_bytes", "Resident memory size in bytes.", MetricType::kGauge,
          static_cast<double>(*resident) * static_cast<double>(::sysconf(_SC_PAGESIZE)));
    if (const auto boot = read_file(procfs / "stat"); boot && start) {
      for (const std::string_view line : split(*boot, "\n"))
        if (line.starts_with("btime "))
          if (const auto seconds = parse_number<std::uint64_t>(trim(line.substr(6))))
            add("process_start_time_seconds", "Start time of the process since unix epoch in seconds.",
                MetricType::kGauge, static_cast<double>(*seconds) + static_cast<double>(*start) / hertz);
    }
  }
  if (const auto descriptors = list_directory(procfs / "self/fd"); !descriptors.empty())
    add("process_open_fds", "Number of open file descriptors.", MetricType::kGauge,
        static_cast<double>(descriptors.size() - 1));  // less the one that lists them
}

void add_endpoint(const EndpointCounts& counts, std::vector<Family>& families) {
  Family connections{"vqscope_http_connections",
                     "Connections to the endpoint that are open, by what they are at.",
                     MetricType::kGauge,
                     {}};
  for (std::size_t i = 0; i < kConnectionStates.size(); ++i)
    connections.samples.push_back(
        {{{"state", std::string(kConnectionStates[i])}}, static_cast<double>(counts.connections[i]), nullptr});
  Family refused{"vqscope_http_refused_total",
                 "Connections ended and requests refused by the endpoint.",
                 MetricType::kCounter,
                 {}};
  for (std::size_t i = 0; i < kRefusals.size(); ++i)
    refused.samples.push_back(
        {{{"reason", std::string(kRefusals[i])}}, static_cast<double>(counts.refused[i]), nullptr});
  families.push_back(std::move(connections));
  families.push_back(std::move(refused));
}

}  // namespace

SelfMetrics::SelfMetrics(const std::string& version, const std::string& revision, std::size_t array_bytes)
    : scrapes_(prometheus::BuildCounter().Name("vqscope_scrapes_total").Help("Scrapes answered.").Register(registry_)),
      scrape_seconds_(prometheus::BuildCounter()
                          .Name("vqscope_scrape_seconds_total")
                          .Help("Time spent reading and rendering scrapes.")
                          .Register(registry_)) {
  prometheus::BuildGauge()
      .Name("vqscope_build_info")
      .Help("The agent's version and the git revision that it was built from; always 1.")
      .Register(registry_)
      .Add({{"version", version}, {"revision", revision}})
      .Set(1);
  prometheus::BuildGauge()
      .Name("vqscope_bpf_array_bytes")
      .Help("Memory of the arrays shared with the BPF programs.")
      .Register(registry_)
      .Add({})
      .Set(static_cast<double>(array_bytes));
}

void SelfMetrics::count_scrape(Format format, std::chrono::duration<double> duration) {
  const prometheus::Labels labels = {{"format", std::string(format_name(format))}};
  scrapes_.Add(labels).Increment();
  scrape_seconds_.Add(labels).Increment(duration.count());
}

std::vector<Family> SelfMetrics::families(const std::filesystem::path& procfs, const EndpointCounts& endpoint) const {
  std::vector<Family> families;
  for (const prometheus::MetricFamily& family : registry_.Collect())
    if (!family.metric.empty()) families.push_back(convert(family));
  add_endpoint(endpoint, families);
  add_process(procfs, families);
  return families;
}

}  // namespace vqscope
