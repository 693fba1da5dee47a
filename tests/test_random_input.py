"""Random input is the same for the same seed and spelled as the service stores it."""

import subprocess
import sys
from ipaddress import ip_address
from pathlib import Path

from domain.members.email_address import normalized
from domain.networks import stored_network
from tests.random_input import begin, random_bytes, random_email, random_ipv6, random_seed, random_token

ROOT = Path(__file__).parents[1]
DRAWS = 2_000


def test_addresses_are_drawn_in_their_canonical_spelling() -> None:
    for _ in range(DRAWS):
        ip, email = random_ipv6(), random_email()
        assert str(ip_address(ip)) == ip
        assert stored_network(ip) is not None
        assert normalized(email) == email


def test_each_random_ipv6_address_is_in_its_own_network() -> None:
    assert len({random_ipv6().rpartition("::")[0] for _ in range(100)}) == 100


def test_the_same_seed_draws_the_same_input() -> None:
    def drawn() -> list[object]:
        begin(7, "a test")
        return [random_seed(), random_token(), random_email(), random_ipv6(), random_bytes(8)]

    assert drawn() == drawn()


def test_a_failing_run_prints_its_seed_and_the_seed_reproduces_its_input(tmp_path: Path) -> None:
    program = tmp_path / "test_sample.py"
    program.write_text(
        "from tests.random_input import random_token\n"
        "def test_one():\n    print('drew', random_token())\n    assert False\n"
        "def test_two():\n    print('drew', random_token())\n    assert False\n"
    )

    def run(*options: str) -> tuple[list[str], str]:
        command = [sys.executable, "-m", "pytest", "-q", "--rootdir", str(ROOT), "-c", str(ROOT / "pyproject.toml")]
        ran = subprocess.run(
            [*command, "-p", "tests.conftest", "-p", "no:cacheprovider", *options, str(program)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 1, ran.stdout + ran.stderr
        drew = sorted(line for line in ran.stdout.splitlines() if line.startswith("drew"))
        hint = next(line for line in ran.stdout.splitlines() if "--randomly-seed=" in line)
        return drew, hint.rpartition("=")[2]

    first, seed = run()
    assert len(set(first)) == 2, "each test draws its own input"
    assert run(f"--randomly-seed={seed}") == (first, seed)
    assert run()[0] != first
