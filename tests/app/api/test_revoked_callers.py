"""Revoked callers: after the revocation of a leaked key, its requests create nothing more."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from domain.keys.permissions import Permissions
from tests.app.organizations import Api, Organization
from tests.waiting import eventually

CALLERS = 6
ROUNDS = 6


@pytest.mark.parametrize("change", ["revoke", "narrow"])
def test_a_key_without_authority_creates_nothing_more(api: Api, org: Organization, change: str) -> None:
    created_total = 0
    for _ in range(ROUNDS):
        leaked = org.seeded_key(permissions=Permissions(mcps="*", manage=("keys:write",)))

        def create(secret: str = leaked.secret) -> None:
            while api.client(secret).post("/v1/api-keys", {"name": "Late"}).status in {201, 409}:
                pass

        def created(created_by: str = leaked.id) -> int:
            answer = org.client.get("/v1/api-keys", {"created_by": created_by, "per_page": 1})
            total: int = answer.json["pagination"]["total"]
            return total

        with ThreadPoolExecutor(CALLERS) as callers:
            running = [callers.submit(create) for _ in range(CALLERS)]
            eventually(lambda created=created: created() > 1)
            if change == "revoke":
                answer = org.client.post(f"{leaked.path}/revoke", {"reason": "compromised"})
            else:
                answer = org.client.patch(leaked.path, {"permissions": {}})
            assert answer.status == 200
            seen = created()
            # The callers are not stopped, so requests in progress end by themselves.
            for each in running:
                each.result()
        assert created() == seen
        created_total += seen
    assert created_total > ROUNDS
