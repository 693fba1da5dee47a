"""Sign-in links that an operator passes on instead of a mail."""

from app.auth.sessions import LINK_PREFIX, digest_of, new_secret
from app.auth.sign_in import LINK_LASTS, link_to, resolve_recipient
from domain.refusal import NotFound
from infrastructure.clock import now
from infrastructure.database.connections import Pool
from infrastructure.settings import Settings
from projections.records.sessions import queries as sessions


async def sign_in_link(pool: Pool, config: Settings, email: str) -> str:
    """Return a sign-in link. Raise `NotFound` for an unknown address: unlike a visitor, an operator may learn that."""
    async with pool.connection() as connection:
        _, people = resolve_recipient(email, await sessions.people_of_address(connection, email))
        if not people:
            raise NotFound(f"No user has the address {email}.")
        token = new_secret(LINK_PREFIX)
        at = now()
        user_ids = [person.user_id for person in people]
        await connection.execute(*sessions.link_add(digest_of(token), user_ids, "link", at, at + LINK_LASTS))
    return link_to(config, token)
