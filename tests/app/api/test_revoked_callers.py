"""Whoever revokes a leaked key and then looks at what it made has seen everything: nothing of it comes later."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from domain.keys.permissions import Permissions
from tests.app.organizations import Api, Organization
from tests.waiting import eventually

CALLERS = 6
ROUNDS = 6


@pytest.mark.parametrize("taken", ["revoke", "narrow"])
def test_a_key_that_lost_its_authority_makes_nothing_more(api: Api, org: Organization, taken: str) -> None:
    made_in_all = 0
    for _ in range(ROUNDS):
        leaked = org.seeded_key(permissions=Permissions(mcps="*", manage=("keys:write",)))

        def make(secret: str = leaked.secret) -> None:
            while api.client(secret).post("/v1/api-keys", {"name": "Late"}).status in {201, 409}:
                pass

        def made(created_by: str = leaked.id) -> int:
            answer = org.client.get("/v1/api-keys", {"created_by": created_by, "per_page": 1})
            total: int = answer.json["pagination"]["total"]
            return total

        with ThreadPoolExecutor(CALLERS) as callers:
            running = [callers.submit(make) for _ in range(CALLERS)]
            eventually(lambda made=made: made() > 1)
            if taken == "revoke":
                answer = org.client.post(f"{leaked.path}/revoke", {"reason": "compromised"})
            else:
                answer = org.client.patch(leaked.path, {"permissions": {}})
            assert answer.status == 200
            seen = made()
            # Nobody is told to stop before: what was under way ends as it would.
            for each in running:
                each.result()
        assert made() == seen
        made_in_all += seen
    assert made_in_all > ROUNDS
