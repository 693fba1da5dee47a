"""All routes of the API, in the order of the OpenAPI document, and the pages that people use in a browser.

Each route declares its access; see `app/auth/authorization.py`.
"""

from typing import Any

from app.api.activity.get import get_use
from app.api.activity.list import list_activity
from app.api.alerts.acknowledge import acknowledge_alert
from app.api.alerts.get import get_alert
from app.api.alerts.list import list_alerts
from app.api.api_keys.activity import list_key_activity
from app.api.api_keys.clients import get_key_clients
from app.api.api_keys.create import create_key
from app.api.api_keys.creators import list_key_creators
from app.api.api_keys.disable import disable_key
from app.api.api_keys.enable import enable_key
from app.api.api_keys.end_secrets import end_secrets
from app.api.api_keys.get import get_key
from app.api.api_keys.identify import identify_key
from app.api.api_keys.import_many import import_keys
from app.api.api_keys.list import list_keys
from app.api.api_keys.review import review_keys
from app.api.api_keys.revoke import delete_key, revoke_key
from app.api.api_keys.revoke_many import revoke_keys
from app.api.api_keys.rotate import rotate_key
from app.api.api_keys.update import update_key
from app.api.api_keys.usage import get_key_usage
from app.api.api_keys.verify import verify_key
from app.api.audit.export import export_audit_log
from app.api.audit.get import get_audit_event
from app.api.audit.list import list_audit_events
from app.api.auth.check import check_key
from app.api.health import get_liveness, get_readiness
from app.api.leaks.github import report_github_leaks
from app.api.mcp.invoke import invoke_tool
from app.api.mcp.resources import read_resource
from app.api.mcp.servers import list_servers
from app.api.mcps.create import create_mcp
from app.api.mcps.delete import delete_mcp
from app.api.mcps.get import get_mcp
from app.api.mcps.list import list_mcps
from app.api.mcps.list_names import list_mcp_names
from app.api.mcps.test import test_mcp
from app.api.mcps.update import update_mcp
from app.api.metrics import get_metrics
from app.api.openapi_document import get_openapi_document
from app.api.organization.delete import delete_organization
from app.api.organization.get import get_organization
from app.api.organization.invitations.create import create_invitation
from app.api.organization.invitations.delete import delete_invitation
from app.api.organization.invitations.get import get_invitation
from app.api.organization.invitations.list import list_invitations
from app.api.organization.members.delete import delete_member
from app.api.organization.members.get import get_member
from app.api.organization.members.list import list_members
from app.api.organization.members.transfer_ownership import transfer_ownership
from app.api.organization.members.update import update_member
from app.api.organization.update import update_organization
from app.api.session.create import create_session
from app.api.session.create_link import create_sign_in_link
from app.api.session.delete import delete_current_session
from app.api.session.get import get_current_session
from app.api.session.notifications import get_notifications, update_notifications
from app.api.sessions.delete import delete_session
from app.api.sessions.delete_others import delete_other_sessions
from app.api.sessions.list import list_sessions
from app.api.usage.current import get_usage
from app.api.usage.history import list_usage_history
from app.api.usage.organization import get_organization_usage
from app.api.webhooks.create import create_webhook
from app.api.webhooks.delete import delete_webhook
from app.api.webhooks.get import get_webhook
from app.api.webhooks.list import list_webhooks
from app.api.webhooks.list_deliveries import list_deliveries
from app.api.webhooks.retry_delivery import retry_delivery
from app.api.webhooks.rotate import rotate_webhook
from app.api.webhooks.test import test_webhook
from app.api.webhooks.update import update_webhook
from app.pages.account.get import (
    account_page,
    end_other_sessions_form,
    end_session_form,
    shortcuts_form,
    sign_out_form,
    theme_form,
)
from app.pages.account.notifications import notifications_form
from app.pages.account.switch import switch_page
from app.pages.activity.get import decision_page
from app.pages.activity.list import activity_page
from app.pages.activity.tail import activity_tail
from app.pages.alerts.acknowledge import acknowledge_form
from app.pages.alerts.get import alert_page
from app.pages.alerts.list import alert_list_page
from app.pages.audit.get import audit_event_page
from app.pages.audit.list import audit_list_page
from app.pages.errors.problems import get_problem_page, list_problems
from app.pages.keys.activity import key_activity_page, key_activity_tail
from app.pages.keys.create import key_create_form, key_create_page
from app.pages.keys.disable import key_disable_form, key_disable_page, key_enable_form, key_enable_page
from app.pages.keys.end_secrets import key_end_secrets_form
from app.pages.keys.first_use import key_first_use
from app.pages.keys.get import key_page
from app.pages.keys.identify import key_identify_form, key_identify_page
from app.pages.keys.list import key_list_page
from app.pages.keys.permission_picker import found_servers, permission_preview, server_tools
from app.pages.keys.permissions import key_permissions_page
from app.pages.keys.revoke import key_revoke_form, key_revoke_page
from app.pages.keys.revoke_many import key_revoke_many_form, key_revoke_many_page
from app.pages.keys.rotate import key_rotate_form, key_rotate_page
from app.pages.keys.update import key_update_form, key_update_page
from app.pages.keys.usage import key_usage_page
from app.pages.mcps.create import mcp_create_form, mcp_create_page
from app.pages.mcps.deactivate import (
    mcp_activate_form,
    mcp_activate_page,
    mcp_deactivate_form,
    mcp_deactivate_page,
)
from app.pages.mcps.delete import mcp_delete_form, mcp_delete_page
from app.pages.mcps.get import mcp_page
from app.pages.mcps.list import mcp_list_page
from app.pages.mcps.test import mcp_test_form, mcp_test_page
from app.pages.mcps.update import mcp_edit_form, mcp_edit_page
from app.pages.members.invite import member_invite_form, member_invite_page
from app.pages.members.list import member_list_page
from app.pages.members.remove import member_remove_form, member_remove_page
from app.pages.members.transfer import ownership_transfer_form, ownership_transfer_page
from app.pages.members.update import member_role_form, member_role_page
from app.pages.members.withdraw import invitation_withdraw_form, invitation_withdraw_page
from app.pages.overview.checklist import dismiss_checklist_form
from app.pages.overview.get import overview_page
from app.pages.page import Page
from app.pages.reference.api_reference import get_api_reference
from app.pages.reference.specimen import specimen
from app.pages.session import invitation, openid, sign_in
from app.pages.settings.alerts import thresholds_form, thresholds_page
from app.pages.settings.delete import organization_delete_form, organization_delete_page
from app.pages.settings.get import settings_page
from app.pages.settings.plan import plan_form, plan_page
from app.pages.settings.update import settings_edit_form, settings_edit_page
from app.pages.static_files import icon, static_file
from app.pages.usage.get import usage_page
from app.pages.webhooks.create import webhook_create_form, webhook_create_page
from app.pages.webhooks.delete import webhook_delete_form, webhook_delete_page
from app.pages.webhooks.disable import (
    webhook_disable_form,
    webhook_disable_page,
    webhook_enable_form,
    webhook_enable_page,
)
from app.pages.webhooks.get import delivery_retry_form, webhook_page
from app.pages.webhooks.list import webhook_list_page
from app.pages.webhooks.rotate import webhook_rotate_form, webhook_rotate_page
from app.pages.webhooks.test import webhook_test_form, webhook_test_page
from app.pages.webhooks.update import webhook_edit_form, webhook_edit_page
from app.route import Route

