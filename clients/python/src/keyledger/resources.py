"""Groups of calls: `client.keys`, `client.mcps`, …, each for the sync and for the async client.

A method has the verb of its operation and omits the noun of its group: `client.keys.list` is the operation `list_keys`.
`iterate` reads all pages of a list, and `export` a file in pieces.
"""

from keyledger.endpoints import activity, alerts, audit, keys, mcps, members, organization, usage, webhooks
from keyledger.methods import AsyncClient, AsyncIterated, AsyncStreamed, Awaited, Client, Iterated, Sent, Streamed


class Keys(Client):
    """Keys of the organization."""

    create = Sent(keys.create_key)
    import_many = Sent(keys.import_keys)
    list = Sent(keys.list_keys)
    iterate = Iterated(keys.list_keys)
    get = Sent(keys.get_key)
    review = Sent(keys.review_keys)
    list_creators = Sent(keys.list_key_creators)
    identify = Sent(keys.identify_key)
    update = Sent(keys.update_key)
    disable = Sent(keys.disable_key)
    enable = Sent(keys.enable_key)
    end_secrets = Sent(keys.end_secrets)
    revoke = Sent(keys.revoke_key)
    revoke_many = Sent(keys.revoke_keys)
    rotate = Sent(keys.rotate_key)
    list_activity = Sent(keys.list_key_activity)
    iterate_activity = Iterated(keys.list_key_activity)
    get_clients = Sent(keys.get_key_clients)
    get_usage = Sent(usage.get_key_usage)


class Mcps(Client):
    """MCP servers of the organization."""

    create = Sent(mcps.create_mcp)
    list = Sent(mcps.list_mcps)
    iterate = Iterated(mcps.list_mcps)
    list_names = Sent(mcps.list_mcp_names)
    get = Sent(mcps.get_mcp)
    update = Sent(mcps.update_mcp)
    test = Sent(mcps.test_mcp)
    delete = Sent(mcps.delete_mcp)


class Organization(Client):
    """The organization itself."""

    get = Sent(organization.get_organization)
    update = Sent(organization.update_organization)


class Members(Client):
    """Members and invitations of the organization."""

    list = Sent(members.list_members)
    iterate = Iterated(members.list_members)
    get = Sent(members.get_member)
    update = Sent(members.update_member)
    delete = Sent(members.delete_member)
    create_invitation = Sent(members.create_invitation)
    list_invitations = Sent(members.list_invitations)
    iterate_invitations = Iterated(members.list_invitations)
    get_invitation = Sent(members.get_invitation)
    delete_invitation = Sent(members.delete_invitation)


class Usage(Client):
    """Usage of the organization."""

    get = Sent(usage.get_usage)
    list_history = Sent(usage.list_usage_history)
    iterate_history = Iterated(usage.list_usage_history)


class Alerts(Client):
    """Alerts of the organization."""

    list = Sent(alerts.list_alerts)
    iterate = Iterated(alerts.list_alerts)
    get = Sent(alerts.get_alert)
    acknowledge = Sent(alerts.acknowledge_alert)


class Activity(Client):
    """Uses of all keys of the organization."""

    list = Sent(activity.list_activity)
    iterate = Iterated(activity.list_activity)
    get = Sent(activity.get_use)


class Audit(Client):
    """The audit log."""

    list = Sent(audit.list_audit_events)
    iterate = Iterated(audit.list_audit_events)
    get = Sent(audit.get_audit_event)
    export = Streamed(audit.export_audit_log)


class Webhooks(Client):
    """Addresses that are notified of events."""

    create = Sent(webhooks.create_webhook)
    list = Sent(webhooks.list_webhooks)
    iterate = Iterated(webhooks.list_webhooks)
    get = Sent(webhooks.get_webhook)
    update = Sent(webhooks.update_webhook)
    rotate = Sent(webhooks.rotate_webhook)
    test = Sent(webhooks.test_webhook)
    list_deliveries = Sent(webhooks.list_deliveries)
    iterate_deliveries = Iterated(webhooks.list_deliveries)
    retry_delivery = Sent(webhooks.retry_delivery)
    delete = Sent(webhooks.delete_webhook)


