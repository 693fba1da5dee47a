"""Ids and secrets of the demo organization, stored before any of it is created.

An interrupted setup continues with the same plan. Nothing is created twice, and no secret of an existing key is lost.
The last step turns the plan into `demo.env`.
"""

import os
from pathlib import Path

import msgspec
from msgspec import Struct

from app.admin.private_files import write_private
from domain.secret import ENTROPY_BYTES, Secret, generate, parse
from infrastructure.clock import new_id

OWNER_EMAIL = "owner@demo.example"
CREDENTIALS = "demo.env"
UNFINISHED = "demo.unfinished.json"


class PlannedKey(Struct, frozen=True):
    """A key and its secret. The database stores only the digest of the secret."""

    key_id: str
    text: str

    def __repr__(self) -> str:
        return f"PlannedKey({self.key_id!r})"

    @property
    def secret(self) -> Secret:
        return Secret(self.text)


class DemoPlan(Struct, frozen=True):
    organization_id: str
    owner_id: str
    mcp_id: str
    admin: PlannedKey
    caller: PlannedKey

    @property
    def stream_ids(self) -> list[str]:
        return [self.organization_id, self.owner_id, self.mcp_id, self.admin.key_id, self.caller.key_id]


def new_plan(organization_id: str | None = None, owner_id: str | None = None, mcp_id: str | None = None) -> DemoPlan:
    """Return a plan with new keys, and with new ids for everything that does not exist yet."""
    return DemoPlan(
        organization_id=organization_id or new_id("org"),
        owner_id=owner_id or new_id("user"),
        mcp_id=mcp_id or new_id("mcp"),
        admin=_new_key(),
        caller=_new_key(),
    )


def unfinished_plan(folder: Path) -> DemoPlan | None:
    """Return the plan that an interrupted setup left in `folder`."""
    try:
        plan = msgspec.json.decode((folder / UNFINISHED).read_bytes(), type=DemoPlan)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None
    return plan if parse(plan.admin.text) and parse(plan.caller.text) else None


def keep_plan(folder: Path, plan: DemoPlan) -> None:
    """Store the plan in `folder` durably, readable by its owner only."""
    folder.mkdir(parents=True, exist_ok=True)
    write_private(folder / UNFINISHED, msgspec.json.encode(plan))


def finish_plan(folder: Path, plan: DemoPlan, public_url: str) -> None:
    """Write `demo.env` and remove the plan."""
    lines = {
        "KEYLEDGER_URL": public_url,
        "KEYLEDGER_ADMIN_KEY": plan.admin.text,
        "DEMO_API_KEY": plan.caller.text,
        "DEMO_MCP_ID": plan.mcp_id,
    }
    write_private(folder / CREDENTIALS, "".join(f"{name}={value}\n" for name, value in lines.items()).encode())
    (folder / UNFINISHED).unlink(missing_ok=True)


def _new_key() -> PlannedKey:
    return PlannedKey(new_id("key"), generate("live", os.urandom(ENTROPY_BYTES)).reveal())
