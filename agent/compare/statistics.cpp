// SPDX-License-Identifier: Apache-2.0
#include "agent/compare/statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

namespace vqscope {

namespace {

constexpr std::size_t kReplicates = 400;
// Longer recordings are put together to so many bins, which are as good and take no longer.
constexpr std::size_t kMaxBins = 600;
constexpr std::size_t kFewestBlocks = 5;
constexpr double kLargestCorrelation = 0.95;  // more cannot be told from a trend
constexpr std::uint64_t kSeed = 0x76717363;   // the same files give the same answer

double mean(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// Logarithms of the two numbers that say most of a second; seconds without requests are left out.
void logs_of(std::span<const Second> bins, std::vector<double>& rate, std::vector<double>& latency) {
  for (const Second& bin : bins) {
    double time = 0, requests = 0;
    for (const Boxed<OpSecond>& op : bin.ops) {
      if (!op) continue;
      time += static_cast<double>(op->device.sum_ns + op->queue.sum_ns);
      requests += static_cast<double>(op->requests);
    }
    if (requests == 0 || time == 0) continue;
    rate.push_back(std::log(requests / bin.seconds));
    latency.push_back(std::log(time / requests));
  }
}

// Puts so many seconds together to each bin.
std::vector<Second> make_bins(std::span<const Second> seconds, std::size_t each) {
  std::vector<Second> bins;
  for (std::size_t first = 0; first < seconds.size(); first += each) {
    Totals sum;
    for (const Second& second : seconds.subspan(first, std::min(each, seconds.size() - first))) sum.add(second);
    Second& bin = bins.emplace_back();
    bin.seconds = sum.seconds;
    bin.queued_seconds = sum.queued_seconds;
    for (std::size_t op = 0; op < VQS_OPS; ++op) {
      const Totals::Op& total = sum.ops[op];
      if (total.requests == 0 && total.errors == 0) continue;
      bin.ops[op] = OpSecond{SparseHistogram(total.device), SparseHistogram(total.queue), total.requests, total.bytes,
                             total.errors};
    }
  }
  return bins;
}

// Sum and sum of squares of a number's logarithm over the replicates that have it.
struct Spread {
  double sum = 0, squares = 0;
  std::size_t count = 0;

  void add(double value) {
    sum += value;
    squares += value * value;
    ++count;
  }
  [[nodiscard]] double deviation() const {
    if (count < 2) return 0;
    const auto n = static_cast<double>(count);
    return std::sqrt(std::max(0.0, (squares - sum * sum / n) / (n - 1)));
  }
};

}  // namespace

Dependence dependence(std::span<const double> values) {
  const std::size_t n = values.size();
  if (n < 2 * kFewestBlocks) return {};
  const double center = mean(values);
  double variance = 0, covariance = 0;
  for (std::size_t i = 0; i < n; ++i) {
    variance += (values[i] - center) * (values[i] - center);
    if (i > 0) covariance += (values[i] - center) * (values[i - 1] - center);
  }
  if (variance == 0) return {};
  // The estimate is too low by about (1 + 4 rho) / n (Marriott and Pope 1954).
  const auto count = static_cast<double>(n);
  const double raw = covariance / variance;
  const double rho = std::clamp(raw + (1 + 4 * raw) / count, 0.0, kLargestCorrelation);
  const double length = std::pow(std::sqrt(6.0) * rho / (1 - rho * rho), 2.0 / 3) * std::cbrt(count);
  Dependence result;
  result.block = std::clamp<std::size_t>(static_cast<std::size_t>(std::ceil(length)), 1, n / kFewestBlocks);
  // Variance of a long mean against that of independent values: as the series has it, and as its blocks show it.
  double blocks = 1;
  for (std::size_t lag = 1; lag < result.block; ++lag)
    blocks += 2 * (1 - static_cast<double>(lag) / static_cast<double>(result.block)) *
              std::pow(rho, static_cast<double>(lag));
  result.correction = std::sqrt((1 + rho) / (1 - rho) / blocks);
  return result;
}

Estimates estimate(std::span<const Second> seconds, NumbersOf numbers) {
  std::vector<Second> merged;
  if (seconds.size() > kMaxBins) merged = make_bins(seconds, (seconds.size() + kMaxBins - 1) / kMaxBins);
  const std::span<const Second> bins = merged.empty() ? seconds : merged;
  Totals whole;
  for (const Second& bin : bins) whole.add(bin);
  const Numbers values = numbers(whole);
  Estimates result;
  for (const auto& value : values) result.numbers.push_back({value, 0});
  if (bins.size() < 2) return result;

  std::vector<double> rate, latency;
  logs_of(bins, rate, latency);
  const Dependence of_rate = dependence(rate), of_latency = dependence(latency);
  const std::size_t length = std::max(of_rate.block, of_latency.block);
  const std::size_t blocks = (bins.size() + length - 1) / length;
  std::vector<Spread> spreads(values.size());
  std::mt19937_64 random(kSeed);
  for (std::size_t replicate = 0; replicate < kReplicates; ++replicate) {
    Totals sum;
    for (std::size_t taken = 0; taken < bins.size(); taken += length) {
      const std::size_t first = random() % bins.size();
      for (std::size_t i = 0; i < length && taken + i < bins.size(); ++i) sum.add(bins[(first + i) % bins.size()]);
    }
    const Numbers drawn = numbers(sum);
    for (std::size_t i = 0; i < drawn.size(); ++i)
      if (drawn[i] && *drawn[i] > 0) spreads[i].add(std::log(*drawn[i]));
  }
  // Few blocks scatter too little around their own mean.
  const auto count = static_cast<double>(blocks);
  const double correction = std::sqrt(count / (count - 1)) * std::max(of_rate.correction, of_latency.correction);
  for (std::size_t i = 0; i < values.size(); ++i) result.numbers[i].log_error = spreads[i].deviation() * correction;
  result.degrees_of_freedom = count - 1;
  return result;
}

std::optional<Ratio> compare(const Estimate& before, double before_freedom, const Estimate& after,
                             double after_freedom) {
  if (!before.value || !after.value || *before.value <= 0 || *after.value <= 0) return std::nullopt;
  const double a = before.log_error * before.log_error, b = after.log_error * after.log_error;
  double width = 0;
  if (a + b > 0)  // Welch and Satterthwaite
    width = std::sqrt(a + b) * student_quantile((a + b) * (a + b) / (a * a / before_freedom + b * b / after_freedom));
  const double change = std::log(*after.value / *before.value);
  return Ratio{std::exp(change), std::exp(change - width), std::exp(change + width)};
}

double student_quantile(double degrees_of_freedom) {
  constexpr double z = 2.5758293035489004;  // of the normal distribution, (1 + kConfidence) / 2
  constexpr double z3 = z * z * z, z5 = z3 * z * z, z7 = z5 * z * z;
  const double n = std::max(degrees_of_freedom, 2.0);
  return z + (z3 + z) / (4 * n) + (5 * z5 + 16 * z3 + 3 * z) / (96 * n * n) +
         (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * n * n * n);
}

double deviation(std::span<const double> values) {
  Spread spread;
  for (const double value : values) spread.add(value);
  return spread.deviation();
}

}  // namespace vqscope