class AsyncKeys(AsyncClient):
    """Keys of the organization."""

    create = Awaited(keys.create_key)
    import_many = Awaited(keys.import_keys)
    list = Awaited(keys.list_keys)
    iterate = AsyncIterated(keys.list_keys)
    get = Awaited(keys.get_key)
    review = Awaited(keys.review_keys)
    list_creators = Awaited(keys.list_key_creators)
    identify = Awaited(keys.identify_key)
    update = Awaited(keys.update_key)
    disable = Awaited(keys.disable_key)
    enable = Awaited(keys.enable_key)
    end_secrets = Awaited(keys.end_secrets)
    revoke = Awaited(keys.revoke_key)
    revoke_many = Awaited(keys.revoke_keys)
    rotate = Awaited(keys.rotate_key)
    list_activity = Awaited(keys.list_key_activity)
    iterate_activity = AsyncIterated(keys.list_key_activity)
    get_clients = Awaited(keys.get_key_clients)
    get_usage = Awaited(usage.get_key_usage)


class AsyncMcps(AsyncClient):
    """MCP servers of the organization."""

    create = Awaited(mcps.create_mcp)
    list = Awaited(mcps.list_mcps)
    iterate = AsyncIterated(mcps.list_mcps)
    list_names = Awaited(mcps.list_mcp_names)
    get = Awaited(mcps.get_mcp)
    update = Awaited(mcps.update_mcp)
    test = Awaited(mcps.test_mcp)
    delete = Awaited(mcps.delete_mcp)


class AsyncOrganization(AsyncClient):
    """The organization itself."""

    get = Awaited(organization.get_organization)
    update = Awaited(organization.update_organization)


class AsyncMembers(AsyncClient):
    """Members and invitations of the organization."""

    list = Awaited(members.list_members)
    iterate = AsyncIterated(members.list_members)
    get = Awaited(members.get_member)
    update = Awaited(members.update_member)
    delete = Awaited(members.delete_member)
    create_invitation = Awaited(members.create_invitation)
    list_invitations = Awaited(members.list_invitations)
    iterate_invitations = AsyncIterated(members.list_invitations)
    get_invitation = Awaited(members.get_invitation)
    delete_invitation = Awaited(members.delete_invitation)


class AsyncUsage(AsyncClient):
    """Usage of the organization."""

    get = Awaited(usage.get_usage)
    list_history = Awaited(usage.list_usage_history)
    iterate_history = AsyncIterated(usage.list_usage_history)


class AsyncAlerts(AsyncClient):
    """Alerts of the organization."""

    list = Awaited(alerts.list_alerts)
    iterate = AsyncIterated(alerts.list_alerts)
    get = Awaited(alerts.get_alert)
    acknowledge = Awaited(alerts.acknowledge_alert)


class AsyncActivity(AsyncClient):
    """Uses of all keys of the organization."""

    list = Awaited(activity.list_activity)
    iterate = AsyncIterated(activity.list_activity)
    get = Awaited(activity.get_use)


class AsyncAudit(AsyncClient):
    """The audit log."""

    list = Awaited(audit.list_audit_events)
    iterate = AsyncIterated(audit.list_audit_events)
    get = Awaited(audit.get_audit_event)
    export = AsyncStreamed(audit.export_audit_log)


class AsyncWebhooks(AsyncClient):
    """Addresses that are notified of events."""

    create = Awaited(webhooks.create_webhook)
    list = Awaited(webhooks.list_webhooks)
    iterate = AsyncIterated(webhooks.list_webhooks)
    get = Awaited(webhooks.get_webhook)
    update = Awaited(webhooks.update_webhook)
    rotate = Awaited(webhooks.rotate_webhook)
    test = Awaited(webhooks.test_webhook)
    list_deliveries = Awaited(webhooks.list_deliveries)
    iterate_deliveries = AsyncIterated(webhooks.list_deliveries)
    retry_delivery = Awaited(webhooks.retry_delivery)
    delete = Awaited(webhooks.delete_webhook)
