// SPDX-License-Identifier: GPL-2.0-or-later
// The recorded Corefiles of tests/vectors/corefiles.jsonl, as far as they can be told without
// files on disk and without plugins that are not built in.
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "resolver/server/config.h"
#include "unit/catch.h"
#include "unit/resolver/corefile/memory_sources.h"

using namespace ipref;
using namespace ipref::resolver;

namespace {

struct Case {
    std::string name, expect, corefile;
    std::vector<std::string> zones;
    std::string message;
    test::MemorySources memory;
};

std::vector<Case> cases() {
    std::ifstream in(IPREF_SOURCE_DIR "/tests/vectors/corefiles.jsonl");
    std::vector<Case> out;
    for (std::string line; std::getline(in, line);) {
        const auto json = nlohmann::json::parse(line);
        Case one;
        one.name = json["name"];
        one.expect = json.value("ours", json["expect"].get<std::string>());
        one.corefile = json["corefile"];
        if (json.contains("zones")) one.zones = json["zones"].get<std::vector<std::string>>();
        one.message = json.value("message", "");
        one.memory.files = json["files"].get<std::map<std::string, std::string>>();
        if (json.contains("env")) {
            one.memory.variables = json["env"].get<std::map<std::string, std::string>>();
        }
        out.push_back(std::move(one));
    }
    return out;
}

/// "Corefile:3:" of "plugin/x: Corefile:3 - Error..."; "" if it names no line.
std::string line_of(const std::string& message) {
    const auto at = message.find("Corefile:");
    const auto end = message.find(" - ");
    if (at == std::string::npos || end == std::string::npos || end < at) return "";
    return message.substr(at, end - at) + ":";
}

bool is_grammar(const std::string& name) {
    for (const auto* prefix : {"grammar-", "env-", "import-", "bytes-", "keys-"}) {
        if (name.starts_with(prefix)) return true;
    }
    return false;
}

}  // namespace

TEST_CASE("Recorded Corefiles are accepted and refused as they should be", "[corefile]") {
    size_t told = 0;
    for (const auto& one : cases()) {
        if (!is_grammar(one.name) || one.expect == "either") continue;
        if (one.name == "keys-schemes") continue;  // wants a real certificate, as the whole server
        INFO(one.name);
        const ConfigOptions options{.sources = one.memory.sources()};
        const auto config = load_config(one.corefile, options);
        const auto says = config ? "" : config.error().text;
        if (says.find("not built into this server") != std::string::npos) continue;
        told++;
        if (one.expect == "refuse") {
            REQUIRE_FALSE(config);
            CHECK_THAT(says, Catch::Matchers::Contains(line_of(one.message)));
            continue;
        }
        INFO(says);
        REQUIRE(config);
        auto zones = one.zones;
        auto ours = (*config)->zone_lines;
        std::sort(zones.begin(), zones.end());
        std::sort(ours.begin(), ours.end());
        CHECK(ours == zones);
    }
    CHECK(told >= 40);
}
