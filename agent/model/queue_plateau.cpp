// SPDX-License-Identifier: Apache-2.0
#include "agent/model/queue_plateau.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace vqscope {

namespace {

// Times that one standard deviation, in requests per second, is less than another, from which one rate stayed and the
// other did not.
constexpr double kFar = 3;
constexpr std::size_t kSomeSlices = 5;
// Share of the requests from which a queue is one that the load uses.
constexpr double kUsed = 0.1;
// Standard deviation as a share of the mean, from which the others' rate varied.
constexpr double kVaries = 0.05;

// One number of each slice.
using Rates = std::vector<double>;

double mean(const Rates& rates) {
  double sum = 0;
  for (const double rate : rates) sum += rate;
  return rates.empty() ? 0 : sum / static_cast<double>(rates.size());
}

double deviation(const Rates& rates) {
  const double middle = mean(rates);
  double sum = 0;
  for (const double rate : rates) sum += std::pow(rate - middle, 2);
  return rates.empty() ? 0 : std::sqrt(sum / static_cast<double>(rates.size()));
}

RateRange range(const Rates& rates) {
  const auto [least, most] = std::minmax_element(rates.begin(), rates.end());
  return {*least, *most};
}

// The slices under load, if all of them tell of the same queues, two or more, and there are enough of them.
std::vector<LoadSlice> told_by_queue(std::span<const LoadSlice> slices) {
  while (!slices.empty() && slices.front().requests == 0) slices = slices.subspan(1);
  while (!slices.empty() && slices.back().requests == 0) slices = slices.first(slices.size() - 1);
  const std::size_t queues = slices.empty() ? 0 : slices.front().queues.size();
  const bool same = std::all_of(slices.begin(), slices.end(), [&](const LoadSlice& slice) {
    return slice.queues.size() == queues && slice.seconds > 0;
  });
  if (queues < 2 || !same || slices.size() < kSomeSlices) return {};
  return {slices.begin(), slices.end()};
}

Rates total_rates(const std::vector<LoadSlice>& slices) {
  Rates rates;
  for (const LoadSlice& slice : slices) rates.push_back(slice.requests / slice.seconds);
  return rates;
}

Rates queue_rates(const std::vector<LoadSlice>& slices, std::size_t queue) {
  Rates rates;
  for (const LoadSlice& slice : slices) rates.push_back(slice.queues[queue].requests / slice.seconds);
  return rates;
}

Rates minus(Rates rates, const Rates& others) {
  for (std::size_t i = 0; i < rates.size(); ++i) rates[i] -= others[i];
  return rates;
}

// The slices without the three tenths whose rate, one of `rates` each, is furthest from the median.
std::vector<LoadSlice> nearest(const std::vector<LoadSlice>& slices, const Rates& rates) {
  Rates sorted = rates;
  std::sort(sorted.begin(), sorted.end());
  const double middle = sorted[sorted.size() / 2];
  std::vector<std::size_t> places(slices.size());
  for (std::size_t i = 0; i < places.size(); ++i) places[i] = i;
  std::stable_sort(places.begin(), places.end(), [&](std::size_t a, std::size_t b) {
    return std::abs(rates[a] - middle) < std::abs(rates[b] - middle);
  });
  places.resize(places.size() - 3 * places.size() / 10);
  std::vector<LoadSlice> kept;
  for (const std::size_t place : places) kept.push_back(slices[place]);
  return kept;
}

// As if the disk were this queue; each request counts as one byte.
std::vector<LoadSlice> only(const std::vector<LoadSlice>& slices, std::size_t queue) {
  std::vector<LoadSlice> own;
  for (const LoadSlice& slice : slices) {
    const QueueSlice& of = slice.queues[queue];
    own.push_back({slice.seconds, of.requests, of.requests, of.device_seconds, of.inflight, of.unrest});
  }
  return own;
}

std::optional<SteadyQueue> look_at(const std::vector<LoadSlice>& slices, std::size_t queue) {
  const std::vector<LoadSlice> own = only(slices, queue);
  const auto steady = steadiness(own);
  if (!steady || !steady->stays()) return std::nullopt;
  const std::vector<LoadSlice> kept = nearest(slices, queue_rates(slices, queue));
  const Rates rates = queue_rates(kept, queue), others = minus(total_rates(kept), rates);
  if (mean(others) < kUsed * mean(rates) ||
      deviation(others) < std::max(kFar * deviation(rates), kVaries * mean(others)))
    return std::nullopt;
  double requests = 0, device_seconds = 0;
  for (const LoadSlice& slice : own) {
    requests += slice.requests;
    device_seconds += slice.device_seconds;
  }
  return SteadyQueue{static_cast<std::uint32_t>(queue), *steady, device_seconds / requests, range(others)};
}

}  // namespace

std::optional<MovedQueue> moved_queue(std::span<const LoadSlice> all) {
  const std::vector<LoadSlice> slices = told_by_queue(all);
  if (slices.empty()) return std::nullopt;
  const std::vector<LoadSlice> kept = nearest(slices, total_rates(slices));
  std::size_t most = 0;
  for (std::size_t queue = 1; queue < kept.front().queues.size(); ++queue)
    if (deviation(queue_rates(kept, queue)) > deviation(queue_rates(kept, most))) most = queue;
  const Rates rates = queue_rates(kept, most), total = total_rates(kept);
  if (deviation(rates) < std::max(kFar * deviation(total), kUsed * mean(total))) return std::nullopt;
  return MovedQueue{static_cast<std::uint32_t>(most), range(rates)};
}

std::optional<SteadyQueue> steady_queue(std::span<const LoadSlice> all) {
  const std::vector<LoadSlice> slices = told_by_queue(all);
  std::optional<SteadyQueue> steadiest;
  if (slices.empty()) return steadiest;
  const double used = kUsed * mean(total_rates(slices));
  for (std::size_t queue = 0; queue < slices.front().queues.size(); ++queue) {
    if (mean(queue_rates(slices, queue)) < used) continue;
    const auto found = look_at(slices, queue);
    if (found && (!steadiest || found->steadiness.spread() < steadiest->steadiness.spread())) steadiest = found;
  }
  return steadiest;
}

}  // namespace vqscope
