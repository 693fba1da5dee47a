"""OpenAPI operations on the organization, its members and invitations."""

from app.api.organization.get import get_organization
from app.api.organization.invitations.create import create_invitation
from app.api.organization.invitations.delete import delete_invitation
from app.api.organization.invitations.list import list_invitations
from app.api.organization.members.delete import delete_member
from app.api.organization.members.list import list_members
from app.api.organization.members.transfer_ownership import transfer_ownership
from app.api.organization.members.update import update_member
from app.api.organization.update import update_organization
from app.openapi.operation import Operation, declared

OPERATIONS: list[Operation] = [
    declared(get_organization),
    declared(update_organization),
    declared(list_members),
    declared(create_invitation),
    declared(update_member),
    declared(delete_member),
    declared(transfer_ownership),
    declared(list_invitations),
    declared(delete_invitation),
]
