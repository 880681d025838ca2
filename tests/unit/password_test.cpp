// SPDX-License-Identifier: Apache-2.0
#include "exporters/http/password.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <vector>

#include "exporters/http/password_checker.h"

namespace vqscope {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// From the test vectors of OpenBSD's and Openwall's bcrypt, and of Go's golang.org/x/crypto/bcrypt.
constexpr const char* kHash2a = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";  // "U*U"
constexpr const char* kHash2y = "$2y$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e";  // "\xff\xff\xa3"

std::shared_ptr<BasicAuth> users() {
  return std::make_shared<BasicAuth>(
      std::map<std::string, std::string, std::less<>>{{"alice", kHash2a}, {"bob", kHash2y}});
}

TEST(BcryptHash, OfThreeKindsAndUsableCostIsAccepted) {
  const std::string rest = "$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234";
  for (const char* prefix : {"$2a$04", "$2b$10", "$2y$16"}) EXPECT_TRUE(check_bcrypt_hash(prefix + rest)) << prefix;
  for (const char* prefix : {"$2y$03", "$2y$17", "$2y$31", "$2y$-4", "$2x$10", "$1$aaa", "$2y$1x", "$2$010"}) {
    const auto checked = check_bcrypt_hash(prefix + rest);
    ASSERT_FALSE(checked) << prefix;
    EXPECT_THAT(checked.error().message, Not(HasSubstr("abcdef")));
  }
  for (const std::string& hash :
       {std::string(), std::string("x"), "$2y$10" + rest + "x", "$2y$10" + rest.substr(0, 30) + ":" + rest.substr(31)})
    EXPECT_FALSE(check_bcrypt_hash(hash)) << hash;
}

TEST(BasicAuthorization, IsUserAndPasswordInBase64) {
  const auto plain = parse_basic_authorization("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");  // RFC 7617
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->user, "Aladdin");
  EXPECT_EQ(plain->password, "open sesame");
  const auto colons = parse_basic_authorization("bAsIc  YTpiOmM=");
  ASSERT_TRUE(colons);
  EXPECT_EQ(colons->user, "a");
  EXPECT_EQ(colons->password, "b:c");
}

TEST(BasicAuthorization, IsNothingElse) {
  for (const char* text : {"", "Basic", "Basic ", "Basic   ", "Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Basic ***",
                           "Basic YWJj" /* abc: no colon */, "Basic =", "BasicYTpi"})
    EXPECT_FALSE(parse_basic_authorization(text)) << text;
}

TEST(BasicAuth, RightPasswordsPassAndWrongOnesDoNot) {
  const auto auth = users();
  EXPECT_TRUE(auth->check({"alice", "U*U"}));
  EXPECT_TRUE(auth->check({"bob", "\xff\xff\xa3"}));
  EXPECT_FALSE(auth->check({"alice", "U*V"}));
  EXPECT_FALSE(auth->check({"alice", ""}));
  EXPECT_FALSE(auth->check({"bob", "U*U"}));
  EXPECT_FALSE(auth->check({"mallory", "U*U"}));
  EXPECT_FALSE(auth->check({"", ""}));
}

