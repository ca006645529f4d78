// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/plugins/sign/signed_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>

#include "common/dns/random.h"
#include "common/run/fd.h"
#include "common/run/log.h"
#include "resolver/corefile/parser.h"
#include "resolver/plugins/file/zone_text.h"

namespace ipref::resolver {

namespace {

constexpr uint32_t kHour = 3600;
constexpr uint32_t kDay = 24 * kHour;
constexpr run::Milliseconds kLook = std::chrono::hours(5);
constexpr run::Milliseconds kRetry = std::chrono::minutes(1);

Result<std::shared_ptr<const Zone>> read_file(const std::string& path, const Name& origin) {
    static const auto sources = system_sources();
    const auto text = sources.read(path);
    if (!text) return tl::unexpected(text.error());
    auto zone = read_zone(*text, path, origin, sources.read);
    if (!zone) {
        return fail("failed to parse file \"{}\" for origin {} with error {}", path, origin.str(),
                    zone.error().text);
    }
    return std::move(zone->zone);
}

bool is_newer(const timespec& a, const timespec& b) {
    return a.tv_sec != b.tv_sec ? a.tv_sec > b.tv_sec : a.tv_nsec > b.tv_nsec;
}

bool write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(fd, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        text.remove_prefix(static_cast<size_t>(written));
    }
    return true;
}

}  // namespace

Validity new_validity(uint32_t now) {
    const uint32_t before = 3 * kHour + dns::random_below(18 * kHour / 2) * 2;
    const uint32_t after = 32 * kDay + dns::random_below(5 * 24) * kHour;
    return {now - before, now + after};
}

bool is_due(const Validity& validity, uint32_t now) {
    // RFC 4034 section 3.1.5: serial number arithmetic.
    const auto age = static_cast<int32_t>(now - validity.inception);
    const auto left = static_cast<int32_t>(validity.expiration - now);
    return age < 0 || age > static_cast<int32_t>(6 * kDay) ||
           left < static_cast<int32_t>(14 * kDay);
}

SignedFile::SignedFile(const Name& origin, std::string from, const std::string& directory,
                       std::vector<SigningKey> keys)
    : origin_(origin),
      from_(std::move(from)),
      directory_(directory),
      path_(fmt::format("{}/db.{}signed", directory, origin.str())),
      keys_(std::move(keys)) {}

SignedFile::Need SignedFile::need(uint32_t now) const {
    const auto zone = read_file(path_, origin_);
    if (!zone) return {};
    const uint32_t serial = (*zone)->serial();
    struct stat of_source {};
    struct stat of_signed {};
    if (::stat(from_.c_str(), &of_source) == 0 && ::stat(path_.c_str(), &of_signed) == 0 &&
        is_newer(of_source.st_mtim, of_signed.st_mtim)) {
        return {.serial = serial};
    }
    const auto validity = validity_of(**zone, keys_);
    return {.sign = !validity || is_due(*validity, now), .serial = serial};
}

Result<bool> SignedFile::bring_up_to_date(uint32_t now) const {
    const auto needed = need(now);
    if (!needed.sign) return false;
    const auto zone = read_file(from_, origin_);
    if (!zone) return tl::unexpected(zone.error());
    SigningTerms terms{new_validity(now), now};
    // A clock that went back, or two signings in a second: secondaries must see the new one.
    const bool behind = static_cast<int32_t>(now - needed.serial) <= 0;
    if (needed.serial != 0 && behind) terms.serial = needed.serial + 1;
    const auto text = sign_zone(**zone, keys_, terms);
    if (!text) return tl::unexpected(text.error());
    if (auto written = write(*text); !written) return tl::unexpected(written.error());
    return true;
}

namespace {

/// Of a file that cannot be written, where the error's own words do not say what to do.
std::string cannot_write(const std::string& path, int error) {
    const char* what_to_do = "";
    if (error == EACCES) {
        what_to_do =
            "; the server's user must be able to write there, and the sandbox knows only the "
            "directories that the Corefile named at the start: restart the server";
    } else if (error == EROFS) {
        what_to_do = "; where systemd makes it so, add ReadWritePaths= to the server's unit";
    }
    return fmt::format("{}: {}{}", path, std::strerror(error), what_to_do);
}

}  // namespace

/// By a file beside it, whose name plugin auto does not take for a zone's: readers see the old
/// file or the new one.
Result<void> SignedFile::write(const std::string& text) const {
    constexpr mode_t kMode = 0644;
    const auto path = fmt::format("{}/.sign-{}", directory_, origin_.hash());
    const run::Fd file(
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, kMode));
    if (file.get() < 0) return fail("{}", cannot_write(path, errno));
    const bool fine = write_all(file.get(), text) && ::fsync(file.get()) == 0 &&
                      ::rename(path.c_str(), path_.c_str()) == 0;
    if (fine) return {};
    auto error = fail("{}: {}", path_, std::strerror(errno));
    ::unlink(path.c_str());
    return error;
}

struct SignedFile::Job {
    uv_work_t work{};
    std::shared_ptr<SignedFile> file;
    Result<bool> result = false;
};

void SignedFile::start(run::Loop& loop) {
    loop_ = &loop;
    timer_ = std::make_unique<run::Timer>(loop, [this] { look(); });
    timer_->start(kLook, kLook);
    watcher_ = std::make_unique<run::FileWatcher>(loop, from_, [this] { look(); });
    look();
}

void SignedFile::stop() {
    timer_.reset();
    watcher_.reset();
}

void SignedFile::look() {
    again_ = busy_;
    if (busy_) return;
    auto job = std::make_unique<Job>();
    job->file = shared_from_this();
    job->work.data = job.get();
    const auto run = [](uv_work_t* work) {
        auto* self = static_cast<Job*>(work->data);
        self->result = self->file->bring_up_to_date(static_cast<uint32_t>(std::time(nullptr)));
    };
    const auto ready = [](uv_work_t* work, int) {
        const std::unique_ptr<Job> self(static_cast<Job*>(work->data));
        self->file->took(self->result);
    };
    if (uv_queue_work(loop_->raw(), &job->work, run, ready) != 0) return;
    busy_ = true;
    static_cast<void>(job.release());  // freed in `ready`
}

void SignedFile::took(const Result<bool>& result) {
    busy_ = false;
    if (timer_ == nullptr) return;
    timer_->start(result ? kLook : kRetry, kLook);
    if (!result) {
        run::log_error("plugin/sign: zone {} was not signed: {}", origin_.str(),
                       result.error().text);
    } else if (*result) {
        run::log_info("plugin/sign: Successfully signed zone \"{}\" in \"{}\"", origin_.str(),
                      path_);
    }
    if (again_) look();
}

}  // namespace ipref::resolver
