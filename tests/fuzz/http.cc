// SPDX-License-Identifier: GPL-2.0-or-later
// Request heads of the metrics endpoint: what is taken has a path and a method that it may have,
// and more bytes never change a verdict.
#include "common/run/http.h"

#include <cstdlib>
#include <string>

using namespace ipref::run;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const auto parsed = parse_http(bytes);
    if (!parsed.complete) {
        if (size >= kHttpMaxHead) std::abort();  // would be waited for without end
        return 0;
    }
    const auto& request = parsed.request;
    if (parsed.refused == 0) {
        if (request.path.empty() || request.path[0] != '/') std::abort();
        if (request.method != "GET" && request.method != "HEAD") std::abort();
    }
    const auto longer = parse_http(std::string(bytes) + "x");
    if (longer.refused != parsed.refused || longer.request.path != request.path) std::abort();
    return 0;
}
