// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/datapath/datapath.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <thread>

#include "common/run/log.h"
#include "gw/datapath/translate/mtu.h"
#include "gw/datapath/tun.h"
#include "gw/datapath/tunnel.h"
#include "gw/mapping/rcu.h"

namespace ipref::gw {

namespace {

constexpr int kTickMilliseconds = 1000;
enum Source : uint32_t { from_tun, from_udp4, from_udp6, from_stop };

/// A worker with its edges and its thread.
struct Runner {
    std::unique_ptr<TunQueue> tun;
    std::unique_ptr<TunnelSocket> udp4;
    std::unique_ptr<TunnelSocket> udp6;
    std::unique_ptr<Worker> worker;
    run::Fd epoll;
    std::thread thread;
    std::atomic<uint64_t> turns = 0;
    uint64_t turns_seen = 0;
};

std::string socket_name(net::Family family, size_t number) {
    return fmt::format("udp{}-{}", family == net::Family::v4 ? 4 : 6, number);
}

Result<void> watch(int epoll, int fd, Source source) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u32 = source;
    if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0) return {};
    return fail("epoll: {}", strerror(errno));
}

}  // namespace

class Datapath::Impl {
  public:
    Impl(const DatapathOptions& options, Lookup& lookup)
        : options_(options),
          peers_(options.max_peers),
          locals_(options.max_locals),
          offloads_(options.disabled_offloads),
          shared_{options_.settings,   lookup,      peers_,      locals_,      offloads_,
                  options.remote_port, kDefaultMtu, kDefaultMtu, options.trace} {}
    ~Impl() { stop(); }
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    Result<void> open(run::FdStore& store);
    Result<void> open_interface(Netlink& netlink, run::FdStore& store);
    Result<void> take_sockets(const net::Endpoint& at, run::FdStore& store);
    Result<void> open_sockets(run::FdStore& store);
    std::vector<run::Fd>& sockets(net::Family family) {
        return family == net::Family::v4 ? udp4_ : udp6_;
    }
    Result<void> add_worker(unsigned number);
    void start(std::function<void(std::string)> broken);
    void stop();
    void run(Runner& runner);
    bool wait(Runner& runner, Ready& ready);

    DatapathOptions options_;
    Peers peers_;
    Peers locals_;
    Offloads offloads_;
    WorkerShared shared_;
    Tun tun_;
    uint32_t tun_mtu_ = 0;
    size_t kept_sockets_ = 0;
    run::Fd raw4_;
    run::Fd raw6_;
    std::vector<run::Fd> udp4_;
    std::vector<run::Fd> udp6_;
    run::Fd stop_event_;
    std::atomic<bool> stopping_ = false;
    std::atomic<bool> broken_told_ = false;
    std::function<void(std::string)> broken_;
    std::vector<std::unique_ptr<Runner>> runners_;
};

Result<void> Datapath::Impl::open(run::FdStore& store) {
    auto netlink = Netlink::open();
    if (!netlink) return tl::unexpected(netlink.error());
    // First what fails without having changed anything.
    for (const auto& bind : options_.binds) {
        if (auto free = take_sockets({bind, options_.port}, store); !free) return free;
    }
    if (auto done = open_interface(*netlink, store); !done) return done;
    if (auto done = open_sockets(store); !done) return done;
    stop_event_ = run::Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!stop_event_) return fail("eventfd: {}", strerror(errno));
    for (unsigned i = 0; i < options_.threads; i++) {
        if (auto done = add_worker(i); !done) return done;
    }
    return {};
}

/// Kept sockets of one address; without any, the port has to be free.
Result<void> Datapath::Impl::take_sockets(const net::Endpoint& at, run::FdStore& store) {
    auto& sockets = this->sockets(at.ip.family());
    bool misfit = false;
    for (unsigned i = 0; i < options_.threads; i++) {
        auto fd = store.take(socket_name(at.ip.family(), i));
        if (!fd) continue;
        const auto fits = fits_tunnel(fd.get(), at);
        if (fits) {
            sockets.push_back(std::move(fd));
            continue;
        }
        misfit = true;
        run::log_info("tunnel socket of the gateway before does not fit, it is made anew: {}",
                      fits.error().text);
        store.forget(socket_name(at.ip.family(), i));
    }
    kept_sockets_ += sockets.size();
    // The manager may have one that does not fit open for some time yet, on the same port.
    if (misfit || !sockets.empty()) return {};
    return probe_tunnel_port(at);
}

