// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/run/file_watcher.h"

#include <filesystem>
#include <fstream>

#include "common/run/watch_path.h"
#include "unit/catch.h"
#include "unit/temporary_directory.h"

using namespace ipref;
using namespace ipref::run;
using test::TemporaryDirectory;
namespace fs = std::filesystem;

namespace {

void write(const fs::path& path, std::string_view text) {
    std::ofstream(path, std::ios::trunc) << text;
}

/// Runs the loop until `changed` has been called, or far too long has passed.
struct Watched {
    explicit Watched(const fs::path& path)
        : watcher(loop, path.string(), [this] {
              changes++;
              loop.stop();
          }) {}
    bool waits() {
        bool late = false;
        const int before = changes;
        run::Timer limit(loop, [&] {
            late = true;
            loop.stop();
        });
        limit.start(run::Milliseconds(20'000));
        loop.run();
        return !late && changes == before + 1;
    }
    run::Loop loop;
    int changes = 0;
    FileWatcher watcher;
};

}  // namespace

TEST_CASE("a file that is edited, replaced, removed and made again", "[watcher]") {
    const TemporaryDirectory directory;
    const auto file = directory.path() / "hosts";
    write(file, "one");
    Watched watched(file);
    write(file, "one and two");
    CHECK(watched.waits());
    write(directory.path() / "new", "three");
    fs::rename(directory.path() / "new", file);
    CHECK(watched.waits());
    fs::remove(file);
    write(file, "made again");
    CHECK(watched.waits());
    write(file, "and edited then");
    CHECK(watched.waits());
}

TEST_CASE("a file that was not there", "[watcher]") {
    const TemporaryDirectory directory;
    Watched watched(directory.path() / "sub" / "hosts");
    fs::create_directory(directory.path() / "sub");
    write(directory.path() / "sub" / "hosts", "one");
    CHECK(watched.waits());
    write(directory.path() / "sub" / "hosts", "one and two");
    CHECK(watched.waits());
}

TEST_CASE("a file behind symbolic links", "[watcher]") {
    const TemporaryDirectory directory;
    fs::create_directories(directory.path() / "v1");
    fs::create_directories(directory.path() / "v2");
    write(directory.path() / "v1" / "hosts", "one");
    write(directory.path() / "v2" / "hosts", "two, other");
    fs::create_directory_symlink("v1", directory.path() / "data");
    fs::create_symlink("data/hosts", directory.path() / "hosts");
    Watched watched(directory.path() / "hosts");
    write(directory.path() / "v1" / "hosts", "one and more");
    CHECK(watched.waits());
    fs::create_directory_symlink("v2", directory.path() / "next");
    fs::rename(directory.path() / "next", directory.path() / "data");
    CHECK(watched.waits());
    write(directory.path() / "v2" / "hosts", "and edited there");
    CHECK(watched.waits());
}

TEST_CASE("which directories decide what a path names", "[watcher]") {
    const TemporaryDirectory directory;
    const auto root = directory.path().string();
    fs::create_directories(directory.path() / "a");
    write(directory.path() / "a" / "file", "x");
    fs::create_directory_symlink("a", directory.path() / "b");
    fs::create_symlink("../b/file", directory.path() / "a" / "link");
    fs::create_symlink("loop", directory.path() / "loop");
    using Paths = std::vector<std::string>;
    CHECK(watched_paths(root + "/a/file") == Paths{root + "/a", root + "/a/file"});
    CHECK(watched_paths(root + "/b/link") == Paths{root, root + "/a", root + "/a/file"});
    CHECK(watched_paths(root + "/none/of/it") == Paths{root});
    CHECK(watched_paths(root + "/a/../a/./none") == Paths{root + "/a"});
    CHECK(watched_paths(root + "/loop") == Paths{root});
}
