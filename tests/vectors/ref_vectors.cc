// SPDX-License-Identifier: GPL-2.0-or-later
// ref-vectors FILE...: references as text. Each line {"type":"ref", "text", "valid"} and, if
// valid, "ref" (16 bytes in hex) and "formatted". Exit 0: all passed, 1: some did not, 2: a file
// cannot be used.
#include <optional>

#include "common/net/ref.h"
#include "vectors/vector_file.h"

namespace {

using ipref::net::Ref;
using ipref::test::Json;

std::string describe(const Ref& ref) {
    ipref::test::ByteVector bytes(16);
    ref.to_bytes(bytes.data());
    return ipref::test::to_hex(bytes) + " " + ref.str();
}

int check(const Json& line) {
    if (line.at("type") != "ref") return -1;
    const auto text = line.at("text").get<std::string>();
    std::string expected = "invalid";
    if (line.at("valid").get<bool>()) {
        expected =
            line.at("ref").get<std::string>() + " " + line.at("formatted").get<std::string>();
    }
    const auto ref = Ref::parse(text);
    const std::string got = ref ? describe(*ref) : "invalid";
    if (got == expected) return 1;
    std::printf("\"%s\": expected %s, got %s\n", text.c_str(), expected.c_str(), got.c_str());
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    return ipref::test::run_files(argc, argv, "replays references of refs.jsonl", check)
        .exit_code();
}
