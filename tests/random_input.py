"""Random input for tests, drawn from one seed.

The seed of the run is printed when the run starts and again when a test fails: `pytest --randomly-seed=N` draws the
same input again. Each test draws from the seed of the run and its own name, independently of earlier tests. Sources
that no seed controls (`secrets`, `os.urandom`, `uuid4`) are therefore not used in tests:
tests/architecture/test_random_input.py checks this.

A value that the service stores in a canonical spelling is drawn in that spelling. Otherwise a test that compares the
two would fail for some seeds only.
"""

import random
from ipaddress import IPv4Address, IPv6Address

_DOCUMENTATION = int(IPv6Address("2001:db8::"))  # RFC 3849
_LOOPBACK = int(IPv4Address("127.0.0.0"))  # RFC 5735 §3

# A separate generator, because Hypothesis resets the generator of the module `random` before each example.
_generator = random.Random(0)  # noqa: S311 -- no secret


def begin(seed: object, name: str) -> None:
    """Start drawing the input of the test `name` in a run with this seed."""
    _generator.seed(f"{seed} {name}")


def random_seed() -> int:
    """Return a seed for a separate generator, for threads that draw at the same time."""
    return _generator.getrandbits(63)


def random_token() -> str:
    """Return 32 hexadecimal digits that no other test draws."""
    return f"{_generator.getrandbits(128):032x}"


def random_email() -> str:
    """Return an email address in lower case, as the service stores it."""
    return f"{random_token()}@example.com"


def random_ipv6() -> str:
    """Return an address in its own /64 network, spelled as RFC 5952 recommends and as the service stores it."""
    return str(IPv6Address(_DOCUMENTATION | _generator.getrandbits(32) << 64 | 1))


def random_loopback() -> str:
    """Return a loopback address from which no other test connects."""
    return str(IPv4Address(_LOOPBACK | 1 << 16 | _generator.getrandbits(23)))


def random_bytes(size: int) -> bytes:
    """Return `size` bytes, for keys that protect nothing."""
    return _generator.randbytes(size)
