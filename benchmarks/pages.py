"""`python -m benchmarks.pages`: server time of every page of the dashboard in an organization of a million keys.

The organization has ten million uses of 90 days, 50 members and 200 MCP servers. Every page is requested over HTTP, one
request at a time, from one API process, in rounds that visit all pages in turn. The processor time of a request, in the
API and in PostgreSQL, depends less on other programs on the machine than its duration. Chromium, if there is one, then
measures when it has painted each page. Exits with 1 if a budget is missed. PostgreSQL with fsync, the API and this
client share the machine.
"""

import argparse
import os
import platform
import re
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median

import psycopg

from benchmarks.large_organization import Prepared, prepared
from benchmarks.page_addresses import Address, addresses
from benchmarks.page_paints import measure_paints, paint_targets
from benchmarks.page_times import (
    BUDGETS_MS,
    COMPRESSED_KB_MAX,
    Measured,
    count_queries,
    measure,
)
from benchmarks.request_costs import pid_of
from benchmarks.serving import Serving, serving
from benchmarks.tailing import SHARE_MIN, TABS, compare
from benchmarks.targets import Target, print_targets
from benchmarks.visitor import Visitor, examples_for
from benchmarks.wrk import is_installed, verify_script
from embedded.postgres import DATABASE, SUPERUSER, PostgreSQL
from tests.ui.chromium import HOW_TO_GET_IT, Chromium, find_chromium

