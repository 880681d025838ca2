// SPDX-License-Identifier: Apache-2.0
#include "agent/comparison/bursts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <utility>

#include "agent/comparison/load.h"
#include "agent/comparison/statistics.h"
#include "agent/comparison/units.h"
#include "agent/model/operations.h"

namespace vqscope {

namespace {

// No more of a side's seconds are few.
constexpr double kFew = 0.2;
// A second is another than usual if it differs by so many times what half of them differ by at the most.
constexpr double kUnusual = 5;
// A burst has so much more than the usual second, as a share of all that this has, and so many requests more.
constexpr double kPlainlyMore = 0.1, kFewestMore = 10;
// What completes after seconds with less than this share of the usual, and requests in flight, may only have waited.
constexpr double kStalled = 0.5;
constexpr std::size_t kLongestStall = 60;  // seconds

// What a second had of an operation, per second of its length.
struct OpRate {
  double requests = 0, bytes = 0;
  double share = 0;  // of the requests of the second
  double size = 0;   // bytes of a request; 0: none
};
using Rates = std::array<OpRate, VQS_OPS>;

Rates rates_of(const Second& second) {
  Rates rates;
  double all = 0;
  for (std::size_t op = 0; op < VQS_OPS; ++op) {
    if (!second.ops[op]) continue;
    const OpSecond& done = *second.ops[op];
    rates[op].requests = static_cast<double>(done.requests) / second.seconds;
    rates[op].bytes = static_cast<double>(done.bytes) / second.seconds;
    if (done.requests > done.errors)
      rates[op].size = static_cast<double>(done.bytes) / static_cast<double>(done.requests - done.errors);
    all += rates[op].requests;
  }
  for (OpRate& rate : rates)
    if (all > 0) rate.share = rate.requests / all;
  return rates;
}

double sum_of(const Rates& rates, double OpRate::*field) {
  double sum = 0;
  for (const OpRate& rate : rates) sum += rate.*field;
  return sum;
}

// The seconds of one side, the usual one, and those that are not like it.
class Side {
 public:
  explicit Side(const DeviceSeries& device) : device_(device) {
    for (const Second& second : device.seconds) rates_.push_back(rates_of(second));
    find_usual();
    find_bursts();
  }

  [[nodiscard]] bool has_bursts() const { return !bursts_.empty(); }
  [[nodiscard]] bool are_few() const {
    return static_cast<double>(bursts_.size()) <= kFew * static_cast<double>(busy_);
  }
  // Whether most requests of the side are in them.
  [[nodiscard]] bool are_most_requests() const {
    double in_bursts = 0;
    for (const std::size_t i : bursts_) in_bursts += sum_of(rates_[i], &OpRate::requests) * device_.seconds[i].seconds;
    return in_bursts * 2 > static_cast<double>(device_.totals.requests());
  }

  // What remains without them.
  [[nodiscard]] DeviceSeries rest() const {
    DeviceSeries kept = device_;
    for (const std::size_t i : bursts_) kept.left_out_seconds += device_.seconds[i].seconds;
    for (auto i = bursts_.rbegin(); i != bursts_.rend(); ++i)
      kept.seconds.erase(kept.seconds.begin() + static_cast<std::ptrdiff_t>(*i));
    kept.totals = {};
    for (const Second& second : kept.seconds) kept.totals.add(second);
    return kept;
  }

  // Their ends, seconds into the recording; those that follow one another are one span.
  [[nodiscard]] std::vector<std::pair<double, double>> times() const {
    std::vector<std::pair<double, double>> spans;
    for (std::size_t i = 0; i < bursts_.size(); ++i) {
      const double at = device_.seconds[bursts_[i]].at;
      if (i > 0 && bursts_[i - 1] + 1 == bursts_[i])
        spans.back().second = at;
      else
        spans.emplace_back(at, at);
    }
    return spans;
  }

  // "2,000 writes of 4.00 KiB (a usual second has none) in 1 of 15 s": of each operation of which there was plainly
  // more.
  [[nodiscard]] std::string what() const {
    std::string text;
    for (std::size_t op = 0; op < VQS_OPS; ++op) {
      double more = 0, requests = 0, bytes = 0;
      for (const std::size_t i : bursts_) {
        more += std::max(part_more(i, op), 0.0);
        requests += rates_[i][op].requests * device_.seconds[i].seconds;
        bytes += rates_[i][op].bytes * device_.seconds[i].seconds;
      }
      if (more <= kPlainlyMore) continue;
      const OpRate& usual = usual_[op];
      text += fmt::format("{}{} (a usual second has {})", text.empty() ? "" : ", ", counted(requests, bytes, op),
                          usual.requests < 0.5 ? "none" : counted(usual.requests, usual.requests * usual.size, op));
    }
    return fmt::format("{} in {} of {} s", text, bursts_.size(), busy_);
  }

 private:
  // A discard names bytes that nobody sends.
  static bool moves_data(std::size_t op) { return op == VQS_READ || op == VQS_WRITE; }
  // Bytes that are moved in the usual second.
  [[nodiscard]] double usual_data() const { return std::max(usual_[VQS_READ].bytes + usual_[VQS_WRITE].bytes, 1.0); }

  static bool is_busy(const Rates& rates) { return sum_of(rates, &OpRate::requests) > 0; }

  // "2,000 writes of 4.00 KiB"
  static std::string counted(double requests, double bytes, std::size_t op) {
    const double count = std::round(requests);
    const std::string_view plural = count == 1 ? "" : op == VQS_FLUSH ? "es" : "s";
    return fmt::format("{} {}{}{}", format_count(count), kOperationNames[op], plural,
                       bytes > 0 ? " of " + format_bytes(bytes / requests) : "");
  }

