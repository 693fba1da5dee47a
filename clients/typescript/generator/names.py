"""The methods of the client, and what the OpenAPI document does not say about their operations.

The names are those of the Python client: `keys.create` is the operation `create_key`. Each operation of the document is
in `METHODS` or in `OMITTED`.
"""

from typing import Final

METHODS: Final[dict[str, str]] = {
    "create_key": "keys.create",
    "import_keys": "keys.importMany",
    "list_keys": "keys.list",
    "get_key": "keys.get",
    "review_keys": "keys.review",
    "list_key_creators": "keys.listCreators",
    "identify_key": "keys.identify",
    "update_key": "keys.update",
    "disable_key": "keys.disable",
    "enable_key": "keys.enable",
    "end_secrets": "keys.endSecrets",
    "revoke_key": "keys.revoke",
    "revoke_keys": "keys.revokeMany",
    "rotate_key": "keys.rotate",
    "list_key_activity": "keys.listActivity",
    "get_key_clients": "keys.getClients",
    "get_key_usage": "keys.getUsage",
    "create_mcp": "mcps.create",
    "list_mcps": "mcps.list",
    "list_mcp_names": "mcps.listNames",
    "get_mcp": "mcps.get",
    "update_mcp": "mcps.update",
    "test_mcp": "mcps.test",
    "delete_mcp": "mcps.delete",
    "get_organization": "organization.get",
    "update_organization": "organization.update",
    "list_members": "members.list",
    "get_member": "members.get",
    "update_member": "members.update",
    "delete_member": "members.delete",
    "create_invitation": "members.createInvitation",
    "list_invitations": "members.listInvitations",
    "get_invitation": "members.getInvitation",
    "delete_invitation": "members.deleteInvitation",
    "get_usage": "usage.get",
    "list_usage_history": "usage.listHistory",
    "list_alerts": "alerts.list",
    "get_alert": "alerts.get",
    "acknowledge_alert": "alerts.acknowledge",
    "list_activity": "activity.list",
    "get_use": "activity.get",
    "list_audit_events": "audit.list",
    "get_audit_event": "audit.get",
    "export_audit_log": "audit.export",
    "create_webhook": "webhooks.create",
    "list_webhooks": "webhooks.list",
    "get_webhook": "webhooks.get",
    "update_webhook": "webhooks.update",
    "rotate_webhook": "webhooks.rotate",
    "test_webhook": "webhooks.test",
    "list_deliveries": "webhooks.listDeliveries",
    "retry_delivery": "webhooks.retryDelivery",
    "delete_webhook": "webhooks.delete",
    "verify_key": "verifyKey",
    "invoke_tool": "invoke",
    "read_resource": "readResource",
    "list_servers": "listServers",
    "get_liveness": "getLiveness",
    "get_readiness": "getReadiness",
}
"""The method of each operation: `group.method`, or a method of the client itself."""

GROUPS: Final[dict[str, str]] = {
    "keys": "Keys of the organization.",
    "mcps": "MCP servers of the organization.",
    "organization": "The organization itself.",
    "members": "Members and invitations of the organization.",
    "usage": "Usage of the organization.",
    "alerts": "Alerts of the organization.",
    "activity": "Uses of all keys of the organization.",
    "audit": "The audit log.",
    "webhooks": "Addresses that are notified of events.",
}

PROTECTED: Final = frozenset({"verify_key"})
"""Operations that the client calls in a method of its own."""

_PEOPLE = "for signed-in people; API keys are not accepted"
_PAGE = "for browsers and monitoring; not an answer in the form of the API"

OMITTED: Final[dict[str, str]] = {
    "check_key": "for proxies; applications use verify",
    "delete_key": "the same as POST …/revoke, which can be retried",
    "get_organization_usage": "the same as GET /v1/usage",
    "delete_organization": _PEOPLE,
    "transfer_ownership": _PEOPLE,
    "create_sign_in_link": _PEOPLE,
    "create_session": _PEOPLE,
    "get_current_session": _PEOPLE,
    "delete_current_session": _PEOPLE,
    "get_notifications": _PEOPLE,
    "update_notifications": _PEOPLE,
    "list_sessions": _PEOPLE,
    "delete_other_sessions": _PEOPLE,
    "delete_session": _PEOPLE,
    "report_github_leaks": "for GitHub, which signs it",
    "get_metrics": _PAGE,
    "get_openapi_document": _PAGE,
    "get_api_reference": _PAGE,
    "list_problems": _PAGE,
    "get_problem_page": _PAGE,
}
"""Operations that are not in the client, with the reasons."""

REPEATS: Final[dict[str, str]] = {
    "invoke_tool": "when-refused",
    "read_resource": "when-refused",
    "test_mcp": "freely",
    "get_readiness": "never",
}
"""When the client may retry an operation automatically, if its parameters do not decide that (`Repeat` in call.ts)."""

TIMEOUT_SECONDS: Final[dict[str, int]] = {"revoke_keys": 120, "read_resource": 40, "test_webhook": 20}
"""Operations that take longer than the usual timeout of a client."""

RECOVERIES: Final[dict[str, str]] = {
    "create_key": "rotateCreatedKey",
    "rotate_key": "rotateKeyAgain",
    "create_webhook": "rotateCreatedWebhook",
    "rotate_webhook": "rotateWebhookAgain",
}
"""The function in recovery.ts that replaces a secret whose response was lost."""

ALWAYS_PRESENT: Final = frozenset({("CreatedKey", "key"), ("RotatedKey", "key")})
"""Secrets that are null only in a replayed response, which the client does not return."""