Result<void> Datapath::Impl::open_interface(Netlink& netlink, run::FdStore& store) {
    TunOptions tun_options{options_.tun, options_.threads, UINT32_MAX, {}};
    for (const auto& net : options_.encode_nets) tun_options.encode_nets.push_back(encode_net(net));
    for (const auto& bind : options_.binds) {
        Result<uint32_t> mtu = options_.interface_mtu;
        if (*mtu == 0) mtu = interface_mtu(netlink, bind);
        if (!mtu) return tl::unexpected(mtu.error());
        (bind.is_v4() ? shared_.mtu4 : shared_.mtu6) = *mtu;
        for (const auto& net : options_.encode_nets) {
            tun_options.mtu =
                std::min(tun_options.mtu, gw::tun_mtu(*mtu, net.family(), bind.family()));
        }
    }
    tun_mtu_ = tun_options.mtu;
    auto tun = open_tun(netlink, tun_options, offloads_, store);
    if (!tun) return tl::unexpected(tun.error());
    tun_ = std::move(*tun);
    for (const auto& each : options_.encode_nets) {
        auto raw = open_raw(each.family());
        if (!raw) return tl::unexpected(raw.error());
        (each.ip().is_v4() ? raw4_ : raw6_) = std::move(*raw);
    }
    return {};
}

Result<void> Datapath::Impl::open_sockets(run::FdStore& store) {
    for (const auto& bind : options_.binds) {
        auto& sockets = this->sockets(bind.family());
        for (size_t i = sockets.size(); i < options_.threads; i++) {
            auto fd = open_tunnel_socket({bind, options_.port});
            if (!fd) return tl::unexpected(fd.error());
            store.keep(socket_name(bind.family(), i), fd->get());
            sockets.push_back(std::move(*fd));
        }
    }
    return {};
}

Result<void> Datapath::Impl::add_worker(unsigned number) {
    auto runner = std::make_unique<Runner>();
    std::vector<net::Ip> own;
    for (const auto& each : options_.encode_nets) {
        own.push_back(options_.settings.ea(each.family())->gateway);
    }
    const int tun = tun_.queues[number].get();
    runner->tun = std::make_unique<TunQueue>(tun, std::move(own), raw4_.get(), raw6_.get());
    runner->epoll = run::Fd(::epoll_create1(EPOLL_CLOEXEC));
    if (!runner->epoll) return fail("epoll: {}", strerror(errno));
    const int epoll = runner->epoll.get();
    auto watched = watch(epoll, tun, from_tun);
    if (watched) watched = watch(epoll, stop_event_.get(), from_stop);
    if (number < udp4_.size()) {
        runner->udp4 =
            std::make_unique<TunnelSocket>(udp4_[number].get(), net::Family::v4, offloads_);
        if (watched) watched = watch(epoll, runner->udp4->fd(), from_udp4);
    }
    if (number < udp6_.size()) {
        runner->udp6 =
            std::make_unique<TunnelSocket>(udp6_[number].get(), net::Family::v6, offloads_);
        if (watched) watched = watch(epoll, runner->udp6->fd(), from_udp6);
    }
    if (!watched) return watched;
    runner->worker =
        std::make_unique<Worker>(shared_, *runner->tun, runner->udp4.get(), runner->udp6.get());
    runners_.push_back(std::move(runner));
    return {};
}

void Datapath::Impl::start(std::function<void(std::string)> broken) {
    broken_ = std::move(broken);
    for (auto& runner : runners_) {
        runner->thread = std::thread([this, &each = *runner] { run(each); });
    }
}

void Datapath::Impl::stop() {
    stopping_ = true;
    if (stop_event_) ::eventfd_write(stop_event_.get(), 1);
    for (auto& runner : runners_) {
        if (runner->thread.joinable()) runner->thread.join();
    }
}

