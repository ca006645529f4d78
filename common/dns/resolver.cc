// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/dns/resolver.h"

#include <ares.h>

#include <cassert>
#include <deque>
#include <map>
#include <mutex>

#include "common/dns/hosts_file.h"

namespace ipref::dns {

namespace {

struct Job {
    Name name;
    uint16_t type;
    Resolver::Callback callback;
};

struct ChannelOptions {
    ares_options values{};
    int mask = 0;
};

/// 1232 bytes of EDNS, TCP when cut, the servers in the order given.
ChannelOptions channel_options(const ResolverOptions& options) {
    ChannelOptions out;
    out.values.flags = ARES_FLAG_EDNS;
    out.values.ednspsz = kEdnsUdpSize;
    out.values.timeout = static_cast<int>(options.timeout.count());
    out.values.tries = options.tries;
    out.mask = ARES_OPT_FLAGS | ARES_OPT_EDNSPSZ | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
               ARES_OPT_SOCK_STATE_CB | ARES_OPT_NOROTATE;
    return out;
}

std::string csv(const std::vector<net::Endpoint>& servers) {
    std::string text;
    for (const auto& server : servers) {
        if (!text.empty()) text += ',';
        text += server.str();
    }
    return text;
}

}  // namespace

struct Resolver::State {
    State(run::Loop& use, ResolverOptions with)
        : loop(use),
          options(std::move(with)),
          hosts(options.servers.empty() ? options.hosts_file : ""),
          timer(use, [this] { on_time(); }),
          kick(use, [this] { pump(); }) {}
    ~State() {
        closing = true;
        if (channel != nullptr) ares_destroy(channel);  // calls back for every look-up
    }

    Result<void> open();
    void pump();
    void launch(Job job);
    bool answer_from_hosts(Job& job);
    void answered(const Job& job, int status, Bytes message);
    void on_time();
    void on_socket(int fd, int events);
    void watch(int fd, bool readable, bool writable);
    void arm();

