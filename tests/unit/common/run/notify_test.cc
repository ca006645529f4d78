// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/run/notify.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "unit/catch.h"

using namespace ipref::run;

TEST_CASE("a state reaches the socket of NOTIFY_SOCKET", "[notify]") {
    const auto name = fmt::format("@ipref-notify-test-{}", ::getpid());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path + 1, name.data() + 1, name.size() - 1);
    const int fd = ::socket(AF_UNIX, SOCK_DGRAM, 0);
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&address), length) == 0);
    ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
    CHECK(notify("READY=1"));
    char got[64];
    const auto count = ::recv(fd, got, sizeof got, MSG_DONTWAIT);
    CHECK(std::string_view(got, count > 0 ? static_cast<size_t>(count) : 0) == "READY=1");
    ::close(fd);
    CHECK_FALSE(notify("STOPPING=1"));  // nobody listens any more
    ::setenv("NOTIFY_SOCKET", "relative", 1);
    CHECK_FALSE(notify("READY=1"));
    ::unsetenv("NOTIFY_SOCKET");
    CHECK(notify("READY=1"));
}

TEST_CASE("the watchdog's period is half its limit", "[notify]") {
    ::unsetenv("WATCHDOG_PID");
    ::setenv("WATCHDOG_USEC", "3000000", 1);
    CHECK(watchdog_period() == Milliseconds(1500));
    ::setenv("WATCHDOG_PID", "1", 1);
    CHECK(watchdog_period() == std::nullopt);
    ::unsetenv("WATCHDOG_PID");
    ::setenv("WATCHDOG_USEC", "soon", 1);
    CHECK(watchdog_period() == std::nullopt);
    ::unsetenv("WATCHDOG_USEC");
    CHECK(watchdog_period() == std::nullopt);
}
