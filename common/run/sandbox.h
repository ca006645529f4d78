// SPDX-License-Identifier: GPL-2.0-or-later
// What a program gives up once everything is open: capabilities, most system calls, and writing to
// files. A bug in it is worth less then to who finds it. Sources: capabilities(7), seccomp(2),
// landlock(7); what of it a kernel lacks is left out, and said.
#pragma once

#include <string>
#include <vector>

namespace ipref::run {

struct Confinement {
    /// Directories in which files may still be made, changed and removed. Elsewhere files may be
    /// read, as far as the user may.
    std::vector<std::string> writable;
};

struct Confined {
    std::vector<std::string> in_force;  ///< "no capabilities", "Landlock (ABI 4)", ...
    std::vector<std::string> missing;   ///< why something is not; one sentence each
};

/// To be called while this is the only thread: those started later inherit it. Others that are
/// there keep capabilities and files, which is noted as missing. It cannot be undone.
///
/// From then on: no capability, now or by execve; no programs to run, no new namespaces, no memory
/// that is executable, sockets of the Internet, netlink and Unix only; system calls that are not
/// needed fail with ENOSYS, as on a kernel that lacks them.
Confined confine(const Confinement& to);

/// confine(), and a line in the log for what is in force and for each thing that is not.
void confine_and_log(const Confinement& to);

}  // namespace ipref::run
