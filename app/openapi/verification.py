"""OpenAPI operations that decide whether a key may be used."""

from app.api.api_keys.verify import verify_key
from app.api.auth.check import check_key
from app.openapi.operation import Operation, declared

OPERATIONS: list[Operation] = [declared(verify_key), declared(check_key)]
