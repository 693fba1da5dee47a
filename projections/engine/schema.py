"""The schema of the whole database, for the migration runner."""

from collections.abc import Mapping
from pathlib import Path

from eventstore.schema import log_scripts
from infrastructure.database.migrate import Script

PROJECTIONS = Path(__file__).parents[1]
"""The folder that contains the tables of read models, outboxes and records."""

FORMER_FOLDERS: Mapping[str, str] = {
    "outboxes/alert_mail": "alert_notices",
    "outboxes/mail": "mail",
    "outboxes/quota_alerts_sent": "quota_warnings",
    "outboxes/webhooks": "webhook_outbox",
    "read_models/alerts/list": "alert_list",
    "read_models/anomalies": "anomaly_watch",
    "read_models/invitations/list": "invitation_list",
    "read_models/keys/by_creator": "key_lineage",
    "read_models/keys/expiry_schedule": "expiry_watch",
    "read_models/keys/last_used": "key_recency",
    "read_models/keys/list": "key_list",
    "read_models/keys/state": "key_state",
    "read_models/mcps/health": "mcp_health",
    "read_models/mcps/list": "mcp_list",
    "read_models/members/list": "member_list",
    "read_models/members/mail_preferences": "mail_preferences",
    "read_models/organizations/billed_usage": "quota",
    "read_models/organizations/counts": "organization_guard",
    "read_models/organizations/list": "organization_list",
    "read_models/usage": "usage",
    "read_models/webhooks/list": "webhook_list",
    "records/sessions": "sessions",
}
"""Folders that had another name when databases applied their scripts. The history of migrations is renamed."""


def scripts() -> list[Script]:
    """Return the whole schema: the log first, then the folders of `projections/`.

    A folder starts with `schema.sql`. Once a release contains it, that file is never edited. Later changes are separate
    scripts next to it, `schema_0002_what.sql` and so on, in the order of their numbers. If such a change affects
    existing rows, a higher `revision` in the `model.py` of the folder derives them again.
    """
    return [*log_scripts(), *folder_scripts(PROJECTIONS)]


def folder_scripts(root: Path) -> list[Script]:
    """Return the scripts below `root`. A script is named by its path: `read_models/keys/list/schema`."""
    scripts = [_script(path.parent.relative_to(root).as_posix(), path) for path in root.rglob("schema*.sql")]
    # Some scripts need tables of others. A fresh database applies them in the same order as existing ones did.
    return sorted(scripts, key=lambda script: script.former_name or script.name)


def _script(folder: str, path: Path) -> Script:
    former = FORMER_FOLDERS.get(folder)
    return Script(f"{folder}/{path.stem}", path.read_bytes(), former and f"{former}/{path.stem}")