ROUTES: tuple[Route, ...] = (
    create_key,
    list_keys,
    review_keys,
    list_key_creators,
    get_key,
    update_key,
    disable_key,
    enable_key,
    delete_key,
    revoke_key,
    revoke_keys,
    import_keys,
    rotate_key,
    identify_key,
    end_secrets,
    list_key_activity,
    get_key_clients,
    verify_key,
    check_key,
    create_mcp,
    list_mcps,
    list_mcp_names,
    get_mcp,
    update_mcp,
    delete_mcp,
    test_mcp,
    invoke_tool,
    read_resource,
    list_servers,
    list_activity,
    get_use,
    list_audit_events,
    get_audit_event,
    export_audit_log,
    get_organization,
    update_organization,
    delete_organization,
    list_members,
    create_invitation,
    get_member,
    update_member,
    delete_member,
    transfer_ownership,
    list_invitations,
    get_invitation,
    delete_invitation,
    get_key_usage,
    get_usage,
    get_organization_usage,
    list_usage_history,
    list_alerts,
    get_alert,
    acknowledge_alert,
    report_github_leaks,
    create_webhook,
    list_webhooks,
    get_webhook,
    update_webhook,
    delete_webhook,
    rotate_webhook,
    test_webhook,
    list_deliveries,
    retry_delivery,
    create_sign_in_link,
    create_session,
    get_current_session,
    get_notifications,
    update_notifications,
    delete_current_session,
    list_sessions,
    delete_session,
    delete_other_sessions,
    get_liveness,
    get_readiness,
    get_metrics,
    get_openapi_document,
    get_api_reference,
    list_problems,
    get_problem_page,
)

