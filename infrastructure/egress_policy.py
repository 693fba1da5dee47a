"""The addresses that outbound requests may reach, as opposed to those that the internet calls public."""

from typing import Self

import msgspec

from domain.networks import Network, parse_networks


class EgressPolicy(msgspec.Struct, frozen=True):
    """Public addresses over https are always allowed. The fields allow more."""

    allow: tuple[Network, ...] = ()
    """Networks that may be reached although they are not public, over plain http too."""
    allow_http: bool = False
    """Plain http to public addresses: the credential and the results would be readable on the way."""

    @classmethod
    def parse(cls, allow: str) -> Self:
        """Read `allow` from CIDRs with commas between, such as `127.0.0.0/8,::1/128`; ValueError names a wrong one."""
        return cls(allow=parse_networks(allow))
