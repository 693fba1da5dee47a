"""OpenAPI operations on keys."""

from app.api.api_keys.activity import list_key_activity
from app.api.api_keys.create import create_key
from app.api.api_keys.disable import disable_key
from app.api.api_keys.enable import enable_key
from app.api.api_keys.get import get_key
from app.api.api_keys.list import list_keys
from app.api.api_keys.revoke import delete_key, revoke_key
from app.api.api_keys.revoke_many import revoke_keys
from app.api.api_keys.rotate import rotate_key
from app.api.api_keys.update import update_key
from app.openapi.operation import Operation, declared

OPERATIONS: list[Operation] = [
    declared(create_key),
    declared(list_keys),
    declared(get_key),
    declared(update_key),
    declared(disable_key),
    declared(enable_key),
    declared(delete_key),
    declared(revoke_key),
    declared(revoke_keys),
    declared(rotate_key),
    declared(list_key_activity),
]
