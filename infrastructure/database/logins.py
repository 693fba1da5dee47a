"""The two logins: one owns the schema and runs migrations, the other runs the service and owns nothing.

The service's login assumes one of three roles on every connection (`infrastructure.database.connections`). It is a
member of these roles without inheriting from them, so it cannot read anything before it assumes a role.
"""

from collections.abc import Mapping
from typing import NamedTuple

from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from infrastructure.database.connections import APP_ROLE, AUTH_ROLE, WORKER_ROLE, Connection
from infrastructure.database.errors import StorageError
from infrastructure.database.queries import SQL
from infrastructure.database.url import UNREADABLE, is_readable

RUNTIME_URL = "DATABASE_URL"
OWNER_URL = "KEYLEDGER_MIGRATION_DATABASE_URL"
ROLES = (APP_ROLE, AUTH_ROLE, WORKER_ROLE)


class UnsafeLogin(StorageError):
    """The login of DATABASE_URL has more privileges than the service needs. Use a separate login."""


class OwnerUrl(NamedTuple):
    """The URL of the login that owns the schema, and the setting that contains it."""

    setting: str
    url: str


def owner_url(environment: Mapping[str, str]) -> OwnerUrl:
    """Return the owner's URL, or the service's URL if the owner's is not set; empty if neither is set."""
    for setting in (OWNER_URL, RUNTIME_URL):
        if url := environment.get(setting, "").strip():
            return OwnerUrl(setting, url)
    return OwnerUrl(RUNTIME_URL, "")


async def ensure_runtime_login(owner: Connection, runtime_url: str) -> str | None:
    """Create the login of `runtime_url`, with the password in the URL, as a member of the three roles only.

    Return its name, or None if it is the owner's login. Safe to repeat: the password is set again, so changing the URL
    is enough to change the password. Raise `UnsafeLogin` if the login has rights that cannot be removed here.
    """
    if not is_readable(runtime_url):
        raise StorageError(f"{RUNTIME_URL} {UNREADABLE}")
    parts = conninfo_to_dict(runtime_url)
    login, password = parts.get("user"), parts.get("password")
    row = await (await owner.execute(SQL.login_facts, {"login": login})).fetchone()
    if login is None or row is None or row[0]:
        return None
    name = sql.Identifier(str(login))
    if not row[1]:
        await owner.execute(sql.SQL("create role {} login noinherit").format(name))
    if password:
        await owner.execute(sql.SQL("alter role {} login password {}").format(name, sql.Literal(password)))
    for role in ROLES:
        query = sql.SQL("grant {} to {} with inherit false, set true, admin false")
        await owner.execute(query.format(sql.Identifier(role), name))
    if row[2]:
        database = sql.Identifier(owner.info.dbname)
        await owner.execute(sql.SQL("revoke temporary on database {} from public").format(database))
        await owner.execute(sql.SQL("grant connect on database {} to {}").format(database, name))
    await _refuse_unsafe(owner, str(login))
    return str(login)


async def _refuse_unsafe(owner: Connection, login: str) -> None:
    cursor = await owner.execute(SQL.login_excess, {"login": login, "roles": list(ROLES)})
    excess = [str(row[0]) for row in await cursor.fetchall()]
    if excess:
        raise UnsafeLogin(
            f"The login {login} of {RUNTIME_URL} {', '.join(excess)}. Take that away, or name another login in it: the"
            " service runs with a login that owns nothing."
        )
