"""What a benchmark says of its targets."""

import pytest

from benchmarks.targets import Target, say


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (Target("rate", 200_000, 200_000, "/s"), "met     rate: 200,000/s, at least 200,000/s wanted"),
        (Target("rate", 199_999, 200_000, "/s"), "MISSED  rate: 199,999/s, at least 200,000/s wanted"),
        (Target("lag", 2.0, 2.0, " s", at_least=False), "met     lag: 2.00 s, at most 2.00 s wanted"),
        (Target("lag", 2.01, 2.0, " s", at_least=False), "MISSED  lag: 2.01 s, at most 2.00 s wanted"),
    ],
)
def test_a_target_says_whether_it_was_met(target: Target, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    say([target])
    assert capsys.readouterr().out == f"\nTargets\n  {said}\n\n"
