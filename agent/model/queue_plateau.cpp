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
// Share of a second's requests from which a queue is one that the load uses.
constexpr double kUsed = 0.1;
// Standard deviation of a queue's rate, as a share of the disk's, from which it went up and down.
constexpr double kVaries = 0.1;

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
  const std::size_t queues = slices.empty() ? 0 : slices.front().queue_requests.size();
  const bool same = std::all_of(slices.begin(), slices.end(), [&](const LoadSlice& slice) {
    return slice.queue_requests.size() == queues && slice.seconds > 0;
  });
  if (queues < 2 || !same || slices.size() < kSomeSlices) return {};
  return {slices.begin(), slices.end()};
}

Rates total_rates(const std::vector<LoadSlice>& slices) {
  Rates rates;
  rates.reserve(slices.size());
  for (const LoadSlice& slice : slices) rates.push_back(slice.requests / slice.seconds);
  return rates;
}

Rates queue_rates(const std::vector<LoadSlice>& slices, std::size_t queue) {
  Rates rates;
  rates.reserve(slices.size());
  for (const LoadSlice& slice : slices) rates.push_back(slice.queue_requests[queue] / slice.seconds);
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
  kept.reserve(places.size());
  for (const std::size_t place : places) kept.push_back(slices[place]);
  return kept;
}

// Those of the slices in which this queue and others brought a part of the load.
std::vector<LoadSlice> busy_beside_others(const std::vector<LoadSlice>& slices, std::size_t queue) {
  std::vector<LoadSlice> busy;
  for (const LoadSlice& slice : slices) {
    const double own = slice.queue_requests[queue];
    if (own >= kUsed * slice.requests && slice.requests - own >= kUsed * slice.requests) busy.push_back(slice);
  }
  return busy;
}

// By how much the queue went up and down while the sum did not; 0 if it did not.
double moved_by(const std::vector<LoadSlice>& slices, std::size_t queue) {
  std::vector<LoadSlice> busy = busy_beside_others(slices, queue);
  if (busy.size() < kSomeSlices) return 0;
  // Seconds in which a load went to another queue are neither here nor there.
  busy = nearest(busy, queue_rates(busy, queue));
  const Rates total = total_rates(busy);
  const double by = deviation(queue_rates(busy, queue));
  return by >= std::max(kFar * deviation(total), kVaries * mean(total)) ? by : 0;
}

}  // namespace

std::optional<MovedQueue> moved_queue(std::span<const LoadSlice> all) {
  std::vector<LoadSlice> slices = told_by_queue(all);
  if (slices.empty()) return std::nullopt;
  slices = nearest(slices, total_rates(slices));
  std::size_t most = 0;
  double by = 0;
  for (std::size_t queue = 0; queue < slices.front().queue_requests.size(); ++queue)
    if (const double moved = moved_by(slices, queue); moved > by) {
      most = queue;
      by = moved;
    }
  if (by == 0) return std::nullopt;
  const std::vector<LoadSlice> busy = busy_beside_others(slices, most);
  return MovedQueue{static_cast<std::uint32_t>(most), range(queue_rates(nearest(busy, queue_rates(busy, most)), most))};
}

}  // namespace vqscope
