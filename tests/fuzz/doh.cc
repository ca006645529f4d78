// SPDX-License-Identifier: GPL-2.0-or-later
// What a client of DNS over HTTPS may send, in pieces, over HTTP/1.1 or HTTP/2, with answers at
// once or late: nothing grows beyond its limits, and no request is answered twice or lost.
#include "resolver/server/doh.h"

#include <algorithm>
#include <cstdlib>

using namespace ipref::resolver;

namespace {

constexpr size_t kPiece = 300;

void check(const HttpRequest& request, const HttpLimits& limits) {
    if (request.body.size() > limits.body) std::abort();
    if (request.method.size() + request.target.size() > limits.head + 64) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    const bool http2 = (data[0] & 1) != 0;
    const bool late = (data[0] & 2) != 0;
    HttpLimits limits;
    limits.requests = 5;
    std::vector<int32_t> waiting;
    HttpSession* session = nullptr;
    const auto answer = [&](int32_t stream) {
        auto refusal = http_refusal(404);
        refusal.body.resize(2000);
        session->answer(stream, std::move(refusal));
    };
    const auto asked = [&](HttpRequest&& request) {
        check(request, limits);
        const auto stream = request.stream;
        const auto question = doh_question(std::move(request));
        if (question.status == 200 && question.message.size() > limits.body) std::abort();
        late ? waiting.push_back(stream) : answer(stream);
    };
    const auto made = http2 ? make_http2(asked, limits) : make_http1(asked, limits);
    session = made.get();
    const Bytes input(data + 1, size - 1);
    if (http2) {
        const auto* preface = reinterpret_cast<const uint8_t*>(kHttp2Preface.data());
        if (!session->received({preface, kHttp2Preface.size()})) std::abort();
    }
    for (size_t at = 0; at < input.size(); at += kPiece) {
        if (!session->received(input.subspan(at, std::min(kPiece, input.size() - at)))) break;
        if (session->held() > limits.held + 4096) std::abort();
        session->take_output(1000);
        while (waiting.size() > 3) {
            answer(waiting.front());
            waiting.erase(waiting.begin());
        }
    }
    return 0;
}
