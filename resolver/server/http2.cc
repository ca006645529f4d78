// SPDX-License-Identifier: GPL-2.0-or-later
// HTTP/2 (RFC 9113) by nghttp2, bounded: requests under way, heads, bodies, answers that are not
// taken, and requests that are withdrawn as soon as they are made (CVE-2023-44487).
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <map>

#include "resolver/server/http.h"

namespace ipref::resolver {

const std::string_view kHttp2Preface(NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN);

namespace {

class Http2 final : public HttpSession {
  public:
    Http2(Asked asked, const HttpLimits& limits) : asked_(std::move(asked)), limits_(limits) {
        nghttp2_session_callbacks* callbacks = nullptr;
        nghttp2_session_callbacks_new(&callbacks);
        set(callbacks);
        nghttp2_session_server_new(&session_, callbacks, this);
        nghttp2_session_callbacks_del(callbacks);
        const nghttp2_settings_entry settings[] = {
            {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, static_cast<uint32_t>(limits_.requests)},
            {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<uint32_t>(limits_.head)},
        };
        nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, std::size(settings));
    }
    ~Http2() override { nghttp2_session_del(session_); }
    Http2(const Http2&) = delete;
    Http2& operator=(const Http2&) = delete;

    Result<void> received(Bytes bytes) override {
        const auto count = nghttp2_session_mem_recv(session_, bytes.data(), bytes.size());
        if (count < 0) return fail("HTTP/2: {}", nghttp2_strerror(static_cast<int>(count)));
        if (resets_ > limits_.resets && resets_ * 2 > requests_) {
            return fail("HTTP/2: {} of {} requests were withdrawn", resets_, requests_);
        }
        return {};
    }

    void answer(int32_t id, HttpAnswer&& answer) override {
        const auto at = streams_.find(id);
        if (at == streams_.end()) return;  // withdrawn by the client
        at->second.asked = false;
        if (held_ + answer.body.size() > limits_.held) return reset(id, NGHTTP2_ENHANCE_YOUR_CALM);
        held_ += answer.body.size();
        at->second.answer = std::move(answer);
        submit(id, at->second);
    }

    std::vector<uint8_t> take_output(size_t most) override {
        std::vector<uint8_t> out;
        const uint8_t* bytes = nullptr;
        while (out.size() < most) {
            const auto count = nghttp2_session_mem_send(session_, &bytes);
            if (count <= 0) break;
            out.insert(out.end(), bytes, bytes + count);
        }
        return out;
    }
    size_t held() const override { return held_; }
    bool waits() const override { return false; }
    bool over() const override {
        return nghttp2_session_want_read(session_) == 0 &&
               nghttp2_session_want_write(session_) == 0;
    }

  private:
    struct Stream {
        HttpRequest request;
        size_t head = 0;
        bool asked = false;  // given to Asked, not answered
        HttpAnswer answer;
        size_t sent = 0;  // of the answer's body
    };

    static Http2& self(void* user) { return *static_cast<Http2*>(user); }

    static void set(nghttp2_session_callbacks* to) {
        nghttp2_session_callbacks_set_on_begin_headers_callback(
            to, [](nghttp2_session*, const nghttp2_frame* frame, void* user) {
                return self(user).begins(*frame);
            });
        nghttp2_session_callbacks_set_on_header_callback(
            to, [](nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name, size_t size,
                   const uint8_t* value, size_t value_size, uint8_t, void* user) {
                return self(user).field(frame->hd.stream_id,
                                        {reinterpret_cast<const char*>(name), size},
                                        {reinterpret_cast<const char*>(value), value_size});
            });
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
            to, [](nghttp2_session*, uint8_t, int32_t id, const uint8_t* data, size_t size,
                   void* user) {
                return self(user).data(id, {data, size});
            });
        nghttp2_session_callbacks_set_on_frame_recv_callback(
            to, [](nghttp2_session*, const nghttp2_frame* frame, void* user) {
                return self(user).frame(*frame);
            });
        nghttp2_session_callbacks_set_on_stream_close_callback(
            to, [](nghttp2_session*, int32_t id, uint32_t, void* user) {
                self(user).forget(id);
                return 0;
            });
    }

    int begins(const nghttp2_frame& frame) {
        if (frame.hd.type != NGHTTP2_HEADERS || frame.headers.cat != NGHTTP2_HCAT_REQUEST) {
            return 0;
        }
        requests_++;
        if (streams_.size() >= limits_.requests) {
            reset(frame.hd.stream_id, NGHTTP2_REFUSED_STREAM);
            return 0;
        }
        streams_[frame.hd.stream_id].request.stream = frame.hd.stream_id;
        return 0;
    }

