// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/secondary/secondary_zone.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "common/dns/axfr.h"
#include "common/dns/random.h"
#include "common/run/log.h"
#include "resolver/plugins/file/lookup.h"
#include "resolver/plugins/transfer/transfer.h"

namespace ipref::resolver {

namespace {

using std::chrono::seconds;

constexpr run::Milliseconds kSoaTimeout(3000);
constexpr size_t kSoaNumbers = 20;
constexpr size_t kMostRecords = 10'000'000;
constexpr seconds kLeast(1);
constexpr seconds kMostWait(86'400);
constexpr seconds kMostFirstRetry(60);  // while there is no data at all

/// Zones that some configuration has, by origin and servers: a reload goes on with them.
class Known {
  public:
    std::shared_ptr<const Zone> find(const std::string& key) {
        const std::lock_guard lock(mutex_);
        const auto found = zones_.find(key);
        return found == zones_.end() ? nullptr : found->second.lock();
    }
    void keep(const std::string& key, const std::shared_ptr<const Zone>& zone) {
        const std::lock_guard lock(mutex_);
        std::erase_if(zones_, [](const auto& entry) { return entry.second.expired(); });
        if (zone != nullptr) zones_[key] = zone;
    }

  private:
    std::mutex mutex_;
    std::map<std::string, std::weak_ptr<const Zone>> zones_;
};

Known& known() {
    static Known all;
    return all;
}

/// The serial in the answer's SOA; nothing if it has none.
std::optional<uint32_t> serial_in(dns::Bytes answer, const Name& origin) {
    dns::MessageReader in(answer);
    if (in.header().rcode() != dns::rcode::kNoError) return std::nullopt;
    while (const auto record = in.record()) {
        const bool soa = record->section == dns::Section::answer && record->type == dns::rr::kSoa &&
                         record->owner == origin;
        const auto data = soa ? in.plain_rdata(*record) : std::nullopt;
        if (!data || data->size() < kSoaNumbers + 2) continue;
        wire::Reader numbers(dns::Bytes(*data).last(kSoaNumbers));
        return numbers.u32();
    }
    return std::nullopt;
}

}  // namespace

SoaTimes soa_times(const Zone& zone) {
    wire::Reader numbers(soa_of(zone).rdata.last(kSoaNumbers));
    numbers.u32();  // serial
    const auto next = [&] { return std::max(seconds(numbers.u32()), kLeast); };
    SoaTimes out{};
    out.refresh = std::min(next(), kMostWait);
    out.retry = std::min(next(), kMostWait);
    out.expire = std::max(next(), out.refresh);
    return out;
}

struct SecondaryZone::Incoming {
    explicit Incoming(SecondaryZone& zone)
        : builder(std::make_unique<ZoneBuilder>(zone.origin_)),
          stream(zone.origin_, dns::random_id(),
                 {.record = [this](const auto& reader,
                                   const auto& view) { return take(reader, view); },
                  .skipped = nullptr}) {}

    tl::expected<void, std::string> take(const dns::MessageReader& reader,
                                         const dns::RecordView& view) {
        if (stream.records() > kMostRecords) {
            return tl::unexpected(fmt::format("the zone has more than {} records", kMostRecords));
        }
        const auto data = reader.plain_rdata(view);
        if (!data) return tl::unexpected("malformed data of " + view.owner.str());
        builder->add(view.owner, view.type, dns::sane_ttl(view.ttl), *data);
        return {};
    }

