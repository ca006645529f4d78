// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/reloader.h"

#include <openssl/evp.h>

#include <array>
#include <chrono>
#include <mutex>

#include "common/dns/random.h"

namespace ipref::resolver {

namespace {

/// One line that names the configuration in use, not one for each that ever was.
class Version final : public run::Collector {
  public:
    void set(std::string hash) {
        const std::lock_guard lock(mutex_);
        hash_ = std::move(hash);
    }
    void write(std::string& out) const override {
        const std::lock_guard lock(mutex_);
        const char* const name = "coredns_reload_version_info";
        run::write_family(out, name,
                          "A metric with a constant '1' value labeled by hash, and value which "
                          "type of hash generated.",
                          "gauge");
        run::write_value(out, name, run::label_text({{"hash", "sha512"}, {"value", hash_}}), 1);
    }

  private:
    mutable std::mutex mutex_;
    std::string hash_;
};

run::Counter& failures(run::Metrics& metrics) {
    return metrics.counter("coredns_reload_failed_total",
                           "Counter of the number of failed reload attempts.");
}

run::Gauge& successful(run::Metrics& metrics) {
    return metrics.gauge("ipref_reload_last_successful",
                         "Whether the last configuration that was to be loaded is the one in use "
                         "(1), or its loading failed (0).");
}

double unix_seconds() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration<double>(now).count();
}

}  // namespace

std::string sha512_hex(std::string_view text) {
    std::array<uint8_t, EVP_MAX_MD_SIZE> digest;
    unsigned size = 0;
    EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha512(), nullptr);
    std::string out;
    for (unsigned i = 0; i < size; i++) out += fmt::format("{:02x}", digest[i]);
    return out;
}

Reloader::Reloader(run::Loop& loop, run::Metrics& metrics, std::function<void()> look)
    : loop_(loop), metrics_(metrics), look_(std::move(look)), timer_(loop, [this] {
          plan();
          look_();
      }) {
    failures(metrics_);
}

void Reloader::in_use(const std::optional<ReloadSettings>& settings,
                      const std::vector<std::string>& files, const std::string& text) {
    metrics_.collector<Version>().set(sha512_hex(text));
    successful(metrics_).set(1);
    metrics_
        .gauge("ipref_reload_last_success_timestamp_seconds",
               "When the configuration in use was loaded.")
        .set(unix_seconds());
    settings_ = settings;
    watchers_.clear();
    timer_.stop();
    if (!settings_) return;
    for (const auto& file : files) {
        watchers_.push_back(std::make_unique<run::FileWatcher>(loop_, file, [this] { look_(); }));
    }
    plan();
}

void Reloader::plan() {
    using std::chrono::ceil;
    const auto interval = ceil<run::Milliseconds>(settings_->interval);
    const auto jitter = static_cast<uint64_t>(ceil<run::Milliseconds>(settings_->jitter).count());
    const auto extra = jitter * dns::random_id() / UINT16_MAX;
    timer_.start(interval + run::Milliseconds(extra));
}

void Reloader::failed() {
    failures(metrics_).add();
    successful(metrics_).set(0);
}

}  // namespace ipref::resolver
