// SPDX-License-Identifier: Apache-2.0
// What is read of a histogram in the arrays.
#include "agent/probes/histograms.h"

#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "agent/model/buckets.h"
#include "agent/probes/arrays.h"
#include "agent/probes/interrupts.h"

namespace vqscope {
namespace {

TEST(AddHistogram, AddsEveryCellAndTheSum) {
  for (std::size_t cell = 0; cell <= VQS_LAST_CELL; ++cell) {
    vqs_notify record = {};
    record.cells[cell] = 7;
    record.sum_ns = 700;
    Histogram histogram, expected;
    expected.set(cell, 14);
    expected.sum_ns = 1400;
    add_histogram(record.cells, record.sum_ns, histogram);
    add_histogram(record.cells, record.sum_ns, histogram);
    ASSERT_EQ(histogram, expected) << cell;
  }
}

TEST(AddHistogram, AddsWhateverIsThere) {
  std::mt19937_64 random(7);
  vqs_notify first = {}, second = {};
  Histogram expected, histogram;
  for (std::size_t cell = 0; cell <= VQS_LAST_CELL; ++cell) {
    if (random() % 3 == 0) first.cells[cell] = random();
    if (random() % 3 == 0) second.cells[cell] = random();
    expected.set(cell, first.cells[cell] + second.cells[cell]);
  }
  add_histogram(first.cells, first.sum_ns, histogram);
  add_histogram(second.cells, second.sum_ns, histogram);
  EXPECT_EQ(histogram, expected);
}

TEST(AddHistogram, LeavesOutThePaddingOfTheRecord) {
  vqs_notify record = {};
  for (std::size_t cell = VQS_LAST_CELL + 1; cell < VQS_CELLS; ++cell) record.cells[cell] = 1;
  Histogram histogram;
  add_histogram(record.cells, record.sum_ns, histogram);
  EXPECT_EQ(histogram, Histogram{});
}

// Another thread stands for the programs, on one cell after the other.
TEST(AddHistogram, NeverGoesBackWhileItIsWritten) {
  vqs_notify record = {};
  const std::jthread writer([&record] {
    for (std::uint64_t i = 0; i < 300'000; ++i) {
      __u64& cell = record.cells[i % (VQS_LAST_CELL + 1)];
      // Both halves of the word change, so that a torn one would be out of order.
      __atomic_store_n(&cell, load(cell) + 0x1'0000'0001, __ATOMIC_RELAXED);
      __atomic_fetch_add(&record.sum_ns, 1, __ATOMIC_RELAXED);
    }
  });
  Histogram before;
  while (before.sum_ns < 300'000) {
    Histogram now;
    add_histogram(record.cells, record.sum_ns, now);
    for (std::size_t cell = 0; cell < now.cells().size(); ++cell) {
      ASSERT_GE(now.cells()[cell], before.cells()[cell]);
      ASSERT_EQ(now.cells()[cell] >> 32, now.cells()[cell] & 0xffff'ffff);
    }
    ASSERT_GE(now.sum_ns, before.sum_ns);
    before = now;
  }
}

TEST(HandlerTimes, HasThoseThatWereGatheredLast) {
  vqs_irq line = {};
  vqs_vector vector = {};
  vector.handler_cells[cell_of(3'000)] = 5;
  vector.handler_ns = 15'000;
  line.gathered_ns[0] = 3'000;
  line.gathered_ns[1] = 50'000;
  line.gathered_ns[2] = 60'000;  // of an earlier round
  line.gathered = 2;
  Histogram expected;
  expected.set(cell_of(3'000), 6);
  expected.set(cell_of(50'000), 1);
  expected.sum_ns = 68'000;
  EXPECT_EQ(handler_times(line, vector), expected);
}

// Another thread stands for irq_exit.
TEST(HandlerTimes, CountsEveryOneOnceWhileTheyAreMoved) {
  constexpr std::uint64_t kRuns = 300'000, kNs = 3'000;
  vqs_irq line = {};
  vqs_vector vector = {};
  const std::jthread writer([&] {
    const auto add = [](__u64& word, std::uint64_t amount) { __atomic_fetch_add(&word, amount, __ATOMIC_RELAXED); };
    for (std::uint64_t i = 0; i < kRuns; ++i) {
      if (line.gathered < VQS_GATHERED) {
        __atomic_store_n(&line.gathered_ns[line.gathered], __u16{kNs}, __ATOMIC_RELAXED);
        __atomic_store_n(&line.gathered, line.gathered + 1, __ATOMIC_RELEASE);
        continue;
      }
      __atomic_fetch_add(&line.moves, 1, __ATOMIC_ACQ_REL);
      for (std::uint32_t moved = 0; moved <= VQS_GATHERED; ++moved) {
        add(vector.handler_cells[cell_of(kNs)], 1);
        add(vector.handler_ns, kNs);
      }
      __atomic_store_n(&line.gathered, 0U, __ATOMIC_RELAXED);
      __atomic_fetch_add(&line.moves, 1, __ATOMIC_ACQ_REL);
    }
  });
  std::uint64_t last = 0;
  while (last < kRuns) {
    const Histogram times = handler_times(line, vector);
    const std::uint64_t count = times.count();
    ASSERT_GE(count, last);
    ASSERT_EQ(times.sum_ns, count * kNs);
    last = count;
  }
  EXPECT_EQ(last, kRuns);
}

}  // namespace
}  // namespace vqscope
