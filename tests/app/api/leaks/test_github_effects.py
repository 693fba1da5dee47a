"""POST /v1/leaks/github, to the end: messages to people, killed servers, and matches that fail."""

import json
import threading
import time
from contextlib import suppress
from pathlib import Path

import httpx2
import psycopg

from tests.app.api.leaks.github import URL, GitHub, label, match
from tests.app.client import Client
from tests.app.conftest import StartApi
from tests.app.jobs import run_jobs
from tests.app.organizations import Api, Key, Organization
from tests.app.people import person
from tests.clients.command import run_command
from tests.workers.receiver import receiver

KILLS = 6


def outcomes(team: Organization, key: Key) -> list[str]:
    found = team.client.get("/v1/alerts", {"type": "api_key.leaked", "key_id": key.id}).data
    return [alert["details"]["outcome"] for alert in found]


def test_webhooks_and_people_are_told_once(leaks_api: Api, github: GitHub, anyone: Client, team: Organization) -> None:
    owner = person(leaks_api, team.id, "owner")
    key = team.key()
    with receiver() as target:
        events = ["api_key.leaked", "api_key.disabled"]
        made = team.client.post("/v1/webhooks", {"url": target.url, "events": events}).data
        target.secrets = [made["secret"]]
        github.report(anyone, match(key.secret))
        run_jobs(leaks_api, "run_lifecycle_projections", "deliver_webhooks")
        github.report(anyone, match(key.secret))
        run_jobs(leaks_api, "run_lifecycle_projections", "deliver_webhooks")
    received = {each.body["event"]: each.body["data"] for each in target.received}
    assert len(target.received) == len(received) == 2
    assert received["api_key.leaked"]["numbers"]["url"] == URL
    assert received["api_key.leaked"]["actor"] == {"type": "system", "id": "github"}
    told = leaks_api.database.rows("select user_id from alert_notices where organization_id = %s", team.id)
    assert (owner.id,) in told


def test_keyledger_apply_does_not_enable_a_leaked_key_before_its_alert_is_acknowledged(
    leaks_api: Api, github: GitHub, anyone: Client, team: Organization, tmp_path: Path
) -> None:
    key = team.key(name="Agent", permissions={"mcps": "*"})
    file = tmp_path / "keyledger.toml"
    file.write_text('[[keys]]\nname = "Agent"\nstatus = "active"\npermissions.mcps = "*"\n')
    environment = {"KEYLEDGER_URL": leaks_api.url, "KEYLEDGER_ADMIN_KEY": team.manager.secret, "HOME": str(tmp_path)}
    github.report(anyone, match(key.secret))
    (alert,) = team.client.get("/v1/alerts", {"type": "api_key.leaked", "key_id": key.id}).data
    refused = run_command("apply", str(file), "--yes", env=environment)
    assert refused.returncode == 2
    assert f"The key 'Agent' was found in public. Acknowledge {alert['id']} first" in refused.stderr
    assert team.detail(key)["status"] == "disabled"
    assert run_command("alerts", "acknowledge", alert["id"], env=environment).returncode == 0
    assert run_command("apply", str(file), "--yes", env=environment).returncode == 0
    assert team.detail(key)["status"] == "active"


def test_a_server_that_is_killed_has_done_everything_or_nothing(start_api: StartApi, github: GitHub) -> None:
    api = start_api(KEYLEDGER_GITHUB_KEYS_FILE=str(github.file))
    team = api.organization()
    keys = [team.key() for _ in range(KILLS)]

    def report_all() -> None:
        with suppress(httpx2.TransportError, AssertionError):
            github.report(api.client(), *[match(key.secret) for key in keys])

    for number in range(KILLS):
        sender = threading.Thread(target=report_all)
        sender.start()
        time.sleep(0.004 * number)
        api.server.kill()
        sender.join()
        for key in keys:
            events = api.events_of(key.id)[1:]
            ((alerts,),) = api.database.rows("select count(*) from alert_list where key_id = %s", key.id)
            assert (events, alerts) in (([], 0), (["api_key.disabled"], 1))
        api.server.start()
    answer = github.report(api.client(), *[match(key.secret) for key in keys])
    assert answer.json == [label(key.secret, known=True) for key in keys]
    for key in keys:
        assert api.events_of(key.id) == ["api_key.created", "api_key.disabled"]
        assert outcomes(team, key) == ["disabled"]


def test_a_match_that_fails_does_not_prevent_the_others_and_can_be_sent_again(
    start_api: StartApi, github: GitHub
) -> None:
    api = start_api(KEYLEDGER_GITHUB_KEYS_FILE=str(github.file), KEYLEDGER_REQUEST_TIMEOUT_SECONDS="1")
    blocked, other = api.organization(), api.organization()
    blocked_key, other_key = blocked.key(), other.key()
    matches = [match(blocked_key.secret), match(other_key.secret)]
    with psycopg.connect(api.database.url) as connection:
        connection.execute("set role none")
        connection.execute("select from organization_guard where organization_id = %s for update", [blocked.id])
        failed = github.report(api.client(), *matches)
    assert (failed.status, failed.code) == (503, "unavailable")
    assert other.detail(other_key)["status"] == "disabled"
    lines = [json.loads(line) for line in api.server.log.read_bytes().splitlines() if b"leaked_key_failed" in line]
    assert [line["key_id"] for line in lines] == [blocked_key.id]
    assert github.report(api.client(), *matches).status == 200
    assert blocked.detail(blocked_key)["status"] == "disabled"
    assert (outcomes(blocked, blocked_key), outcomes(other, other_key)) == (["disabled"], ["disabled"])
