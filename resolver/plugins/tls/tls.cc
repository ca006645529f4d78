// SPDX-License-Identifier: GPL-2.0-or-later
// The certificate of a block's listeners tls:// and https://. Source: spec page "ipref-coredns",
// 2.2; the listeners: resolver/server/tcp.h.
#include "common/tls/live_context.h"
#include "resolver/server/plugin.h"

namespace ipref::resolver {

namespace {

/// Follows the files while the configuration is in use. Sees no query.
class TlsHandler final : public Handler {
  public:
    TlsHandler(std::shared_ptr<tls::LiveContext> live, std::string certificate)
        : live_(std::move(live)), certificate_(std::move(certificate)) {}
    std::string_view name() const override { return "tls"; }
    Step handle(Query&) override { return Step::next; }
    Result<void> start(Worker& worker) override {
        if (worker.index() == 0) live_->watch(worker.loop());
        return {};
    }
    void stop(Worker& worker) override {
        if (worker.index() == 0) live_->stop();
    }
    std::string explain() const override { return "certificate " + certificate_; }

  private:
    std::shared_ptr<tls::LiveContext> live_;
    std::string certificate_;
};

}  // namespace

Result<void> setup_tls(Setup& setup) {
    auto& d = setup.tokens();
    if (!d.next()) return d.arg_err();
    const Token at = d.current();
    const auto arguments = d.remaining_args();
    if (arguments.size() < 2 || arguments.size() > 3) return d.arg_err();
    size_t client_auth = 0;
    OptionTable table;
    table.choice("client_auth",
                 {"nocert", "request", "require", "verify_if_given", "require_and_verify"},
                 client_auth, "What is asked of clients' certificates.");
    if (auto read = table.read_block(d); !read) return read;
    if (d.next()) return d.err("TLS already configured for this server instance");

    tls::ServerOptions options;
    options.certificate = setup.path(arguments[0]);
    options.key = setup.path(arguments[1]);
    if (arguments.size() == 3) options.ca = setup.path(arguments[2]);
    options.client_auth = static_cast<tls::ClientAuth>(client_auth);
    auto live = tls::LiveContext::open({options.certificate, options.key, options.ca},
                                       [options] { return tls::Context::server(options); });
    if (!live) return parse_error(at.at, live.error().text);
    setup.settings().tls = *live;
    setup.add(std::make_unique<TlsHandler>(std::move(*live), options.certificate));
    return {};
}

}  // namespace ipref::resolver
