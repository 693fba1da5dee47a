"""Concurrent changes of one organization, without deadlocks."""

import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import count

from domain.grants import GRANTS
from domain.keys.permissions import Permissions
from tests.app.organizations import Database
from tests.stories.conftest import StartServer
from tests.stories.wire import Reply, Wire

CALLERS = 8
CHANGES = 240
LIMIT = 10  # of the plan "pro"
PARALLEL_CREATIONS = 50
PARALLEL_REPEATS = 20


def test_concurrent_changes_of_one_organization_are_all_answered_within_its_limit(
    start_server: StartServer, database: Database
) -> None:
    organization_id = database.organization("pro")
    _, manager = database.key(organization_id, permissions=Permissions(mcps="*", manage=GRANTS))
    server = start_server(API_WORKERS="2")
    turns = count()
    keys = [database.key(organization_id)[0] for _ in range(LIMIT - 1)]

    def call(number: int) -> list[tuple[str, int, str]]:
        dice = random.Random(number)  # noqa: S311 -- no secret
        seen: list[tuple[str, int, str]] = []
        with Wire(server.port, manager) as wire:
            while next(turns) < CHANGES:
                what = dice.choice(["create", "revoke", "disable", "enable", "disable", "enable", "change", "rotate"])
                path = f"/v1/api-keys/{dice.choice(keys[-LIMIT:])}"
                match what:
                    case "create":
                        reply = wire.post("/v1/api-keys", {"name": "Made"})
                        if reply.status == 201:
                            keys.append(reply.data["id"])
                    case "change":
                        reply = wire.request("PATCH", path, {"name": f"Renamed {dice.random()}"})
                    case _:
                        reply = wire.post(f"{path}/{what}")
                if reply.status == 429:
                    time.sleep(float(reply.headers[b"retry-after"]))  # the rate limit of the plan
                    continue
                seen.append((what, reply.status, "" if reply.status < 300 else reply.code))
        return seen

    with ThreadPoolExecutor(CALLERS) as callers:
        seen = [answer for answers in callers.map(call, range(CALLERS)) for answer in answers]
    allowed = {(200, ""), (201, ""), (403, "key_limit_reached"), (409, "conflict")}
    assert {(status, code) for _, status, code in seen} <= allowed, [each for each in seen if each[1] >= 500]
    assert len(seen) > CHANGES / 2
    ((active, disabled),) = database.rows(
        "select keys_active, keys_disabled from organization_guard where organization_id = %s", organization_id
    )
    assert active + disabled <= LIMIT
    ((counted,),) = database.rows(
        "select count(*) from key_list where organization_id = %s and status in ('active', 'disabled')", organization_id
    )
    assert counted == active + disabled


def test_fifty_concurrent_creations_at_a_limit_of_ten_create_ten_keys(
    start_server: StartServer, database: Database
) -> None:
    organization_id = database.organization("pro")
    manager_id, manager = database.key(organization_id, permissions=Permissions(mcps="*", manage=GRANTS))
    server = start_server(API_WORKERS="2", KEYLEDGER_RATE_LIMIT_TIMEOUT_SECONDS="10")

    def create(number: int) -> tuple[int, str]:
        with Wire(server.port, manager) as wire:
            reply = wire.post("/v1/api-keys", {"name": f"Made {number}"})
            return reply.status, "" if reply.status == 201 else reply.code

    with ThreadPoolExecutor(PARALLEL_CREATIONS) as callers:
        seen = Counter(callers.map(create, range(PARALLEL_CREATIONS)))
    # The manager is one of the ten. A caller with too many conflicts gets 409 and creates no key.
    assert seen[201, ""] == LIMIT - 1
    assert set(seen) <= {(201, ""), (403, "key_limit_reached"), (409, "conflict")}
    rows = database.rows("select key_id from key_list where organization_id = %s", organization_id)
    assert len(rows) == LIMIT
    assert (manager_id,) in rows


def test_twenty_concurrent_requests_with_one_idempotency_key_create_one_key_and_show_one_secret(
    start_server: StartServer, database: Database
) -> None:
    organization_id = database.organization("team")
    _, manager = database.key(organization_id, permissions=Permissions(mcps="*", manage=GRANTS))
    server = start_server(API_WORKERS="2")

    def create(_: int) -> Reply:
        with Wire(server.port, manager) as wire:
            return wire.post("/v1/api-keys", {"name": "Made once"}, idempotency_key="one")

    with ThreadPoolExecutor(PARALLEL_REPEATS) as callers:
        replies = list(callers.map(create, range(PARALLEL_REPEATS)))
    made = [reply for reply in replies if reply.status == 201]
    assert {reply.code for reply in replies if reply.status != 201} <= {"idempotency_in_flight"}
    assert len({reply.data["id"] for reply in made}) == 1
    assert sum(reply.data["key"] is not None for reply in made) == 1
    assert sum(b"idempotency-replayed" not in reply.headers for reply in made) == 1
    ((keys,),) = database.rows("select count(*) from key_list where organization_id = %s", organization_id)
    assert keys == 2
