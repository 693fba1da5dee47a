"""The processes that answer requests end with the one that started them, also when that one was killed.

It can not end them then, and a port that they keep open answers with the code and the settings of before. So the kernel
is asked to (prctl PR_SET_PDEATHSIG), where it is Linux.
"""

import ctypes
import multiprocessing
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def exit_with_parent() -> None:
    """To be called once in each of the processes that the server starts."""
    parent = multiprocessing.parent_process()
    if parent is None or sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent.pid:
        # It was killed before the request was made, so nobody will ever send the signal.
        os._exit(1)