DASHBOARD: tuple[Page, ...] = (
    overview_page,
    dismiss_checklist_form,
    key_list_page,
    key_create_page,
    key_create_form,
    permission_preview,
    found_servers,
    server_tools,
    key_first_use,
    key_revoke_many_page,
    key_revoke_many_form,
    key_identify_page,
    key_identify_form,
    key_page,
    key_activity_page,
    key_activity_tail,
    key_usage_page,
    key_permissions_page,
    key_update_page,
    key_update_form,
    key_rotate_page,
    key_rotate_form,
    key_end_secrets_form,
    key_disable_page,
    key_disable_form,
    key_enable_page,
    key_enable_form,
    key_revoke_page,
    key_revoke_form,
    activity_page,
    activity_tail,
    decision_page,
    usage_page,
    mcp_list_page,
    mcp_create_page,
    mcp_create_form,
    mcp_page,
    mcp_edit_page,
    mcp_edit_form,
    mcp_test_page,
    mcp_test_form,
    mcp_deactivate_page,
    mcp_deactivate_form,
    mcp_activate_page,
    mcp_activate_form,
    mcp_delete_page,
    mcp_delete_form,
    alert_list_page,
    alert_page,
    acknowledge_form,
    audit_list_page,
    audit_event_page,
    webhook_list_page,
    webhook_create_page,
    webhook_create_form,
    webhook_page,
    delivery_retry_form,
    webhook_edit_page,
    webhook_edit_form,
    webhook_rotate_page,
    webhook_rotate_form,
    webhook_test_page,
    webhook_test_form,
    webhook_disable_page,
    webhook_disable_form,
    webhook_enable_page,
    webhook_enable_form,
    webhook_delete_page,
    webhook_delete_form,
    member_list_page,
    member_invite_page,
    member_invite_form,
    invitation_withdraw_page,
    invitation_withdraw_form,
    member_role_page,
    member_role_form,
    member_remove_page,
    member_remove_form,
    ownership_transfer_page,
    ownership_transfer_form,
    settings_page,
    settings_edit_page,
    settings_edit_form,
    thresholds_page,
    thresholds_form,
    plan_page,
    plan_form,
    organization_delete_page,
    organization_delete_form,
    account_page,
    switch_page,
    sign_out_form,
    end_session_form,
    end_other_sessions_form,
    theme_form,
    shortcuts_form,
    notifications_form,
)
"""The pages of signed-in users, in the order of the sidebar."""

PAGES: list[Any] = [
    sign_in.sign_in_page,
    sign_in.ask_for_link,
    sign_in.confirm_page,
    sign_in.confirm,
    invitation.invitation_page,
    invitation.accept,
    openid.to_provider,
    openid.from_provider,
    static_file,
    specimen,
    icon,
]
"""Pages that need no session, as handlers of the framework.

No page is part of the API, so the OpenAPI document describes none of them.
"""
