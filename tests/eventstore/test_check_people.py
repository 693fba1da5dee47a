"""Check results for lists of organizations, people and invitations that differ from the log."""

import pytest

from domain.members.commands import AddMember
from domain.members.decider import MEMBER
from domain.plans.plan import PLANS, MemberCounts
from eventstore.check import check
from eventstore.execute import Write, execute
from eventstore.recorded import Origin
from infrastructure.clock import new_id, now
from infrastructure.database.connections import Pool, connect
from projections.read_models.members.list.queries import user_put
from projections.read_models.organizations.counts.queries import members_guard
from projections.registry import INLINE, INLINE_CHECKS
from tests import seed

pytestmark = pytest.mark.anyio

DAMAGE: dict[str, tuple[str, str]] = {
    "a role that was not assigned": ("update member_list set role = 'admin'", "I4 member_list"),
    "a missing member": ("delete from member_list", "I4 member_list"),
    "a changed organization name": ("update organization_list set name = 'Evil'", "I4 organization_list"),
    "a key without lineage": ("delete from key_lineage", "I4 key_lineage"),
    "an address in another organization": ("update users set organization_id = 'org_other'", "I4 users"),
    "a wrong member count": ("update organization_guard set members = 7", "I4 organization_guard"),
}


@pytest.mark.parametrize("damage", DAMAGE)
async def test_each_damage_is_reported(connections: Pool, database_url: str, damage: str) -> None:
    organization_id = await seed.organization(connections)
    await seed.key(connections, organization_id, by=seed.OWNER)
    user_id, at = new_id("user"), now()

    def add(counts: MemberCounts) -> AddMember:
        return AddMember(user_id, organization_id, "owner", at, counts)

    write = Write(
        decider=MEMBER,
        stream_id=user_id,
        organization_id=organization_id,
        command=add,
        guard=members_guard(organization_id, PLANS),
        at=at,
        origin=Origin(seed.OWNER),
        extra_statements=lambda _: [user_put(user_id, organization_id, "ada@example.com")],
    )
    await execute(connections, write, INLINE)
    statement, line = DAMAGE[damage]
    async with await connect(database_url, role=None) as owner:
        assert (await check(owner, INLINE_CHECKS)).violations == []
        await owner.execute(statement.encode())
        violations = (await check(owner, INLINE_CHECKS)).violations
    assert violations
    assert violations[0].startswith(line), violations
