// SPDX-License-Identifier: GPL-2.0-or-later
// What a thread does to read the mapping table (liburcu, QSBR flavour).
//
// A worker: one RcuReader for its life; quiescent() between batches of packets, when it holds
// nothing from the table; offline() before any call that may block (poll, recvmsg, write) and
// online() after it, or an RcuOffline around that call. A worker that blocks while online keeps
// removed mappings from being freed. While online it may take the table's writer lock (a miss
// does), as nobody waits for readers while holding it.
//
// The main thread and tests need nothing: operations of the slow path (encode, replace, sweep,
// page and so on) bring their thread online for the time they take, registering it if need be.
// Only Lookup's functions require an online RcuReader, or an RcuOnline around them.
//
// ThreadSanitizer: liburcu 0.13 orders by assembler barriers, which it cannot see. The same edges
// are told to it by annotations: publication (add -> lookup) and grace period (quiescent state,
// offline -> free). They compile to nothing without -fsanitize=thread. What liburcu allocates and
// frees for itself is suppressed by called_from_lib in rcu.cc.
#pragma once

namespace ipref::gw {

/// Registers the calling thread as a reader, online. Same thread destroys it.
class RcuReader {
  public:
    RcuReader();
    ~RcuReader();
    RcuReader(const RcuReader&) = delete;
    RcuReader& operator=(const RcuReader&) = delete;

    /// Nothing that was looked up before is used after.
    void quiescent();
    void offline();
    void online();
};

/// The reader's thread is offline in this scope: put it around a call that blocks.
class RcuOffline {
  public:
    explicit RcuOffline(RcuReader& reader) : reader_(reader) { reader_.offline(); }
    ~RcuOffline() { reader_.online(); }
    RcuOffline(const RcuOffline&) = delete;
    RcuOffline& operator=(const RcuOffline&) = delete;

  private:
    RcuReader& reader_;
};

/// Whatever this thread was before, it is registered and online in this scope, and as before
/// afterwards. Nests. Costs a mutex if the thread was not registered.
class RcuOnline {
  public:
    RcuOnline();
    ~RcuOnline();
    RcuOnline(const RcuOnline&) = delete;
    RcuOnline& operator=(const RcuOnline&) = delete;

  private:
    int before_;
};

/// The opposite: whatever this thread was before, it keeps no memory from being freed in this
/// scope. Nothing that was looked up before is used after.
class RcuAway {
  public:
    RcuAway();
    ~RcuAway();
    RcuAway(const RcuAway&) = delete;
    RcuAway& operator=(const RcuAway&) = delete;

  private:
    int before_;
};

}  // namespace ipref::gw
