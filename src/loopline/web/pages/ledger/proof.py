"""Whether the chain of entries is intact: checked at once where there are few, and as long work where there are many."""

from __future__ import annotations

from loopline.web.asked import Asked
from loopline.web.current import Current
from loopline.web.doing import chain_of
from loopline.web.page import Action, Done, Form, Work

FEW = 5_000
"""So many entries are checked within a fifth of a second."""


def verify(current: Current, asked: Asked, form: Form) -> Done | Work:
    """Check every entry's hash and order.

    Raises
    ------
    CheckFailed
        Naming the first entry that was tampered with.
    """
    # Those of every project in the database: they hang on one chain.
    if current.workspace.ledger.head().seq > FEW:
        return Work("check the ledger's chain", "loopline.web.doing:verify", {}, "/ledger")
    return Done(chain_of(current.workspace.ledger), "/ledger")


ACTIONS = (Action("/ledger/verify", verify),)
