"""The command line `python -m app admin`."""

import json
import stat
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from app.__main__ import main
from infrastructure.clock import now
from tests.app.browser import Browser, browser
from tests.app.distinct_clients import Visitor
from tests.app.organizations import Api
from tests.app.people import person
from tests.programs import run_program
from tests.random_input import random_email, random_token
from tests.seed import slug_of
from tests.wrong_clock import ahead


class Ran(NamedTuple):
    code: int
    out: str
    err: str


class Operator:
    """Runs commands in this process, because starting a process for each takes a second."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def types(self, *words: str) -> Ran:
        self._capsys.readouterr()
        try:
            code = main(["admin", *words])
        except SystemExit as ended:
            code = int(ended.code or 0)
        printed = self._capsys.readouterr()
        return Ran(code, printed.out, printed.err)

    def gets(self, *words: str) -> str:
        """Run a command that must succeed, and return its output."""
        ran = self.types(*words)
        assert (ran.code, ran.err) == (0, ""), ran
        return ran.out.strip()

    def is_refused(self, *words: str) -> str:
        """Run a command that must fail, and return the only line that it prints."""
        ran = self.types(*words)
        assert (ran.code, ran.out) == (1, ""), ran
        (line,) = ran.err.splitlines()
        return line


@pytest.fixture
def operator(proxied_api: Api, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Operator:
    monkeypatch.setenv("DATABASE_URL", proxied_api.server.database_url)
    monkeypatch.setenv("KEYLEDGER_MASTER_KEY", proxied_api.server.master_key)
    monkeypatch.setenv("KEYLEDGER_PUBLIC_URL", proxied_api.url)
    return Operator(capsys)


@pytest.fixture
def screen(proxied_api: Api) -> Iterator[Browser]:
    with browser(proxied_api.url, X_Forwarded_For=Visitor(proxied_api).ip) as opened:
        yield opened


def test_an_operator_lists_deleted_organizations_and_restores_one(proxied_api: Api, operator: Operator) -> None:
    org = proxied_api.organization()
    owner = person(proxied_api, org.id, "owner")
    slug = slug_of(org.id)
    refused = operator.is_refused("restore-organization", "--organization", slug)
    assert refused.endswith("The organization is not deleted.")
    assert org.id not in operator.gets("list-organizations", "--deleted")
    until = owner.client.delete("/v1/organization", {"confirm": slug}).data["restorable_until"]
    assert org.id not in operator.gets("list-organizations")
    (line,) = [line for line in operator.gets("list-organizations", "--deleted").splitlines() if org.id in line]
    assert line.endswith(f", can be restored until {until[:16].replace('T', ' ')} UTC  Acme")
    listed = json.loads(operator.gets("list-organizations", "--deleted", "--json"))["organizations"]
    (found,) = [each for each in listed if each["organization_id"] == org.id]
    assert (found["slug"], found["restorable_until"], found["erased_at"]) == (slug, until, None)
    for words in (("change-plan", "--plan", "pro"), ("create-management-key",)):
        assert "The organization has been deleted" in operator.is_refused(*words, "--organization", slug)
    assert operator.gets("restore-organization", "--organization", slug) == f"{org.id}  restored"
    assert org.id in operator.gets("list-organizations")
    assert org.client.get("/v1/organization").data["id"] == org.id


def test_an_operator_creates_an_organization_whose_owner_can_sign_in(
    proxied_api: Api, operator: Operator, screen: Browser
) -> None:
    slug, email = f"acme-{random_token()}", random_email()
    created = operator.gets(
        "create-organization", "--name", "Acme", "--slug", slug, "--plan", "pro", "--owner-email", email
    )
    organization_id = created.split()[0]
    assert f"{organization_id}  {slug}  pro  members 1, keys 0, MCPs 0  Acme" in operator.gets("list-organizations")
    link = operator.gets("sign-in-link", "--email", email.upper())
    screen.go(link)
    screen.send(screen.forms[0])
    assert screen.path == "/"
    screen.go("/account")
    assert (email in screen.page.text, "Owner" in screen.page.text) == (True, True)
    assert operator.gets("change-plan", "--organization", slug, "--plan", "team") == f"{organization_id}  team"
    assert f"{organization_id}  {slug}  team" in operator.gets("list-organizations")
    assert proxied_api.events_of(organization_id) == ["organization.created", "organization.plan_changed"]
    ((body,),) = proxied_api.database.rows(
        "select body from events where stream_id = %s and version = 1", organization_id
    )
    assert b'"actor":{"type":"system","id":"operator"}' in bytes(body)


def test_a_sign_in_link_can_be_written_to_a_private_file(
    proxied_api: Api, operator: Operator, screen: Browser, tmp_path: Path
) -> None:
    """`make run` keeps the output of programs in logs."""
    member = person(proxied_api, proxied_api.organization().id)
    file = tmp_path / "link"
    assert operator.gets("sign-in-link", "--email", member.email, "--to", str(file)) == ""
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    screen.go(file.read_text().strip())
    screen.send(screen.forms[0])
    assert member.email in screen.page.text


def test_an_operator_can_create_a_management_key_for_an_organization(proxied_api: Api, operator: Operator) -> None:
    organization = proxied_api.organization()
    secret = operator.gets("create-management-key", "--organization", organization.id)
    listed = proxied_api.client(secret).get("/v1/api-keys", {"status": "active"}).data
    assert {each["name"]: each["expires_at"] is not None for each in listed}["Recovery key"] is True
    assert proxied_api.client(secret).get("/v1/mcps").status == 200


def test_the_key_limit_of_the_plan_also_applies_to_an_operator(proxied_api: Api, operator: Operator) -> None:
    organization = proxied_api.organization("free")
    organization.key()
    assert "limit" in operator.is_refused("create-management-key", "--organization", organization.id)


def test_the_commands_use_the_configured_plans(
    proxied_api: Api, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    organization = proxied_api.organization("free")
    organization.key()
    monkeypatch.setenv("KEYLEDGER_PLANS", '{"free": {"api_keys": 3}}')
    operator.gets("create-management-key", "--organization", organization.id)
    assert "limit: 3." in operator.is_refused("create-management-key", "--organization", organization.id)


def test_a_refusal_is_reported_in_one_line(proxied_api: Api, operator: Operator) -> None:
    slug, email = f"acme-{random_token()}", random_email()
    words = ("create-organization", "--name", "Acme", "--slug", slug, "--owner-email", email)
    operator.gets(*words)
    assert "slug" in operator.is_refused(*words)
    assert "email" in operator.is_refused(*words[:-1], "nobody")
    assert "slug" in operator.is_refused(*words[:4], "Not a slug", *words[5:])
    assert "nowhere" in operator.is_refused("change-plan", "--organization", "nowhere", "--plan", "pro")
    assert "example.org" in operator.is_refused("sign-in-link", "--email", "nobody@example.org")
    absent = "org_" + "0" * 26
    assert absent in operator.is_refused("create-management-key", "--organization", absent)
    rows = proxied_api.database.rows("select count(*) from organization_list where slug = %s", slug)
    assert rows == [(1,)]


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("sign-in",),
        ("change-plan", "--organization", "x", "--plan", "gold"),
        ("create-management-key", "--organization", "x", "--expires-in-days", "0"),
        ("sign-in-link",),
    ],
)
def test_invalid_arguments_print_the_usage(operator: Operator, words: tuple[str, ...]) -> None:
    ran = operator.types(*words)
    assert ran.code == 2
    assert ran.err.startswith("Usage: python -m app admin")


def test_an_unreachable_database_is_reported_without_a_traceback_or_password(proxied_api: Api) -> None:
    """The command runs in a separate process, as an operator starts it."""
    ran = typed_elsewhere(
        proxied_api, "list-organizations", DATABASE_URL="postgresql://nobody:hunter2@127.0.0.1:1/nowhere"
    )
    assert (ran.code, ran.out) == (1, "")
    assert "Traceback" not in ran.err
    assert "hunter2" not in ran.err


@pytest.mark.parametrize("seconds", [-1200.0, 1200.0], ids=["slow", "fast"])
def test_keys_and_links_expire_by_the_clock_of_the_database(proxied_api: Api, seconds: float) -> None:
    """A link is valid for 15 minutes. By a clock that is 20 minutes slow, it would expire before it is used."""
    organization = proxied_api.organization()
    member = person(proxied_api, organization.id)
    made = typed_elsewhere(
        proxied_api,
        "create-management-key",
        "--organization",
        organization.id,
        "--expires-in-days",
        "1",
        **ahead(seconds),
    )
    (key,) = proxied_api.client(made.out.strip()).get("/v1/api-keys", {"q": "Recovery"}).data
    begins, ends = (datetime.fromisoformat(key[name]) - now() for name in ("created_at", "expires_at"))
    assert abs(begins) < timedelta(minutes=5)
    assert abs(ends - timedelta(days=1)) < timedelta(minutes=5)
    typed_elsewhere(proxied_api, "sign-in-link", "--email", member.email, **ahead(seconds))
    ((lasts,),) = proxied_api.database.rows(
        "select expires_at - clock_timestamp() from sign_in_links where %s = any(user_ids)", member.id
    )
    assert timedelta(minutes=10) < lasts <= timedelta(minutes=15)


def typed_elsewhere(proxied_api: Api, *words: str, **settings: str) -> Ran:
    """Run a command in a separate process."""
    environment = {
        "DATABASE_URL": proxied_api.server.database_url,
        "KEYLEDGER_MASTER_KEY": proxied_api.server.master_key,
        "KEYLEDGER_PUBLIC_URL": proxied_api.url,
        **settings,
    }
    ran = run_program("app", "admin", *words, environment=environment)
    return Ran(ran.returncode, ran.stdout, ran.stderr)


def test_failed_attempts_are_shown_to_the_operator(proxied_api: Api, operator: Operator) -> None:
    visitor = Visitor(proxied_api)
    member = person(proxied_api, proxied_api.organization().id)
    token = visitor.token_for(member.email)
    for _ in range(2):
        visitor.redeem(token)
    shown = operator.gets("list-sign-in-failures", "--count", "1000").splitlines()
    (line,) = [line for line in shown if visitor.ip in line]
    assert "used link" in line
    assert member.id in line
