// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/log/format.h"

#include <fmt/format.h>

#include <chrono>
#include <iterator>

#include "common/dns/types.h"
#include "resolver/server/encode.h"

namespace ipref::resolver {

const std::string_view kCommonLogFormat =
    "{remote}:{port} - {>id} \"{type} {class} {name} {proto} {size} {>do} {>bufsize}\" "
    "{rcode} {>rflags} {rsize} {duration}";
const std::string_view kCombinedLogFormat =
    "{remote}:{port} - {>id} \"{type} {class} {name} {proto} {size} {>do} {>bufsize}\" "
    "{rcode} {>rflags} {rsize} {duration} \"{>opcode}\"";

namespace {

constexpr std::string_view kNothing = "-";

bool answered(const Query& q) {
    return q.outcome() == Query::Outcome::answered;
}

template <typename... Args>
void add(std::string& out, fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(out), format, std::forward<Args>(args)...);
}

void add_ip(std::string& out, const net::Ip& ip) {
    ip.is_v6() ? add(out, "[{}]", ip.str()) : add(out, "{}", ip.str());
}

const char* proto_text(Proto proto) {
    switch (proto) {
        case Proto::tcp:
            return "tcp";
        case Proto::tls:
            return "tls";
        case Proto::https:
            return "https";
        case Proto::udp:
        case Proto::internal:
            break;
    }
    return "udp";
}

const char* opcode_text(uint8_t opcode) {
    return opcode == dns::opcode::kNotify ? "4" : "0";
}

void add_reply_flags(const Query& q, std::string& out) {
    if (!answered(q)) {
        out += kNothing;
        return;
    }
    out += "qr";
    if (q.reply.aa) out += ",aa";
    if (q.reply.tc) out += ",tc";
    if (q.request.rd) out += ",rd";
    if (q.reply.ra) out += ",ra";
    if (q.reply.ad) out += ",ad";
    if (q.request.cd) out += ",cd";
}

void add_duration(const Query& q, std::string& out) {
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - q.arrived();
    add(out, "{:.9g}s", took.count());
}

struct Placeholder {
    std::string_view name;
    LogFormat::Value value;
};
const Placeholder kPlaceholders[] = {
    {"type", [](const Query& q, std::string& out) { out += dns::type_text(q.request.type); }},
    {"name", [](const Query& q, std::string& out) { out += q.request.lower.str(); }},
    {"class", [](const Query& q, std::string& out) { out += dns::class_text(q.request.klass); }},
    {"proto", [](const Query& q, std::string& out) { out += proto_text(q.request.proto); }},
    {"remote", [](const Query& q, std::string& out) { add_ip(out, q.request.client.ip); }},
    {"local", [](const Query& q, std::string& out) { add_ip(out, q.request.local.ip); }},
    {"port", [](const Query& q, std::string& out) { add(out, "{}", q.request.client.port); }},
    {"size", [](const Query& q, std::string& out) { add(out, "{}", q.request.wire.size()); }},
    {"rsize",
     [](const Query& q, std::string& out) {
         add(out, "{}", answered(q) ? reply_size(q.request, q.reply) : 0);
     }},
    {"duration", add_duration},
    {"rcode",
     [](const Query& q, std::string& out) {
         answered(q) ? out += dns::rcode_text(q.reply.rcode) : out += kNothing;
     }},
    {">rflags", add_reply_flags},
    {">bufsize", [](const Query& q, std::string& out) { add(out, "{}", q.limit()); }},
    {">do", [](const Query& q, std::string& out) { add(out, "{}", q.request.edns.dnssec_ok); }},
    {">id", [](const Query& q, std::string& out) { add(out, "{}", q.request.id); }},
    {">opcode", [](const Query& q, std::string& out) { out += opcode_text(q.request.opcode); }},
};

LogFormat::Value value_of(std::string_view name) {
    for (const auto& placeholder : kPlaceholders) {
        if (placeholder.name == name) return placeholder.value;
    }
    return nullptr;
}

std::string expanded(std::string_view format) {
    std::string out(format);
    for (const auto& [word, meaning] :
         {std::pair{"{common}", kCommonLogFormat}, std::pair{"{combined}", kCombinedLogFormat}}) {
        const std::string_view name = word;
        for (auto at = out.find(name); at != std::string::npos;
             at = out.find(name, at + meaning.size())) {
            out.replace(at, name.size(), meaning);
        }
    }
    return out;
}

}  // namespace

LogClass class_of(const Query& q) {
    if (!answered(q)) return LogClass::error;
    const auto& reply = q.reply;
    if (reply.rcode == dns::rcode::kNxDomain) return LogClass::denial;
    if (reply.rcode != dns::rcode::kNoError) return LogClass::error;
    if (reply.is_packed()) return reply.packed.denial ? LogClass::denial : LogClass::success;
    if (!reply.answer.empty()) return LogClass::success;
    for (const auto& record : reply.authority) {
        if (record.type == dns::rr::kSoa) return LogClass::denial;
    }
    return LogClass::success;  // a delegation
}

LogFormat::LogFormat(std::string_view format) {
    const auto text = expanded(format);
    std::string_view rest = text;
    std::string plain;
    const auto flush = [&] {
        if (!plain.empty()) pieces_.push_back({nullptr, std::exchange(plain, {}), false});
    };
    while (!rest.empty()) {
        const auto close = rest[0] == '{' ? rest.find('}') : std::string_view::npos;
        const auto name =
            close == std::string_view::npos ? std::string_view() : rest.substr(1, close - 1);
        const auto value = value_of(name);
        const bool metadata = name.size() > 1 && name[0] == '/';
        if (value == nullptr && !metadata) {
            plain += rest[0];
            rest.remove_prefix(1);
            continue;
        }
        flush();
        pieces_.push_back({value, metadata ? std::string(name.substr(1)) : "", metadata});
        rest.remove_prefix(close + 1);
    }
    flush();
}

std::string LogFormat::line(const Query& q) const {
    std::string out;
    out.reserve(160);
    for (const auto& piece : pieces_) {
        if (piece.metadata) {
            const auto value = q.metadata(piece.text);
            out += value.empty() ? kNothing : value;
        } else if (piece.value == nullptr) {
            out += piece.text;
        } else {
            piece.value(q, out);
        }
    }
    return out;
}

}  // namespace ipref::resolver
