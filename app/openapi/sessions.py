"""OpenAPI operations on the sessions of users."""

from app.api.session.create import create_session
from app.api.session.create_link import create_sign_in_link
from app.api.session.delete import delete_current_session
from app.api.session.get import get_current_session
from app.api.session.notifications import get_notifications, update_notifications
from app.api.sessions.delete import delete_session
from app.api.sessions.delete_others import delete_other_sessions
from app.api.sessions.list import list_sessions
from app.openapi.operation import Operation, declared

OPERATIONS: list[Operation] = [
    declared(create_sign_in_link),
    declared(create_session),
    declared(get_current_session),
    declared(get_notifications),
    declared(update_notifications),
    declared(delete_current_session),
    declared(list_sessions),
    declared(delete_session),
    declared(delete_other_sessions),
]
