"""The memory of a service at the beginning and at the end of many requests."""

from pathlib import Path

from benchmarks.processor_time import descendants
from benchmarks.request_costs import Service
from benchmarks.targets import Target

_CONNECTIONS = 64
_GROWTH_MAX = 1.05
"""Growth up to this factor counts as flat."""


def measure_memory(service: Service, requests: int, seconds: float) -> Target:
    """Send `requests` in loads of `seconds`, print the memory after each, and compare the last one with the first."""
    print(f"\nMemory of {service.name}: all of its processes, over {requests:,} requests")
    done = 0
    held: list[float] = []
    while done < requests:
        done += service.load(_CONNECTIONS, seconds).requests
        held.append(resident_mib(service.pid))
        print(f"{done:>11,} {held[-1]:>7.1f} MiB", flush=True)
    return Target("memory at the end by that at the beginning", held[-1] / held[0], _GROWTH_MAX, at_least=False)


def resident_mib(pid: int) -> float:
    """Return the resident memory of a process and all of its descendants, in MiB."""
    return sum(_resident_kib(each) for each in [pid, *descendants(pid)]) / 1024


def _resident_kib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0