  // Of the seconds with requests that have such a number; 0 where none has.
  template <typename Of>
  [[nodiscard]] double median_of(const Of& of) const {
    std::vector<double> values;
    for (const Rates& rates : rates_)
      if (is_busy(rates))
        if (const std::optional<double> value = of(rates)) values.push_back(*value);
    return median(std::move(values)).value_or(0);
  }

  void find_usual() {
    busy_ = static_cast<std::size_t>(std::count_if(rates_.begin(), rates_.end(), is_busy));
    for (std::size_t op = 0; op < VQS_OPS; ++op) {
      for (const auto field : {&OpRate::requests, &OpRate::bytes, &OpRate::share})
        usual_[op].*field = median_of([&](const Rates& rates) { return rates[op].*field; });
      usual_[op].size = median_of([&](const Rates& rates) {
        return rates[op].share >= kMajorShare ? std::optional(rates[op].size) : std::nullopt;
      });
    }
  }

  void find_bursts() {
    const double usually_moved = median_of([this](const Rates& rates) { return moved(rates); });
    std::array<double, VQS_OPS> usually_resized = {};
    for (std::size_t op = 0; op < VQS_OPS; ++op)
      usually_resized[op] = median_of([&](const Rates& rates) { return resized(rates, op); });
    for (std::size_t i = 0; i < rates_.size(); ++i) {
      bool other = moved(rates_[i]) > std::max(kMixTolerance, kUnusual * usually_moved);
      for (std::size_t op = 0; op < VQS_OPS; ++op)
        other |=
            resized(rates_[i], op).value_or(0) > std::max(std::log(kSizeTolerance), kUnusual * usually_resized[op]);
      if (other && has_more(i)) bursts_.push_back(i);
    }
  }

  // The share of the requests that are of another operation than usual.
  [[nodiscard]] double moved(const Rates& rates) const {
    double sum = 0;
    for (std::size_t op = 0; op < VQS_OPS; ++op) sum += std::abs(rates[op].share - usual_[op].share) / 2;
    return sum;
  }

  // By how much the size of a request differs from the usual one, as a logarithm; nullopt where there are too few.
  [[nodiscard]] std::optional<double> resized(const Rates& rates, std::size_t op) const {
    if (usual_[op].size == 0 || rates[op].size == 0 || rates[op].share < kMajorShare) return std::nullopt;
    return std::abs(std::log(rates[op].size / usual_[op].size));
  }

  // How much more than usual there was, less what the seconds right before it lacked and now caught up on.
  [[nodiscard]] double more_than_usual(std::size_t i, std::size_t op, double OpRate::*field) const {
    const double usual = usual_[op].*field;
    double more = rates_[i][op].*field - usual;
    for (std::size_t before = i; before > 0 && before + kLongestStall > i; --before) {
      const double had = rates_[before - 1][op].*field;
      if (had >= kStalled * usual || device_.seconds[before - 1].in_flight == 0) break;
      more -= usual - had;
    }
    return more;
  }

  // The larger of what is more of its requests and of its bytes, each as a share of all that is usual.
  [[nodiscard]] double part_more(std::size_t i, std::size_t op) const {
    const double requests = more_than_usual(i, op, &OpRate::requests) / sum_of(usual_, &OpRate::requests);
    if (!moves_data(op)) return requests;
    return std::max(requests, more_than_usual(i, op, &OpRate::bytes) / usual_data());
  }

  // By more than counting alone makes of it.
  [[nodiscard]] bool has_more(std::size_t i) const {
    for (std::size_t op = 0; op < VQS_OPS; ++op) {
      const double noise = kUnusual * std::sqrt(usual_[op].requests);
      const bool beyond_noise = more_than_usual(i, op, &OpRate::requests) > noise ||
                                (moves_data(op) && more_than_usual(i, op, &OpRate::bytes) > noise * usual_[op].size);
      if (beyond_noise && rates_[i][op].requests >= kFewestMore && part_more(i, op) > kPlainlyMore) return true;
    }
    return false;
  }

  const DeviceSeries& device_;
  std::vector<Rates> rates_;         // of each second
  std::size_t busy_ = 0;             // seconds with requests
  Rates usual_;                      // of the median one of these, each number by itself
  std::vector<std::size_t> bursts_;  // which seconds
};

}  // namespace

WithoutBursts without_bursts(const Pair& pair, const std::string& file_before, const std::string& file_after) {
  const Side before(pair.before), after(pair.after);
  WithoutBursts result;
  // What both sides have, and as much of it, is the load's own; and so is what it mostly consists of.
  const bool on_both = before.has_bursts() && after.has_bursts();
  if (on_both && (other_requests(pair).empty() || (before.are_most_requests() && after.are_most_requests())))
    return result;
  const auto leave_out = [&](const Side& side, const std::string& file, std::optional<DeviceSeries>& rest) {
    if (!side.has_bursts() || !side.are_few()) return;
    rest = side.rest();
    result.notes.push_back(
        fmt::format("a burst was left out, {} into {}: {}; the verdict, rates and latencies are without it, interrupts "
                    "and findings are with it",
                    format_times(side.times()), file, side.what()));
  };
  leave_out(before, file_before, result.before);
  leave_out(after, file_after, result.after);
  return result;
}

std::string too_long_for_bursts(const Pair& pair) {
  std::string text;
  for (const auto& [word, device] : {std::pair("before", &pair.before), std::pair("after", &pair.after)}) {
    const Side side(*device);
    if (side.has_bursts() && !side.are_few())
      text +=
          fmt::format("; {}, other requests than usual are in too many of the seconds to be left out as a burst: {}",
                      word, side.what());
  }
  return text;
}

}  // namespace vqscope