/// A thread's life.
void Datapath::Impl::run(Runner& runner) {
    RcuReader reader;
    Ready ready;
    Time ticked = std::chrono::steady_clock::now();
    while (!stopping_.load(std::memory_order_relaxed)) {
        if (!ready.any()) {
            const RcuOffline offline(reader);
            if (!wait(runner, ready)) return;
        }
        const auto now = std::chrono::steady_clock::now();
        ready = runner.worker->turn(ready, now);
        if (now - ticked >= std::chrono::milliseconds(kTickMilliseconds)) {
            runner.worker->tick(now);
            ticked = now;
        }
        runner.turns.fetch_add(1, std::memory_order_relaxed);
        reader.quiescent();
    }
}

/// Blocks until something is ready, a tick at most. False if the worker cannot go on.
bool Datapath::Impl::wait(Runner& runner, Ready& ready) {
    std::array<epoll_event, 4> events;
    const int count = ::epoll_wait(runner.epoll.get(), events.data(),
                                   static_cast<int>(events.size()), kTickMilliseconds);
    for (int i = 0; i < count; i++) {
        const auto& event = events[static_cast<size_t>(i)];
        if (event.data.u32 == from_tun && (event.events & EPOLLERR) != 0) {
            if (broken_ && !broken_told_.exchange(true)) {
                broken_(fmt::format("interface {} is gone", tun_.name));
            }
            return false;
        }
        if (event.data.u32 == from_tun) ready.tun = true;
        if (event.data.u32 == from_udp4) ready.udp4 = true;
        if (event.data.u32 == from_udp6) ready.udp6 = true;
        if ((event.events & EPOLLERR) != 0) ready.errors = true;
    }
    return true;
}

Datapath::Datapath(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Datapath::~Datapath() = default;

Result<std::unique_ptr<Datapath>> Datapath::open(const DatapathOptions& options, Lookup& lookup,
                                                 run::FdStore& store) {
    auto impl = std::make_unique<Impl>(options, lookup);
    if (auto done = impl->open(store); !done) return tl::unexpected(done.error());
    return std::unique_ptr<Datapath>(new Datapath(std::move(impl)));
}

void Datapath::start(std::function<void(std::string)> broken) {
    impl_->start(std::move(broken));
}
void Datapath::stop() {
    impl_->stop();
}
const std::string& Datapath::tun_name() const {
    return impl_->tun_.name;
}
std::string Datapath::kept() const {
    if (!impl_->tun_.kept && impl_->kept_sockets_ == 0) return "";
    return fmt::format("{} and {}", impl_->tun_.kept ? impl_->tun_.name : "no interface",
                       run::counted(impl_->kept_sockets_, "tunnel socket"));
}
uint32_t Datapath::tun_mtu() const {
    return impl_->tun_mtu_;
}
unsigned Datapath::threads() const {
    return impl_->options_.threads;
}
const Peers& Datapath::peers() const {
    return impl_->peers_;
}
const Peers& Datapath::locals() const {
    return impl_->locals_;
}
const Offloads& Datapath::offloads() const {
    return impl_->offloads_;
}

uint64_t Datapath::socket_overflows() const {
    uint64_t sum = 0;
    for (const auto& runner : impl_->runners_) {
        if (runner->udp4) sum += runner->udp4->overflows();
        if (runner->udp6) sum += runner->udp6->overflows();
    }
    return sum;
}

void Datapath::each_worker(const std::function<void(const WorkerCounters&)>& visit) const {
    for (const auto& runner : impl_->runners_) visit(runner->worker->counters());
}

void Datapath::each_tap(const std::function<void(Tap&)>& visit) {
    for (const auto& runner : impl_->runners_) visit(runner->worker->tap());
}

bool Datapath::all_alive() {
    bool alive = true;
    for (auto& runner : impl_->runners_) {
        const uint64_t turns = runner->turns.load(std::memory_order_relaxed);
        alive = alive && turns != runner->turns_seen;
        runner->turns_seen = turns;
    }
    return alive;
}

}  // namespace ipref::gw
