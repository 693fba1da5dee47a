"""Groups of calls: `client.keys`, `client.mcps`, …, each for the sync and for the async client."""

from keyledger.endpoints import alerts, audit, keys, mcps, members, organization, usage, webhooks
from keyledger.methods import AsyncClient, AsyncIterated, Awaited, Client, Iterated, Sent


class Keys(Client):
    """Keys of the organization."""

    create = Sent(keys.create)
    list = Sent(keys.listed)
    iterate = Iterated(keys.listed)
    get = Sent(keys.detail)
    change = Sent(keys.change)
    disable = Sent(keys.disable)
    enable = Sent(keys.enable)
    revoke = Sent(keys.revoke)
    revoke_many = Sent(keys.revoke_many)
    rotate = Sent(keys.rotate)
    activity = Sent(keys.activity)
    iterate_activity = Iterated(keys.activity)
    usage = Sent(usage.of_key)


class Mcps(Client):
    """MCP servers of the organization."""

    register = Sent(mcps.register)
    list = Sent(mcps.listed)
    iterate = Iterated(mcps.listed)
    get = Sent(mcps.detail)
    change = Sent(mcps.change)
    test = Sent(mcps.test)
    delete = Sent(mcps.delete)


class Organization(Client):
    """The organization itself."""

    get = Sent(organization.detail)
    change = Sent(organization.change)


class Members(Client):
    """Members and invitations of the organization."""

    list = Sent(members.listed)
    iterate = Iterated(members.listed)
    change_role = Sent(members.change_role)
    remove = Sent(members.remove)
    invite = Sent(members.invite)
    invitations = Sent(members.invitations)
    iterate_invitations = Iterated(members.invitations)
    withdraw = Sent(members.withdraw)


class Usage(Client):
    """Usage of the organization."""

    report = Sent(usage.report)
    history = Sent(usage.history)
    iterate_history = Iterated(usage.history)


class Alerts(Client):
    """Alerts of the organization."""

    list = Sent(alerts.listed)
    iterate = Iterated(alerts.listed)
    get = Sent(alerts.detail)
    acknowledge = Sent(alerts.acknowledge)


class Audit(Client):
    """The audit log."""

    list = Sent(audit.listed)
    iterate = Iterated(audit.listed)
    get = Sent(audit.detail)


class Webhooks(Client):
    """Addresses that are notified of events."""

    create = Sent(webhooks.create)
    list = Sent(webhooks.listed)
    iterate = Iterated(webhooks.listed)
    get = Sent(webhooks.detail)
    change = Sent(webhooks.change)
    rotate = Sent(webhooks.rotate)
    test = Sent(webhooks.test)
    deliveries = Sent(webhooks.deliveries)
    iterate_deliveries = Iterated(webhooks.deliveries)
    retry = Sent(webhooks.retry)
    delete = Sent(webhooks.delete)


class AsyncKeys(AsyncClient):
    """Keys of the organization."""

    create = Awaited(keys.create)
    list = Awaited(keys.listed)
    iterate = AsyncIterated(keys.listed)
    get = Awaited(keys.detail)
    change = Awaited(keys.change)
    disable = Awaited(keys.disable)
    enable = Awaited(keys.enable)
    revoke = Awaited(keys.revoke)
    revoke_many = Awaited(keys.revoke_many)
    rotate = Awaited(keys.rotate)
    activity = Awaited(keys.activity)
    iterate_activity = AsyncIterated(keys.activity)
    usage = Awaited(usage.of_key)


class AsyncMcps(AsyncClient):
    """MCP servers of the organization."""

    register = Awaited(mcps.register)
    list = Awaited(mcps.listed)
    iterate = AsyncIterated(mcps.listed)
    get = Awaited(mcps.detail)
    change = Awaited(mcps.change)
    test = Awaited(mcps.test)
    delete = Awaited(mcps.delete)


class AsyncOrganization(AsyncClient):
    """The organization itself."""

    get = Awaited(organization.detail)
    change = Awaited(organization.change)


class AsyncMembers(AsyncClient):
    """Members and invitations of the organization."""

    list = Awaited(members.listed)
    iterate = AsyncIterated(members.listed)
    change_role = Awaited(members.change_role)
    remove = Awaited(members.remove)
    invite = Awaited(members.invite)
    invitations = Awaited(members.invitations)
    iterate_invitations = AsyncIterated(members.invitations)
    withdraw = Awaited(members.withdraw)


class AsyncUsage(AsyncClient):
    """Usage of the organization."""

    report = Awaited(usage.report)
    history = Awaited(usage.history)
    iterate_history = AsyncIterated(usage.history)


class AsyncAlerts(AsyncClient):
    """Alerts of the organization."""

    list = Awaited(alerts.listed)
    iterate = AsyncIterated(alerts.listed)
    get = Awaited(alerts.detail)
    acknowledge = Awaited(alerts.acknowledge)


class AsyncAudit(AsyncClient):
    """The audit log."""

    list = Awaited(audit.listed)
    iterate = AsyncIterated(audit.listed)
    get = Awaited(audit.detail)


class AsyncWebhooks(AsyncClient):
    """Addresses that are notified of events."""

    create = Awaited(webhooks.create)
    list = Awaited(webhooks.listed)
    iterate = AsyncIterated(webhooks.listed)
    get = Awaited(webhooks.detail)
    change = Awaited(webhooks.change)
    rotate = Awaited(webhooks.rotate)
    test = Awaited(webhooks.test)
    deliveries = Awaited(webhooks.deliveries)
    iterate_deliveries = AsyncIterated(webhooks.deliveries)
    retry = Awaited(webhooks.retry)
    delete = Awaited(webhooks.delete)
