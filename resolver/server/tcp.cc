// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/server/tcp.h"

#include "common/tls/live_context.h"
#include "resolver/server/connection.h"

namespace ipref::resolver {

TcpListener::TcpListener(Runner& runner, Fd fd, std::string transport,
                         std::shared_ptr<ConnectionTable> table, const TcpLimits& limits)
    : runner_(runner),
      transport_(std::move(transport)),
      table_(std::move(table)),
      limits_(limits),
      scratch_(std::make_unique<std::array<char, 65536>>()),
      sweep_(runner.loop(), [this] { dead_.clear(); }) {
    uv_tcp_init(runner.loop().raw(), handle_->get());
    (*handle_)->data = this;
    uv_tcp_open(handle_->get(), fd.release());
    uv_listen(reinterpret_cast<uv_stream_t*>(handle_->get()), 1024, [](uv_stream_t* s, int status) {
        if (status == 0) static_cast<TcpListener*>(s->data)->accept();
    });
}

TcpListener::~TcpListener() = default;

Proto TcpListener::proto() const {
    if (transport_ == "tls") return Proto::tls;
    return transport_ == "https" ? Proto::https : Proto::tcp;
}

StreamTimes TcpListener::times() const {
    return routes_ == nullptr ? limits_.times : routes_->times.value_or(limits_.times);
}

void TcpListener::accept() {
    auto connection =
        proto() == Proto::https ? make_https_connection(*this) : make_dns_connection(*this);
    if (!connection->begin(reinterpret_cast<uv_stream_t*>(handle_->get()))) return;
    auto& raw = *connection;
    connections_.emplace(&raw, std::move(connection));
    raw.counted = table_->enter(raw.client());
    raw.counted ? serve(raw) : raw.close();
}

void TcpListener::serve(Connection& connection) const {
    const auto* live = routes_ == nullptr ? nullptr : routes_->tls.get();
    if (live == nullptr || proto() == Proto::tcp) return connection.serve(nullptr, {});
    const auto context = live->current();
    connection.serve(
        &context, proto() == Proto::tls ? tls::Protocols{"dot"} : tls::Protocols{"h2", "http/1.1"});
}

void TcpListener::bury(Connection& connection) {
    const auto found = connections_.find(&connection);
    if (found == connections_.end()) return;
    if (connection.counted) table_->leave(connection.client());
    dead_.push_back(std::move(found->second));
    connections_.erase(found);
    sweep_.start(run::Milliseconds(0));
}

void TcpListener::retire() {
    retired_ = true;
    handle_.reset();
    std::vector<std::shared_ptr<Connection>> all;
    for (const auto& [raw, connection] : connections_) all.push_back(connection);
    for (const auto& connection : all) connection->retire();
}

}  // namespace ipref::resolver