TEST(BasicAuth, APasswordEndsWhereItEndsAndNotAtItsFirstNul) {
  EXPECT_FALSE(users()->check({"alice", std::string("U*U\0x", 5)}));
  EXPECT_FALSE(users()->check({"alice", std::string(100'000, 'U')}));
}

TEST(BasicAuth, EveryCheckRunsBcryptOnceWhoeverAsks) {
  const auto auth = users();
  const auto runs = [&](const char* user, const char* password) {
    const std::uint64_t before = auth->bcrypt_runs();
    (void)auth->check({user, password});
    return auth->bcrypt_runs() - before;
  };
  EXPECT_EQ(runs("alice", "U*U"), 1U);
  EXPECT_EQ(runs("alice", "wrong"), 1U);
  EXPECT_EQ(runs("nobody", "U*U"), 1U);
  EXPECT_EQ(runs("", ""), 1U);
}

TEST(BasicAuth, RemembersWhatWasRightAndNothingElse) {
  const auto auth = users();
  EXPECT_FALSE(auth->remembers({"alice", "U*U"}));
  ASSERT_TRUE(auth->check({"alice", "U*U"}));
  EXPECT_FALSE(auth->check({"alice", "wrong"}));
  EXPECT_FALSE(auth->check({"nobody", "U*U"}));
  const std::uint64_t runs = auth->bcrypt_runs();
  EXPECT_TRUE(auth->remembers({"alice", "U*U"}));
  for (const auto& [user, password] : std::vector<std::pair<const char*, const char*>>{
           {"alice", "wrong"}, {"nobody", "U*U"}, {"bob", "U*U"}, {"alice", ""}, {"alice U*U", ""}})
    EXPECT_FALSE(auth->remembers({user, password})) << user;
  EXPECT_EQ(auth->bcrypt_runs(), runs);
}

// Held by the checker's thread as well, which may still be at it when the test that waited for it goes on.
template <typename T>
std::shared_ptr<std::promise<T>> shared_promise() {
  return std::make_shared<std::promise<T>>();
}

// A check that the checker is at, and that lasts until it is let go.
class Blocker {
 public:
  Blocker(PasswordChecker& checker, const std::shared_ptr<BasicAuth>& auth) {
    const auto reached = shared_promise<void>();
    EXPECT_TRUE(checker.submit("blocker", auth, {"alice", "x"}, [reached, go = go_](PasswordVerdict) {
      reached->set_value();
      go->get_future().wait();
    }));
    reached->get_future().wait();
  }
  void let_go() { go_->set_value(); }

 private:
  std::shared_ptr<std::promise<void>> go_ = shared_promise<void>();
};

TEST(PasswordChecker, TellsRightFromWrong) {
  const auto auth = users();
  PasswordChecker checker;
  for (const auto& [password, expected] :
       {std::pair{"U*U", PasswordVerdict::kRight}, {"no", PasswordVerdict::kWrong}}) {
    const auto verdict = shared_promise<PasswordVerdict>();
    ASSERT_TRUE(
        checker.submit("a", auth, {"alice", password}, [verdict](PasswordVerdict v) { verdict->set_value(v); }));
    EXPECT_EQ(verdict->get_future().get(), expected);
  }
}

TEST(PasswordChecker, OnePeersChecksLeaveRoomForOthers) {
  const auto auth = users();
  std::atomic<int> done = 0;
  PasswordChecker checker;
  Blocker blocker(checker, auth);
  const auto count = [&](PasswordVerdict) { ++done; };
  for (std::size_t i = 0; i < PasswordChecker::kMaxWaitingOfPeer; ++i)
    EXPECT_TRUE(checker.submit("hostile", auth, {"alice", "x"}, count));
  EXPECT_FALSE(checker.submit("hostile", auth, {"alice", "x"}, count));
  const auto honest = shared_promise<PasswordVerdict>();
  EXPECT_TRUE(checker.submit("honest", auth, {"alice", "U*U"}, [honest](PasswordVerdict v) { honest->set_value(v); }));
  blocker.let_go();
  EXPECT_EQ(honest->get_future().get(), PasswordVerdict::kRight);
  EXPECT_EQ(done, static_cast<int>(PasswordChecker::kMaxWaitingOfPeer));
}

TEST(PasswordChecker, HasRoomForSoManyAndNoMore) {
  const auto auth = users();
  PasswordChecker checker;
  Blocker blocker(checker, auth);
  const auto ignore = [](PasswordVerdict) {};
  for (std::size_t i = 0; i < PasswordChecker::kMaxWaiting; ++i)
    EXPECT_TRUE(checker.submit(std::to_string(i), auth, {"alice", "x"}, ignore));
  EXPECT_FALSE(checker.submit("one more", auth, {"alice", "x"}, ignore));
  blocker.let_go();
}

TEST(PasswordChecker, TheSamePasswordTwiceIsCheckedOnce) {
  const auto auth = users();
  PasswordChecker checker;
  Blocker blocker(checker, auth);
  const std::uint64_t before = auth->bcrypt_runs();
  const auto last = shared_promise<void>();
  EXPECT_TRUE(checker.submit("a", auth, {"alice", "U*U"}, [](PasswordVerdict) {}));
  EXPECT_TRUE(checker.submit("b", auth, {"alice", "U*U"}, [last](PasswordVerdict) { last->set_value(); }));
  blocker.let_go();
  last->get_future().wait();
  EXPECT_EQ(auth->bcrypt_runs() - before, 1U);
}

TEST(PasswordChecker, StopAnswersAllThatWaitAndLetsNobodyIn) {
  const auto auth = users();
  std::atomic<int> answered = 0;
  PasswordChecker checker;
  const auto count = [&](PasswordVerdict) { ++answered; };
  for (const char* peer : {"a", "b", "c"}) EXPECT_TRUE(checker.submit(peer, auth, {"alice", "x"}, count));
  checker.stop();
  EXPECT_EQ(answered, 3);
  EXPECT_FALSE(checker.submit("d", auth, {"alice", "x"}, count));
}

}  // namespace
}  // namespace vqscope
