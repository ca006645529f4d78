// SPDX-License-Identifier: GPL-2.0-or-later
// For threads that may write a line for each query: while this lives, the lines of its thread go
// out together, at the end of each turn of the loop. It is made and dies on that thread.
#pragma once

#include "common/run/log.h"
#include "common/run/loop.h"

namespace ipref::run {

class LogGathering {
  public:
    explicit LogGathering(Loop& loop) : flush_(loop, flush_log) {
        gather_log(true);
        flush_.start();
    }
    ~LogGathering() { gather_log(false); }
    LogGathering(const LogGathering&) = delete;
    LogGathering& operator=(const LogGathering&) = delete;

  private:
    BeforeWait flush_;
};

}  // namespace ipref::run
