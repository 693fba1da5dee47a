"""API processes exit when their parent dies, even if the parent was killed.

A killed parent cannot stop its children, and an orphan would keep the port open with old code and settings. Linux
signals the children on request (prctl PR_SET_PDEATHSIG).
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def exit_with_parent(parent_pid: int) -> None:
    """Request the signal. Call this once in each process that the server forks; `parent_pid` is the server's id."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        # The parent died before the request was made, so the signal will never arrive.
        os._exit(1)
