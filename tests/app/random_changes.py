"""Random keys, and random changes of them and of their MCP servers, over HTTP."""

import random
from collections.abc import Sequence

from domain.environment import Environment
from domain.keys.permissions import Permissions, ToolRule
from tests.app.organizations import Key, Organization

ADDRESSES = ("10.0.0.0/8", "2001:db8::/32", "192.0.2.7")
ENVIRONMENTS: tuple[Environment, ...] = ("live", "live", "test")


def some_servers(org: Organization) -> list[str]:
    """Register two live MCP servers and one for tests, and return their ids."""
    return [org.mcp(name=f"Server {number}", environment=each) for number, each in enumerate(ENVIRONMENTS)]


def some_keys(dice: random.Random, org: Organization, servers: Sequence[str]) -> list[Key]:
    """Create keys that reach some of the servers and tools, from some addresses."""
    known = dict(zip(servers, ENVIRONMENTS, strict=True))
    return [
        org.seeded_key(
            name=f"Key {number}",
            environment=dice.choice(("live", "live", "test")),
            permissions=_permissions(dice, servers),
            allowed_ips=_networks(dice),
            known_mcps=known,
        )
        for number in range(5)
    ]


def change_something(dice: random.Random, org: Organization, keys: list[Key], servers: Sequence[str]) -> None:
    """Request a random change of a key or of a server. The service may refuse it.

    A rotated key is in `keys` again, with its new secret.
    """
    key, client = dice.choice(keys), org.client
    match dice.randrange(10):
        case 0 | 1:
            overlap = dice.choice((0, 3_600, None))
            rotated = client.post(f"{key.path}/rotate", {} if overlap is None else {"overlap_seconds": overlap})
            if rotated.status == 200:
                keys.append(Key(org.api, key.id, rotated.data["key"], org.id))
        case 2:
            client.post(f"{key.path}/revoke", {"reason": dice.choice(("compromised", "superseded"))})
        case 3:
            client.post(f"{key.path}/disable")
        case 4 | 5:
            client.post(f"{key.path}/enable")
        case 6:
            client.patch(key.path, {"allowed_ips": list(_networks(dice))})
        case 7:
            client.patch(key.path, {"name": f"Renamed {dice.randrange(1_000)}", "description": "Changed at random"})
        case 8:
            permissions = _permissions(dice, servers)
            mcps = permissions.mcps if permissions.mcps == "*" else list(permissions.mcps)
            client.patch(key.path, {"permissions": {"mcps": mcps}})
        case _:
            client.patch(f"/v1/mcps/{dice.choice(servers)}", {"status": dice.choice(("active", "inactive"))})


def _permissions(dice: random.Random, servers: Sequence[str]) -> Permissions:
    mcps = "*" if dice.random() < 0.5 else tuple(dice.sample(list(servers), dice.randrange(1, len(servers) + 1)))
    reached = servers if mcps == "*" else mcps
    rule = ToolRule(allow=("get_*",)) if dice.random() < 0.5 else ToolRule(deny=("list",))
    return Permissions(mcps=mcps, tools={dice.choice(list(reached)): rule} if dice.random() < 0.6 else {})


def _networks(dice: random.Random) -> tuple[str, ...]:
    return tuple(dice.sample(ADDRESSES, dice.choice((0, 0, 0, 1, 2))))
