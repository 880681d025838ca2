// SPDX-License-Identifier: Apache-2.0
// All that threads share while the agent serves, used by several at once. Under ThreadSanitizer (tests/run.sh tsan)
// these are the tests that matter; without it they show that nothing is torn or lost.
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "agent/collector/collector.h"
#include "agent/commands/serve/shared_pages.h"
#include "exporters/http/unread.h"
#include "exporters/prometheus/formats.h"
#include "exporters/prometheus/model_families.h"
#include "exporters/prometheus/self_metrics.h"
#include "tests/unit/guest.h"

namespace vqscope {
namespace {

// Gives up the calling thread's rights, and those of threads that it starts: so no BPF program is loaded.
void drop_rights() {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[2] = {};
  ASSERT_EQ(::syscall(SYS_capset, &header, none), 0);
}

// Runs each function in a thread of its own, all at the same time.
void run_together(const std::vector<std::function<void()>>& functions) {
  std::atomic<std::size_t> ready = 0;
  std::vector<std::thread> threads;
  for (const auto& function : functions)
    threads.emplace_back([&] {
      ++ready;
      while (ready < functions.size()) std::this_thread::yield();
      function();
    });
  for (std::thread& thread : threads) thread.join();
}

std::function<void()> repeated(int times, std::function<void()> function) {
  return [times, function = std::move(function)] {
    for (int i = 0; i < times; ++i) function();
  };
}

class WithCollector : public ::testing::Test {
 protected:
  WithCollector() : tree_(guest().unpack()) {
    std::thread([this] {
      drop_rights();
      auto filter = DeviceFilter::create("", "");
      auto collector = Collector::create({tree_.paths, std::move(*filter), {}, 1'000'000'000});
      if (collector) collector_ = std::move(*collector);
    }).join();
  }

  static test::Guest guest() {
    test::Guest guest("virtio-blk");
    guest.file("proc/diskstats", " 253 0 vda 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17");
    return guest;
  }

  test::Tree tree_;
  std::unique_ptr<Collector> collector_;
};

TEST_F(WithCollector, ScrapesSamplesAndRefreshesAtTheSameTime) {
  ASSERT_TRUE(collector_);
  SelfMetrics self("1", "", 0);
  SharedPages pages;
  UnreadBodies unread(1 << 16, [](UnreadBodies::Reader) {});
  const auto scrape = [&](Format format) {
    const Body body = pages.metrics(format, false).get(monotonic_ns(), [&] {
      const Model model = collector_->collect();
      EXPECT_EQ(model.devices.size(), 1U);
      std::vector<Family> families = model_families(model);
      for (Family& family : self.families(tree_.paths.procfs, {})) families.push_back(std::move(family));
      return write(format, families, default_classic_buckets());
    });
    char one = 0;
    const auto reader = reinterpret_cast<UnreadBodies::Reader>(&one);
    unread.begin(reader, body);
    EXPECT_FALSE(body.bytes().empty());
    unread.end(reader);
    self.count_scrape(format, std::chrono::milliseconds(1));
  };
  constexpr int kTimes = 40;
  run_together({
      repeated(kTimes, [&] { scrape(Format::kText); }),
      repeated(kTimes, [&] { scrape(Format::kText); }),
      repeated(kTimes, [&] { scrape(Format::kOpenMetrics); }),
      repeated(kTimes, [&] { scrape(Format::kProtobuf); }),
      repeated(kTimes, [&] { EXPECT_EQ(collector_->reading().topology.disks.size(), 1U); }),
      repeated(kTimes, [&] { collector_->sample(); }),
      repeated(kTimes, [&] { collector_->refresh(); }),
      repeated(kTimes, [&] { EXPECT_FALSE(collector_->outdated()); }),
      repeated(kTimes, [&] { pages.forget(); }),
  });
  EXPECT_EQ(collector_->collect().devices.size(), 1U);
  EXPECT_EQ(unread.bytes(), 0U);
}

TEST_F(WithCollector, ADiskThatComesAndGoesDuringScrapes) {
  ASSERT_TRUE(collector_);
  const auto link = tree_.paths.sysfs / "block/vda";
  const auto target = std::filesystem::read_symlink(link);
  run_together({
      repeated(40, [&] { EXPECT_LE(collector_->collect().devices.size(), 1U); }),
      repeated(40, [&] { collector_->sample(); }),
      repeated(20,
               [&] {
                 std::filesystem::remove(link);
                 collector_->refresh();
                 std::filesystem::create_symlink(target, link);
                 collector_->refresh();
               }),
  });
  EXPECT_EQ(collector_->collect().devices.size(), 1U);
}

TEST(SharedPage, ManyWhoAskAtOnceGetWholePagesThatWereBegunAfterTheyAsked) {
  SharedPage page;
  std::atomic<int> made = 0;
  const auto ask = [&] {
    const std::uint64_t asked_ns = monotonic_ns();
    const Body body = page.get(asked_ns, [&] {
      ++made;
      return Body(std::to_string(monotonic_ns()) + std::string(10'000, ' '));
    });
    ASSERT_GT(std::stoull(body.bytes()), asked_ns);
    ASSERT_EQ(body.bytes().size(), std::to_string(asked_ns).size() + 10'000);
  };
  run_together({repeated(200, ask), repeated(200, ask), repeated(200, ask), repeated(200, [&] { page.forget(); })});
  EXPECT_GE(made, 1);
  EXPECT_LE(made, 600);
}

TEST(SharedPage, IsMadeOnceForAllWhoAskedBeforeItWasBegun) {
  SharedPage page;
  int made = 0;
  const auto make = [&] { return Body(std::to_string(++made)); };
  const std::uint64_t before = monotonic_ns() - 1;
  const Body first = page.get(before, make);
  EXPECT_EQ(&page.get(before, make).bytes(), &first.bytes());
  EXPECT_EQ(page.get(monotonic_ns(), make).bytes(), "2") << "who asks while or after it is made gets another";
  EXPECT_EQ(page.get(before, make).bytes(), "2");
}

TEST(SharedPage, IsFreedOnceItIsNotGivenOutAnyMore) {
  SharedPage page;
  int made = 0;
  const auto make = [&] { return Body(std::to_string(++made)); };
  page.get(0, make);
  page.forget();
  EXPECT_EQ(page.get(0, make).bytes(), "1");
  page.forget();
  page.forget();
  EXPECT_EQ(page.get(0, make).bytes(), "2");
}

TEST(SharedPage, AFailureLeavesNothingBehind) {
  SharedPage page;
  EXPECT_THROW(page.get(0, []() -> Body { throw std::bad_alloc(); }), std::bad_alloc);
  EXPECT_EQ(page.get(0, [] { return Body("page"); }).bytes(), "page");
}

}  // namespace
}  // namespace vqscope
