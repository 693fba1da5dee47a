"""The read models that can be derived again from the log, and how."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from projections.alert_list.apply import apply as alert_list
from projections.anomaly_watch.follow import ANOMALY_WATCH
from projections.expiry_watch.apply import apply as expiry_watch
from projections.following import Follower
from projections.invitation_list.apply import apply as invitation_list
from projections.key_lineage.apply import apply as key_lineage
from projections.key_list.apply import apply as key_list
from projections.key_recency.apply import apply as key_recency
from projections.key_recency.follow import KEY_RECENCY
from projections.key_state.apply import apply as key_state
from projections.mail_preferences.apply import apply as mail_preferences
from projections.mcp_list.apply import apply as mcp_list
from projections.member_list.apply import apply as member_list
from projections.organization_guard.apply import apply as organization_guard
from projections.organization_list.apply import apply as organization_list
from projections.rebuild.replay import replaying
from projections.usage.apply import USAGE
from projections.webhook_list.apply import apply as webhook_list


@dataclass(frozen=True, slots=True)
class Model:
    """`tables`: those that follow from the log alone, whatever else lies in the folder of the read model.

    `followers` run one after the other. `inline`: it changes with the log in the transactions that write it.
    `touched`: tables that its statements change besides, such as addresses to be forgotten. A version that is made
    beside the live one has its own empty ones, so that it changes nothing but itself.
    """

    name: str
    tables: tuple[str, ...]
    followers: tuple[Follower[Any], ...]
    touched: tuple[str, ...] = ()

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
        Model("anomaly_watch", ("key_hours", "key_networks"), (ANOMALY_WATCH,)),
        Model("key_state", ("key_state", "key_secrets"), (replaying("key_state", key_state),)),
        Model("key_list", ("key_list", "key_terms", "key_counts"), (replaying("key_list", key_list),)),
        Model("key_recency", ("key_recency",), (replaying("key_recency", key_recency), KEY_RECENCY)),
        Model("key_lineage", ("key_lineage",), (replaying("key_lineage", key_lineage),)),
        Model("mcp_list", ("mcp_list",), (replaying("mcp_list", mcp_list),)),
        Model("member_list", ("member_list",), (replaying("member_list", member_list),), touched=("users",)),
        Model("mail_preferences", ("mail_preferences",), (replaying("mail_preferences", mail_preferences),)),
        Model(
            "invitation_list",
            ("invitation_list",),
            (replaying("invitation_list", invitation_list),),
            touched=("invitation_addresses",),
        ),
        Model("organization_guard", ("organization_guard",), (replaying("organization_guard", organization_guard),)),
        Model("organization_list", ("organization_list",), (replaying("organization_list", organization_list),)),
        Model("expiry_watch", ("expiry_watch",), (replaying("expiry_watch", expiry_watch),)),
        Model(
            "webhook_list", ("webhook_list",), (replaying("webhook_list", webhook_list),), touched=("webhook_secrets",)
        ),
        Model("alert_list", ("alert_list",), (replaying("alert_list", alert_list),)),
    )
    return {model.name: model for model in known}
