"""Changes during which PostgreSQL stops responding: every request gets a response."""

import os
import signal
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager, suppress

import httpx2
import psycopg

from app.api.organization.members.cascade_keys import KEYS_AT_ONCE
from app.auth.sessions import csrf_token
from domain.actor import UserActor
from domain.keys.permissions import Permissions
from embedded.postgres import PostgreSQL
from embedded.processes import wait_for, working_in
from tests.app.api.organization.invite import MEMBERS
from tests.app.conftest import StartApi
from tests.app.mails import mails_to, token_in
from tests.app.organizations import Api
from tests.app.people import COOKIE, person
from tests.waiting import stretched

_TIMEOUT_SECONDS = 4
_WAITING = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"


@contextmanager
def _stopped(postgres: PostgreSQL) -> Generator[None]:
    """Pause every process of the server; connections are accepted but nothing responds."""
    pids = working_in(postgres.folder, "postgres")
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):  # a backend ends with its connection
                os.kill(pid, signal.SIGCONT)


def _revoke_many(api: Api, **options: str) -> Callable[[], int]:
    org = api.organization()
    body = {"ids": [org.key().id], "reason": "compromised", "dry_run": False}
    return lambda: org.client.post("/v1/api-keys/revoke", body, **options).status


def _change_notifications(api: Api) -> Callable[[], int]:
    member = person(api, api.organization().id)
    form = {"threshold": "critical", "csrf_token": csrf_token(member.secret)}
    headers = {"Cookie": f"{COOKIE}={member.secret}", "Origin": api.url}

    def send() -> int:
        return httpx2.post(f"{api.url}/account/notifications", data=form, headers=headers, timeout=30).status_code

    return send


def _end_other_sessions(api: Api) -> Callable[[], int]:
    member = person(api, api.organization().id)
    member.session()
    return lambda: member.client.delete("/v1/sessions").status


def _sign_in(api: Api) -> Callable[[], int]:
    member = person(api, api.organization().id)
    assert api.client().post("/v1/session/links", {"email": member.email}).status == 202
    (mail,) = mails_to(api, member.email)
    return lambda: api.client().post("/v1/session", {"token": token_in(mail.text)}).status


def _remove_member_with_many_keys(api: Api) -> Callable[[], int]:
    org = api.organization()
    owner, admin = person(api, org.id, "owner"), person(api, org.id)
    for _ in range(KEYS_AT_ONCE + 1):
        org.seeded_key(by=UserActor(admin.id), permissions=Permissions(mcps="*"))
    return lambda: owner.client.delete(f"{MEMBERS}/{admin.id}").status


def test_changes_get_a_response_while_postgresql_is_stopped(start_api: StartApi, postgres: PostgreSQL) -> None:
    api = start_api(KEYLEDGER_REQUEST_TIMEOUT_SECONDS=str(_TIMEOUT_SECONDS))
    requests = {
        "revoke many keys": _revoke_many(api),
        "change notifications": _change_notifications(api),
        "end other sessions": _end_other_sessions(api),
        "sign in": _sign_in(api),
        "remove a member with many keys": _remove_member_with_many_keys(api),
        "revoke many keys under an Idempotency-Key": _revoke_many(api, idempotency_key="once"),
    }
    with ThreadPoolExecutor(len(requests)) as clients, ExitStack() as stack:
        holder = stack.enter_context(psycopg.connect(api.server.database_url))
        # Streams can still be read, so each request waits inside its transaction. The last one waits for its key.
        holder.execute("lock table streams in share mode; lock table idempotency_keys in access exclusive mode")
        answers = {name: clients.submit(send) for name, send in requests.items()}
        with psycopg.connect(api.server.database_url, autocommit=True) as observer:

            def all_wait() -> bool:
                return observer.execute(_WAITING).fetchone() == (len(requests),)

            assert wait_for(all_wait, stretched(_TIMEOUT_SECONDS))
        stack.enter_context(_stopped(postgres))
        wait(answers.values())
    # A client gives up after 30 seconds.
    assert [name for name, answer in answers.items() if answer.exception()] == []
    assert {name: answer.result() for name, answer in answers.items()} == dict.fromkeys(requests, 503)
