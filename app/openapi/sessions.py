"""OpenAPI operations on the sessions of users."""

from app.api.session import create as start
from app.api.session import create_link as links
from app.api.session import notifications
from app.api.session.delete import sign_out
from app.api.session.get import current_session
from app.api.sessions.delete import end_session
from app.api.sessions.delete_others import end_other_sessions
from app.api.sessions.list import list_sessions
from app.openapi import examples
from app.openapi.operation import Answer, Body, Operation, routed
from app.openapi.shapes import sessions
from domain.members.email_address import EMAIL_LENGTH_MAX

_TAG = "Sessions"
_SIGNED_IN = Answer(
    sessions.SignedIn,
    {
        "signed_in": True,
        "session_id": examples.SESSION_ID,
        "user": {"id": examples.USER_ID, "email": "owner@example.com"},
        "organization": examples.NAMED_ORGANIZATION,
        "role": "viewer",
        "grants": ["mcps:read"],
        "csrf_token": "…",
    },
)
_NOTIFICATIONS = Answer(
    sessions.Notifications,
    {
        "threshold": None,
        "thresholds": {"api_key.expiring": "info"},
        "mailed": {"api_key.expiring": "info", "api_key.new_location": "warning", "usage.threshold": "off"},
    },
)
_ENDED = Answer(sessions.EndedSession, {"id": examples.SESSION_ID, "ended": True})

OPERATIONS: list[Operation] = [
    routed(
        links.request_link,
        tag=_TAG,
        summary="Request a sign-in link",
        description="The link is sent by mail. The response is the same for known and unknown addresses.",
        body=Body(
            links.Body,
            {"email": {"description": "The address of a member.", "maxLength": EMAIL_LENGTH_MAX}},
            {"email": "owner@example.com"},
        ),
        answer=Answer(
            sessions.OnItsWay,
            {"message": "If the address belongs to a member, a sign-in link has been sent to it.", "expires_in": 900},
        ),
        errors=("forbidden", "rate_limited"),
    ),
    routed(
        start.start_session,
        tag=_TAG,
        summary="Sign in",
        description="Sign in with the token of a link, which works once. The session is set as a cookie.",
        body=Body(
            start.Body,
            {
                "token": {"description": "The token of the link.", "format": "password"},
                "organization_id": {"description": "The chosen organization, if the first response asked for one."},
            },
            {"token": "kl_…"},
        ),
        answer=_SIGNED_IN,
        also={
            200: (
                "The address belongs to users of several organizations. Choose one. The token can still be used.",
                Answer(
                    sessions.Choice,
                    {"signed_in": False, "organizations": [{**examples.NAMED_ORGANIZATION, "role": "viewer"}]},
                ),
            )
        },
        errors=("unauthorized", "forbidden", "rate_limited"),
    ),
    routed(
        current_session,
        tag=_TAG,
        summary="Get the signed-in user",
        description="The response includes the CSRF token of the session.",
        answer=_SIGNED_IN,
    ),
    routed(
        notifications.notifications,
        tag=_TAG,
        summary="Get the mail preferences",
        description="The alerts that the signed-in user gets by mail: their choices, and the effective threshold of "
        "each alert type that they can see.",
        answer=_NOTIFICATIONS,
        revised=True,
    ),
    routed(
        notifications.change_notifications,
        tag=_TAG,
        summary="Update the mail preferences",
        description="The alerts that the signed-in user gets by mail. Alerts that their role cannot see are never "
        "sent.",
        body=Body(
            notifications.Body,
            {
                "threshold": {
                    "description": "The lowest severity to mail, for all types without their own threshold; null: "
                    "the role's default."
                },
                "thresholds": {
                    "description": "Thresholds by type of alert; null resets a type to the default. Omitted "
                    "types stay unchanged."
                },
            },
            {"thresholds": {"api_key.expiring": "info"}},
        ),
        answer=_NOTIFICATIONS,
        revised=True,
        conditional=True,
    ),
    routed(
        sign_out,
        tag=_TAG,
        summary="Sign out",
        description="The session is refused once this response is sent.",
        answer=_ENDED,
        revised=True,
        conditional=True,
    ),
    routed(
        list_sessions,
        tag=_TAG,
        summary="List sessions",
        description="The caller's own sessions, newest first. There are few, so the list has no pages.",
        answer=Answer(
            list[sessions.Session],
            [
                {
                    "id": examples.SESSION_ID,
                    "current": True,
                    "method": "link",
                    "created_at": examples.THEN,
                    "last_seen_at": examples.LATER,
                    "expires_at": "2026-05-02T12:00:00Z",
                    "ip": "192.0.2.7",
                    "user_agent": "Firefox",
                }
            ],
        ),
    ),
    routed(
        end_session,
        tag=_TAG,
        summary="End a session",
        description="End one of the caller's own sessions. It is refused once this response is sent.",
        answer=_ENDED,
        revised=True,
        conditional=True,
    ),
    routed(
        end_other_sessions,
        tag=_TAG,
        summary="End all other sessions",
        description="End all of the caller's sessions except the current one.",
        answer=Answer(sessions.EndedSessions, {"ended": [examples.SESSION_ID]}),
        repeatable=False,
    ),
]
