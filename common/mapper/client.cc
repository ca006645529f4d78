// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/mapper/client.h"

#include <algorithm>
#include <random>

#include "common/mapper/connection.h"
#include "common/mapper/dialect.h"
#include "common/mapper/requests.h"

namespace ipref::mapper {

namespace {

constexpr uint64_t kHelloId = 1;
constexpr size_t kNameLimit = 255;
constexpr size_t kMostQueuedReports = 100;

/// Both protocols carry names as at most 255 bytes; protobuf strings are UTF-8.
bool sendable(const std::string& name) {
    return name.size() <= kNameLimit &&
           std::all_of(name.begin(), name.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

Failure bad_name(const std::string& name) {
    return {Reason::bad_request,
            fmt::format("name of {} bytes is too long or not ASCII", name.size())};
}

}  // namespace

Result<std::string> parse_mapper_url(std::string_view url) {
    constexpr std::string_view kScheme = "unix://";
    auto path = url;
    if (path.substr(0, kScheme.size()) == kScheme) path.remove_prefix(kScheme.size());
    if (path.empty() || path[0] != '/') {
        return fail("\"{}\" is no mapper socket; write unix:///run/ipref/mapper.sock", url);
    }
    return std::string(path);
}

class Client::Impl {
  public:
    Impl(run::Loop& loop, ClientOptions options, ClientEvents events)
        : loop_(loop),
          options_(std::move(options)),
          events_(std::move(events)),
          v1_(v1_dialect(options_.v1_ea, options_.v1_gw)),
          backoff_(options_.first_backoff),
          retry_(loop, [this] { connect(); }),
          hello_(loop, [this] { hello_unanswered("hello is not answered"); }),
          expiry_(loop, [this] { expire(); }) {
        batch_ = std::random_device{}();
        retry_.start(Milliseconds(0));
    }

    bool connected() const { return dialect_ != nullptr; }
    const Server* server() const { return connected() ? &server_ : nullptr; }

    void ask(std::vector<Query> queries, EncodedListCallback callback);
    void ship(Shipment shipment, Milliseconds timeout, DoneCallback callback);

    bool report(const SourceReport& report);

    const ClientOptions& options() const { return options_; }

  private:
    void connect();
    void on_record(wire::Bytes record);
    void on_hello(wire::Bytes record);
    void hello_unanswered(const std::string& why);
    void up(Server server);
    void drop(const std::string& why);
    void send_queries(const std::vector<Query>& queries, const std::shared_ptr<Requests::Batch>&);
    void pump();
    bool send_part(const std::shared_ptr<Requests::Job>& job);
    void expire();
    void arm();
    Milliseconds now() {
        uv_update_time(loop_.raw());  // a callback before this one may have taken long
        return loop_.now();
    }

    run::Loop& loop_;
    ClientOptions options_;
    ClientEvents events_;
    std::unique_ptr<const Dialect> v1_;
    const Dialect* dialect_ = nullptr;  ///< set while requests can be sent
    Server server_;
    Requests requests_;
    uint64_t batch_ = 0;
    Milliseconds backoff_;
    Milliseconds up_since_{};
    bool told_lost_ = false;
    std::unique_ptr<Connection> connection_;
    std::unique_ptr<Connection> old_;  ///< closed; destroyed outside its own callbacks
    run::Timer retry_;
    run::Timer hello_;
    run::Timer expiry_;
};

// ---- connecting

void Client::Impl::connect() {
    old_.reset();
    auto opened = Connection::open(
        loop_, options_.path,
        {[this](wire::Bytes record) { on_record(record); }, [this] { pump(); },
         [this](const std::string& why) { drop(fmt::format("{}: {}", options_.path, why)); }});
    if (!opened) return drop(opened.error().text);
    connection_ = std::move(*opened);
    if (options_.protocol == Protocol::v1) {
        return up(Server{
            .protocol = Protocol::v1, .program = {}, .release = {}, .sites = {}, .note = {}});
    }
    hello_.start(options_.hello_timeout);
    connection_->send(hello_record(kHelloId, options_.program));
}

void Client::Impl::on_hello(wire::Bytes record) {
    auto answer = read_hello(record, kHelloId);
    if (!answer) return;
    hello_.stop();
    if (!*answer) return hello_unanswered(answer->error().text);
    up(std::move(**answer));
}

void Client::Impl::hello_unanswered(const std::string& why) {
    if (options_.protocol == Protocol::protobuf) {
        return drop(fmt::format("{}: {}; a gateway that knows only V1 needs mapper protocol auto",
                                options_.path, why));
    }
    up(Server{.protocol = Protocol::v1, .program = {}, .release = {}, .sites = {}, .note = why});
}

void Client::Impl::up(Server server) {
    server_ = std::move(server);
    dialect_ = server_.protocol == Protocol::v1 ? v1_.get() : &protobuf_dialect();
    up_since_ = now();
    told_lost_ = false;
    // V1 proves nothing yet: the other end may still hang up at once, again and again.
    if (server_.protocol == Protocol::protobuf) backoff_ = options_.first_backoff;
    if (events_.connected) events_.connected(server_);
}

void Client::Impl::drop(const std::string& why) {
    if (connection_) {
        connection_->close();
        old_ = std::move(connection_);
    }
    hello_.stop();
    if (connected() && now() - up_since_ >= options_.longest_backoff) {
        backoff_ = options_.first_backoff;
    }
    dialect_ = nullptr;
    retry_.start(backoff_);
    backoff_ = std::min(backoff_ * 2, options_.longest_backoff);
    requests_.fail_all({Reason::disconnected, why});
    arm();
    if (!told_lost_ && events_.lost) events_.lost(why);
    told_lost_ = true;
}

void Client::Impl::on_record(wire::Bytes record) {
    if (!connected()) return on_hello(record);
    auto reply = dialect_->read(record);
    if (!reply) {
        if (events_.ignored) events_.ignored(reply.error().text);
        return;
    }
    if (!*reply) return;
    backoff_ = options_.first_backoff;
    if (const auto* dropped = std::get_if<Dropped>(&(**reply).what)) {
        if (events_.mappings_changed) events_.mappings_changed(*dropped);
        return;
    }
    requests_.reply(std::move(**reply), now());
    pump();
    arm();
}

// ---- requests

void Client::Impl::ask(std::vector<Query> queries, EncodedListCallback callback) {
    if (queries.empty()) return callback({});
    auto refuse = [&](Reason reason, std::string text) {
        callback(
            std::vector<Answer>(queries.size(), tl::unexpected(Failure{reason, std::move(text)})));
    };
    if (!connected()) return refuse(Reason::disconnected, "no connection to the gateway");
    // Ids of V1 are few: keep a good part of them free.
    const auto most = std::min<uint64_t>(options_.most_queries, dialect_->largest_id() / 2);
    // A gateway that does not read leaves records queued here longer than their requests live.
    if (requests_.queries() + queries.size() > most || connection_->queued() > most) {
        return refuse(Reason::too_many, fmt::format("more than {} queries wait for answers", most));
    }
    auto batch = std::make_shared<Requests::Batch>();
    batch->callback = std::move(callback);
    batch->open = queries.size();
    batch->answers.assign(queries.size(), tl::unexpected(Failure{}));
    for (const auto& query : queries) batch->asked.push_back(query.ipref);
    for (auto& query : queries) {
        // The name serves only logs and listings: better an answer without it than none.
        if (!sendable(query.name)) query.name.clear();
    }
    send_queries(queries, batch);
    arm();
}

void Client::Impl::send_queries(const std::vector<Query>& queries,
                                const std::shared_ptr<Requests::Batch>& batch) {
    const auto deadline = now() + options_.request_timeout;
    for (size_t first = 0; first < queries.size();) {
        const auto id = requests_.new_id(dialect_->largest_id());
        auto record = dialect_->queries(id, std::span(queries).subspan(first));
        requests_.add(id, batch, first, record.count, deadline);
        connection_->send(std::move(record.bytes));
        first += record.count;
    }
}

void Client::Impl::ship(Shipment shipment, Milliseconds timeout, DoneCallback callback) {
    const auto& source = shipment.source;
    auto refuse = [&](Failure failure) { callback(tl::unexpected(std::move(failure))); };
    if (!connected()) return refuse({Reason::disconnected, "no connection to the gateway"});
    if (requests_.jobs() >= options_.most_publishes) {
        return refuse({Reason::too_many, fmt::format("more than {} requests about sources wait",
                                                     options_.most_publishes)});
    }
    for (const auto* name : {&source.local_domain, &source.public_domain}) {
        if (!sendable(*name)) return refuse(bad_name(*name));
    }
    shipment.batch = ++batch_;
    requests_.add(std::move(shipment), now(), timeout, std::move(callback));
    pump();
    arm();
}

bool Client::Impl::report(const SourceReport& report) {
    if (!connected() || connection_->queued() > kMostQueuedReports) return false;
    auto record = dialect_->report(requests_.new_id(dialect_->largest_id()), report);
    if (!record.empty()) connection_->send(std::move(record));
    return true;
}

/// Sends parts of shipments, in their order, as long as the kernel and the window take them.
void Client::Impl::pump() {
    while (connected() && connection_->idle()) {
        const auto job = requests_.unsent();
        if (!job || !send_part(job)) return;
    }
}

bool Client::Impl::send_part(const std::shared_ptr<Requests::Job>& job) {
    const auto window = dialect_->window();
    if (window != 0 && job->unanswered >= window) return false;
    const bool same_id = window == 0 && !job->ids.empty();
    const auto id = same_id ? job->ids.front() : requests_.new_id(dialect_->largest_id());
    auto record = dialect_->next_part(id, job->shipment);
    if (!record) {
        requests_.finish(job, tl::unexpected(Failure{Reason::bad_request, record.error().text}));
        return true;
    }
    requests_.sent(job, id, now());
    connection_->send(std::move(*record));
    return true;
}

void Client::Impl::expire() {
    requests_.expire(now());
    pump();
    arm();
}

void Client::Impl::arm() {
    const auto next = requests_.next_deadline();
    if (!next) return expiry_.stop();
    expiry_.start(std::max(Milliseconds(0), *next - now()));
}

// ---- the interface

Client::Client(run::Loop& loop, ClientOptions options, ClientEvents events)
    : impl_(std::make_unique<Impl>(loop, std::move(options), std::move(events))) {}

Client::~Client() = default;

bool Client::connected() const {
    return impl_->connected();
}

const Server* Client::server() const {
    return impl_->server();
}

void Client::get_encoded_address(Query query, EncodedCallback callback) {
    impl_->ask({std::move(query)}, [callback = std::move(callback)](std::vector<Answer> answers) {
        callback(std::move(answers.front()));
    });
}

void Client::get_encoded_addresses(std::vector<Query> queries, EncodedListCallback callback) {
    impl_->ask(std::move(queries), std::move(callback));
}

void Client::publish(std::shared_ptr<const wire::HostSet> set, DoneCallback callback) {
    Shipment shipment{.kind = Shipment::Kind::publish,
                      .source = {set->local_domain, set->public_domain},
                      .set = {},
                      .change = {},
                      .hash = set->hash,
                      .count = static_cast<uint32_t>(set->hosts.size())};
    shipment.set = std::move(set);
    impl_->ship(std::move(shipment), impl_->options().publish_timeout, std::move(callback));
}

void Client::publish_change(std::shared_ptr<const wire::HostSet> set, Change change,
                            DoneCallback callback) {
    Shipment shipment{.kind = Shipment::Kind::change,
                      .source = {set->local_domain, set->public_domain},
                      .set = {},
                      .change = std::move(change),
                      .hash = set->hash,
                      .count = static_cast<uint32_t>(set->hosts.size())};
    shipment.set = std::move(set);
    impl_->ship(std::move(shipment), impl_->options().publish_timeout, std::move(callback));
}

void Client::confirm(const Source& source, uint64_t hash, uint32_t count, DoneCallback callback) {
    Shipment shipment{.kind = Shipment::Kind::confirm,
                      .source = source,
                      .set = {},
                      .change = {},
                      .hash = hash,
                      .count = count};
    impl_->ship(std::move(shipment), impl_->options().request_timeout, std::move(callback));
}

void Client::withdraw(const Source& source, DoneCallback callback) {
    Shipment shipment{.kind = Shipment::Kind::withdraw, .source = source, .set = {}, .change = {}};
    impl_->ship(std::move(shipment), impl_->options().request_timeout, std::move(callback));
}

bool Client::report(const SourceReport& report) {
    return impl_->report(report);
}

}  // namespace ipref::mapper
