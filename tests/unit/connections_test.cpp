// SPDX-License-Identifier: Apache-2.0
#include "exporters/http/connections.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <deque>

#include "agent/base/fd.h"

namespace vqscope {
namespace {

constexpr std::size_t kMost = 5, kStaying = 4;  // one may be on its way out

class ConnectionsTest : public testing::Test {
 protected:
  // A connection of `source`, number 0, 1, ...
  Connections::Entry* open(const std::string& source, ConnectionState state = ConnectionState::kHead) {
    int ends[2] = {-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    servers_.emplace_back(ends[0]);
    clients_.emplace_back(ends[1]);
    entries_.push_back(connections_.began(ends[0], source, state));
    return entries_.back();
  }
  // Which were told to go: their clients see the end.
  [[nodiscard]] std::vector<std::size_t> gone() const {
    std::vector<std::size_t> numbers;
    char byte = 0;
    for (std::size_t i = 0; i < clients_.size(); ++i)
      if (::recv(clients_[i].get(), &byte, 1, MSG_DONTWAIT) == 0) numbers.push_back(i);
    return numbers;
  }
  void end_overdue_after(std::chrono::seconds time) { connections_.end_overdue(Connections::Clock::now() + time); }
  [[nodiscard]] std::uint64_t refused(Refusal why) const {
    return connections_.counts().refused[static_cast<std::size_t>(why)];
  }
  [[nodiscard]] std::uint64_t at(ConnectionState state) const {
    return connections_.counts().connections[static_cast<std::size_t>(state)];
  }

  using Numbers = std::vector<std::size_t>;
  // Longer than any test takes, so that nothing but a call of end_overdue() finds it over.
  Connections connections_{kMost, {std::chrono::hours(1), std::chrono::hours(6), std::chrono::hours(3)}};
  std::deque<Fd> servers_, clients_;
  std::vector<Connections::Entry*> entries_;
};

TEST_F(ConnectionsTest, TheOneThatWaitedForLongestGivesWay) {
  for (std::size_t i = 0; i < kStaying; ++i) open("a");
  EXPECT_EQ(gone(), Numbers{});
  open("a");
  EXPECT_EQ(gone(), Numbers{0});
  EXPECT_EQ(refused(Refusal::kLimit), 1U);
  open("a");
  EXPECT_EQ(gone(), (Numbers{0, 1}));
}

TEST_F(ConnectionsTest, HavingAskedOrBeenAnsweredBeginsAnew) {
  for (std::size_t i = 0; i < kStaying; ++i) open("a");
  connections_.asked(entries_[0]);
  connections_.asked(entries_[1]);
  connections_.answered(entries_[1]);  // and has done something later than 2
  open("a");
  EXPECT_EQ(gone(), Numbers{2});
  for (const std::size_t i : {3U, 1U, 4U}) connections_.asked(entries_[i]);
  open("a");
  EXPECT_EQ(gone(), (Numbers{0, 2}));
}

TEST_F(ConnectionsTest, TheSourceWithTheMostLosesFirst) {
  open("honest");
  for (std::size_t i = 1; i < kStaying; ++i) open("hostile");
  for (std::size_t i = 0; i < 10; ++i) {
    open("hostile");
    EXPECT_EQ(gone().front(), 1U) << "the honest one stays";
  }
  open("another");
  EXPECT_EQ(gone().size(), 11U);
  EXPECT_EQ(gone().front(), 1U);
}

TEST_F(ConnectionsTest, ThoseThatLeaveMakeRoom) {
  for (std::size_t i = 0; i < kStaying; ++i) open("a");
  EXPECT_EQ(connections_.room(), 1U);
  EXPECT_TRUE(connections_.ended(entries_[2]));
  EXPECT_EQ(connections_.room(), 2U);
  open("b");
  EXPECT_EQ(gone(), Numbers{});
  open("b");
  EXPECT_EQ(gone(), Numbers{0});
  EXPECT_EQ(connections_.room(), 0U) << "until the one that was told to go is gone";
  EXPECT_FALSE(connections_.ended(entries_[0]));
  EXPECT_EQ(connections_.room(), 1U);
}

TEST_F(ConnectionsTest, EachStateHasItsTimeAndCountsFromWhereItBegan) {
  open("a", ConnectionState::kHandshake);
  open("a");
  connections_.asked(open("a"));
  connections_.asked(open("a"));
  connections_.answered(entries_[3]);
  connections_.greeted(entries_[0]);  // the time for the head includes the handshake
  end_overdue_after(std::chrono::minutes(50));
  EXPECT_EQ(gone(), Numbers{});
  end_overdue_after(std::chrono::minutes(70));
  EXPECT_EQ(gone(), (Numbers{0, 1}));
  end_overdue_after(std::chrono::hours(4));
  EXPECT_EQ(gone(), (Numbers{0, 1, 3}));
  EXPECT_EQ(refused(Refusal::kDeadline), 2U) << "one that was answered and then said nothing is no refusal";
  end_overdue_after(std::chrono::hours(7));
  EXPECT_EQ(gone(), (Numbers{0, 1, 2, 3}));
  EXPECT_EQ(refused(Refusal::kDeadline), 3U);
}

TEST_F(ConnectionsTest, StatesAreCounted) {
  open("a", ConnectionState::kHandshake);
  open("a");
  EXPECT_EQ(at(ConnectionState::kHandshake), 1U);
  connections_.greeted(entries_[0]);
  EXPECT_EQ(at(ConnectionState::kHandshake), 0U);
  EXPECT_EQ(at(ConnectionState::kHead), 2U);
  connections_.asked(entries_[0]);
  EXPECT_EQ(at(ConnectionState::kAnswering), 1U);
  connections_.answered(entries_[0]);
  EXPECT_EQ(at(ConnectionState::kIdle), 1U);
  connections_.ended(entries_[0]);
  connections_.ended(entries_[1]);
  EXPECT_EQ(connections_.counts().connections, EndpointCounts().connections);
}

TEST(Connections, LooksAtTheDeadlinesItself) {
  Connections connections(kMost, {std::chrono::seconds(0), std::chrono::seconds(0), std::chrono::seconds(0)});
  int ends[2] = {-1, -1};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const Fd server(ends[0]), client(ends[1]);
  auto* const entry = connections.began(server.get(), "a", ConnectionState::kHead);
  char byte = 0;
  EXPECT_EQ(::recv(client.get(), &byte, 1, 0), 0);  // waits for the end
  connections.ended(entry);
}

TEST(Seldom, TellsOnceAMinuteHowOftenItWas) {
  Seldom seldom;
  const std::chrono::steady_clock::time_point start;
  EXPECT_EQ(seldom.tell(start), 1U);
  EXPECT_EQ(seldom.tell(start + std::chrono::seconds(1)), std::nullopt);
  EXPECT_EQ(seldom.tell(start + std::chrono::seconds(59)), std::nullopt);
  EXPECT_EQ(seldom.tell(start + std::chrono::seconds(60)), 3U);
  EXPECT_EQ(seldom.tell(start + std::chrono::seconds(61)), std::nullopt);
}

}  // namespace
}  // namespace vqscope
