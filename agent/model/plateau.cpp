// SPDX-License-Identifier: Apache-2.0
#include "agent/model/plateau.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace vqscope {

namespace {

// Slices from which a spread says something.
constexpr std::size_t kSomeSlices = 5;
// Times that one spread is less than the other, from which one stayed and the other did not. In a closed loop that is
// not held back the rate spreads at least as far as in-flight does.
constexpr double kFar = 3;
// Spreads below it are within what the reading of a slice's ends may be off: some tens of microseconds in a second.
constexpr double kReadable = 1e-4;
// Correlation from which two numbers go up and down together, by chance once in a thousand times with eight slices.
constexpr double kTogether = 0.85;
// Spread from which it is sizes that make it, and not the reading of two counters one after the other.
constexpr double kOfSizes = 1e-3;
constexpr double kSizesVary = 2;  // times that the spreads of requests and bytes are apart

struct Point {
  double requests_rate, bytes_rate;
  LoadSlice slice;
};

// Little's law: what was in flight over the time that those that completed took. It is the rate of completions, but for
// the requests that a slice's ends cut in two, of which it counts the parts.
Point point_of(const LoadSlice& slice) {
  const double rate = slice.inflight / (slice.device_seconds / slice.requests);
  return {rate, rate * slice.bytes / slice.requests, slice};
}

template <typename Value>
double mean(const std::vector<Point>& points, Value value) {
  double sum = 0;
  for (const Point& point : points) sum += value(point);
  return sum / static_cast<double>(points.size());
}

template <typename Value>
double spread(const std::vector<Point>& points, Value value) {
  const double average = mean(points, value);
  if (average <= 0) return 0;
  return std::sqrt(mean(points, [&](const Point& point) { return std::pow(value(point) / average - 1, 2); }));
}

template <typename Value>
double median(std::vector<Point> points, Value value) {
  const auto middle = points.begin() + static_cast<std::ptrdiff_t>(points.size() / 2);
  std::nth_element(points.begin(), middle, points.end(),
                   [&](const Point& a, const Point& b) { return value(a) < value(b); });
  return value(*middle);
}

constexpr auto kRequests = [](const Point& point) { return point.requests_rate; };
constexpr auto kBytes = [](const Point& point) { return point.bytes_rate; };
constexpr auto kCountedRequests = [](const Point& point) { return point.slice.requests / point.slice.seconds; };
constexpr auto kCountedBytes = [](const Point& point) { return point.slice.bytes / point.slice.seconds; };
constexpr auto kInflight = [](const Point& point) { return point.slice.inflight; };

// Without the three tenths that are furthest from the median: a guest that its host does not run has such seconds.
template <typename Value>
std::vector<Point> nearest(std::vector<Point> points, Value value) {
  const double middle = median(points, value);
  std::sort(points.begin(), points.end(),
            [&](const Point& a, const Point& b) { return std::abs(value(a) - middle) < std::abs(value(b) - middle); });
  if (points.size() >= kSomeSlices) points.resize(points.size() - 3 * points.size() / 10);
  return points;
}

// Per second, as it was counted.
double rate(const std::vector<Point>& points, double LoadSlice::*count) {
  return mean(points, [&](const Point& point) { return point.slice.*count; }) /
         mean(points, [](const Point& point) { return point.slice.seconds; });
}

bool is_busy(const LoadSlice& slice) { return slice.requests > 0 && slice.device_seconds > 0 && slice.inflight > 0; }

// Without those before the load began and after it ended.
std::span<const LoadSlice> under_load(std::span<const LoadSlice> slices) {
  while (!slices.empty() && !is_busy(slices.front())) slices = slices.subspan(1);
  while (!slices.empty() && !is_busy(slices.back())) slices = slices.first(slices.size() - 1);
  return slices;
}

// By Little's law, or as it was counted: the one is off where requests take longer than a slice, the other where few
// of them complete in one.
template <typename ByLaw, typename Counted>
double lesser_spread(const std::vector<Point>& points, ByLaw by_law, Counted counted) {
  return std::min(spread(nearest(points, by_law), by_law), spread(nearest(points, counted), counted));
}

double correlation(const std::vector<Point>& points) {
  const double rates = spread(points, kRequests), inflight = spread(points, kInflight);
  if (rates == 0 || inflight == 0) return 0;
  const double middle = mean(points, kRequests), average = mean(points, kInflight);
  return mean(points,
              [&](const Point& point) {
                return (point.requests_rate / middle - 1) * (kInflight(point) / average - 1);
              }) /
         (rates * inflight);
}

}  // namespace

double Steadiness::spread() const { return std::min(requests_spread, bytes_spread); }

bool Steadiness::is_of_bytes() const { return requests_spread >= kSizesVary * std::max(bytes_spread, kOfSizes); }

bool Steadiness::is_of_requests() const { return bytes_spread >= kSizesVary * std::max(requests_spread, kOfSizes); }

bool Steadiness::stays() const {
  const double varied = is_of_bytes() ? std::max(inflight_spread, requests_spread) : inflight_spread;
  return slices >= kSomeSlices && varied >= kFar * std::max(spread(), kReadable);
}

bool Steadiness::follows() const {
  return slices >= kSomeSlices && inflight_spread >= kReadable && kSizesVary * requests_spread >= inflight_spread &&
         correlation >= kTogether;
}

std::optional<Steadiness> steadiness(std::span<const LoadSlice> slices) {
  std::vector<Point> points;
  Steadiness result;
  slices = under_load(slices);
  for (const LoadSlice& slice : slices) {
    if (!is_busy(slice)) return std::nullopt;
    points.push_back(point_of(slice));
    result.unrest += slice.unrest / static_cast<double>(slices.size());
  }
  if (points.size() < 2) return std::nullopt;
  result.slices = points.size();
  result.requests_spread = lesser_spread(points, kRequests, kCountedRequests);
  result.bytes_spread = lesser_spread(points, kBytes, kCountedBytes);
  const auto kept = result.is_of_bytes() ? nearest(points, kBytes) : nearest(points, kRequests);
  result.inflight_spread = spread(kept, kInflight);
  result.inflight = mean(kept, kInflight);
  result.requests_rate = rate(kept, &LoadSlice::requests);
  result.bytes_rate = rate(kept, &LoadSlice::bytes);
  const auto [least, most] = std::minmax_element(
      kept.begin(), kept.end(), [](const Point& a, const Point& b) { return kInflight(a) < kInflight(b); });
  result.least_inflight = kInflight(*least);
  result.most_inflight = kInflight(*most);
  result.correlation = correlation(kept);
  const auto lowest = std::min_element(slices.begin(), slices.end(),
                                       [](const LoadSlice& a, const LoadSlice& b) { return a.inflight < b.inflight; });
  if (2 * lowest->inflight <= result.inflight) result.low_depth_seconds = lowest->device_seconds / lowest->requests;
  return result;
}

}  // namespace vqscope