    std::unique_ptr<ZoneBuilder> builder;
    dns::AxfrStream stream;
    std::unique_ptr<dns::Transfer> transfer;
};

/// For the serial, signed, so over TCP.
struct SecondaryZone::SerialQuestion {
    explicit SerialQuestion(const Name& origin) : stream(origin, dns::random_id()) {}
    dns::SoaStream stream;
    std::unique_ptr<dns::Transfer> transfer;
};

SecondaryZone::SecondaryZone(const Name& origin, std::vector<Primary> servers)
    : origin_(origin), servers_(std::move(servers)) {}

SecondaryZone::~SecondaryZone() = default;

std::shared_ptr<SecondaryZone> SecondaryZone::make(const Name& origin,
                                                   std::vector<Primary> servers) {
    std::shared_ptr<SecondaryZone> out(new SecondaryZone(origin, std::move(servers)));
    out->zone_ = known().find(out->identity());
    return out;
}

/// What a later configuration must have in common to go on with the zone.
std::string SecondaryZone::identity() const {
    std::string out = origin_.str();
    for (const auto& server : servers_) {
        out += " " + server.at.str();
        if (server.key) out += " key " + server.key->name.str();
    }
    return out;
}

const Primary* SecondaryZone::server(const net::Ip& ip) const {
    const auto at = std::ranges::find(servers_, ip, [](const auto& one) { return one.at.ip; });
    return at == servers_.end() ? nullptr : &*at;
}

std::shared_ptr<const Zone> SecondaryZone::zone() const {
    const std::lock_guard lock(mutex_);
    return zone_;
}

void SecondaryZone::set(std::shared_ptr<const Zone> zone) {
    known().keep(identity(), zone);
    const std::lock_guard lock(mutex_);
    zone_ = std::move(zone);
    version_.fetch_add(1, std::memory_order_release);
}

void SecondaryZone::start(run::Loop& loop, std::function<void(const Zone&)> changed) {
    loop_ = &loop;
    changed_ = std::move(changed);
    next_ = std::make_unique<run::Timer>(loop, [this] { look(); });
    expiry_ = std::make_unique<run::Timer>(loop, [this] { expired(); });
    later_ = std::make_unique<run::Timer>(loop, [] {});
    if (const auto have = zone()) expiry_->start(soa_times(*have).expire);
    look();
}

void SecondaryZone::stop() {
    next_.reset();
    expiry_.reset();
    later_.reset();
    upstream_.reset();
    question_.reset();
    incoming_.reset();
    changed_ = nullptr;
    loop_ = nullptr;
}

void SecondaryZone::look() {
    if (loop_ == nullptr) return;
    if (busy_) {
        again_ = true;
        return;
    }
    busy_ = true;
    again_ = false;
    at_ = 0;
    zone() == nullptr ? transfer() : ask_serial();
}

void SecondaryZone::ask_serial() {
    if (current().key) return ask_signed_serial();
    upstream_ = std::make_unique<dns::Upstream>(*loop_, current().at);
    std::array<uint8_t, dns::kPlainUdpSize> space{};
    dns::MessageWriter message(space);
    message.question({.name = origin_, .type = dns::rr::kSoa});
    upstream_->ask(message.finish(0, 0), dns::Via::udp, kSoaTimeout,
                   [this](const dns::Upstream::Outcome& outcome) { take_answer(outcome); });
}

void SecondaryZone::take_answer(const dns::Upstream::Outcome& outcome) {
    if (!outcome) return next_server(outcome.error().text);
    const auto serial = serial_in(*outcome, origin_);
    if (!serial) return next_server(current().at.str() + " does not know the zone's SOA");
    take_serial(*serial);
}

void SecondaryZone::ask_signed_serial() {
    question_ = std::make_unique<SerialQuestion>(origin_);
    auto& question = *question_;
    question.stream.sign_with(*current().key);
    const dns::TransferLimits limits{kSoaTimeout, kSoaTimeout, 2 * kSoaTimeout};
    question.transfer = std::make_unique<dns::Transfer>(
        *loop_, current().at, question.stream, question.stream.query(), limits,
        [this](const dns::TransferStep& end) {
            later([this, end] {
                const auto asked = std::move(question_);
                if (end) return take_serial(asked->stream.serial());
                next_server(fmt::format("{}: {}", current().at.str(), end.error().text));
            });
        });
}

void SecondaryZone::take_serial(uint32_t serial) {
    const auto have = zone();
    if (have != nullptr && serial_reached(have->serial(), serial)) return good();
    transfer();
}

void SecondaryZone::transfer() {
    incoming_ = std::make_unique<Incoming>(*this);
    auto& incoming = *incoming_;
    if (current().key) incoming.stream.sign_with(*current().key);
    incoming.transfer = std::make_unique<dns::Transfer>(
        *loop_, current().at, incoming.stream, incoming.stream.query(), dns::TransferLimits{},
        [this](const dns::TransferStep& end) { transferred(end); });
}

/// From inside the transfer's callback, where it must not be destroyed.
void SecondaryZone::transferred(const dns::TransferStep& end) {
    std::function<void()> then = [this] { build(); };
    if (!end) {
        then = [this, why = fmt::format("{}: {}", current().at.str(), end.error().text)] {
            incoming_.reset();
            next_server(why);
        };
    }
    later(std::move(then));
}

void SecondaryZone::later(std::function<void()> what) {
    later_ = std::make_unique<run::Timer>(*loop_, std::move(what));
    later_->start(run::Milliseconds(0));
}

struct SecondaryZone::Job {
    uv_work_t work{};
    std::shared_ptr<SecondaryZone> self;
    std::unique_ptr<ZoneBuilder> builder;
    Result<std::shared_ptr<const Zone>> zone = nullptr;
};

/// Sorting a large zone takes a while: not on the loop.
void SecondaryZone::build() {
    auto job = std::make_unique<Job>();
    job->self = shared_from_this();
    job->builder = std::move(incoming_->builder);
    job->work.data = job.get();
    incoming_.reset();
    const auto run = [](uv_work_t* work) {
        auto* job_here = static_cast<Job*>(work->data);
        job_here->zone = job_here->builder->build();
    };
    const auto ready = [](uv_work_t* work, int) {
        const std::unique_ptr<Job> job_here(static_cast<Job*>(work->data));
        job_here->self->built(job_here->zone);
    };
    if (uv_queue_work(loop_->raw(), &job->work, run, ready) != 0) {
        return next_server("no thread to build the zone on");
    }
    static_cast<void>(job.release());  // freed in `ready`
}

void SecondaryZone::built(const Result<std::shared_ptr<const Zone>>& made) {
    if (loop_ == nullptr) return;
    if (!made) return next_server(fmt::format("{}: {}", current().at.str(), made.error().text));
    set(*made);
    run::log_info("plugin/secondary: Transferred: {} from {}, serial {}", origin_.str(),
                  current().at.str(), (*made)->serial());
    if (changed_) changed_(**made);
    good();
}

void SecondaryZone::good() {
    failures_ = 0;
    const auto times = soa_times(*zone());
    expiry_->start(times.expire);
    idle(times.refresh);
}

void SecondaryZone::next_server(const std::string& why) {
    run::log_warning("plugin/secondary: zone {}: {}", origin_.str(), why);
    if (++at_ < servers_.size()) return zone() == nullptr ? transfer() : ask_serial();
    const auto have = zone();
    const auto first = std::min(seconds(1LL << std::min(failures_, 6U)), kMostFirstRetry);
    failures_++;
    idle(have == nullptr ? first : soa_times(*have).retry);
}

void SecondaryZone::idle(std::chrono::seconds until_next) {
    busy_ = false;
    next_->start(again_ ? kLeast : until_next);
    again_ = false;
}

void SecondaryZone::expired() {
    run::log_error("plugin/secondary: zone {} has expired: no server has confirmed it for too long",
                   origin_.str());
    set(nullptr);
}

}  // namespace ipref::resolver