_STYLE_KB_MAX = 8.0
_SCRIPT_KB_MAX = 23.0
_REQUESTS_FIRST, _REQUESTS_LATER = 5, 1
_PAINT_ROUNDS = 3
_PARTS = re.compile(r'(?:href|src)="(/static/[^"]+|/favicon[^"]+)"')


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pages", description=__doc__)
    parser.add_argument("--keys", type=int, default=1_000_000, help="keys of the organization (default 1000000)")
    parser.add_argument("--uses", type=int, default=10_000_000, help="uses of 90 days (default 10000000)")
    parser.add_argument("--members", type=int, default=50, help="members (default 50)")
    parser.add_argument("--mcps", type=int, default=200, help="MCP servers (default 200)")
    parser.add_argument("--rounds", type=int, default=6, help="rounds over all pages (default 6)")
    parser.add_argument("--requests", type=int, default=20, help="of each page in each round (default 20)")
    parser.add_argument(
        "--seconds",
        type=float,
        default=15,
        help="how long each load of verifications runs, with and without tabs (default 15: a tab asks at least once)",
    )
    parser.add_argument("--only", default="", help="only pages whose name contains this, without the other budgets")
    parser.add_argument("--data", type=Path, help="keep the data in this folder, and use it again if it is there")
    options = parser.parse_args(arguments)
    if not is_installed():
        print("wrk is not installed: apt-get install wrk", file=sys.stderr)
        return 1
    print(f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, fsync on", flush=True)
    with tempfile.TemporaryDirectory(prefix="keyledger-bench-") as name:
        folder = options.data or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        organization = prepared(folder, options.keys, options.uses, options.members, options.mcps)
        print(f"prepared in {time.monotonic() - began:.0f} s", flush=True)
        with PostgreSQL(folder / "postgresql", shared_buffers="1GB") as server:
            return _measure(server, organization, Path(name), options)


def _measure(server: PostgreSQL, organization: Prepared, folder: Path, options: argparse.Namespace) -> int:
    print(f"load average {os.getloadavg()[0]:.1f}", flush=True)
    with serving(server.url, 1, folder / "api.log", master_key=organization.master_key) as api:
        visitor = Visitor(api.url, organization.cookie)
        wanted = [each for each in addresses(examples_for(visitor, organization)) if options.only in each.name]
        measured = measure(
            visitor,
            wanted,
            options.rounds,
            options.requests,
            api.pid,
            pid_of(server),
        )
        # Before the browser starts: the server closes connections that are idle meanwhile.
        targets = [] if options.only else _first_view(visitor)
        targets += _paints(api, organization, wanted)
        if not options.only:
            targets.append(_tailing(api, organization, folder, options))
    with (
        _logging_statements(server),
        serving(server.url, 1, folder / "api.log", master_key=organization.master_key) as api,
    ):
        count_queries(Visitor(api.url, organization.cookie), measured, server.log)
    _print_table(measured)
    targets += _page_targets(measured)
    print_targets(targets)
    return 0 if all(target.met for target in targets) else 1


@contextmanager
def _logging_statements(server: PostgreSQL) -> Generator[None]:
    """Let new connections log each statement that they execute."""
    with psycopg.connect(server.url_of(DATABASE, SUPERUSER), autocommit=True) as connection:
        connection.execute(f"alter database {DATABASE} set log_statement = 'all'".encode())
        try:
            yield
        finally:
            connection.execute(f"alter database {DATABASE} reset log_statement".encode())


def _first_view(visitor: Visitor) -> list[Target]:
    """Return the budgets of the files of a page, and of the requests of the first view and of later ones."""
    page = visitor.get("/keys")
    parts = sorted(set(_PARTS.findall(page.content.decode())))
    files = {part: visitor.get(part, Accept_Encoding="gzip") for part in parts}
    sizes = {
        suffix: sum(len(answer.content) for part, answer in files.items() if part.endswith(suffix)) / 1e3
        for suffix in (".css", ".js")
    }
    asked_again = [part for part, answer in files.items() if "max-age" not in answer.headers["cache-control"]]
    return [
        Target("style sheets, compressed", sizes[".css"], _STYLE_KB_MAX, " kB", at_least=False),
        Target("scripts, compressed", sizes[".js"], _SCRIPT_KB_MAX, " kB", at_least=False),
        Target("requests of the first view", 1 + len(parts), _REQUESTS_FIRST, at_least=False),
        Target("requests of later views", 1 + len(asked_again), _REQUESTS_LATER, at_least=False),
    ]


def _paints(api: Serving, organization: Prepared, wanted: Sequence[Address]) -> list[Target]:
    """Return the budgets of what a browser shows, or none on a machine without Chromium."""
    chromium = find_chromium()
    if chromium is None:
        print(HOW_TO_GET_IT, file=sys.stderr)
        return []
    with closing(Chromium(chromium)) as started, started.driven() as browser:
        painted = measure_paints(browser, api.url, organization.cookie, wanted, _PAINT_ROUNDS)
    print(f"\n{'in Chromium':<48} largest paint, ms")
    for each in sorted(painted, key=lambda found: -median(found.largest_ms)):
        print(f"{each.name:<46} {median(each.largest_ms):>8.0f}  {'; '.join(each.shifts)}")
    return paint_targets(painted)


def _tailing(api: Serving, organization: Prepared, folder: Path, options: argparse.Namespace) -> Target:
    script = verify_script(folder, organization.caller, organization.secrets)
    found = compare(api, organization.cookie, script, options.rounds, options.seconds)
    print(
        f"verifications: {found.alone:,.0f}/s, with {TABS} tabs {found.followed:,.0f}/s; "
        f"the tabs asked {found.asked:,} times",
        flush=True,
    )
    return Target(f"verifications with {TABS} tabs by those without", found.ratio, SHARE_MIN)


def _print_table(measured: Sequence[Measured]) -> None:
    """Print a line for each address, the slowest of each kind first."""
    for kind, (p50, p99) in BUDGETS_MS.items():
        heading = f"{kind}: p50 <= {p50:.0f} ms, p99 <= {p99:.0f} ms"
        print(f"\n{heading:<48} p50 ms   p99 ms API ms PostgreSQL ms queries     kB   gzip")
        of_kind = [each for each in measured if each.address.kind == kind]
        for each in sorted(of_kind, key=lambda found: -found.p50):
            print(
                f"{each.address.name:<46} {each.p50:>8.1f} {each.p99:>8.1f} {median(each.api_ms):>6.1f} "
                f"{median(each.postgres_ms):>13.1f} {each.queries:>7} {each.size / 1e3:>6.1f} "
                f"{each.compressed / 1e3:>6.1f}  {'; '.join(each.misses())}"
            )


def _page_targets(measured: Sequence[Measured]) -> list[Target]:
    """Return the worst figure of each budget, with the name of its page."""
    targets: list[Target] = []
    for kind, (p50, p99) in BUDGETS_MS.items():
        of_kind = [each for each in measured if each.address.kind == kind]
        if of_kind:
            slowest = max(of_kind, key=lambda each: each.p50)
            targets.append(Target(f"{kind}, p50 of '{slowest.address.name}'", slowest.p50, p50, " ms", at_least=False))
            slowest = max(of_kind, key=lambda each: each.p99)
            targets.append(Target(f"{kind}, p99 of '{slowest.address.name}'", slowest.p99, p99, " ms", at_least=False))
    largest = max(measured, key=lambda each: each.compressed)
    name = f"compressed HTML of '{largest.address.name}'"
    targets.append(Target(name, largest.compressed / 1e3, COMPRESSED_KB_MAX, " kB", at_least=False))
    return targets


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
