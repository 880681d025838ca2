// SPDX-License-Identifier: Apache-2.0
#include "exporters/http/listener.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "exporters/http/socket_address.h"

namespace vqscope {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// The port in "HOST:PORT"; 0 if there is none.
int port_of(const std::string& address) { return std::atoi(address.substr(address.rfind(':') + 1).c_str()); }

sockaddr_in loopback(int port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool can_connect(int port) {
  const Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = loopback(port);
  return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

bool has_ipv6_loopback() {
  const Fd fd(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in6 address = {};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_loopback;
  return fd && ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

TEST(ListenOn, PortZeroTakesAFreeOneAndTellsWhich) {
  const auto listeners = listen_on("127.0.0.1:0");
  ASSERT_TRUE(listeners) << listeners.error().message;
  ASSERT_EQ(listeners->size(), 1U);
  const Listener& listener = listeners->front();
  EXPECT_THAT(listener.address, StartsWith("127.0.0.1:"));
  EXPECT_GT(port_of(listener.address), 0);
  EXPECT_TRUE(can_connect(port_of(listener.address)));
}

TEST(ListenOn, LetsLittleOfAnAnswerWaitInASocket) {
  const auto listeners = listen_on("127.0.0.1:0");
  ASSERT_TRUE(listeners);
  int bytes = 0;
  socklen_t size = sizeof bytes;
  ASSERT_EQ(::getsockopt(listeners->front().fd.get(), SOL_SOCKET, SO_SNDBUF, &bytes, &size), 0);
  EXPECT_EQ(bytes, 128 << 10);  // the kernel doubles what was asked for
}

TEST(ListenOn, AnIpv6AddressIsToldInBrackets) {
  if (!has_ipv6_loopback()) GTEST_SKIP() << "skipped: this machine has no IPv6 loopback";
  const auto listeners = listen_on("[::1]:0");
  ASSERT_TRUE(listeners) << listeners.error().message;
  EXPECT_THAT(listeners->front().address, StartsWith("[::1]:"));
  EXPECT_FALSE(can_connect(port_of(listeners->front().address))) << "only IPv6 was asked for";
}

TEST(ListenOn, NoHostIsAllAddressesOfBothFamilies) {
  const auto listeners = listen_on(":0");
  ASSERT_TRUE(listeners) << listeners.error().message;
  ASSERT_FALSE(listeners->empty());
  EXPECT_TRUE(can_connect(port_of(listeners->front().address)));
}

TEST(ListenOn, AnAddressInUseIsAnErrorThatSaysSo) {
  const auto first = listen_on("127.0.0.1:0");
  ASSERT_TRUE(first) << first.error().message;
  const auto second = listen_on(first->front().address);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, EADDRINUSE);
  EXPECT_THAT(second.error().message,
              AllOf(HasSubstr(first->front().address), HasSubstr("in use"), HasSubstr("--web.listen-address")));
}

TEST(ListenOn, AClosedListenersPortIsFreeAgain) {
  std::string address;
  {
    const auto first = listen_on("127.0.0.1:0");
    ASSERT_TRUE(first) << first.error().message;
    address = first->front().address;
  }
  EXPECT_TRUE(listen_on(address));
}

TEST(ListenOn, MalformedAddressesAreErrorsThatQuoteThem) {
  for (const char* text : {"",
                           "127.0.0.1",
                           "10177",
                           "localhost",
                           "127.0.0.1:",
                           "127.0.0.1:http",
                           "127.0.0.1:65536",
                           "127.0.0.1:-1",
                           "127.0.0.1:+1",
                           "127.0.0.1: 1",
                           "127.0.0.1:99999999999",
                           "::1:0",
                           "::",
                           "[::1]",
                           "[::1",
                           "[::1]0",
                           "[::1:0",
                           "::1]:0",
                           "[]:0",
                           "[[::1]]:0",
                           "[[a]]:0",
                           "a]:0"}) {
    const auto listeners = listen_on(text);
    ASSERT_FALSE(listeners) << "'" << text << "'";
    EXPECT_THAT(listeners.error().message, HasSubstr("'" + std::string(text) + "' is not an address to listen on"));
  }
}

class UnixListener : public testing::Test {
 protected:
  UnixListener() {
    std::string name = testing::TempDir() + "vqscope-XXXXXX";
    directory_ = ::mkdtemp(name.data());
    path_ = directory_ / "agent.sock";
    address_ = "unix:" + path_.string();
  }
  ~UnixListener() override { std::filesystem::remove_all(directory_); }

  std::filesystem::path directory_, path_;
  std::string address_;
};

TEST_F(UnixListener, HasItsModeAndGoesWithItsFile) {
  {
    const auto listeners = listen_on(address_, 0640);
    ASSERT_TRUE(listeners) << listeners.error().message;
    EXPECT_EQ(listeners->front().address, address_);
    EXPECT_EQ(bound_address(listeners->front().fd.get()), address_);
    struct stat status = {};
    ASSERT_EQ(::stat(path_.c_str(), &status), 0);
    EXPECT_TRUE(S_ISSOCK(status.st_mode));
    EXPECT_EQ(status.st_mode & 07777, 0640U);
  }
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(UnixListener, ReplacesASocketThatNobodyListensOn) {
  {
    const Fd dead(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    path_.string().copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(dead.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  ASSERT_TRUE(std::filesystem::exists(path_));
  EXPECT_TRUE(listen_on(address_));
}

TEST_F(UnixListener, LeavesAloneWhatIsInUseOrNoSocket) {
  {
    const auto first = listen_on(address_);
    ASSERT_TRUE(first) << first.error().message;
    const auto second = listen_on(address_);
    ASSERT_FALSE(second);
    EXPECT_THAT(second.error().message, AllOf(HasSubstr(address_), HasSubstr("somebody listens there")));
    EXPECT_TRUE(std::filesystem::exists(path_));
  }
  std::ofstream(path_) << "precious";
  const auto third = listen_on(address_);
  ASSERT_FALSE(third);
  EXPECT_THAT(third.error().message, HasSubstr("not a socket"));
  EXPECT_EQ(std::filesystem::file_size(path_), 8U);
}

TEST_F(UnixListener, PathsThatCannotBeAreErrors) {
  EXPECT_THAT(listen_on("unix:").error().message, HasSubstr("needs a path"));
  EXPECT_THAT(listen_on("unix:/" + std::string(107, 'a')).error().message, HasSubstr("longer than 107 bytes"));
  EXPECT_THAT(listen_on("unix:" + (directory_ / "no/such").string()).error().message, HasSubstr("No such file"));
}

TEST(ListenOnVsock, MalformedAddressesAreErrorsThatQuoteThem) {
  for (const char* text : {"vsock://", "vsock://3", "vsock://:", "vsock://:x", "vsock://:4294967296", "vsock://x:1",
                           "vsock://-1:1", "vsock://3:1:2", "vsock://4294967296:1"}) {
    const auto listeners = listen_on(text);
    ASSERT_FALSE(listeners) << text;
    EXPECT_THAT(listeners.error().message, HasSubstr("'" + std::string(text) + "' is not an address to listen on"));
  }
}

TEST(ListenOnVsock, ListensWhereThisKernelHasVsock) {
  const auto listeners = listen_on("vsock://:0");
  if (!listeners && listeners.error().code == EAFNOSUPPORT) GTEST_SKIP() << "skipped: " << listeners.error().message;
  ASSERT_TRUE(listeners) << listeners.error().message;
  EXPECT_THAT(listeners->front().address, AllOf(StartsWith("vsock://:"), Not(HasSubstr("4294967295"))));
  const auto foreign = listen_on("vsock://4000000000:0");
  ASSERT_FALSE(foreign);
  EXPECT_THAT(foreign.error().message, HasSubstr("4000000000 is not a context ID of this machine"));
}

// What connecting to `address` from a socket of the same family looks like from the other side.
class Accepted {
 public:
  template <typename Address>
  Accepted(const Listener& listener, const Address& to)
      : client_(::socket(reinterpret_cast<const sockaddr&>(to).sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    EXPECT_EQ(::connect(client_.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to), 0) << std::strerror(errno);
    pollfd ready = {listener.fd.get(), POLLIN, 0};
    EXPECT_EQ(::poll(&ready, 1, -1), 1);
    server_ = Fd(::accept4(listener.fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
  }
  [[nodiscard]] int fd() const { return server_.get(); }

 private:
  Fd client_, server_;
};

TEST(SourceOf, IsAnAddressOfIpv4AlsoOnASocketOfBothFamilies) {
  for (const char* where : {"127.0.0.1:0", ":0"}) {
    const auto listeners = listen_on(where);
    ASSERT_TRUE(listeners) << listeners.error().message;
    const Accepted accepted(listeners->front(), loopback(port_of(listeners->front().address)));
    EXPECT_EQ(source_of(accepted.fd()), "127.0.0.1");
    EXPECT_EQ(arrival_of(accepted.fd()), Arrival::kLoopback);
  }
}

TEST(SourceOf, IsANetworkOfIpv6) {
  if (!has_ipv6_loopback()) GTEST_SKIP() << "skipped: this machine has no IPv6 loopback";
  const auto listeners = listen_on("[::1]:0");
  ASSERT_TRUE(listeners) << listeners.error().message;
  sockaddr_in6 address = {};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_loopback;
  address.sin6_port = htons(static_cast<std::uint16_t>(port_of(listeners->front().address)));
  const Accepted accepted(listeners->front(), address);
  EXPECT_EQ(source_of(accepted.fd()), "::/64");
  EXPECT_EQ(arrival_of(accepted.fd()), Arrival::kLoopback);
}

TEST_F(UnixListener, KnowsTheUser) {
  const auto listeners = listen_on(address_);
  ASSERT_TRUE(listeners) << listeners.error().message;
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  path_.string().copy(address.sun_path, sizeof address.sun_path - 1);
  const Accepted accepted(listeners->front(), address);
  EXPECT_EQ(source_of(accepted.fd()), "user " + std::to_string(::getuid()));
  EXPECT_EQ(arrival_of(accepted.fd()), Arrival::kWithoutNetwork);
}

}  // namespace
}  // namespace vqscope
