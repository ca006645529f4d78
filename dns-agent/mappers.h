// SPDX-License-Identifier: GPL-2.0-or-later
// Where host data goes: to the gateway, or with -devmode to standard output.
#pragma once

#include "common/mapper/client.h"
#include "dns-agent/world.h"

namespace ipref::agent {

class ClientMapper : public Mapper {
  public:
    ClientMapper(run::Loop& loop, mapper::ClientOptions options, mapper::ClientEvents events)
        : client_(loop, std::move(options), std::move(events)) {}

    bool connected() const override { return client_.connected(); }
    void publish(std::shared_ptr<const wire::HostSet> set, Callback callback) override {
        client_.publish(std::move(set), std::move(callback));
    }
    void publish_change(std::shared_ptr<const wire::HostSet> set, mapper::Change change,
                        Callback callback) override {
        client_.publish_change(std::move(set), std::move(change), std::move(callback));
    }
    void confirm(const mapper::Source& source, uint64_t hash, uint32_t count,
                 Callback callback) override {
        client_.confirm(source, hash, count, std::move(callback));
    }
    void withdraw(const mapper::Source& source, Callback callback) override {
        client_.withdraw(source, std::move(callback));
    }
    bool report(const mapper::SourceReport& report) override { return client_.report(report); }

  private:
    mapper::Client client_;
};

/// Prints each request as lines and agrees with it.
class PrintingMapper : public Mapper {
  public:
    using Print = std::function<void(const std::string& line)>;
    explicit PrintingMapper(Print print) : print_(std::move(print)) {}

    bool connected() const override { return true; }
    void publish(std::shared_ptr<const wire::HostSet> set, Callback callback) override;
    void publish_change(std::shared_ptr<const wire::HostSet> set, mapper::Change change,
                        Callback callback) override;
    void confirm(const mapper::Source& source, uint64_t hash, uint32_t count,
                 Callback callback) override;
    void withdraw(const mapper::Source& source, Callback callback) override;
    /// Not what the gateway publishes: not printed.
    bool report(const mapper::SourceReport&) override { return true; }

  private:
    Print print_;
};

}  // namespace ipref::agent
