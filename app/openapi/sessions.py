"""The operations on the sessions of people."""

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
        summary="Ask for a link to sign in",
        description="By mail. The answer is the same whether or not somebody has the address.",
        body=Body(
            links.Body,
            {"email": {"description": "The address of a member.", "maxLength": EMAIL_LENGTH_MAX}},
            {"email": "owner@example.com"},
        ),
        answer=Answer(
            sessions.OnItsWay,
            {"message": "If someone has this address, a link is on its way to it.", "expires_in": 900},
        ),
        errors=("forbidden", "rate_limited"),
    ),
    routed(
        start.start_session,
        tag=_TAG,
        summary="Sign in",
        description="With the token of a link, which works once. The session lies in a cookie from then on.",
        body=Body(
            start.Body,
            {
                "token": {"description": "The token of the link.", "format": "password"},
                "organization_id": {"description": "Which organization, where the answer asked for one."},
            },
            {"token": "kl_…"},
        ),
        answer=_SIGNED_IN,
        also={
            200: (
                "The address belongs to people of several organizations: name one. The token is still good.",
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
        summary="Show who is signed in",
        description="And the CSRF token of the session.",
        answer=_SIGNED_IN,
    ),
    routed(
        notifications.notifications,
        tag=_TAG,
        summary="Show which alerts are mailed",
        description="To the person who is signed in: what they chose, and what holds for each type that they may see.",
        answer=_NOTIFICATIONS,
        revised=True,
    ),
    routed(
        notifications.change_notifications,
        tag=_TAG,
        summary="Choose which alerts are mailed",
        description="To the person who is signed in. Nobody is mailed what their role may not see.",
        body=Body(
            notifications.Body,
            {
                "threshold": {
                    "description": "From which severity on, for all types without a choice of their own;"
                    " null: as the role has it."
                },
                "thresholds": {"description": "By type of alert; null takes a choice back. Others stay as they are."},
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
        description="The session is refused from this answer on.",
        answer=_ENDED,
        revised=True,
        conditional=True,
    ),
    routed(
        list_sessions,
        tag=_TAG,
        summary="List sessions",
        description="One's own, newest first. There are few, so they come without pages.",
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
        description="One of one's own, wherever it is. It is refused from this answer on.",
        answer=_ENDED,
        revised=True,
        conditional=True,
    ),
    routed(
        end_other_sessions,
        tag=_TAG,
        summary="End all other sessions",
        description="All of one's own but the one that asks.",
        answer=Answer(sessions.EndedSessions, {"ended": [examples.SESSION_ID]}),
        repeatable=False,
    ),
]
