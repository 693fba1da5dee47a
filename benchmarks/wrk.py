"""Load from wrk, an HTTP load generator in C (Debian package `wrk`), because one in Python would measure itself."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

_UNITS = {"us": 0.001, "ms": 1.0, "s": 1_000.0}
_VERIFY = """
local bodies = {}
for line in io.lines("%(keys)s") do bodies[#bodies + 1] = '{"key":"' .. line .. '"}' end
wrk.method = "POST"
wrk.headers["Authorization"] = "Bearer %(caller)s"
wrk.headers["Content-Type"] = "application/json"
local turn = 0
request = function()
  turn = turn %% #bodies + 1
  return wrk.format(nil, nil, nil, bodies[turn])
end
"""


class LoadFailed(RuntimeError):
    """Some requests were not answered with 200: the figures would mean nothing."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Requests a second, median and 99th percentile of the latency in milliseconds, and the number of requests."""

    rate: float
    p50: float
    p99: float
    requests: int


def is_installed() -> bool:
    return shutil.which("wrk") is not None


def verify_script(folder: Path, caller: str, keys: list[str]) -> Path:
    """Write a script for wrk that verifies `keys` one after the other on behalf of `caller`, and return its path."""
    listed = folder / "keys.txt"
    listed.write_text("\n".join(keys))
    script = folder / "verify.lua"
    script.write_text(_VERIFY % {"keys": listed, "caller": caller})
    return script


def load(url: str, connections: int, seconds: float, script: Path | None = None) -> Measured:
    """Keep `connections` connections busy for `seconds` and return the measurements."""
    command = ["wrk", "--threads", "1", "--connections", str(connections), "--duration", f"{seconds:.0f}s", "--latency"]
    command += ["--script", str(script)] if script else []
    output = subprocess.run([*command, url], check=True, capture_output=True, text=True, timeout=seconds + 30).stdout
    if "Non-2xx" in output or "Socket errors" in output:
        raise LoadFailed(output)
    return Measured(
        rate=float(_found(r"Requests/sec:\s+([\d.]+)", output)),
        p50=_milliseconds(output, "50%"),
        p99=_milliseconds(output, "99%"),
        requests=int(_found(r"(\d+) requests in", output)),
    )


def _milliseconds(output: str, percentile: str) -> float:
    number, unit = re.findall(rf"{percentile}\s+([\d.]+)(us|ms|s)", output)[0]
    return float(number) * _UNITS[unit]


def _found(pattern: str, output: str) -> str:
    found = re.search(pattern, output)
    if found is None:
        raise LoadFailed(output)
    return found[1]
