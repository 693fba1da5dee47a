"""HAProxy's script, if it fails."""

from pathlib import Path

from tests.app.organizations import Api, Organization
from tests.gateways.measuring import Asker
from tests.gateways.programs import configured, new_setting, refuse_missing, running
from tests.gateways.upstream import Upstream


def test_haproxy_refuses_every_request_if_its_script_fails(
    api: Api, org: Organization, mcp_id: str, upstream: Upstream, tmp_path: Path
) -> None:
    refuse_missing("HAProxy")
    ports = api.server.port, upstream.port
    setting = new_setting(tmp_path / "HAProxy", *ports, mcp_id, org.manager.secret, typescript_client=None)
    command = configured("HAProxy", setting)
    script = setting.folder / "keyledger.lua"
    failing = script.read_text(encoding="utf-8").replace("local answer =", 'error("failing") local answer =')
    script.write_text(failing, encoding="utf-8")
    with running("HAProxy", setting, command) as gateway:
        secret = org.key(permissions={"mcps": [mcp_id]}).secret
        answer = Asker(gateway, upstream).ask(secret)
        assert (answer.status, answer.reached, answer.headers["retry-after"]) == (503, False, "1")
