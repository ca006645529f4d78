// SPDX-License-Identifier: GPL-2.0-or-later
// HTTP/1.1 as far as DNS needs it (RFC 9112): one request after the other, bodies by
// Content-Length. For proxies in front of the server, and clients without HTTP/2.
#include <algorithm>
#include <charconv>
#include <optional>

#include "common/run/http.h"
#include "resolver/server/http.h"

namespace ipref::resolver {

namespace {

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return out;
}

std::string_view trim(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

struct Head {
    HttpRequest request;
    size_t body = 0;
    bool keep = true;
};

/// Sets what one header field says; a status if it refuses the request.
int take_field(std::string_view line, Head& head, bool& has_length) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0 || line[colon - 1] == ' ') return 400;
    const auto name = lower(line.substr(0, colon));
    const auto value = trim(line.substr(colon + 1));
    if (name == "content-type") head.request.type = value;
    if (name == "connection" && lower(value) == "close") head.keep = false;
    if (name == "transfer-encoding") return 411;
    if (name != "content-length") return 0;
    size_t length = 0;
    const auto* end = value.data() + value.size();
    const auto read = std::from_chars(value.data(), end, length);
    const bool good = read.ec == std::errc() && read.ptr == end;
    if (!good || (has_length && length != head.body)) return 400;
    has_length = true;
    head.body = length;
    return 0;
}

Head refuse(int status) {
    Head out;
    out.request.refused = status;
    out.keep = false;
    return out;
}

/// `text` is the head without the empty line behind it.
Head parse_head(std::string_view text) {
    Head head;
    const auto line = text.substr(0, text.find("\r\n"));
    const auto first = line.find(' ');
    const auto last = line.rfind(' ');
    if (first == std::string_view::npos || first == 0 || last <= first + 1) return refuse(400);
    const auto version = line.substr(last + 1);
    if (!version.starts_with("HTTP/")) return refuse(400);
    if (version != "HTTP/1.1" && version != "HTTP/1.0") return refuse(505);
    head.keep = version == "HTTP/1.1";
    head.request.method = line.substr(0, first);
    head.request.target = line.substr(first + 1, last - first - 1);
    bool has_length = false;
    for (size_t at = line.size() + 2; at < text.size();) {
        const auto end = std::min(text.find("\r\n", at), text.size());
        const int refused = take_field(text.substr(at, end - at), head, has_length);
        if (refused != 0) return refuse(refused);
        at = end + 2;
    }
    return head;
}

class Http1 final : public HttpSession {
  public:
    Http1(Asked asked, const HttpLimits& limits) : asked_(std::move(asked)), limits_(limits) {}

    Result<void> received(Bytes bytes) override {
        if (over_) return {};
        if (in_.size() + bytes.size() > limits_.head + limits_.body + limits_.buffered) {
            return fail("HTTP: more than one request at once");
        }
        in_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        next();
        return {};
    }

    void answer(int32_t, HttpAnswer&& answer) override {
        const bool last = !keep_;
        out_ += fmt::format("HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n",
                            answer.status, run::http_reason(answer.status), answer.type,
                            answer.body.size());
        if (answer.status == 405) out_ += "Allow: GET, POST\r\n";
        if (!answer.cache_control.empty()) {
            out_ += fmt::format("Cache-Control: {}\r\n", answer.cache_control);
        }
        out_ += last ? "Connection: close\r\n\r\n" : "\r\n";
        out_.append(answer.body.begin(), answer.body.end());
        waits_ = false;
        over_ = last;
        if (!over_ && !within_) next();
    }

    std::vector<uint8_t> take_output(size_t) override {
        std::vector<uint8_t> out(out_.begin(), out_.end());
        out_.clear();
        return out;
    }
    size_t held() const override { return out_.size(); }
    bool waits() const override { return waits_; }
    bool over() const override { return over_; }

  private:
    /// Takes whole requests off the buffer, as long as each is answered at once.
    void next() {
        within_ = true;
        while (!waits_ && !over_ && read_head() && in_.size() >= head_->body) {
            head_->request.body.assign(in_.begin(),
                                       in_.begin() + static_cast<ptrdiff_t>(head_->body));
            in_.erase(0, head_->body);
            keep_ = head_->keep;
            waits_ = true;
            auto request = std::move(head_->request);
            head_.reset();
            asked_(std::move(request));
        }
        within_ = false;
    }

    bool read_head() {
        if (head_) return true;
        const auto end = in_.find("\r\n\r\n");
        if (end == std::string::npos && in_.size() < limits_.head) return false;
        if (end == std::string::npos || end > limits_.head) {
            head_ = refuse(431);
        } else {
            head_ = parse_head(std::string_view(in_).substr(0, end));
            in_.erase(0, end + 4);
        }
        if (head_->body > limits_.body) head_ = refuse(413);
        return true;
    }

    Asked asked_;
    HttpLimits limits_;
    std::string in_, out_;
    std::optional<Head> head_;  // of the request whose body is being read
    bool keep_ = true;
    bool waits_ = false;  // for the answer to the last request
    bool within_ = false;
    bool over_ = false;
};

}  // namespace

std::unique_ptr<HttpSession> make_http1(HttpSession::Asked asked, const HttpLimits& limits) {
    return std::make_unique<Http1>(std::move(asked), limits);
}

}  // namespace ipref::resolver
