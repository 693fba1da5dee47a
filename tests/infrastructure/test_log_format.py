"""Log lines: JSON, one per line, from the service and every library, without secrets."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from domain.secret import ENTROPY_BYTES, generate
from infrastructure.log_format import redacted

ROOT = Path(__file__).parents[2]


def lines_of(program: str, *arguments: str) -> list[dict[str, Any]]:
    """Return what a process with configured logging writes to stderr. `program` may use `log` and `logging`."""
    setup = "import logging, sys, structlog, warnings\n"
    setup += "from infrastructure.log_format import configure_logging, log_context\n"
    setup += "configure_logging()\nlog = structlog.get_logger()\n"
    result = subprocess.run(
        [sys.executable, "-c", setup + program, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.stdout == ""
    return [json.loads(line) for line in result.stderr.splitlines()]


def test_a_line_has_a_timestamp_a_level_and_an_event() -> None:
    (line,) = lines_of("log.warning('lane_stopped', lane=3)")
    assert list(line)[:3] == ["timestamp", "level", "event"]
    assert line["timestamp"].endswith("Z")
    assert (line["level"], line["event"], line["lane"]) == ("warning", "lane_stopped", 3)


@pytest.mark.parametrize("library", ["uvicorn.error", "rq.worker", "mcp.client", "httpx2", "asyncio", "psycopg.pool"])
def test_log_lines_of_libraries_have_the_same_format(library: str) -> None:
    (line,) = lines_of("logging.getLogger(sys.argv[1]).error('lost %s', 'a server')", library)
    assert (line["level"], line["event"], line["logger"]) == ("error", "lost a server", library)


def test_a_python_warning_has_the_same_format() -> None:
    (line,) = lines_of("warnings.warn('old')")
    assert (line["level"], line["logger"]) == ("warning", "py.warnings")


def test_a_failed_process_logs_one_line() -> None:
    (line,) = lines_of("raise RuntimeError('the end')")
    assert (line["event"], line["exception"][0]["exc_value"]) == ("process_failed", "the end")


def test_bound_values_are_in_every_line_of_the_context() -> None:
    program = """
with log_context(job="expire_keys"):
    log.info("ours")
    logging.getLogger("rq").error("theirs")
log.info("later")
"""
    ours, theirs, later = lines_of(program)
    assert (ours["job"], theirs["job"]) == ("expire_keys", "expire_keys")
    assert "job" not in later


def test_a_traceback_contains_no_local_variables() -> None:
    program = """
def fail():
    treasure = "sesame" * 2
    raise ValueError("no entry")
try:
    fail()
except ValueError:
    log.exception("ours")
    logging.getLogger("rq").exception("theirs")
"""
    lines = lines_of(program)
    assert [line["exception"][0]["exc_value"] for line in lines] == ["no entry", "no entry"]
    assert [line["exception"][0]["frames"][-1]["name"] for line in lines] == ["fail", "fail"]
    assert "sesamesesame" not in json.dumps(lines)


def test_values_that_json_cannot_represent_are_logged() -> None:
    lines = lines_of("log.info('odd', text='\\ud800', number=2**70, kind=int)\nlog.info('next')")
    assert [line["event"].strip("'") for line in lines] == ["odd", "next"]


def test_a_key_is_redacted_everywhere_in_a_line() -> None:
    secret = generate("live", b"\x07" * ENTROPY_BYTES).reveal()
    program = """
log.info(sys.argv[1], key=sys.argv[1], inside={"list": [sys.argv[1]]})
try:
    raise ValueError(sys.argv[1])
except ValueError:
    log.exception("failed")
logging.getLogger("httpx2").error("GET %s", sys.argv[1])
"""
    lines = lines_of(program, secret)
    assert len(lines) == 3
    assert secret not in json.dumps(lines)
    assert lines[0]["key"] == secret[:12] + "[redacted]"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Authorization: Bearer eyJhbGciOi.J9-_x", "Authorization: Bearer [redacted]"),
        ("authorization: basic dXNlcjpwYXNz", "authorization: basic [redacted]"),
        ("GET /sign-in?token=0123456789abcdef&next=/", "GET /sign-in?token=[redacted]&next=/"),
        ("Cookie: session=0123456789abcdef; theme=dark", "Cookie: session=[redacted]; theme=dark"),
        ("postgresql://keyledger:s3cret@db/keyledger", "postgresql://[redacted]@db/keyledger"),
        ("redis://:s3cret@valkey:6379/0", "redis://[redacted]@valkey:6379/0"),
        ("http://127.0.0.1:8000/v1/api-keys/key_01", "http://127.0.0.1:8000/v1/api-keys/key_01"),
        ("the basic idea of pk_live_ keys", "the basic idea of pk_live_ keys"),
    ],
)
def test_only_text_with_the_form_of_a_secret_is_redacted(text: str, shown: str) -> None:
    assert redacted(text) == shown
