"""Imports of keys that another system issued."""

from hashlib import sha256

from tests.app.client import Client, Response
from tests.app.organizations import Organization
from tests.random_input import random_token

PATH = "/v1/api-keys/import"
COUNTED = ("created", "would_create", "exists", "duplicate", "conflict", "invalid")


def foreign() -> str:
    """Return a secret in the format of another system."""
    return f"acme_{random_token()}"


def row(secret: str | None = None, /, **fields: object) -> dict[str, object]:
    return {"name": "Old key", "sha256": sha256((secret or foreign()).encode()).hexdigest(), **fields}


def send(client: Client, *keys: object, dry_run: bool = False, **options: str) -> Response:
    return client.post(PATH, {"dry_run": dry_run, "keys": list(keys)}, **options)


def counts(answer: Response) -> dict[str, int]:
    return {name: answer.data[name] for name in COUNTED if answer.data[name]}


def imported(org: Organization, secret: str | None = None, **fields: object) -> tuple[str, str]:
    """Return the id and the secret of an imported key."""
    secret = secret or foreign()
    (outcome,) = send(org.client, row(secret, **fields)).data["keys"]
    assert outcome["outcome"] == "created"
    return outcome["key_id"], secret
