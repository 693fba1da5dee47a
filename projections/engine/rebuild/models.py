"""The read models that can be derived again from the log, and how."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from projections.engine.rebuild.replay import replaying
from projections.engine.runner import AsyncProjection
from projections.read_models.alerts.list.apply import apply as alert_list
from projections.read_models.anomalies.follow import ANOMALY_WATCH
from projections.read_models.invitations.list.apply import apply as invitation_list
from projections.read_models.keys.by_creator.apply import apply as key_lineage
from projections.read_models.keys.expiry_schedule.apply import apply as expiry_watch
from projections.read_models.keys.last_used.apply import apply as key_recency
from projections.read_models.keys.last_used.follow import KEY_RECENCY
from projections.read_models.keys.list.apply import apply as key_list
from projections.read_models.keys.state.apply import apply as key_state
from projections.read_models.mcps.list.apply import apply as mcp_list
from projections.read_models.members.list.apply import apply as member_list
from projections.read_models.members.mail_preferences.apply import apply as mail_preferences
from projections.read_models.organizations.counts.apply import apply as organization_guard
from projections.read_models.organizations.list.apply import apply as organization_list
from projections.read_models.usage.apply import USAGE
from projections.read_models.webhooks.list.apply import apply as webhook_list


@dataclass(frozen=True, slots=True)
class Model:
    """`folder`: where its schema is, below `projections/`. `tables`: those that follow from the log alone.

    `followers` run one after the other. `inline`: it changes with the log in the transactions that write it.
    `touched`: tables that its statements change besides, such as addresses to be forgotten. A version that is made
    beside the live one has its own empty ones, so that it changes nothing but itself.
    """

    name: str
    folder: str
    tables: tuple[str, ...]
    followers: tuple[AsyncProjection[Any], ...]
    side_tables: tuple[str, ...] = ()

    @property
    def inline(self) -> bool:
        return self.followers[0].log == "lifecycle"


NOT_FROM_THE_LOG: Mapping[str, str] = {
    "invitation_addresses": "addresses of people are in no event, so that they can be erased",
    "users": "addresses of people are in no event, so that they can be erased",
    "sessions": "what is looked up is the digest of a secret, which is in no event",
    "sign_in_links": "what is looked up is the digest of a secret, which is in no event",
    "sign_in_rates": "attempts of people who have not been let in are in no event",
    "sign_in_failures": "attempts of people who have not been let in are in no event",
    "mcp_credentials": "credentials are sealed, and in no event",
    "alert_notices": "effects that were noted once: who was told of what",
    "mail_outbox": "an outbox of effects: what was sent is not sent again",
    "quota_warnings": "what was told is in alerts; it only keeps a worker from asking again",
    "denied_minutes": "refusals are forgotten after an hour",
    "anomaly_signs": "an outbox of effects: what was looked at is not looked at again",
    "anomalies_told": "what was told is in alerts, by another name; it only keeps rules from repeating themselves",
    "webhook_secrets": "secrets are sealed, and in no event",
    "webhook_deliveries": "an outbox of effects: what was sent is not sent again",
    "webhook_attempts": "what receivers answered is in no event",
    "webhook_standings": "what receivers answered is in no event",
    "webhook_outcomes": "what receivers answered is in no event",
    "mcp_health": "what was observed between two events is in none; `python -m eventstore check` proves the rest",
}
"""The tables of read models that can not be derived again, and why."""


def models() -> Mapping[str, Model]:
    """By name. Made anew at each call: what replays the log remembers what it has seen."""
    known = (
        Model(
            "usage",
            "read_models/usage",
            (
                "usage_counts",
                "key_usage",
                "key_usage_days",
                "key_secret_usage",
                "mcp_usage",
                "mcp_usage_days",
                "mcp_calls",
                "usage_days",
                "organization_usage_days",
            ),
            (USAGE,),
        ),
        Model("anomaly_watch", "read_models/anomalies", ("key_hours", "key_networks"), (ANOMALY_WATCH,)),
        Model(
            "key_state", "read_models/keys/state", ("key_state", "key_secrets"), (replaying("key_state", key_state),)
        ),
        Model(
            "key_list",
            "read_models/keys/list",
            ("key_list", "key_terms", "key_counts"),
            (replaying("key_list", key_list),),
        ),
        Model(
            "key_recency",
            "read_models/keys/last_used",
            ("key_recency",),
            (replaying("key_recency", key_recency), KEY_RECENCY),
        ),
        Model("key_lineage", "read_models/keys/by_creator", ("key_lineage",), (replaying("key_lineage", key_lineage),)),
        Model("mcp_list", "read_models/mcps/list", ("mcp_list",), (replaying("mcp_list", mcp_list),)),
        Model(
            "member_list",
            "read_models/members/list",
            ("member_list",),
            (replaying("member_list", member_list),),
            side_tables=("users",),
        ),
        Model(
            "mail_preferences",
            "read_models/members/mail_preferences",
            ("mail_preferences",),
            (replaying("mail_preferences", mail_preferences),),
        ),
        Model(
            "invitation_list",
            "read_models/invitations/list",
            ("invitation_list",),
            (replaying("invitation_list", invitation_list),),
            side_tables=("invitation_addresses",),
        ),
        Model(
            "organization_guard",
            "read_models/organizations/counts",
            ("organization_guard",),
            (replaying("organization_guard", organization_guard),),
        ),
        Model(
            "organization_list",
            "read_models/organizations/list",
            ("organization_list",),
            (replaying("organization_list", organization_list),),
        ),
        Model(
            "expiry_watch",
            "read_models/keys/expiry_schedule",
            ("expiry_watch",),
            (replaying("expiry_watch", expiry_watch),),
        ),
        Model(
            "webhook_list",
            "read_models/webhooks/list",
            ("webhook_list",),
            (replaying("webhook_list", webhook_list),),
            side_tables=("webhook_secrets",),
        ),
        Model("alert_list", "read_models/alerts/list", ("alert_list",), (replaying("alert_list", alert_list),)),
    )
    return {model.name: model for model in known}
