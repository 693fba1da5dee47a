"""The status of an organization, which decides whether anything of it works."""

from typing import Literal

OrganizationStatus = Literal["active", "deleted", "erased"]
"""active: it works · deleted: nothing works, but an operator can restore it · erased: deleted permanently."""
