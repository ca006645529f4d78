// SPDX-License-Identifier: GPL-2.0-or-later
// The libuv loop and the handles all three programs use, as owners: a handle that goes out of
// scope is closed, and its callback is not called afterwards. One thread a loop; nothing here is
// thread-safe except Wake::send.
#pragma once

#include <uv.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "common/result.h"

namespace ipref::run {

using Milliseconds = std::chrono::milliseconds;

class Loop {
  public:
    Loop();
    ~Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    uv_loop_t* raw() { return &loop_; }
    /// Until stop() is called, or nothing is left to wait for.
    void run();
    void stop();
    /// Monotonic, as of the start of this turn of the loop.
    Milliseconds now() { return Milliseconds(uv_now(&loop_)); }

  private:
    uv_loop_t loop_;
};

/// Owns a libuv handle on the heap until libuv has closed it. `Handle` is uv_timer_t and so on.
/// The handle's `data` pointer belongs to the user of this class.
template <typename Handle>
class OwnedHandle {
  public:
    OwnedHandle() : handle_(new Handle{}) {}
    ~OwnedHandle() { close(); }
    OwnedHandle(OwnedHandle&& other) noexcept : handle_(other.handle_) { other.handle_ = nullptr; }
    OwnedHandle& operator=(OwnedHandle&& other) noexcept {
        std::swap(handle_, other.handle_);
        return *this;
    }
    OwnedHandle(const OwnedHandle&) = delete;
    OwnedHandle& operator=(const OwnedHandle&) = delete;

    Handle* get() const { return handle_; }
    Handle* operator->() const { return handle_; }
    uv_handle_t* base() const { return reinterpret_cast<uv_handle_t*>(handle_); }

  private:
    void close() {
        if (handle_ == nullptr) return;
        if (handle_->loop == nullptr) {  // never initialised
            delete handle_;
        } else {
            uv_close(base(), [](uv_handle_t* h) { delete reinterpret_cast<Handle*>(h); });
        }
        handle_ = nullptr;
    }

    Handle* handle_;
};

/// Calls back after a time, once or again and again.
class Timer {
  public:
    using Callback = std::function<void()>;
    Timer(Loop& loop, Callback callback);
    Timer(Timer&&) = delete;

    void start(Milliseconds after, Milliseconds repeat = Milliseconds(0));
    void stop();
    bool active() const;

  private:
    Callback callback_;
    OwnedHandle<uv_timer_t> handle_;
};

/// Calls back on a UNIX signal.
class Signal {
  public:
    using Callback = std::function<void()>;
    Signal(Loop& loop, int number, Callback callback);
    Signal(Signal&&) = delete;

  private:
    Callback callback_;
    OwnedHandle<uv_signal_t> handle_;
};

/// Watches a descriptor owned by somebody else (level-triggered); the descriptor must stay open
/// until the Poll is gone. The callback gets UV_READABLE | UV_WRITABLE | UV_DISCONNECT bits; on an
/// error it gets the bits that were asked for, so that the following read or write reports it.
class Poll {
  public:
    using Callback = std::function<void(int events)>;
    Poll(Loop& loop, int fd, Callback callback);
    Poll(Poll&&) = delete;

    void start(int events);
    void stop();

  private:
    Callback callback_;
    int wanted_ = 0;
    OwnedHandle<uv_poll_t> handle_;
};

/// Calls back when the loop has done all that was to be done and is about to wait: for what is
/// better done for many at once, as sending. Does not keep Loop::run going.
class BeforeWait {
  public:
    using Callback = std::function<void()>;
    BeforeWait(Loop& loop, Callback callback);
    BeforeWait(BeforeWait&&) = delete;

    /// For the next time, and every time after it, until stop(). From inside another one's callback
    /// as well: then the loop does not wait before this one had its turn.
    void start();
    void stop();

  private:
    Callback callback_;
    OwnedHandle<uv_prepare_t> handle_;
    OwnedHandle<uv_idle_t> no_wait_;  // libuv does not wait while one is active
};

/// Wakes a loop from another thread; several sends may arrive as one call.
class Wake {
  public:
    using Callback = std::function<void()>;
    Wake(Loop& loop, Callback callback);
    Wake(Wake&&) = delete;

    /// From any thread, as long as the Wake lives.
    void send();
    /// Whether this handle alone keeps Loop::run going (default: it does).
    void keep_alive(bool on);

  private:
    Callback callback_;
    OwnedHandle<uv_async_t> handle_;
};

}  // namespace ipref::run
