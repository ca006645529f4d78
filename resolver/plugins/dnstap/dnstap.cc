// SPDX-License-Identifier: GPL-2.0-or-later
// Tells a collector of every question and every answer (https://dnstap.info).
#include <sys/un.h>

#include <array>
#include <charconv>

#include "common/run/version.h"
#include "resolver/plugins/dnstap/collector.h"
#include "resolver/plugins/dnstap/tap_message.h"
#include "resolver/plugins/log/format.h"
#include "resolver/server/plugin.h"

namespace ipref::resolver {

namespace {

using dnstap::Collector;
using dnstap::CollectorOptions;
using dnstap::Speaker;

constexpr size_t kMebibyte = 1 << 20;
constexpr size_t kQueueFrames = 10'000;         // for each 1 of QUEUE
constexpr size_t kQueueBytes = 16 * kMebibyte;  // likewise
constexpr uint32_t kMostMultiple = 1024;

class DnstapHandler final : public Handler {
  public:
    DnstapHandler(CollectorOptions options, Speaker speaker, const std::string& extra)
        : options_(std::move(options)), speaker_(std::move(speaker)), extra_(extra) {}

    std::string_view name() const override { return "dnstap"; }
    Interest interest() const override { return {.all = true}; }

    Result<void> start(Worker& worker) override {
        collectors_.make(worker, worker.loop(), options_);
        return {};
    }
    void stop(Worker& worker) override { collectors_.drop(worker); }

    Step handle(Query& q) override {
        if (q.depth() > 0) return Step::next;
        tell(q, dnstap::query_message(speaker_, q, extra_.line(q)));
        return Step::watch;
    }

    Step answered(Query& q) override {
        if (q.outcome() != Query::Outcome::dropped) {
            tell(q, dnstap::response_message(speaker_, q, extra_.line(q)));
        }
        return Step::done;
    }

    std::string explain() const override { return "to " + options_.text; }

  private:
    void tell(const Query& q, const std::string& message) {
        if (!collectors_.has(q.worker())) return;  // a query that ends with the process
        collectors_[q.worker()].add(
            Bytes(reinterpret_cast<const uint8_t*>(message.data()), message.size()));
    }

    CollectorOptions options_;
    Speaker speaker_;
    LogFormat extra_;
    PerWorker<Collector> collectors_;
};

// -- set-up

/// HOST:PORT or [IP6]:PORT behind the scheme.
Result<void> take_host(std::string_view text, CollectorOptions& to) {
    const auto colon = text.rfind(':');
    const auto wrong = [&] {
        return fail("\"{}\" is no endpoint: write SCHEME://HOST:PORT, or a socket's path", to.text);
    };
    if (colon == std::string_view::npos) return wrong();
    auto host = text.substr(0, colon);
    const auto port = text.substr(colon + 1);
    const auto read = std::from_chars(port.data(), port.data() + port.size(), to.port);
    if (read.ec != std::errc() || read.ptr != port.data() + port.size() || to.port == 0) {
        return wrong();
    }
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    const auto name = Name::parse(host);
    if (!net::Ip::parse(host) && (!name || name->is_root())) return wrong();
    to.host = host;
    return {};
}

/// What the first argument is; true if it wants TLS.
Result<bool> take_endpoint(const Setup& setup, CollectorOptions& to) {
    std::string_view rest = to.text;
    const auto scheme = [&](std::string_view prefix) {
        const bool there = rest.starts_with(prefix);
        if (there) rest.remove_prefix(prefix.size());
        return there;
    };
    const bool tls = scheme("tls://");
    if (tls || scheme("tcp://")) {
        if (rest.ends_with('/')) rest.remove_suffix(1);
        if (auto taken = take_host(rest, to); !taken) return tl::unexpected(taken.error());
        return tls;
    }
    scheme("unix://");
    to.path = setup.path(rest);
    constexpr size_t kMost = sizeof sockaddr_un::sun_path - 1;
    if (rest.empty() || to.path.size() > kMost) {
        return fail("\"{}\": a socket's path has 1 to {} bytes", to.text, kMost);
    }
    return false;
}

Result<uint32_t> multiple(const Token& word, std::string_view what) {
    uint32_t value = 0;
    const char* const end = word.text.data() + word.text.size();
    const auto read = std::from_chars(word.text.data(), end, value);
    if (read.ec != std::errc() || read.ptr != end || value < 1 || value > kMostMultiple) {
        return parse_error(word.at, fmt::format("{} is a number from 1 to {}, not \"{}\"", what,
                                                kMostMultiple, word.text));
    }
    return value;
}

/// ENDPOINT [full [WRITEBUFFER [QUEUE]]]
Result<bool> take_arguments(Setup& setup, CollectorOptions& to, Speaker& speaker) {
    const auto words = setup.tokens().remaining_tokens();
    if (words.empty() || words.size() > 4) return setup.tokens().arg_err();
    to.text = words[0].text;
    const auto tls = take_endpoint(setup, to);
    if (!tls) return parse_error(words[0].at, tls.error().text);
    if (words.size() > 1 && words[1].text != "full") {
        return parse_error(words[1].at,
                           fmt::format("expected \"full\", not \"{}\"", words[1].text));
    }
    speaker.full = words.size() > 1;
    size_t queue = 1;
    if (words.size() > 2) {
        const auto buffer = multiple(words[2], "the write buffer, in MiB,");
        if (!buffer) return tl::unexpected(buffer.error());
        to.send_buffer = *buffer * kMebibyte;
    }
    if (words.size() > 3) {
        const auto value = multiple(words[3], "the queue, in units of 10000 messages,");
        if (!value) return tl::unexpected(value.error());
        queue = *value;
    }
    to.most_frames = queue * kQueueFrames;
    to.most_bytes = queue * kQueueBytes;
    return tls;
}

std::string host_name() {
    std::array<char, 256> name{};
    return gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : "";
}

Result<void> read_use(Setup& setup) {
    CollectorOptions options;
    Speaker speaker{.identity = host_name(),
                    .version = fmt::format("ipref-coredns-{}", run::kRelease)};
    const auto tls = take_arguments(setup, options, speaker);
    if (!tls) return tl::unexpected(tls.error());
    std::string extra;
    bool skip_verify = false;
    OptionTable table;
    table.text("identity", "NAME", speaker.identity, "This server's name; the host's by default.");
    table.text("version", "TEXT", speaker.version, "This server's version.");
    table.text("extra", "FORMAT", extra, "More to say, with the placeholders of plugin log.");
    table.flag("skipverify", skip_verify, "Any certificate of the collector is believed.");
    if (auto read = table.read_block(setup.tokens()); !read) return read;
    if (*tls) {
        tls::ClientOptions wanted;
        wanted.verify = !skip_verify;
        auto context = tls::Context::client(wanted);
        if (!context) return setup.error(context.error().text);
        options.tls = std::move(*context);
    }
    options.dropped = &setup.metrics().counter("coredns_dnstap_dropped_total",
                                               "Messages that the collector took too slowly.",
                                               {{"endpoint", options.text}});
    setup.add(std::make_unique<DnstapHandler>(std::move(options), std::move(speaker), extra));
    return {};
}

}  // namespace

Result<void> setup_dnstap(Setup& setup) {
    while (setup.tokens().next()) {
        if (auto read = read_use(setup); !read) return read;
    }
    return {};
}

}  // namespace ipref::resolver
