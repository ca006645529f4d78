// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/run/watch_path.h"

#include <algorithm>
#include <deque>
#include <filesystem>

namespace ipref::run {

namespace fs = std::filesystem;

namespace {

constexpr int kMostLinks = 40;  // as the kernel: MAXSYMLINKS

void push_front(std::deque<fs::path>& parts, const fs::path& path) {
    parts.insert(parts.begin(), path.begin(), path.end());
}

}  // namespace

std::vector<std::string> watched_paths(const std::string& path) {
    std::vector<std::string> watched;
    const auto watch = [&](const fs::path& one) {
        if (std::ranges::find(watched, one.string()) == watched.end()) {
            watched.push_back(one.string());
        }
    };
    std::error_code error;
    std::deque<fs::path> parts;
    push_front(parts, fs::absolute(path, error));
    fs::path at = "/";
    int links = 0;
    while (!parts.empty() && links <= kMostLinks) {
        const fs::path part = parts.front();
        parts.pop_front();
        if (part.empty() || part == "." || part == "/") {
            if (part == "/") at = "/";
            continue;
        }
        if (part == "..") {
            at = at.parent_path();
            continue;
        }
        const auto status = fs::symlink_status(at / part, error);
        const bool last = parts.empty();
        if (fs::is_symlink(status)) {
            watch(at);
            push_front(parts, fs::read_symlink(at / part, error));
            links++;
        } else if (!fs::exists(status) || last) {
            watch(at);
            if (last && fs::exists(status)) watch(at / part);
            break;
        } else {
            at /= part;
        }
    }
    return watched;
}

}  // namespace ipref::run
