"""Who asks for a page, and what for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from loopline.charter.spec import ROLES

CUSTOMER = "customer"
STAKEHOLDERS = frozenset(role for role in ROLES if role != CUSTOMER)
"""The roles of those who make and run the product; a mere customer sees a page of their own."""
MAKERS = frozenset({"data", "science", "ml", "devops"})
"""The roles of those who take the loop round on a page, which may search for a model and spends machine time, and who may stop anybody's work."""
SEE_ROWS = frozenset({"data", "science", "ml", "devops", "expert"})
"""The roles of those who may look at single rows, and at what was said of them."""


@dataclass(frozen=True)
class Reader:
    """Somebody who looks at the pages.

    Parameters
    ----------
    name
        The name that the ledger keeps beside what they do.
    roles
        The roles that the charter lists them for.
    is_local
        Whether they sit at this machine and have not been asked who they are: all that its command line shows is theirs to see.
    link
        The link by which they came without signing in, which opens one page; empty for everybody else.
    """

    name: str
    roles: frozenset[str] = frozenset()
    is_local: bool = False
    link: str = ""

    def may(self, roles: frozenset[str] | None) -> bool:
        """Whether they may see what is for these roles; None is for every stakeholder."""
        return self.is_local or bool(self.roles & (STAKEHOLDERS if roles is None else roles))


@dataclass(frozen=True)
class Asked:
    """A request for a page.

    Parameters
    ----------
    query
        What stands behind the question mark, the last of each name.
    path
        The parameters of the page's path.
    origin
        What the addresses of these pages begin with for whoever reaches them; empty where they are not served.
    """

    reader: Reader
    query: Mapping[str, str] = field(default_factory=dict)
    path: Mapping[str, str] = field(default_factory=dict)
    origin: str = ""
