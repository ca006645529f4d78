// SPDX-License-Identifier: GPL-2.0-or-later
// Replays files through a fuzzer's entry point, for compilers without libFuzzer and for CI.
// Arguments are files or directories; ends with "N passed, 0 failed" (a failure ends the process).
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

void replay(const std::filesystem::path& file) {
    std::fprintf(stderr, "%s\n", file.c_str());  // the last one named is the one that failed
    std::ifstream stream(file, std::ios::binary);
    const std::vector<char> bytes(std::istreambuf_iterator<char>(stream), {});
    const std::vector<uint8_t> input(bytes.begin(), bytes.end());  // exact size, for the sanitizer
    LLVMFuzzerTestOneInput(input.data(), input.size());
}

}  // namespace

int main(int argc, char** argv) {
    int count = 0;
    for (int i = 1; i < argc; i++) {
        const std::filesystem::path path = argv[i];
        if (!std::filesystem::is_directory(path)) {
            replay(path);
            count++;
            continue;
        }
        for (const auto& entry : std::filesystem::directory_iterator(path)) {
            replay(entry.path());
            count++;
        }
    }
    std::printf("%d passed, 0 failed\n", count);
    return count == 0 ? 2 : 0;
}
