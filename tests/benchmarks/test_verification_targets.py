"""Targets and tables of `make bench`, computed from given figures."""

from benchmarks.interleaved import Rounds
from benchmarks.request_costs import Sample
from benchmarks.targets import Target
from benchmarks.variants import (
    BARE,
    EDGE,
    FRAMEWORK,
    HAND_WRITTEN,
    ONE,
    ONE_LIMITED,
    TWO,
    TWO_LIMITED,
    VARIANTS,
)
from benchmarks.verification_report import figures, ratios
from benchmarks.verification_targets import targets

SAMPLES = {
    ONE: Sample(rate=10_000, p50=1.0, p99=4.0, api=60, postgres=40),
    ONE_LIMITED: Sample(rate=9_000, p50=1.2, p99=5.0, api=100, postgres=80, valkey=20),
    TWO: Sample(rate=12_000, p50=2.0, p99=6.0, api=65, postgres=40),
    TWO_LIMITED: Sample(rate=10_000, p50=2.2, p99=7.0, api=120, postgres=80, valkey=12),
    HAND_WRITTEN: Sample(rate=2_000, p50=0.8, p99=9.0, api=500, postgres=300),
    BARE: Sample(rate=40_000, p50=0.1, p99=0.5, api=20, postgres=0),
    FRAMEWORK: Sample(rate=16_000, p50=0.2, p99=0.7, api=40, postgres=0),
    EDGE: Sample(rate=30_000, p50=0.2, p99=0.6, api=30, postgres=0),
}


def rounds(*names: str) -> Rounds:
    return Rounds([{name: SAMPLES[name] for name in names}])


def test_all_targets_are_printed_after_a_complete_run() -> None:
    found = targets({connections: rounds(*VARIANTS) for connections in (1, 16, 64, 256)})
    hand, bare, framework = (f"of {ONE} by that of {other} at" for other in (HAND_WRITTEN, BARE, FRAMEWORK))
    one, two = f"of {ONE_LIMITED} by that of {ONE} at", f"of {TWO_LIMITED} by that of {TWO} at"
    double, double_limited = f"of {TWO} by that of {ONE} at", f"of {TWO_LIMITED} by that of {ONE_LIMITED} at"
    expected = [
        Target("p50 at 1 connection", 1.0, 2.5, " ms", at_least=False),
        Target("verifications at 64 connections", 10_000, 8_000, "/s"),
        Target("verifications at 256 connections", 10_000, 8_000, "/s"),
        Target(f"rate {hand} 64 connections", 5.0, 5.0),
        Target(f"p50 {hand} 1 connection", 1.25, 1.0, at_least=False),
        Target(f"rate {bare} 64 connections", 0.25, 0.5),
        Target(f"rate {framework} 64 connections", 0.625, 0.5),
        Target(f"rate {bare} 256 connections", 0.25, 0.5),
        Target(f"rate {framework} 256 connections", 0.625, 0.5),
        Target(f"rate {one} 16 connections", 0.9, 0.9),
        Target(f"rate {one} 64 connections", 0.9, 0.9),
        Target(f"p50 {one} 1 connection", 1.2, 1.15, at_least=False),
        Target(f"rate {two} 16 connections", 10_000 / 12_000, 0.9),
        Target(f"rate {two} 64 connections", 10_000 / 12_000, 0.9),
        Target(f"p50 {two} 1 connection", 1.1, 1.15, at_least=False),
        *(
            Target(f"processor time {pair} {at}", ratio, 1.05, at_least=False)
            for pair, ratio in ((double, 1.05), (double_limited, 1.06))
            for at in ("1 connection", "16 connections", "64 connections", "256 connections")
        ),
    ]
    assert found == expected
    assert {target.name for target in found if not target.met} == {
        f"p50 {hand} 1 connection",
        f"rate {bare} 64 connections",
        f"rate {bare} 256 connections",
        f"p50 {one} 1 connection",
        f"rate {two} 16 connections",
        f"rate {two} 64 connections",
        *(f"processor time {double_limited} {at}" for at in ("1 connection", "16 connections")),
        *(f"processor time {double_limited} {at}" for at in ("64 connections", "256 connections")),
    }


def test_a_partial_run_has_only_the_targets_that_it_measured() -> None:
    found = targets({16: rounds(ONE, ONE_LIMITED)})
    assert [target.name for target in found] == [f"rate of {ONE_LIMITED} by that of {ONE} at 16 connections"]
    assert targets({64: rounds(HAND_WRITTEN, BARE)}) == []
    assert [target.name for target in targets({64: rounds(ONE)})] == ["verifications at 64 connections"]


def test_the_table_has_a_line_for_each_service_with_all_figures() -> None:
    head, *lines = figures(64, rounds(*VARIANTS))
    assert head.startswith("connections: 64  ")
    assert [line.split()[0] for line in lines] == list(VARIANTS)
    assert lines[1].split() == [ONE_LIMITED, "9,000", "1.20", "5.00", "100.0", "80.0", "20.0", "200.0"]


def test_the_ratios_are_those_of_every_pair_and_number_of_connections() -> None:
    _, *lines = ratios({connections: rounds(*VARIANTS) for connections in (1, 64)})
    assert len(lines) == 16
    assert lines[0].split() == [ONE, "/", HAND_WRITTEN, "1", "5.00", "1.25", "0.12"]
    _, *partial = ratios({64: rounds(ONE, TWO)})
    assert [line.split() for line in partial] == [[TWO, "/", ONE, "64", "1.20", "2.00", "1.05"]]
