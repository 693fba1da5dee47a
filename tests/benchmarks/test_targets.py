"""The printed comparison of benchmark results with their targets."""

import pytest

from benchmarks.targets import Target, print_targets


@pytest.mark.parametrize(
    ("target", "line"),
    [
        (Target("rate", 200_000, 200_000, "/s"), "met     rate: 200,000/s, at least 200,000/s wanted"),
        (Target("rate", 199_999, 200_000, "/s"), "MISSED  rate: 199,999/s, at least 200,000/s wanted"),
        (Target("lag", 2.0, 2.0, " s", at_least=False), "met     lag: 2.00 s, at most 2.00 s wanted"),
        (Target("lag", 2.01, 2.0, " s", at_least=False), "MISSED  lag: 2.01 s, at most 2.00 s wanted"),
    ],
)
def test_the_output_shows_whether_a_target_was_met(
    target: Target, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    print_targets([target])
    assert capsys.readouterr().out == f"\nTargets\n  {line}\n\n"