    run::Loop& loop;
    ResolverOptions options;
    HostsFile hosts;
    run::Timer timer;  // c-ares's next time-out
    run::Timer kick;   // look-ups begin in the loop's next turn
    ares_channel channel = nullptr;
    std::map<int, std::unique_ptr<run::Poll>> polls;
    std::deque<Job> waiting;
    size_t in_flight = 0;
    bool closing = false;
};

Result<void> Resolver::State::open() {
    static std::once_flag once;
    std::call_once(once, [] { ares_library_init(ARES_LIB_INIT_ALL); });
    auto with = channel_options(options);
    with.values.sock_state_cb_data = this;
    with.values.sock_state_cb = [](void* self, ares_socket_t fd, int readable, int writable) {
        static_cast<State*>(self)->watch(fd, readable != 0, writable != 0);
    };
    int status = ares_init_options(&channel, &with.values, with.mask);
    if (status != ARES_SUCCESS) {
        channel = nullptr;
        return fail("DNS look-ups cannot be set up: {}", ares_strerror(status));
    }
    if (options.servers.empty()) return {};
    const auto servers = csv(options.servers);
    status = ares_set_servers_ports_csv(channel, servers.c_str());
    if (status != ARES_SUCCESS) {
        return fail("DNS servers {} cannot be used: {}", servers, ares_strerror(status));
    }
    return {};
}

/// c-ares tells what it waits for on a socket; nothing: it is about to close it.
void Resolver::State::watch(int fd, bool readable, bool writable) {
    if (!readable && !writable) {
        polls.erase(fd);
        return;
    }
    auto& poll = polls[fd];
    if (!poll) {
        poll = std::make_unique<run::Poll>(loop, fd,
                                           [this, fd](int events) { on_socket(fd, events); });
    }
    poll->start((readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0));
}

void Resolver::State::on_socket(int fd, int events) {
    ares_process_fd(channel, (events & UV_READABLE) != 0 ? fd : ARES_SOCKET_BAD,
                    (events & UV_WRITABLE) != 0 ? fd : ARES_SOCKET_BAD);
    arm();
}

void Resolver::State::on_time() {
    ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    arm();
}

void Resolver::State::arm() {
    timeval next{};
    if (ares_timeout(channel, nullptr, &next) == nullptr) {
        timer.stop();
        return;
    }
    timer.start(run::Milliseconds(next.tv_sec * 1000 + next.tv_usec / 1000 + 1));
}

void Resolver::State::pump() {
    while (in_flight < options.max_in_flight && !waiting.empty()) {
        Job job = std::move(waiting.front());
        waiting.pop_front();
        if (!answer_from_hosts(job)) launch(std::move(job));
    }
    arm();
}

bool Resolver::State::answer_from_hosts(Job& job) {
    if (job.type != rr::kA && job.type != rr::kAaaa) return false;
    const auto family = job.type == rr::kA ? net::Family::v4 : net::Family::v6;
    const auto ips = hosts.find(job.name, family, loop.now().count());
    if (ips.empty()) return false;
    Answer answer;
    for (const auto& ip : ips) {
        const auto bytes = ip.bytes();
        answer.records.push_back({job.name, job.type, klass::kIn, 0, {bytes.begin(), bytes.end()}});
    }
    job.callback(std::move(answer));
    return true;
}

void Resolver::State::launch(Job job) {
    struct Flight {
        State* state;
        Job job;
    };
    in_flight++;
    auto* flight = new Flight{this, std::move(job)};
    const auto done = [](void* raw, int status, int, unsigned char* bytes, int size) {
        const std::unique_ptr<Flight> owner(static_cast<Flight*>(raw));
        State& state = *owner->state;
        if (state.closing) return;
        state.in_flight--;
        const size_t length = bytes == nullptr || size < 0 ? 0 : static_cast<size_t>(size);
        state.answered(owner->job, status, {bytes, length});
        if (!state.waiting.empty()) state.kick.start(run::Milliseconds(0));
    };
    ares_query(channel, flight->job.name.str().c_str(), klass::kIn, flight->job.type, done, flight);
}

void Resolver::State::answered(const Job& job, int status, Bytes message) {
    const auto what = [&] { return fmt::format("{} {}", job.name.str(), type_text(job.type)); };
    if (message.empty()) {
        // With this status c-ares also says that servers answered SERVFAIL or REFUSED.
        const char* why = status == ARES_ECONNREFUSED ? "no server could be reached or would answer"
                                                      : ares_strerror(status);
        const auto asked = options.servers.empty() ? "/etc/resolv.conf" : csv(options.servers);
        job.callback(fail("looking up {}: {} (servers: {})", what(), why, asked));
        return;
    }
    auto answer = parse_answer(message, job.name, job.type);
    if (!answer) {
        job.callback(fail("looking up {}: {}", what(), answer.error().text));
        return;
    }
    job.callback(std::move(*answer));
}

Result<std::vector<net::Endpoint>> parse_servers(std::string_view text) {
    constexpr uint16_t kPort = 53;
    std::vector<net::Endpoint> servers;
    for (;;) {
        const auto comma = text.find(',');
        const auto server = net::Endpoint::parse(text.substr(0, comma), kPort);
        if (!server) return tl::unexpected(server.error());
        if (server->port == 0) return fail("\"{}\": port 0", text.substr(0, comma));
        servers.push_back(*server);
        if (comma == std::string_view::npos) return servers;
        text.remove_prefix(comma + 1);
    }
}

Result<std::unique_ptr<Resolver>> Resolver::make(run::Loop& loop, ResolverOptions options) {
    auto state = std::make_unique<State>(loop, std::move(options));
    if (auto opened = state->open(); !opened) return tl::unexpected(opened.error());
    return std::unique_ptr<Resolver>(new Resolver(std::move(state)));
}

Resolver::Resolver(std::unique_ptr<State> state) : state_(std::move(state)) {}

Resolver::~Resolver() = default;

void Resolver::query(const Name& name, uint16_t type, Callback callback) {
    state_->waiting.push_back({name, type, std::move(callback)});
    state_->kick.start(run::Milliseconds(0));
}

std::vector<net::Endpoint> Resolver::servers() const {
    ares_addr_port_node* list = nullptr;
    std::vector<net::Endpoint> servers;
    if (ares_get_servers_ports(state_->channel, &list) != ARES_SUCCESS) return servers;
    for (const auto* one = list; one != nullptr; one = one->next) {
        const auto family = one->family == AF_INET ? net::Family::v4 : net::Family::v6;
        const auto* bytes = reinterpret_cast<const uint8_t*>(&one->addr);
        const auto port = one->udp_port == 0 ? 53 : one->udp_port;
        servers.push_back({net::Ip(family, bytes), static_cast<uint16_t>(port)});
    }
    ares_free_data(list);
    return servers;
}

size_t Resolver::pending() const {
    return state_->in_flight + state_->waiting.size();
}

}  // namespace ipref::dns
