"""Check, under the services' account, that the services can run: `embedded.account_check [NAME=RIGHT:VALUE ...]`.

`RIGHT` is `read` or `append to` (a file), `write to` (a folder for new files), `connect to` (a socket) or `listen on`
(`HOST PORT`). `imported=FILE` imports all modules that the services import, and lists their files in FILE.
"""

import importlib
import os
import pkgutil
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

_MODULES = (
    "eventstore.__main__",
    "app.__main__",
    "app.application",
    "workers.__main__",
    "examples.mcp_server.__main__",
)


def main(arguments: Sequence[str]) -> str | None:
    """Return the problem in one line; None if there is none."""
    if os.geteuid() == 0:
        return "it is still root"
    importlib.import_module("msgspec")  # one of the packages that the services need
    for argument in arguments:
        name, _, rest = argument.partition("=")
        right, _, value = rest.partition(":")
        if name == "imported":
            _list_imported(Path(rest))
        elif problem := _problem(right, value):
            return f"{name} is {value}, which user id {os.geteuid()} cannot {right}: {problem}"
    return None


def _list_imported(file: Path) -> None:
    for name in _MODULES:
        importlib.import_module(name)
    for job in pkgutil.iter_modules(importlib.import_module("workers.jobs").__path__, "workers.jobs."):
        importlib.import_module(job.name)
    # Some packages create modules when an attribute is read, so the loop iterates over a copy.
    found = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    file.write_text("".join(f"{each}\n" for each in found if each))


def _problem(right: str, value: str) -> str | None:
    try:
        if right == "read":
            Path(value).open("rb").close()
        elif right == "append to":
            os.close(os.open(value, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600))
        elif right == "connect to":
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(value)
        elif right == "listen on":
            _bind(*value.rsplit(" ", 1))
        elif not os.access(_nearest(Path(value)), os.W_OK | os.X_OK):
            return "Permission denied"
    except OSError as error:
        return error.strerror
    return None


def _bind(host: str, port: str) -> None:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)


def _nearest(folder: Path) -> Path:
    """Return the folder, or the nearest existing folder above it."""
    return next(each for each in (folder, *folder.parents) if each.exists())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
