// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/serve/service_manager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstdlib>

#include "agent/base/fd.h"
#include "tests/unit/guest.h"

namespace vqscope {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// The end of the service manager: a datagram socket, named in the environment while this lives.
class Manager {
 public:
  explicit Manager(const char* watchdog_us) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    if (::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) ADD_FAILURE() << path_;
    ::setenv("NOTIFY_SOCKET", path_.c_str(), 1);
    if (watchdog_us != nullptr) ::setenv("WATCHDOG_USEC", watchdog_us, 1);
  }
  ~Manager() {
    ::unsetenv("NOTIFY_SOCKET");
    ::unsetenv("WATCHDOG_USEC");
  }
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;

  // All that came since the last call.
  std::vector<std::string> messages() {
    std::vector<std::string> all;
    char buffer[512];
    for (ssize_t length; (length = ::recv(fd_.get(), buffer, sizeof buffer, MSG_DONTWAIT)) >= 0;)
      all.emplace_back(buffer, static_cast<std::size_t>(length));
    return all;
  }

 private:
  test::TemporaryFolder folder_;
  std::string path_ = (folder_.path() / "notify").string();
  Fd fd_{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
};

TEST(ServiceManager, IsToldOfStartStatusReadingsAndEnd) {
  Manager manager("10000000");
  ServiceManager told;
  told.ready("Measuring 1 disk");
  told.collected();
  told.status("Measuring 1 disk");
  told.status("Measuring 2 disks");
  told.stopping();
  EXPECT_THAT(manager.messages(), ElementsAre("READY=1\nSTATUS=Measuring 1 disk", "WATCHDOG=1",
                                              "STATUS=Measuring 2 disks", "STOPPING=1\nSTATUS=Stopping"));
}

TEST(ServiceManager, WithoutWatchdogIsNotToldOfReadings) {
  Manager manager(nullptr);
  ServiceManager told;
  told.collected();
  EXPECT_THAT(manager.messages(), IsEmpty());
}

TEST(ServiceManager, WithANonsensicalWatchdogIsNotToldOfReadings) {
  Manager manager("soon");
  ServiceManager told;
  told.collected();
  told.ready("x");
  EXPECT_THAT(manager.messages(), ElementsAre("READY=1\nSTATUS=x"));
}

TEST(ServiceManager, ThatIsNotThereIsNoFailure) {
  ServiceManager told;
  told.ready("x");
  told.collected();
  told.stopping();
}

}  // namespace
}  // namespace vqscope
