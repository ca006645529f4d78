// SPDX-License-Identifier: GPL-2.0-or-later
// What the vector tools share: reading JSON lines, hex, and adding up.
#pragma once

#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

namespace ipref::test {

using Json = nlohmann::json;
using ByteVector = std::vector<uint8_t>;

inline std::string to_hex(const ByteVector& bytes) {
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string text;
    for (const uint8_t byte : bytes) {
        text += kDigits[byte >> 4];
        text += kDigits[byte & 15];
    }
    return text;
}

inline ByteVector from_hex(const std::string& text) {
    if (text.size() % 2 != 0 ||
        text.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos) {
        throw std::runtime_error("\"" + text.substr(0, 40) + "\" is not hex");
    }
    ByteVector bytes;
    for (size_t i = 0; i < text.size(); i += 2) {
        bytes.push_back(static_cast<uint8_t>(std::stoul(text.substr(i, 2), nullptr, 16)));
    }
    return bytes;
}

/// Counts of a run. main() returns exit_code().
struct Tally {
    size_t passed = 0;
    size_t failed = 0;
    bool unusable = false;

    int exit_code() const { return unusable ? 2 : failed != 0 ? 1 : 0; }
};

/// Calls `line(json)`, which returns whether the case passed, -1 if it is none, for each line of
/// each file. Files that cannot be used are named, with the line and what is wrong there.
template <typename Line>
Tally run_files(int argc, char** argv, const char* usage, Line line) {
    Tally tally;
    if (argc < 2) {
        std::fprintf(stderr, "usage: %s FILE...\n%s\n", argv[0], usage);
        tally.unusable = true;
        return tally;
    }
    for (int i = 1; i < argc; i++) {
        std::ifstream file(argv[i]);
        std::string text;
        size_t number = 0;
        const size_t before = tally.passed + tally.failed;
        while (std::getline(file, text)) {
            number++;
            if (text.empty()) continue;
            try {
                const int result = line(Json::parse(text));
                if (result >= 0) (result != 0 ? tally.passed : tally.failed)++;
            } catch (const std::exception& error) {
                std::fprintf(stderr, "%s:%zu: %s\n", argv[i], number, error.what());
                tally.unusable = true;
                break;
            }
        }
        if (tally.passed + tally.failed == before && !tally.unusable) {
            std::fprintf(stderr, "%s: %s\n", argv[i],
                         number == 0 ? "cannot be read, or is empty" : "holds no case");
            tally.unusable = true;
        }
    }
    std::printf("%zu passed, %zu failed\n", tally.passed, tally.failed);
    return tally;
}

}  // namespace ipref::test
