"""Validation of the database URL before a driver parses it.

An unescaped `@`, `/` or `%` in the password splits the URL at the wrong point. libpq and the resolver then quote a part
of the password in their messages, as a host, a port or an invalid token.
"""

from typing import Final

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

UNREADABLE: Final = (
    "is not an address of PostgreSQL, such as postgresql://user:password@host:5432/name. Percent-encode special "
    "characters of its password, such as %40 for @, %2F for / and %25 for %."
)


def is_readable(url: str) -> bool:
    """Return whether `url` names a server whose name and port a message may quote."""
    try:
        parts = conninfo_to_dict(url)
    except (ProgrammingError, UnicodeError):
        return False
    # A host that starts with / is the folder of a socket, and one with @ a socket in the abstract namespace.
    hosts = [host for host in str(parts.get("host") or "").split(",") if not host.startswith("/")]
    ports = str(parts.get("port") or "").split(",")
    return not any("@" in host[1:] for host in hosts) and all(port.isdecimal() for port in ports if port)
