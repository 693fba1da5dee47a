"""Tests that need a program which this machine may not have."""

import os
from typing import NoReturn

import pytest


def stop_without(how_to_get_it: str) -> NoReturn:
    """Skip the test. In CI, fail: skipped tests would look like a success there."""
    if any(os.environ.get(name) for name in ("CI", "KEYLEDGER_CI")):
        pytest.fail(how_to_get_it)
    pytest.skip(how_to_get_it)
