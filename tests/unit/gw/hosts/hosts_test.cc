// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/hosts/hosts.h"

#include <filesystem>
#include <fstream>

#include "../mapping/fixture.h"
#include "unit/catch.h"
#include "unit/temporary_directory.h"

using namespace ipref;
using namespace ipref::gw;
using test::TemporaryDirectory;
namespace fs = std::filesystem;

namespace {

void write(const fs::path& path, std::string_view text) {
    std::ofstream(path, std::ios::trunc) << text;
}

}  // namespace

TEST_CASE("the hosts file is an owner of statics", "[hosts]") {
    const TemporaryDirectory directory;
    const auto file = directory.path() / "hosts";
    write(file, "192.168.1.7 web #= pub 1025\nbad #= pub 5\n");
    Site site;
    run::Loop loop;
    HostsFileOwner owner(loop, file.string(), site.table);
    const auto wait_for = [&](const std::function<bool()>& condition) {
        int looks = 0;
        run::Timer look(loop, [&] {
            if (condition() || looks++ > 2000) loop.stop();
        });
        look.start(run::Milliseconds(10), run::Milliseconds(10));
        loop.run();
        return condition();
    };
    CHECK(site.table.host(at("203.0.113.1", "1025")) == ip("192.168.1.7"));
    write(file, "192.168.1.8 web #= pub 1025\n192.168.1.9 web #= pub 1026\n");
    CHECK(wait_for([&] { return site.table.host(at("203.0.113.1", "1026")).has_value(); }));
    CHECK(site.table.host(at("203.0.113.1", "1025")) == ip("192.168.1.8"));
    fs::remove(file);
    write(directory.path() / "next", "192.168.1.10 web #= pub 1027\n");
    CHECK(site.table.count(Relation::local) == 2);
    fs::rename(directory.path() / "next", file);
    CHECK(wait_for([&] { return site.table.host(at("203.0.113.1", "1027")).has_value(); }));
    CHECK(site.table.count(Relation::local) == 1);
}

TEST_CASE("another hosts file takes the place of the one before", "[hosts]") {
    const TemporaryDirectory directory;
    Site site;
    const OwnerName before{
        .name = hosts_file_owner("/etc/hosts"), .expires = false, .priority = true};
    site.table.replace(
        before,
        {local("192.168.1.5", "203.0.113.1", "1025"), local("192.168.1.6", "203.0.113.1", "1026")},
        std::nullopt);
    site.table.replace(kAgent, {local("192.168.1.7", "203.0.113.1", "1027")}, 1);
    const auto file = directory.path() / "hosts";
    write(file, "192.168.1.5 web #= pub + 1028\n");
    run::Loop loop;
    const HostsFileOwner owner(loop, file, site.table);
    CHECK(site.table.host(at("203.0.113.1", "1028")) == ip("192.168.1.5"));
    CHECK_FALSE(site.table.host(at("203.0.113.1", "1025")));
    CHECK(site.table.host(at("203.0.113.1", "1027")) == ip("192.168.1.7"));
    CHECK(site.table.owners().size() == 2);
}
