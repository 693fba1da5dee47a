"""Which addresses the gateway may reach: its own configuration, as opposed to what the internet calls public."""

from typing import Self

import msgspec

from domain.networks import Network, parse_network


class EgressPolicy(msgspec.Struct, frozen=True):
    """Public addresses over https are always allowed; this says what is allowed besides."""

    allow: tuple[Network, ...] = ()
    """Networks that may be reached though they are not public, and over plain http too."""
    allow_http: bool = False
    """Plain http to public addresses: the credential and the results would be readable on the way."""

    @classmethod
    def parse(cls, allow: str, *, allow_http: bool = False) -> Self:
        """Read `allow` from CIDRs with commas between, such as `127.0.0.0/8,::1/128`; ValueError names the bad one."""
        networks: list[Network] = []
        for written in filter(None, (part.strip() for part in allow.split(","))):
            try:
                networks.append(parse_network(written))
            except ValueError as error:
                raise ValueError(f"{written!r} is not a network in CIDR notation. {error}") from None
        return cls(allow=tuple(networks), allow_http=allow_http)
