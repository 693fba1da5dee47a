"""Which revision of its derivation each read model is at.

When the rows that follow from the same log become others, because `apply` or a statement of the read model changed or
because a script `schema_0002_*.sql` next to its schema added a column to be filled, the number goes up by one here:

    "key_list": 2,

`python -m eventstore migrate`, and with it `make run`, then derives the read model again from the log, next to the live
one and with its progress shown, and puts it in the place of the old one. Read models that are not named are at 1.
"""

from collections.abc import Mapping

REVISIONS: Mapping[str, int] = {"key_list": 3}
