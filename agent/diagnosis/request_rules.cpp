// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "agent/diagnosis/controller_ids.h"
#include "agent/diagnosis/full_time.h"
#include "agent/diagnosis/limit.h"
#include "agent/diagnosis/phrases.h"
#include "agent/diagnosis/platform.h"
#include "agent/diagnosis/rules.h"
#include "agent/diagnosis/thresholds.h"
#include "agent/model/operations.h"
#include "agent/model/window.h"
#include "agent/topology/facts.h"

namespace vqscope {

namespace {

double seconds(const Histogram& histogram) { return static_cast<double>(histogram.sum_ns) / 1e9; }

double mean(const Histogram& histogram) {
  return histogram.count() == 0 ? 0 : seconds(histogram) / static_cast<double>(histogram.count());
}

// ATA_MAX_QUEUE in Linux; drives of old have one fewer.
constexpr std::uint32_t kNcqDepth = 32;

std::optional<std::uint32_t> limit_of(const DiskEvidence& evidence, std::size_t queue) {
  const auto limit = request_limit(evidence.disk, queue);
  const auto depth = evidence.disk.facts.queue_depth;
  return limit && depth ? std::min(*limit, *depth) : limit;
}

// The queue that was at its limit for the largest share of the time, if that was long enough. Limits below `smallest`
// are not looked at.
std::optional<std::size_t> full_queue(const DiskEvidence& evidence, std::uint32_t smallest = kSmallestLimit) {
  std::optional<std::size_t> fullest;
  const auto& queues = evidence.measured.queues;
  for (std::size_t q = 0; q < queues.size(); ++q) {
    const double share = queues[q].full_share.value_or(0);
    if (share < kFullTime || limit_of(evidence, q).value_or(0) < smallest) continue;
    if (!fullest || share > *queues[*fullest].full_share) fullest = q;
  }
  return fullest;
}

// A LUN has a depth for all of its queues together, which is reached before a queue's own limit is.
bool is_luns_depth(const DiskEvidence& evidence, std::size_t queue) {
  const auto limit = request_limit(evidence.disk, queue);
  const auto depth = evidence.disk.facts.queue_depth;
  return limit && depth && *depth <= *limit;
}

// What a LUN's depth may be raised to, by the driver's change_queue_depth().
std::string told_luns_most(const Disk& disk) {
  if (disk.transport == "ata")
    return *disk.facts.queue_depth + 1 >= kNcqDepth
               ? fmt::format("That is all that SATA has: with NCQ a drive holds {} at the most.", kNcqDepth)
               : fmt::format("Up to {} can be written there, which is all that NCQ has.", kNcqDepth);
  const std::string_view adapters = "the adapter's can_queue (/sys/class/scsi_host/hostN/can_queue)";
  if (disk.driver == "virtio_scsi")
    return "More can be written there, as far as the adapter lets a LUN have (its cmd_per_lun, which the host sets). "
           "It "
           "holds until the next boot.";
  if (disk.driver == "vmw_pvscsi")
    return fmt::format(
        "More can be written there, up to {}; it holds until the next boot. What a LUN begins with and what the "
        "adapter can hold are parameters of the module vmw_pvscsi here: cmd_per_lun and ring_pages.",
        adapters);
  return fmt::format(
      "More can be written there, as far as the driver {} takes it: up to {}. It holds until the next "
      "boot.",
      disk.driver, adapters);
}

std::string told_full(const DiskEvidence& evidence, std::size_t queue) {
  const QueueLoad& load = evidence.measured.queues[queue];
  if (is_luns_depth(evidence, queue))
    return fmt::format(
        "{} holds {} at the most, in all of its queues together (/sys/block/{}/device/queue_depth), and was full for "
        "{} "
        "of the time; on average {} were in flight.",
        evidence.disk.name, plural(*evidence.disk.facts.queue_depth, "request"), evidence.disk.name,
        percent(*load.full_share), grouped(evidence.measured.average_inflight));
  return fmt::format(
      "Queue {} of {} holds {} at the most and was full for {} of the time; on average {} were in flight.", queue,
      evidence.disk.name, plural(*limit_of(evidence, queue), "request"), percent(*load.full_share),
      grouped(load.average_inflight));
}

double requeue_rate(const Measured& measured) {
  return measured.seconds > 0 ? static_cast<double>(measured.requeues) / measured.seconds : 0;
}

bool are_requeued(const Measured& measured) {
  const double rate = requeue_rate(measured);
  return rate >= kRequeueRate && rate >= kRequeueShare * measured.requests_rate;
}

// Mean times of the requests of one operation.
struct Wait {
  std::size_t op;
  double guest, host;  // seconds before the issue, and after it
};

// The operation whose requests wait longest in this guest, if that is most of their time.
std::optional<Wait> longest_wait(const Measured& measured) {
  std::optional<Wait> longest;
  for (const std::size_t op : {std::size_t{VQS_READ}, std::size_t{VQS_WRITE}}) {
    const OpLoad& load = measured.ops[op];
    const Wait wait{op, mean(load.queue), mean(load.device)};
    if (load.queue.count() < kTailRequests || wait.guest < kGuestSeconds ||
        wait.guest < kGuestShare * (wait.guest + wait.host) || (longest && wait.guest <= longest->guest))
      continue;
    longest = wait;
  }
  return longest;
}

std::string told(const Wait& wait) {
  return fmt::format("A {} waits {} in this kernel before it is handed to the device, and {} there.",
                     kOperationNames[wait.op], duration(wait.guest), duration(wait.host));
}

// Whether those that wait may do so behind those that the device works at.
std::string told_inflight(const Measured& measured) {
  const double inflight = measured.average_inflight;
  const std::string at_device = fmt::format("On average {} were in flight at the device, which moved {}",
                                            grouped(inflight), throughput(measured.bytes_rate));
  if (inflight < kNeverIdle)
    return fmt::format("{}: for {} of the time or more it had nothing to do.", at_device, percent(1 - inflight));
  return at_device + ": those that wait may wait behind these, for what the device can do.";
}

// Where they are, and how much room is left there.
std::string told_busiest_queue(const DiskEvidence& evidence) {
  const auto& queues = evidence.measured.queues;
  const auto busiest = std::max_element(queues.begin(), queues.end(), [](const QueueLoad& a, const QueueLoad& b) {
    return a.average_inflight < b.average_inflight;
  });
  const auto used = std::count_if(queues.begin(), queues.end(), [](const QueueLoad& queue) {
    return std::any_of(queue.submissions.begin(), queue.submissions.end(), [](std::uint64_t n) { return n > 0; });
  });
  std::string text = fmt::format("They come through {}; the busiest has {} in flight",
                                 plural(static_cast<double>(used), "queue"), grouped(busiest->average_inflight));
  const auto queue = static_cast<std::size_t>(busiest - queues.begin());
  if (const auto limit = request_limit(evidence.disk, queue); limit && !is_luns_depth(evidence, queue))
    text += fmt::format(" and can hold {}", *limit);
  if (is_luns_depth(evidence, queue))
    text += fmt::format("; the disk can hold {}, in all of its queues together", *evidence.disk.facts.queue_depth);
  return text + ".";
}

// What could hold requests back and did not, or not for long.
std::string told_unhindered(const Measured& measured) {
  std::optional<double> fullest;
  for (const QueueLoad& queue : measured.queues)
    if (queue.full_share) fullest = std::max(fullest.value_or(0), *queue.full_share);
  std::string text = fmt::format("The driver pushed {} requests/s back", grouped(requeue_rate(measured)));
  if (fullest) text += fmt::format(", and the fullest queue was at its limit for {} of the time", percent(*fullest));
  return text + ".";
}

// Of reads and writes; 0 where there are none.
double mean_bytes(const Measured& measured) {
  double bytes = 0, requests = 0;
  for (const std::size_t op : {std::size_t{VQS_READ}, std::size_t{VQS_WRITE}}) {
    bytes += static_cast<double>(measured.ops[op].bytes);
    requests += static_cast<double>(measured.ops[op].device.count());
  }
  return requests > 0 ? bytes / requests : 0;
}

// How far requests fill the ring of a virtio-blk queue that works without indirect descriptors. A request takes an
// entry for each piece of its memory, at the most one for each page, and one each for its header and its status (virtio
// 1.2, 5.2.6). The driver takes half as many tags as the ring has entries (virtblk_probe), if its parameter queue_depth
// does not say otherwise.
void add_ring(const DiskEvidence& evidence, Found& found) {
  constexpr double kPage = 4096, kHeaderAndStatus = 2;
  const Disk& disk = evidence.disk;
  if (disk.driver != "virtio_blk" || !disk.facts.virtio_features ||
      has_indirect_descriptors(*disk.facts.virtio_features))
    return;
  found.evidence.emplace_back(
      "Indirect descriptors are off (virtio feature 28): a request takes an entry of the ring for each piece of its "
      "memory, and two more.");
  const double bytes = mean_bytes(evidence.measured);
  if (bytes == 0 || disk.queues.empty() || !disk.queues.front().tags) return;
  double pieces = std::ceil(bytes / kPage);
  if (disk.facts.max_segments) pieces = std::min<double>(pieces, *disk.facts.max_segments);
  const double entries = pieces + kHeaderAndStatus, ring = 2.0 * *disk.queues.front().tags;
  found.evidence.push_back(fmt::format(
      "One of {} KiB, the mean, takes up to {} of about {} entries (estimated: twice the {} tags), fewer "
      "where its memory lies together: as few as {} fill the ring.",
      grouped(bytes / 1024), entries, ring, *disk.queues.front().tags, std::max(std::floor(ring / entries), 1.0)));
  found.numbers.emplace_back("mean_request_bytes", bytes);
  found.numbers.emplace_back("ring_entries_per_request", entries);
  found.numbers.emplace_back("ring_entries", ring);
}

// Who answers, and why it can take longer now and then.
std::string told_server(const DiskEvidence& evidence) {
  if (is_passed_through(evidence.topology, evidence.disk)) {
    const bool is_adapter = evidence.disk.transport == "scsi";
    return fmt::format(
        "{} is passed through, so {} answers, and no thread of the host serves it. The usual reasons: {}, or the host "
        "did not run the vCPU that its interrupt is for.",
        evidence.disk.name, is_adapter ? "its adapter, with what is behind it," : "the drive itself",
        is_adapter ? "the adapter or a drive behind it has other work (a patrol read, a rebuild, a write cache that is "
                     "full or off, discards)"
                   : "the drive has other work (discards, its own housekeeping)");
  }
  if (!may_be_own_host(evidence.topology))
    return "What serves the disk, outside this guest, answers. The usual reasons: others use the same storage or CPUs; "
           "the volume or the instance is at a limit of its type now and then.";
  if (is_of_unknown_maker(evidence.disk))
    return fmt::format(
        "What answers is not known: the PCI ids of {} ({:04x}:{:04x}) are not those of QEMU's own controller, nor of a "
        "maker of drives that vqscope knows. It can be a program or a card of the host, or a drive that is passed "
        "through. The usual reasons: others use the same storage or CPUs; the drive has other work.",
        evidence.disk.name, *evidence.disk.facts.pci_id >> 16, *evidence.disk.facts.pci_id & 0xffff);
  const bool may_be_qemu = evidence.topology.vmm == "qemu" || evidence.topology.vmm == "kvm";
  return fmt::format(
      "The host answers. The usual reasons: other guests use the same storage or CPUs; the host's page cache is "
      "written "
      "back{}.",
      may_be_qemu ? "; where QEMU serves the disk, its main loop does, with everything else, or aio=threads" : "");
}

}  // namespace

std::optional<Found> queue_full(const DiskEvidence& evidence) {
  const auto queue = full_queue(evidence);
  if (!queue || evidence.measured.requests_rate < kJudgedRate) return std::nullopt;
  // Those tell of it: a longer queue would only hold more of what waits.
  if (slow_at_device(evidence) || sees_limit(evidence)) return std::nullopt;
  const QueueLoad& load = evidence.measured.queues[*queue];
  Found found;
  found.severity = Severity::kWarning;
  found.evidence = {told_full(evidence, *queue)};
  if (is_luns_depth(evidence, *queue)) {
    found.evidence.push_back(told_luns_most(evidence.disk));
    const bool is_ncqs_end = evidence.disk.transport == "ata" && *evidence.disk.facts.queue_depth + 1 >= kNcqDepth;
    found.remedy = is_ncqs_end ? Remedy::kNone : Remedy::kDeepenLun;
    found.numbers = {{"lun_limit", *evidence.disk.facts.queue_depth},
                     {"full_ratio", *load.full_share},
                     {"average_inflight", evidence.measured.average_inflight}};
    return found;
  }
  found.remedy = Remedy::kDeepenQueue;
  found.numbers = {{"queue", static_cast<double>(*queue)},
                   {"limit", *limit_of(evidence, *queue)},
                   {"full_ratio", *load.full_share},
                   {"average_inflight", load.average_inflight}};
  return found;
}

std::optional<Found> stuck_request(const DiskEvidence& evidence) {
  const double age = evidence.measured.oldest_seconds.value_or(0);
  if (age < kStuckSeconds) return std::nullopt;
  Found found;
  found.severity = age >= kStuckCriticalSeconds ? Severity::kCritical : Severity::kWarning;
  found.remedy = Remedy::kFindHang;
  found.evidence = {fmt::format("The oldest request at {} has been there for {}; {} in flight.", evidence.disk.name,
                                duration(age), plural(evidence.measured.inflight, "request"))};
  found.numbers = {{"oldest_seconds", age}, {"inflight", evidence.measured.inflight}};
  return found;
}

std::optional<Found> io_errors(const DiskEvidence& evidence) {
  Found found;
  std::uint64_t total = 0;
  for (std::size_t op = 0; op < VQS_OPS; ++op) {
    const std::uint64_t errors = evidence.measured.ops[op].errors;
    if (errors == 0) continue;
    total += errors;
    found.evidence.push_back(fmt::format(
        "{} of {} failed.", plural(static_cast<double>(errors), std::string(kOperationNames[op]) + " request"),
        evidence.disk.name));
    found.numbers.emplace_back(fmt::format("{}_errors", kOperationNames[op]), static_cast<double>(errors));
  }
  if (total == 0) return std::nullopt;
  const auto& ops = evidence.measured.ops;
  const std::uint64_t data = ops[VQS_READ].errors + ops[VQS_WRITE].errors + ops[VQS_FLUSH].errors;
  // A discard or a vendor's command that the disk does not know does no harm.
  found.severity = data > 0 ? Severity::kCritical : Severity::kInfo;
  found.remedy = data > 0 ? Remedy::kFindErrors : Remedy::kNone;
  return found;
}

std::optional<Found> requeues(const DiskEvidence& evidence) {
  const Measured& measured = evidence.measured;
  if (!are_requeued(measured)) return std::nullopt;
  const double rate = requeue_rate(measured);
  Found found;
  found.severity = Severity::kWarning;
  // Requests that are small already cannot be made smaller to see what that does.
  const bool small = mean_bytes(measured) <= kSmallRequest;
  found.remedy = small ? Remedy::kDeepenQueue : Remedy::kMakeRoom;
  found.evidence = {fmt::format("The driver pushed {} requests/s back, of {} requests/s that it completed.",
                                grouped(rate), grouped(measured.requests_rate))};
  found.numbers = {{"requeues_per_second", rate},
                   {"requests_per_second", measured.requests_rate},
                   {"average_inflight", measured.average_inflight},
                   {"bytes_per_second", measured.bytes_rate}};
  add_ring(evidence, found);
  if (const auto wait = longest_wait(measured)) {
    found.evidence.push_back(told(*wait));
    found.numbers.emplace_back("queue_mean_seconds", wait->guest);
    found.numbers.emplace_back("device_mean_seconds", wait->host);
  }
  found.evidence.push_back(told_inflight(measured));
  if (sees_limit(evidence)) {
    found.severity = Severity::kInfo;
    found.remedy = Remedy::kNone;
    found.evidence.emplace_back(
        "The disk's rate stays where it is (storage_limit): a longer ring would only hold more of what waits.");
  }
  return found;
}

std::optional<Found> host_latency(const DiskEvidence& evidence) {
  std::optional<Found> worst;
  if (!is_hosts_disk(evidence)) return worst;
  double worst_ratio = 0;
  // Not flushes: how long they take is the nature of the storage below.
  for (const std::size_t op : {std::size_t{VQS_READ}, std::size_t{VQS_WRITE}}) {
    const OpLoad& load = evidence.measured.ops[op];
    const auto median = quantile(load.device, 0.5), tail = quantile(load.device, 0.99);
    if (load.device.count() < kTailRequests || !median || !tail || *median <= 0) continue;
    const double host = mean(load.device), guest = mean(load.queue), ratio = *tail / *median;
    if (host < kHostShare * (host + guest) || ratio < kTailRatio || *tail < kTailSeconds || ratio <= worst_ratio)
      continue;
    worst_ratio = ratio;
    Found& found = worst.emplace();
    found.severity = Severity::kWarning;
    found.remedy = Remedy::kHostIo;
    found.evidence = {
        fmt::format(
            "Half of the {}s are done within {} of being handed to the device, but one in a hundred takes {} or "
            "more: {:.0f} times as long.",
            kOperationNames[op], duration(*median), duration(*tail), ratio),
        fmt::format("{} of their time passes there, or on the way back.", percent(host / (host + guest))),
        told_server(evidence)};
    found.numbers = {{"device_p50_seconds", *median},
                     {"device_p99_seconds", *tail},
                     {"device_mean_seconds", host},
                     {"queue_mean_seconds", guest}};
  }
  return worst;
}

std::optional<Found> slow_at_device(const DiskEvidence& evidence) {
  const Measured& measured = evidence.measured;
  if (measured.requests_rate < kLimitedRate || measured.average_inflight < kDeepInflight) return std::nullopt;
  if (is_held_up_here(measured)) return std::nullopt;
  if (const auto limit = find_limit(evidence); limit && limit->seen) return std::nullopt;  // which says more
  // Where more of them in flight bring more, each takes that long, and none waits for another.
  if (measured.steadiness && measured.steadiness->follows()) return std::nullopt;
  // In bursts, that is not at any time.
  if (measured.steadiness && 2 * measured.steadiness->unrest > measured.steadiness->inflight) return std::nullopt;
  std::optional<Found> slowest;
  double worst = 0;
  for (const std::size_t op : {std::size_t{VQS_READ}, std::size_t{VQS_WRITE}}) {
    const OpLoad& load = measured.ops[op];
    const auto median = quantile(load.device, 0.5), most = quantile(load.device, 0.9);
    if (load.device.count() < kSteadyRequests || !median || !most) continue;
    const double host = mean(load.device), guest = mean(load.queue);
    if (*median < kSlowSeconds || !are_about_as_slow(load.device) || host < kHostShare * (host + guest) ||
        *median <= worst)
      continue;
    worst = *median;
    Found& found = slowest.emplace();
    found.severity = Severity::kWarning;
    found.remedy = Remedy::kFindLimit;
    found.evidence = {
        fmt::format("On average {} were in flight at the device, which answered {} requests/s and moved {}.",
                    grouped(measured.average_inflight), grouped(measured.requests_rate),
                    throughput(measured.bytes_rate)),
        fmt::format("Half of the {}s took {} or more there, eight in ten no more than {}, and nine in ten no more than "
                    "{}. Before, they spent {} in this kernel on average.",
                    kOperationNames[op], duration(*median), duration(*quantile(load.device, 0.8)), duration(*most),
                    duration(guest)),
        told_busiest_queue(evidence)};
    if (const auto full = full_queue(evidence)) found.evidence.push_back(told_full(evidence, *full));
    if (std::string doubt = about_vcpus_time(evidence); !doubt.empty()) {
      found.severity = Severity::kInfo;
      found.evidence.push_back(std::move(doubt));
    }
    found.numbers = {{"average_inflight", measured.average_inflight},
                     {"requests_per_second", measured.requests_rate},
                     {"bytes_per_second", measured.bytes_rate},
                     {"device_p50_seconds", *median},
                     {"device_p90_seconds", *most},
                     {"queue_mean_seconds", guest}};
  }
  return slowest;
}

std::optional<Found> guest_latency(const DiskEvidence& evidence) {
  const Measured& measured = evidence.measured;
  const auto wait = longest_wait(measured);
  if (!wait || full_queue(evidence) || are_requeued(measured)) return std::nullopt;
  Found found;
  found.severity = Severity::kWarning;
  found.remedy = Remedy::kGuestQueueing;
  found.evidence = {told(*wait), told_inflight(measured)};
  if (const auto full = full_queue(evidence, 1)) {
    // An emulated controller that takes a few at a time: waiting there is what it comes to.
    found.severity = Severity::kInfo;
    found.remedy = Remedy::kNone;
    found.evidence.push_back(told_full(evidence, *full));
  } else {
    found.evidence.push_back(told_unhindered(measured));
    if (!evidence.disk.scheduler.empty())
      found.evidence.push_back(fmt::format("The elevator is {}.", evidence.disk.scheduler));
  }
  found.numbers = {{"queue_mean_seconds", wait->guest},
                   {"device_mean_seconds", wait->host},
                   {"average_inflight", measured.average_inflight},
                   {"requeues_per_second", requeue_rate(measured)}};
  return found;
}

}  // namespace vqscope
