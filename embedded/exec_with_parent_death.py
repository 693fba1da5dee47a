"""Program that replaces itself with another program, which ends when its parent ends.

Usage: `exec_with_parent_death.py SIGNAL PARENT UID GID FOLDER -- program arguments…`

A killed parent cannot end its children, so this asks the kernel to signal them (prctl PR_SET_PDEATHSIG). It is a
separate program instead of a `preexec_fn`, which runs Python between fork and exec and may deadlock in a process with
threads. The account is changed here too: the kernel drops the request when the account changes, and the new account
may not be able to read Python.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38


def main(argv: list[str]) -> None:
    death_signal, parent, uid, gid = (int(word) for word in argv[:4])
    folder = argv[4]
    program = argv[6:]
    kernel = ctypes.CDLL(None) if sys.platform == "linux" else None
    if folder:
        # Still as root, because the folders above may be closed to the account. Not earlier: while this program is
        # root, it must not find a library or a module in a folder that the account can write to.
        os.chdir(folder)
    if uid != os.geteuid():
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
        if kernel:
            kernel.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)  # no setuid program such as `su` can restore root
    if kernel:
        kernel.prctl(_PR_SET_PDEATHSIG, death_signal)
    if os.getppid() != parent:
        # The parent died before the request was made, so the kernel will never send the signal.
        sys.exit(1)
    os.execv(program[0], program)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main(sys.argv[1:])
