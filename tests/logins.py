"""The login that runs the service, in the addresses of test databases, which name their owner."""

from embedded.postgres import ROLE, RUNTIME_ROLE


def runtime_url_of(owner_url: str) -> str:
    return owner_url.replace(f"//{ROLE}@", f"//{RUNTIME_ROLE}@")
