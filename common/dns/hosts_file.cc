// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/dns/hosts_file.h"

#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "common/words.h"

namespace ipref::dns {

namespace {

constexpr std::string_view kBlanks = " \t\r";
constexpr size_t kMostBytes = 64U << 20;

void parse_line(std::string_view line, HostTable& table) {
    line = line.substr(0, line.find('#'));
    const auto ip = net::Ip::parse(take_word(line, kBlanks));
    if (!ip) return;
    for (auto word = take_word(line, kBlanks); !word.empty(); word = take_word(line, kBlanks)) {
        const auto name = Name::parse(word);
        if (!name) continue;
        auto& ips = table[*name];
        if (std::find(ips.begin(), ips.end(), *ip) == ips.end()) ips.push_back(*ip);
    }
}

}  // namespace

HostTable parse_hosts(std::string_view text) {
    HostTable table;
    while (!text.empty()) {
        const auto line = text.substr(0, text.find('\n'));
        parse_line(line, table);
        text.remove_prefix(std::min(line.size() + 1, text.size()));
    }
    return table;
}

std::vector<net::Ip> HostsFile::find(const Name& name, net::Family family, int64_t now_ms) {
    if (path_.empty()) return {};
    if (now_ms - looked_ >= kLookEvery) refresh(now_ms);
    std::vector<net::Ip> found;
    const auto at = table_.find(name);
    if (at == table_.end()) return found;
    for (const auto& ip : at->second) {
        if (ip.family() == family) found.push_back(ip);
    }
    return found;
}

void HostsFile::refresh(int64_t now_ms) {
    looked_ = now_ms;
    struct stat status {};
    if (stat(path_.c_str(), &status) != 0) {
        table_.clear();
        size_ = -1;
        return;
    }
    const bool same = status.st_size == size_ && status.st_ino == inode_ &&
                      status.st_mtim.tv_sec == changed_.tv_sec &&
                      status.st_mtim.tv_nsec == changed_.tv_nsec;
    if (same) return;
    std::ifstream stream(path_, std::ios::binary);
    std::string text;
    text.resize(std::min(static_cast<size_t>(status.st_size), kMostBytes));
    stream.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<size_t>(stream.gcount()));
    table_ = parse_hosts(text);
    size_ = status.st_size;
    inode_ = status.st_ino;
    changed_ = status.st_mtim;
}

}  // namespace ipref::dns
