// SPDX-License-Identifier: Apache-2.0
#include "exporters/http/listener.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace vqscope {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// The port in "HOST:PORT"; 0 if there is none.
int port_of(const std::string& address) { return std::atoi(address.substr(address.rfind(':') + 1).c_str()); }

bool can_connect(int port) {
  const Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
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

}  // namespace
}  // namespace vqscope
