// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver/background_load.h"

#include <utility>

namespace ipref::resolver {

struct BackgroundLoad::Job {
    uv_work_t work{};
    BackgroundLoad* owner = nullptr;  // null: it has gone
    std::function<Loaded()> load;
    Loaded loaded;
};

BackgroundLoad::BackgroundLoad(run::Loop& loop, std::function<Loaded()> load,
                               std::function<void(Loaded)> done)
    : loop_(loop), load_(std::move(load)), done_(std::move(done)) {}

BackgroundLoad::~BackgroundLoad() {
    if (job_ != nullptr) job_->owner = nullptr;
}

void BackgroundLoad::start() {
    again_ = job_ != nullptr;
    if (again_) return;
    auto job = std::make_unique<Job>();
    job->work.data = job.get();
    job->owner = this;
    job->load = load_;
    const auto run = [](uv_work_t* work) {
        auto* self = static_cast<Job*>(work->data);
        self->loaded = self->load();
    };
    const auto ready = [](uv_work_t* work, int) {
        const std::unique_ptr<Job> self(static_cast<Job*>(work->data));
        if (self->owner != nullptr) self->owner->ended(std::move(self->loaded));
    };
    if (const int status = uv_queue_work(loop_.raw(), &job->work, run, ready); status != 0) {
        return done_(fail("the configuration cannot be read: {}", uv_strerror(status)));
    }
    job_ = job.release();  // freed in `ready`
}

void BackgroundLoad::ended(Loaded loaded) {
    job_ = nullptr;
    const bool again = std::exchange(again_, false);
    done_(std::move(loaded));
    if (again) start();
}

}  // namespace ipref::resolver
