"""The runtime login of the service. The addresses of test databases name the owner instead."""

from embedded.postgres import ROLE, RUNTIME_ROLE


def runtime_url_of(owner_url: str) -> str:
    return owner_url.replace(f"//{ROLE}@", f"//{RUNTIME_ROLE}@")


async def migrate_with_runtime_login(owner_url: str) -> None:
    """Migrate the database and create the runtime login, as an operator does before the service starts."""
    from infrastructure.database.connections import connect  # noqa: PLC0415 - most tests of the pure packages need no database
    from infrastructure.database.logins import ensure_runtime_login  # noqa: PLC0415 - likewise
    from infrastructure.database.migrate import migrate  # noqa: PLC0415 - likewise
    from projections.engine.schema import scripts  # noqa: PLC0415 - likewise

    await migrate(owner_url, scripts())
    async with await connect(owner_url, role=None) as owner:
        await ensure_runtime_login(owner, runtime_url_of(owner_url))
