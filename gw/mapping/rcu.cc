// SPDX-License-Identifier: GPL-2.0-or-later
#include "gw/mapping/rcu.h"

#include <urcu-qsbr.h>

#include "gw/mapping/rcu_annotate.h"

#ifdef IPREF_TSAN
// liburcu's own allocations pass between its threads by its own barriers.
extern "C" const char* __tsan_default_suppressions() {
    return "called_from_lib:liburcu-cds.so\ncalled_from_lib:liburcu-qsbr.so\n";
}
#endif

namespace ipref::gw {

namespace {

enum State { kNone, kOffline, kOnline };
thread_local int t_state = kNone;

char grace_period;  // its address stands for the edge from readers to the freeing thread

}  // namespace

void annotate_grace_period_end() {
    annotate_acquire(&grace_period);
}

RcuReader::RcuReader() {
    urcu_qsbr_register_thread();
    t_state = kOnline;
}

RcuReader::~RcuReader() {
    annotate_release(&grace_period);
    urcu_qsbr_unregister_thread();
    t_state = kNone;
}

void RcuReader::quiescent() {
    annotate_release(&grace_period);
    urcu_qsbr_quiescent_state();
}

void RcuReader::offline() {
    annotate_release(&grace_period);
    urcu_qsbr_thread_offline();
    t_state = kOffline;
}

void RcuReader::online() {
    urcu_qsbr_thread_online();
    t_state = kOnline;
}

RcuOnline::RcuOnline() : before_(t_state) {
    if (before_ == kNone) urcu_qsbr_register_thread();
    if (before_ == kOffline) urcu_qsbr_thread_online();
    t_state = kOnline;
}

RcuOnline::~RcuOnline() {
    if (before_ == kOnline) return;
    annotate_release(&grace_period);
    if (before_ == kNone) urcu_qsbr_unregister_thread();
    if (before_ == kOffline) urcu_qsbr_thread_offline();
    t_state = before_;
}

RcuAway::RcuAway() : before_(t_state) {
    if (before_ != kOnline) return;
    annotate_release(&grace_period);
    urcu_qsbr_thread_offline();
    t_state = kOffline;
}

RcuAway::~RcuAway() {
    if (before_ != kOnline) return;
    urcu_qsbr_thread_online();
    t_state = kOnline;
}

}  // namespace ipref::gw
