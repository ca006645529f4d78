// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/auto/auto_zones.h"

#include <charconv>
#include <filesystem>

#include "common/run/log.h"
#include "resolver/corefile/keys.h"

namespace ipref::resolver {

namespace {

constexpr int kMostGroups = 10;
constexpr size_t kMostZones = 100'000;

/// {0} to {9} replaced by the groups; other text as it is.
std::string expanded(const std::string& text,
                     const std::array<re2::StringPiece, kMostGroups>& groups, size_t count) {
    std::string out;
    for (size_t i = 0; i < text.size(); i++) {
        const bool group = i + 2 < text.size() && text[i] == '{' && text[i + 2] == '}' &&
                           text[i + 1] >= '0' && text[i + 1] <= '9';
        if (!group) {
            out += text[i];
            continue;
        }
        const auto number = static_cast<size_t>(text[i + 1] - '0');
        if (number < count) out += groups[number].as_string();
        i += 2;
    }
    return out;
}

}  // namespace

std::optional<Name> origin_of(const AutoSettings& settings, const std::string& file_name) {
    std::array<re2::StringPiece, kMostGroups> groups;
    const int count = std::min(settings.pattern->NumberOfCapturingGroups() + 1, kMostGroups);
    if (!settings.pattern->Match(file_name, 0, file_name.size(), RE2::UNANCHORED, groups.data(),
                                 count)) {
        return std::nullopt;
    }
    const auto text = expanded(settings.origin, groups, static_cast<size_t>(count));
    const auto name = text.empty() ? Result<Name>(fail("empty")) : Name::parse(text);
    if (!name || longest_zone(settings.zones, *name) == nullptr) return std::nullopt;
    return name->lower();
}

void ZoneSet::add(std::shared_ptr<ZoneFile> file) {
    most_labels_ = std::max(most_labels_, file->origin().labels());
    auto key = file->origin().str();
    files_.emplace(std::move(key), std::move(file));
}

ZoneFile* ZoneSet::find(const Name& lower) const {
    for (auto name = lower;; name = name.without(1)) {
        if (name.labels() <= most_labels_) {
            const auto found = files_.find(name.str());
            if (found != files_.end()) return found->second.get();
        }
        if (name.is_root()) return nullptr;
    }
}

/// Files in sub-directories too, as CoreDNS has it. What is known already is taken over.
std::shared_ptr<const ZoneSet> AutoZones::scan(const ZoneSet& before,
                                               std::vector<std::string>& warnings) const {
    namespace fs = std::filesystem;
    auto out = std::make_shared<ZoneSet>();
    std::error_code error;
    fs::recursive_directory_iterator at(settings_.directory,
                                        fs::directory_options::skip_permission_denied, error);
    if (error) {
        warnings.push_back(fmt::format("directory {}: {}", settings_.directory, error.message()));
    }
    for (; !error && at != fs::end(at); at.increment(error)) {
        std::error_code kind;
        if (!at->is_regular_file(kind)) continue;
        const auto origin = origin_of(settings_, at->path().filename().string());
        if (!origin || out->files().contains(origin->str())) continue;
        const auto path = at->path().string();
        const auto known = before.files().find(origin->str());
        if (known != before.files().end() && known->second->path() == path) {
            out->add(known->second);
            continue;
        }
        auto file = std::make_shared<ZoneFile>(*origin, path, settings_.reload);
        if (auto loaded = file->load(warnings); !loaded) warnings.push_back(loaded.error().text);
        if (file->zone() != nullptr) out->add(std::move(file));
        if (out->files().size() == kMostZones) {
            warnings.push_back(
                fmt::format("directory {}: more than {} zones, the others are "
                            "passed over",
                            settings_.directory, kMostZones));
            break;
        }
    }
    return out;
}

void AutoZones::load(std::vector<std::string>& warnings) {
    zones_ = scan(*zones_, warnings);
    told_.insert(warnings.begin(), warnings.end());
}

std::shared_ptr<const ZoneSet> AutoZones::zones() const {
    const std::lock_guard lock(mutex_);
    return zones_;
}

void AutoZones::watch(run::Loop& loop, std::function<void(const Zone&)> changed) {
    loop_ = &loop;
    changed_ = std::move(changed);
    for (const auto& [origin, file] : zones()->files()) file->watch(loop, changed_);
    if (settings_.reload <= Nanoseconds(0)) return;
    const auto period = std::chrono::ceil<run::Milliseconds>(settings_.reload);
    timer_ = std::make_unique<run::Timer>(loop, [this] { look(); });
    timer_->start(period, period);
}

void AutoZones::unwatch() {
    timer_.reset();
    for (const auto& [origin, file] : zones()->files()) file->unwatch();
    changed_ = nullptr;
    loop_ = nullptr;
}

struct AutoZones::Job {
    uv_work_t work{};
    std::shared_ptr<AutoZones> zones;
    std::shared_ptr<const ZoneSet> found;
    std::vector<std::string> warnings;
};

void AutoZones::look() {
    if (busy_) return;
    auto job = std::make_unique<Job>();
    job->zones = shared_from_this();
    job->work.data = job.get();
    const auto run = [](uv_work_t* work) {
        auto* self = static_cast<Job*>(work->data);
        self->found = self->zones->scan(*self->zones->zones(), self->warnings);
    };
    const auto ready = [](uv_work_t* work, int) {
        const std::unique_ptr<Job> self(static_cast<Job*>(work->data));
        self->zones->took(std::move(self->found), self->warnings);
    };
    if (uv_queue_work(loop_->raw(), &job->work, run, ready) != 0) return;
    busy_ = true;
    static_cast<void>(job.release());  // freed in `ready`
}

void AutoZones::took(std::shared_ptr<const ZoneSet> found,
                     const std::vector<std::string>& warnings) {
    busy_ = false;
    if (loop_ == nullptr) return;
    std::set<std::string> told(warnings.begin(), warnings.end());
    for (const auto& warning : told) {
        if (!told_.contains(warning)) run::log_warning("plugin/auto: {}", warning);
    }
    told_ = std::move(told);
    const auto before = zones();
    bool different = false;
    for (const auto& [origin, file] : before->files()) {
        const auto still = found->files().find(origin);
        if (still != found->files().end() && still->second == file) continue;
        file->unwatch();
        different = true;
        run::log_info("plugin/auto: zone {} of {} is gone", origin, file->path());
    }
    for (const auto& [origin, file] : found->files()) {
        const auto was = before->files().find(origin);
        if (was != before->files().end() && was->second == file) continue;
        different = true;
        file->watch(*loop_, changed_);
        run::log_info("plugin/auto: Inserting zone \"{}\" from: {}", origin, file->path());
        if (changed_) changed_(*file->zone());
    }
    if (!different) return;
    const std::lock_guard lock(mutex_);
    zones_ = std::move(found);
    version_.fetch_add(1, std::memory_order_release);
}

}  // namespace ipref::resolver
