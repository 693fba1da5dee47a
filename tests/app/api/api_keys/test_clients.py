"""GET /v1/api-keys/{id}/clients: the newest uses of a key by user agent."""

from datetime import timedelta

from msgspec import structs

from infrastructure.clock import now
from projections.log_queries.activity.clients import LISTED_MAX, USES_MAX
from tests.app.api.usage.usage_data import record
from tests.app.organizations import Api, Key, Organization
from tests.app.people import person
from tests.projections.usage.uses import used

SECOND = timedelta(seconds=1)


def use(api: Api, org: Organization, key: Key, *agents: str | None) -> list[str]:
    """Record a use by each of these clients, a second after the other, and return the times of these uses."""
    start = now() - (len(agents) + 1) * SECOND
    times = [start + number * SECOND for number in range(len(agents))]
    for at, agent in zip(times, agents, strict=True):
        event = structs.replace(used(key.id, at, organization_id=org.id), user_agent=agent)
        record(api, at, [event], producer=key.id)
    return [at.isoformat().replace("+00:00", "Z") for at in times]


def test_uses_are_counted_by_user_agent_most_uses_first(api: Api, org: Organization) -> None:
    key, other = org.key(), org.key()
    use(api, org, other, "other/1.0")
    times = use(api, org, key, "agent/1.0", None, "agent/1.0", "curl/8", "agent/1.0", None)
    found = org.client.get(f"{key.path}/clients").data
    assert found == {
        "clients": [
            {"user_agent": "agent/1.0", "uses": 3, "last_used": times[4]},
            {"user_agent": None, "uses": 2, "last_used": times[5]},
            {"user_agent": "curl/8", "uses": 1, "last_used": times[3]},
        ],
        "total": 3,
        "uses": 6,
        "since": times[0],
    }


def test_a_refused_use_is_counted_as_soon_as_it_was_answered(org: Organization) -> None:
    key = org.key(allowed_ips=["10.0.0.0/8"])
    org.verify(key.secret, ip="192.0.2.7", user_agent="scanner/0.1")
    (client,) = org.client.get(f"{key.path}/clients").data["clients"]
    assert (client["user_agent"], client["uses"]) == ("scanner/0.1", 1)


def test_a_key_that_was_never_used_has_no_clients(org: Organization) -> None:
    found = org.client.get(f"{org.key().path}/clients").data
    assert found == {"clients": [], "total": 0, "uses": 0, "since": None}


def test_only_the_newest_uses_are_read_and_the_most_frequent_clients_listed(api: Api, org: Organization) -> None:
    key, at = org.key(), now()
    old = structs.replace(used(key.id, at - SECOND, organization_id=org.id), user_agent="old/1.0")
    record(api, at - SECOND, [old])
    agents = [f"agent/{number % (LISTED_MAX + 1)}" for number in range(USES_MAX)]
    uses = [structs.replace(used(key.id, at, organization_id=org.id), user_agent=agent) for agent in agents]
    record(api, at, uses)
    found = org.client.get(f"{key.path}/clients").data
    assert (found["uses"], found["total"], len(found["clients"])) == (USES_MAX, LISTED_MAX + 1, LISTED_MAX)
    assert found["since"] == at.isoformat().replace("+00:00", "Z")
    assert "old/1.0" not in {client["user_agent"] for client in found["clients"]}


def test_a_member_gets_the_clients_of_their_own_keys_only(api: Api, org: Organization) -> None:
    member = person(api, org.id, "member")
    own = member.client.post("/v1/api-keys", {"name": "mine"}).data["id"]
    assert member.client.get(f"/v1/api-keys/{own}/clients").status == 200
    assert member.client.get(f"{org.key().path}/clients").status == 404
