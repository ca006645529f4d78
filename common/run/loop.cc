// SPDX-License-Identifier: GPL-2.0-or-later
#include "common/run/loop.h"

#include <cstdlib>
#include <stdexcept>

namespace ipref::run {

namespace {

/// libuv's init calls fail only when descriptors or memory have run out at start-up.
void must(int status, const char* what) {
    if (status < 0) throw std::runtime_error(fmt::format("{}: {}", what, uv_strerror(status)));
}

template <typename Owner, typename Handle>
Owner* owner_of(Handle* handle) {
    return static_cast<Owner*>(handle->data);
}

}  // namespace

Loop::Loop() {
    must(uv_loop_init(&loop_), "event loop");
}

Loop::~Loop() {
    // Handles were closed by their owners; let libuv finish that, and requests on its thread pool.
    uv_walk(
        &loop_,
        [](uv_handle_t* handle, void*) {
            if (uv_is_closing(handle) == 0) uv_unref(handle);
        },
        nullptr);
    uv_run(&loop_, UV_RUN_DEFAULT);
    if (uv_loop_close(&loop_) != 0) std::abort();  // a handle outlives its loop: a bug
}

void Loop::run() {
    uv_run(&loop_, UV_RUN_DEFAULT);
}

void Loop::stop() {
    uv_stop(&loop_);
}

Timer::Timer(Loop& loop, Callback callback) : callback_(std::move(callback)) {
    must(uv_timer_init(loop.raw(), handle_.get()), "timer");
    handle_->data = this;
}

void Timer::start(Milliseconds after, Milliseconds repeat) {
    uv_update_time(handle_->loop);
    uv_timer_start(
        handle_.get(), [](uv_timer_t* h) { owner_of<Timer>(h)->callback_(); },
        static_cast<uint64_t>(after.count()), static_cast<uint64_t>(repeat.count()));
}

void Timer::stop() {
    uv_timer_stop(handle_.get());
}

bool Timer::active() const {
    return uv_is_active(handle_.base()) != 0;
}

Signal::Signal(Loop& loop, int number, Callback callback) : callback_(std::move(callback)) {
    must(uv_signal_init(loop.raw(), handle_.get()), "signal");
    handle_->data = this;
    must(uv_signal_start(
             handle_.get(), [](uv_signal_t* h, int) { owner_of<Signal>(h)->callback_(); }, number),
         "signal");
    uv_unref(handle_.base());
}

namespace {
thread_local bool about_to_wait = false;
}  // namespace

BeforeWait::BeforeWait(Loop& loop, Callback callback) : callback_(std::move(callback)) {
    must(uv_prepare_init(loop.raw(), handle_.get()), "prepare");
    must(uv_idle_init(loop.raw(), no_wait_.get()), "idle");
    handle_->data = this;
    uv_unref(handle_.base());
    uv_unref(no_wait_.base());
}

void BeforeWait::start() {
    uv_prepare_start(handle_.get(), [](uv_prepare_t* h) {
        about_to_wait = true;
        owner_of<BeforeWait>(h)->callback_();
        about_to_wait = false;
    });
    if (about_to_wait) uv_idle_start(no_wait_.get(), [](uv_idle_t* h) { uv_idle_stop(h); });
}

void BeforeWait::stop() {
    uv_prepare_stop(handle_.get());
}

Poll::Poll(Loop& loop, int fd, Callback callback) : callback_(std::move(callback)) {
    must(uv_poll_init(loop.raw(), handle_.get(), fd), "poll");
    handle_->data = this;
}

void Poll::start(int events) {
    wanted_ = events;
    uv_poll_start(handle_.get(), events, [](uv_poll_t* h, int status, int got) {
        auto* self = owner_of<Poll>(h);
        self->callback_(status < 0 ? self->wanted_ : got);
    });
}

void Poll::stop() {
    uv_poll_stop(handle_.get());
}

Wake::Wake(Loop& loop, Callback callback) : callback_(std::move(callback)) {
    must(uv_async_init(loop.raw(), handle_.get(),
                       [](uv_async_t* h) { owner_of<Wake>(h)->callback_(); }),
         "wake-up");
    handle_->data = this;
}

void Wake::send() {
    uv_async_send(handle_.get());
}

void Wake::keep_alive(bool on) {
    on ? uv_ref(handle_.base()) : uv_unref(handle_.base());
}

}  // namespace ipref::run
