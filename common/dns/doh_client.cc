// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/dns/doh_client.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <string_view>

namespace ipref::dns {

namespace {

constexpr std::string_view kType = "application/dns-message";
constexpr uint32_t kMostHead = 16'384;

uint8_t* bytes_of(std::string_view text) {
    return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
}

}  // namespace

class DohClient::Impl {
  public:
    explicit Impl(DohTarget target) : target_(std::move(target)) {
        nghttp2_session_callbacks* callbacks = nullptr;
        nghttp2_session_callbacks_new(&callbacks);
        set(callbacks);
        nghttp2_session_client_new(&session_, callbacks, this);
        nghttp2_session_callbacks_del(callbacks);
        const nghttp2_settings_entry settings[] = {
            {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
            {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, kMostHead},
        };
        nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, std::size(settings));
    }
    ~Impl() { nghttp2_session_del(session_); }
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    bool ask(Bytes query) {
        query_.assign(query.begin(), query.end());
        sent_ = 0;
        status_ = 0;
        type_.clear();
        body_.clear();
        whole_ = false;
        std::vector<nghttp2_nv> fields;
        const auto add = [&](std::string_view name, std::string_view value) {
            fields.push_back(
                {bytes_of(name), bytes_of(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
        };
        const auto length = std::to_string(query.size());
        add(":method", "POST");
        add(":scheme", "https");
        add(":authority", target_.authority);
        add(":path", target_.path);
        add("accept", kType);
        add("content-type", kType);
        add("content-length", length);
        nghttp2_data_provider body{};
        body.source.ptr = this;
        body.read_callback = [](nghttp2_session*, int32_t, uint8_t* out, size_t room,
                                uint32_t* flags, nghttp2_data_source* source, void*) {
            return static_cast<Impl*>(source->ptr)->read_query({out, room}, *flags);
        };
        if (ended()) return false;
        stream_ =
            nghttp2_submit_request(session_, nullptr, fields.data(), fields.size(), &body, nullptr);
        return stream_ > 0;
    }

    Result<void> received(Bytes bytes) {
        const auto count = nghttp2_session_mem_recv(session_, bytes.data(), bytes.size());
        if (count < 0) return fail("HTTP/2: {}", nghttp2_strerror(static_cast<int>(count)));
        if (!error_.empty()) return fail("{}", error_);
        return {};
    }

    std::optional<std::vector<uint8_t>> take_answer() {
        if (!whole_) return std::nullopt;
        whole_ = false;
        return std::move(body_);
    }

    std::vector<uint8_t> take_out() {
        std::vector<uint8_t> out;
        const uint8_t* bytes = nullptr;
        for (;;) {
            const auto count = nghttp2_session_mem_send(session_, &bytes);
            if (count <= 0) return out;
            out.insert(out.end(), bytes, bytes + count);
        }
    }

    bool ended() const { return nghttp2_session_check_request_allowed(session_) == 0; }

  private:
    static Impl& self(void* user) { return *static_cast<Impl*>(user); }

    static void set(nghttp2_session_callbacks* to) {
        nghttp2_session_callbacks_set_on_header_callback(
            to, [](nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name, size_t size,
                   const uint8_t* value, size_t value_size, uint8_t, void* user) {
                self(user).field(frame->hd.stream_id, {reinterpret_cast<const char*>(name), size},
                                 {reinterpret_cast<const char*>(value), value_size});
                return 0;
            });
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
            to, [](nghttp2_session*, uint8_t, int32_t id, const uint8_t* data, size_t size,
                   void* user) {
                self(user).data(id, {data, size});
                return 0;
            });
        nghttp2_session_callbacks_set_on_stream_close_callback(
            to, [](nghttp2_session*, int32_t id, uint32_t code, void* user) {
                self(user).closed(id, code);
                return 0;
            });
    }

    void field(int32_t id, std::string_view name, std::string_view value) {
        if (id != stream_) return;
        if (name == ":status") {
            status_ = value.size() == 3
                          ? (value[0] - '0') * 100 + (value[1] - '0') * 10 + (value[2] - '0')
                          : 0;
        } else if (name == "content-type") {
            type_ = value.substr(0, value.find(';'));
        }
    }

    void data(int32_t id, Bytes bytes) {
        if (id != stream_) return;
        if (body_.size() + bytes.size() > kMaxMessage) {
            error_ = "the answer is larger than a DNS message can be";
            return;
        }
        body_.insert(body_.end(), bytes.begin(), bytes.end());
    }

    void closed(int32_t id, uint32_t code) {
        if (id != stream_) return;
        stream_ = 0;
        if (code != NGHTTP2_NO_ERROR) {
            error_ = fmt::format("HTTP/2: {}", nghttp2_http2_strerror(code));
        } else if (status_ != 200) {
            error_ = fmt::format("HTTP status {}", status_);
        } else if (type_ != kType) {
            error_ = fmt::format("an answer of type \"{}\", not {}", type_, kType);
        } else {
            whole_ = true;
        }
    }

    ssize_t read_query(std::span<uint8_t> out, uint32_t& flags) {
        const size_t count = std::min(out.size(), query_.size() - sent_);
        std::copy_n(query_.begin() + static_cast<ptrdiff_t>(sent_), count, out.begin());
        sent_ += count;
        if (sent_ == query_.size()) flags |= NGHTTP2_DATA_FLAG_EOF;
        return static_cast<ssize_t>(count);
    }

    DohTarget target_;
    nghttp2_session* session_ = nullptr;
    int32_t stream_ = 0;  // of the query that waits
    std::vector<uint8_t> query_;
    size_t sent_ = 0;  // of it
    int status_ = 0;
    std::string type_;
    std::vector<uint8_t> body_;
    bool whole_ = false;
    std::string error_;
};

DohClient::DohClient(DohTarget target) : impl_(std::make_unique<Impl>(std::move(target))) {}
DohClient::~DohClient() = default;

bool DohClient::ask(Bytes query) {
    return impl_->ask(query);
}
Result<void> DohClient::received(Bytes bytes) {
    return impl_->received(bytes);
}
std::optional<std::vector<uint8_t>> DohClient::take_answer() {
    return impl_->take_answer();
}
std::vector<uint8_t> DohClient::take_out() {
    return impl_->take_out();
}
bool DohClient::ended() const {
    return impl_->ended();
}

}  // namespace ipref::dns
