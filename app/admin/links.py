"""A link that signs somebody in, handed out by an operator instead of a mail."""

from app.auth.sessions import LINK_PREFIX, digest_of, new_secret
from app.auth.sign_in import LINK_LASTS, link_to, resolve_recipient
from domain.refusal import NotFound
from infrastructure.clock import now
from infrastructure.database.connections import Pool
from infrastructure.settings import Settings
from projections.records.sessions import queries as sessions


async def sign_in_link(pool: Pool, config: Settings, email: str) -> str:
    """The link. Raises `NotFound` where nobody has that address: an operator may know."""
    async with pool.connection() as connection:
        _, people = resolve_recipient(email, await sessions.people_of_address(connection, email))
        if not people:
            raise NotFound(f"Nobody has the address {email}.")
        token = new_secret(LINK_PREFIX)
        at = now()
        user_ids = [person.user_id for person in people]
        await connection.execute(*sessions.link_add(digest_of(token), user_ids, "link", at, at + LINK_LASTS))
    return link_to(config, token)
