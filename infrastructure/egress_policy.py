"""The addresses that outbound requests may reach, as opposed to those that the internet calls public."""

from typing import Self

import msgspec

from domain.networks import Network, parse_networks


class EgressPolicy(msgspec.Struct, frozen=True):
    """Addresses that are allowed in addition to public addresses over https, which always are."""

    allow: tuple[Network, ...] = ()
    """Networks that may be reached although they are not public, over plain http too."""
    allow_http: bool = False
    """Allow plain http to public addresses. The network can then read the credential and the results."""

    @classmethod
    def parse(cls, allow: str) -> Self:
        """Parse `allow`, CIDRs separated by commas, such as `127.0.0.0/8,::1/128`; ValueError names an invalid one."""
        return cls(allow=parse_networks(allow))
