// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/tls/live_context.h"

#include "common/run/log.h"

namespace ipref::tls {

LiveContext::LiveContext(std::vector<std::string> files, Make make, Context context)
    : files_(std::move(files)), make_(std::move(make)), context_(std::move(context)) {}

Result<std::shared_ptr<LiveContext>> LiveContext::open(std::vector<std::string> files, Make make) {
    auto context = make();
    if (!context) return tl::unexpected(context.error());
    return std::shared_ptr<LiveContext>(
        new LiveContext(std::move(files), std::move(make), std::move(*context)));
}

Context LiveContext::current() const {
    const std::lock_guard lock(mutex_);
    return context_;
}

void LiveContext::watch(run::Loop& loop) {
    for (const auto& file : files_) {
        if (file.empty()) continue;
        watchers_.push_back(std::make_unique<run::FileWatcher>(loop, file, [this] { changed(); }));
    }
    // What changed between reading the files and watching them is not to be missed.
    changed();
}

void LiveContext::stop() {
    watchers_.clear();
}

void LiveContext::changed() {
    auto fresh = make_();
    if (!fresh) {
        run::log_warning("{}; the certificate loaded before stays in use", fresh.error().text);
        return;
    }
    const std::lock_guard lock(mutex_);
    context_ = std::move(*fresh);
}

}  // namespace ipref::tls
