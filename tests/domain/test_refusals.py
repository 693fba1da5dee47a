"""Details of refusals."""

import importlib
import pkgutil
from collections.abc import Iterator

import domain
from domain.keys.errors import ExceedsAuthority, LastActiveKey
from domain.members.errors import CannotChangeOwnRole, OwnerCannotLeave, OwnershipMustBeTransferred, RoleBeyondAuthority
from domain.refusal import Forbidden, OwnerOnly

NO_ROLE_HELPS = {LastActiveKey, CannotChangeOwnRole, OwnerCannotLeave, OwnershipMustBeTransferred}
"""Refused to every caller: no grant or role would make a difference."""
NAMES_WHAT_IS_MISSING = {ExceedsAuthority, RoleBeyondAuthority}
"""The details name what the caller lacks: grants, addresses, an environment, an expiry."""


def test_a_refusal_names_the_required_role() -> None:
    for module in pkgutil.walk_packages(domain.__path__, "domain."):
        importlib.import_module(module.name)
    kinds = set(_below(Forbidden)) - NO_ROLE_HELPS - NAMES_WHAT_IS_MISSING - {OwnerOnly}
    assert {kind.__module__ for kind in kinds} == {"domain.members.errors", "domain.organizations.errors"}
    assert {kind: kind().details for kind in kinds} == {kind: {"required": ["owner"]} for kind in kinds}


def _below(kind: type[Forbidden]) -> Iterator[type[Forbidden]]:
    for each in kind.__subclasses__():
        yield each
        yield from _below(each)
