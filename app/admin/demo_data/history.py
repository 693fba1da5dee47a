"""The changes of the demo data: everything that people and workers did to the organization, as commands in time order.

Each change goes through the decider, like a request of the API, with the instant of the history as an argument.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from app.admin.demo_data import northwind
from app.admin.demo_data.dice import Dice
from app.admin.demo_data.incident import NOTE, Incident, Raised
from app.admin.demo_data.keys import Ids, PlannedKey
from app.admin.demo_data.northwind import Person, Server
from app.admin.demo_data.webhooks import PlannedWebhook
from domain.actor import (
    ANOMALIES,
    DEMO,
    EXPIRY,
    EXPIRY_ALERTS,
    MCP_HEALTH,
    MEMBER_REMOVAL,
    RETIREMENT,
    Actor,
    SystemActor,
    UserActor,
)
from domain.alerts.alert_id import alert_id
from domain.alerts.commands import AcknowledgeAlert, RaiseAlert
from domain.alerts.decider import ALERT
from domain.alerts.expiry_stages import STAGES_DAYS, Stage, expiry_alert
from domain.decider import Decider
from domain.invitations.commands import AcceptInvitation, InviteMember, RevokeInvitation
from domain.invitations.decider import INVITATION
from domain.keys.commands import (
    ChangeKey,
    CreateKey,
    DisableKey,
    EnableKey,
    ExpireKey,
    RetireSecrets,
    RevokeKey,
    RotateKey,
)
from domain.keys.decider import KEY
from domain.keys.delegation import Scope
from domain.mcps.commands import RecordHealth, RegisterMcp
from domain.mcps.decider import MCP
from domain.members.commands import AddMember, RemoveMember
from domain.members.decider import MEMBER
from domain.members.roles import authority_of
from domain.organizations.commands import ChangeOrganization, CreateOrganization
from domain.organizations.decider import ORGANIZATION
from domain.plans.plan import KeyCounts, McpCounts, MemberCounts, Plans
from domain.secret import fingerprint
from domain.webhooks.commands import ChangeWebhook, CreateWebhook
from domain.webhooks.decider import WEBHOOK
from eventstore.execute import Lock, RelatedCommand
from eventstore.recorded import Origin
from gateway.webhook_target import shown_url
from infrastructure.database.statements import Statement
from projections.read_models.invitations.list.queries import address_put
from projections.read_models.members.list.queries import user_put
from projections.read_models.organizations.counts.queries import keys_guard, mcps_guard, members_guard

_SOON = timedelta(milliseconds=400)
"""Workers record an expiry or the end of a secret within a second."""


@dataclass(frozen=True, slots=True)
class Step:
    """A change at an instant of the history. The fields are those of `Commands.run`."""

    at: datetime
    decider: Decider[Any, Any, Any]
    stream_id: str
    command: Any
    origin: Origin
    guard: Lock[Any] | None = None
    extra_statements: Sequence[Statement] = ()
    related_commands: Sequence[RelatedCommand[Any, Any, Any]] | Callable[[Any], Any] = ()


@dataclass(slots=True)
class History:
    """Collects the steps. `ends_at` is exclusive: nothing happens then or later.

    `endpoints`: the URL of each server, by path, and what is wrong with it or None.
    """

    dice: Dice
    organization_id: str
    slug: str
    ids: Ids
    plans: Plans
    endpoints: dict[str, tuple[str, str | None]]
    ends_at: datetime
    steps: list[Step] = field(default_factory=list[Step])

    @property
    def in_order(self) -> list[Step]:
        return sorted((step for step in self.steps if step.at < self.ends_at), key=lambda step: step.at)

    def add_organization(self) -> None:
        """Add the organization with its owner, the other members and the invitations."""
        founded_at = self.before_end(northwind.OWNER.joined)
        create = CreateOrganization(self.organization_id, northwind.NAME, self.slug, "team", at=founded_at, by=DEMO)
        self._add(ORGANIZATION, self.organization_id, founded_at, create, Origin(DEMO))
        owner_at = founded_at + timedelta(seconds=1)
        self._add_member(northwind.OWNER, owner_at, Origin(DEMO))
        details = ChangeOrganization(by_owner=True, description="Outdoor equipment, sold in eleven countries.")
        described_at = founded_at + timedelta(minutes=4)
        self._add(ORGANIZATION, self.organization_id, described_at, details, self.by(northwind.OWNER))
        for person in northwind.PEOPLE[1:]:
            self._invite_and_join(person)
        for person in northwind.INVITED:
            self._invite(person, self.before_end(person.joined))
        invited_at = self.before_end(northwind.WITHDRAWN.joined)
        invitation_id = self._invite(northwind.WITHDRAWN, invited_at)
        withdrawn_at = invited_at + timedelta(hours=3)
        self._add(INVITATION, invitation_id, withdrawn_at, RevokeInvitation(withdrawn_at), self.by(northwind.OWNER))

    def add_servers(self) -> None:
        for number, server in enumerate(northwind.SERVERS):
            at = self.before_end(146 - 2.3 * number)
            self._register(server, at)
        failed_at = (self.ends_at - timedelta(days=1)).replace(hour=14, minute=38, second=11, microsecond=0)
        unhealthy = RecordHealth("unhealthy", self.registered_at(northwind.BROWSER), failed_at, "mcp_unreachable")
        self._add(MCP, self.ids.servers[northwind.BROWSER.path], failed_at, unhealthy, Origin(MCP_HEALTH))

    def registered_at(self, server: Server) -> datetime:
        return self.before_end(146 - 2.3 * northwind.SERVERS.index(server))

    def add_keys(self, keys: Sequence[PlannedKey]) -> None:
        for key in keys:
            self._create_key(key)
            self._end_key(key)
            self._warn_of_expiry(key)
        changeable = [key for key in keys if key.fate == "used" and key.stops_at is None]
        for key in self.dice.some_of(changeable, 16):
            self._change_key(key)
        for key in self.dice.some_of(changeable, 4):
            self._pause_key(key)
        self._remove_leaver([key for key in keys if key.fate == "of the leaver"])

    def add_alerts(self, incidents: Sequence[Incident], open_incidents: Sequence[Incident]) -> None:
        """Add the alerts of all incidents. An admin acknowledges them, except those of `open_incidents`."""
        for incident in [*incidents, *open_incidents]:
            for number, raised in enumerate(incident.alerts):
                raised_id = self._raise(raised)
                if incident not in open_incidents:
                    delay = timedelta(minutes=38 + number) if len(incident.alerts) > 1 else timedelta(hours=2)
                    at = max(incident.started_at + delay, raised.at + timedelta(minutes=3))
                    self._acknowledge(raised_id, at)

    def add_webhooks(self, webhooks: Sequence[PlannedWebhook], secrets: Callable[[PlannedWebhook], Statement]) -> None:
        """Add the webhooks. `secrets` returns the statement that stores the secret of one of them."""
        for number, webhook in enumerate(webhooks):

            def create(_: object, webhook: PlannedWebhook = webhook, others: int = number) -> CreateWebhook:
                return CreateWebhook(
                    webhook_id=webhook.webhook_id,
                    organization_id=self.organization_id,
                    kind=webhook.kind,
                    url=shown_url(webhook.kind, webhook.url),
                    events=webhook.events,
                    at=webhook.created_at,
                    by=self.actor(northwind.ON_CALL),
                    others=others,
                    description=webhook.description,
                )

            by = self.by(northwind.ON_CALL)
            secret = [secrets(webhook)]
            guard = self._keys_guard
            self._add(WEBHOOK, webhook.webhook_id, webhook.created_at, create, by, guard, secret)
            if webhook.disabled_at is not None:
                disable = ChangeWebhook(webhook.disabled_at, status="disabled")
                self._add(WEBHOOK, webhook.webhook_id, webhook.disabled_at, disable, by)

    def by(self, person: Person) -> Origin:
        """Return the origin of a request that the person made in a browser."""
        number = northwind.PEOPLE.index(person) if person in northwind.PEOPLE else 0
        office = northwind.OFFICES[number % len(northwind.OFFICES)]
        browser = northwind.BROWSERS[number % len(northwind.BROWSERS)]
        return Origin(self.actor(person), f"{office}.{20 + number}", browser)

    def actor(self, person: Person) -> UserActor:
        return UserActor(self.ids.people[person.address])

    def before_end(self, days: float) -> datetime:
        at = self.ends_at - timedelta(days=days)
        return at.replace(microsecond=at.microsecond // 1000 * 1000)

    def _add(
        self,
        decider: Decider[Any, Any, Any],
        stream_id: str,
        at: datetime,
        command: Any,  # noqa: ANN401 -- of the decider, or a function that returns one
        origin: Origin,
        guard: Lock[Any] | None = None,
        extra_statements: Sequence[Statement] = (),
        related_commands: Sequence[RelatedCommand[Any, Any, Any]] | Callable[[Any], Any] = (),
    ) -> None:
        self.steps.append(Step(at, decider, stream_id, command, origin, guard, extra_statements, related_commands))

    def _email(self, person: Person) -> str:
        return f"{person.address}@{self.slug}.example"

    def _add_member(
        self, person: Person, at: datetime, origin: Origin, related: Sequence[RelatedCommand[Any, Any, Any]] = ()
    ) -> None:
        user_id = self.ids.people[person.address]

        def add(counts: MemberCounts) -> AddMember:
            return AddMember(user_id, self.organization_id, person.role, at, counts)

        address = user_put(user_id, self.organization_id, self._email(person))
        guard = members_guard(self.organization_id, self.plans)
        self._add(MEMBER, user_id, at, add, origin, guard, [address], related)

    def _invite(self, person: Person, at: datetime) -> str:
        invitation_id = self.dice.id_of("invite", at)
        inviter = northwind.OWNER

        def invite(counts: MemberCounts) -> InviteMember:
            return InviteMember(
                invitation_id=invitation_id,
                organization_id=self.organization_id,
                email=self._email(person),
                role=person.role,
                # The digest of nothing that anyone has: these invitations cannot be accepted with a link.
                token_digest=sha256(invitation_id.encode()).hexdigest(),
                at=at,
                by=self.actor(inviter),
                authority=authority_of(inviter.role),
                counts=counts,
                is_member=False,
            )

        address = address_put(invitation_id, self.organization_id, self._email(person))
        guard = members_guard(self.organization_id, self.plans)
        self._add(INVITATION, invitation_id, at, invite, self.by(inviter), guard, [address])
        return invitation_id

    def _invite_and_join(self, person: Person) -> None:
        joined_at = self.before_end(person.joined)
        invitation_id = self._invite(person, joined_at - timedelta(hours=self.dice.between(0.2, 20)))
        user_id = self.ids.people[person.address]
        accept = AcceptInvitation(user_id, joined_at, authority_of(northwind.OWNER.role), is_member=False)
        self._add_member(person, joined_at, self.by(person), [RelatedCommand(INVITATION, invitation_id, accept)])

    def _register(self, server: Server, at: datetime) -> None:
        mcp_id = self.ids.servers[server.path]
        url, problem = self.endpoints[server.path]

        def register(counts: McpCounts) -> RegisterMcp:
            return RegisterMcp(
                mcp_id=mcp_id,
                organization_id=self.organization_id,
                name=server.name,
                endpoint_url=url,
                environment=server.environment,
                auth_type="none",
                at=at,
                by=self.actor(northwind.OWNER),
                counts=counts,
                endpoint_problem=problem,
                description=server.description,
            )

        guard = mcps_guard(self.organization_id, self.plans)
        self._add(MCP, mcp_id, at, register, self.by(northwind.OWNER), guard)

    @property
    def _keys_guard(self) -> Lock[KeyCounts]:
        return keys_guard(self.organization_id, self.plans)

    @property
    def _known_mcps(self) -> dict[str, Any]:
        return {self.ids.servers[server.path]: server.environment for server in northwind.SERVERS}

    def _authority(self, person: Person) -> Scope:
        return authority_of(person.role)

    def _create_key(self, key: PlannedKey) -> None:
        def create(counts: KeyCounts) -> CreateKey:
            return CreateKey(
                key_id=key.key_id,
                organization_id=self.organization_id,
                name=key.name,
                environment=key.environment,
                permissions=key.permissions,
                secret=fingerprint(key.secret),
                at=key.created_at,
                by=self.actor(key.creator),
                authority=self._authority(key.creator),
                counts=counts,
                known_mcps=self._known_mcps,
                description=key.description,
                expires_at=key.expires_at,
                rate_limit=key.rate_limit,
                allowed_ips=key.allowed_ips,
                metadata=key.metadata,
            )

        self._add(KEY, key.key_id, key.created_at, create, self.by(key.creator), self._keys_guard)

    def _end_key(self, key: PlannedKey) -> None:
        """Add the expiry, the revocation, or whatever else ends a key or one of its secrets."""
        if key.expires_at is not None:
            at = key.expires_at + _SOON
            self._add(KEY, key.key_id, at, ExpireKey(at), Origin(EXPIRY), self._keys_guard)
        for rotation in key.rotations:
            rotate = RotateKey(
                fingerprint(rotation.secret),
                rotation.at,
                self._authority(key.creator),
                self._known_mcps,
                overlap_seconds=int((rotation.until - rotation.at).total_seconds()),
            )
            self._add(KEY, key.key_id, rotation.at, rotate, self.by(key.creator))
            retired_at = rotation.until + _SOON
            self._add(KEY, key.key_id, retired_at, RetireSecrets(retired_at), Origin(RETIREMENT))
        if key.ends_at is None:
            return
        match key.fate:
            case "disabled":
                disable = DisableKey(key.ends_at)
                self._add(KEY, key.key_id, key.ends_at, disable, self.by(key.creator), self._keys_guard)
            case "leaked":
                self._revoke(key, northwind.ON_CALL, "compromised", NOTE)
            case "revoked":
                reason, note = self.dice.one_of(northwind.ENDINGS)
                self._revoke(key, key.creator, reason, note)
            case _:
                pass

    def _revoke(self, key: PlannedKey, person: Person, reason: Any, note: str) -> None:  # noqa: ANN401 -- a literal
        at = key.ends_at or self.ends_at

        def revoke(counts: KeyCounts) -> RevokeKey:
            return RevokeKey(at, self.actor(person), counts, reason, note)

        self._add(KEY, key.key_id, at, revoke, self.by(person), self._keys_guard)

    def _remove_leaver(self, keys: Sequence[PlannedKey]) -> None:
        leaver = northwind.LEAVER
        at = self.before_end(leaver.left or 0)

        def revocations(counts: KeyCounts) -> list[RelatedCommand[Any, Any, Any]]:
            command = RevokeKey(at, MEMBER_REMOVAL, counts, "owner_removed")
            return [RelatedCommand(KEY, key.key_id, command) for key in keys]

        user_id = self.ids.people[leaver.address]
        self._add(
            MEMBER,
            user_id,
            at,
            RemoveMember(at),
            self.by(northwind.OWNER),
            self._keys_guard,
            related_commands=revocations,
        )

    def _change_key(self, key: PlannedKey) -> None:
        """Change the texts of the key, so that its revision is higher."""
        at = self.dice.instant(key.created_at + timedelta(hours=1), self.ends_at)
        change = ChangeKey(
            at,
            self._authority(key.creator),
            self._known_mcps,
            description=f"{key.description} Owned by {key.creator.address}.".strip(),
        )
        self._add(KEY, key.key_id, at, change, self.by(key.creator))

    def _pause_key(self, key: PlannedKey) -> None:
        """Disable the key for some hours."""
        first = max(key.created_at + timedelta(days=1), self.before_end(28))
        at = self.dice.instant(first, max(first + timedelta(hours=1), self.before_end(2)))
        again_at = at + timedelta(hours=self.dice.between(1, 9))
        self._add(KEY, key.key_id, at, DisableKey(at), self.by(northwind.ON_CALL), self._keys_guard)
        enable = EnableKey(again_at, self._authority(northwind.ON_CALL), self._known_mcps)
        self._add(KEY, key.key_id, again_at, enable, self.by(northwind.ON_CALL), self._keys_guard)

    def _warn_of_expiry(self, key: PlannedKey) -> None:
        """Add the alerts about the expiry. People acknowledge the older ones."""
        if key.expires_at is None:
            return
        for days in STAGES_DAYS:
            stage = Stage(days, key.expires_at - timedelta(days=days))
            at = stage.at + timedelta(seconds=self.dice.between(1, 59))
            if stage.at <= key.created_at or at >= self.ends_at or (key.ends_at is not None and key.ends_at < at):
                continue
            alert = expiry_alert(key.key_id, self.organization_id, key.expires_at, stage, at)
            self._raise_alert(alert, EXPIRY_ALERTS)
            recent = at > self.before_end(4)
            if not recent or self.dice.chance(0.4):
                self._acknowledge(alert.alert_id, at + timedelta(hours=self.dice.between(0.1, 20)))

    def _raise(self, raised: Raised) -> str:
        finding, at = raised.finding, raised.subject_at
        effect = f"{finding.type} {finding.rule} {self.organization_id} {raised.key.key_id} {at.isoformat()}"
        alert = RaiseAlert(
            alert_id=alert_id(effect, at),
            organization_id=self.organization_id,
            alert_type=finding.type,
            severity=finding.severity,
            at=raised.at,
            key_id=raised.key.key_id,
            numbers={"rule": finding.switch, **finding.numbers, "at": at.isoformat().replace("+00:00", "Z")},
        )
        self._raise_alert(alert, ANOMALIES)
        return alert.alert_id

    def _raise_alert(self, alert: RaiseAlert, by: SystemActor) -> None:
        self._add(ALERT, alert.alert_id, alert.at, alert, Origin(by))

    def _acknowledge(self, raised_id: str, at: datetime) -> None:
        person = northwind.ON_CALL
        by: Actor = self.actor(person)
        self._add(ALERT, raised_id, at, AcknowledgeAlert(at, by), self.by(person))