    int field(int32_t id, std::string_view name, std::string_view value) {
        const auto at = streams_.find(id);
        if (at == streams_.end()) return 0;
        auto& request = at->second.request;
        at->second.head += name.size() + value.size() + 32;  // as RFC 9113 section 6.5.2 counts
        if (at->second.head > limits_.head) {
            request.refused = 431;
        } else if (name == ":method") {
            request.method = value;
        } else if (name == ":path") {
            request.target = value;
        } else if (name == "content-type") {
            request.type = value;
        }
        return 0;
    }

    int data(int32_t id, Bytes bytes) {
        const auto at = streams_.find(id);
        if (at == streams_.end() || at->second.request.refused != 0) return 0;
        auto& request = at->second.request;
        if (request.body.size() + bytes.size() > limits_.body) {
            request.refused = 413;
            buffered_ -= request.body.size();
            request.body.clear();
            return 0;
        }
        if (buffered_ + bytes.size() > limits_.buffered) {
            reset(id, NGHTTP2_ENHANCE_YOUR_CALM);
            return 0;
        }
        buffered_ += bytes.size();
        request.body.insert(request.body.end(), bytes.begin(), bytes.end());
        return 0;
    }

    int frame(const nghttp2_frame& frame) {
        if (frame.hd.type == NGHTTP2_RST_STREAM) resets_++;
        const bool carries = frame.hd.type == NGHTTP2_HEADERS || frame.hd.type == NGHTTP2_DATA;
        const auto at = streams_.find(frame.hd.stream_id);
        if (!carries || at == streams_.end() || at->second.asked) return 0;
        const bool whole = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
        // What is refused is answered at once, whatever else the client wants to send.
        if (!whole && at->second.request.refused == 0) return 0;
        at->second.asked = true;
        buffered_ -= at->second.request.body.size();
        auto request = std::move(at->second.request);
        at->second.request = {};
        asked_(std::move(request));
        return 0;
    }

    void forget(int32_t id) {
        const auto at = streams_.find(id);
        if (at == streams_.end()) return;
        buffered_ -= at->second.request.body.size();
        held_ -= at->second.answer.body.size();
        streams_.erase(at);
    }

    void reset(int32_t id, uint32_t why) {
        nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, why);
    }

    void submit(int32_t id, const Stream& stream) {
        const auto& answer = stream.answer;
        const auto status = std::to_string(answer.status);
        const auto length = std::to_string(answer.body.size());
        std::vector<nghttp2_nv> fields;
        const auto add = [&](std::string_view name, std::string_view value) {
            const auto bytes = [](std::string_view text) {
                return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
            };
            fields.push_back(
                {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
        };
        add(":status", status);
        add("content-type", answer.type);
        add("content-length", length);
        if (answer.status == 405) add("allow", "GET, POST");
        if (!answer.cache_control.empty()) add("cache-control", answer.cache_control);
        nghttp2_data_provider body{};
        body.source.ptr = this;
        body.read_callback = [](nghttp2_session*, int32_t stream_id, uint8_t* out, size_t room,
                                uint32_t* flags, nghttp2_data_source* source, void*) {
            return static_cast<Http2*>(source->ptr)->read_body(stream_id, {out, room}, *flags);
        };
        nghttp2_submit_response(session_, id, fields.data(), fields.size(), &body);
    }

    ssize_t read_body(int32_t id, std::span<uint8_t> out, uint32_t& flags) {
        const auto at = streams_.find(id);
        if (at == streams_.end()) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
        auto& stream = at->second;
        const auto& body = stream.answer.body;
        const size_t count = std::min(out.size(), body.size() - stream.sent);
        std::copy_n(body.begin() + static_cast<ptrdiff_t>(stream.sent), count, out.begin());
        stream.sent += count;
        if (stream.sent == body.size()) flags |= NGHTTP2_DATA_FLAG_EOF;
        return static_cast<ssize_t>(count);
    }

    Asked asked_;
    HttpLimits limits_;
    nghttp2_session* session_ = nullptr;
    std::map<int32_t, Stream> streams_;
    size_t buffered_ = 0;
    size_t held_ = 0;
    size_t requests_ = 0;
    size_t resets_ = 0;
};

}  // namespace

std::unique_ptr<HttpSession> make_http2(HttpSession::Asked asked, const HttpLimits& limits) {
    return std::make_unique<Http2>(std::move(asked), limits);
}

}  // namespace ipref::resolver
