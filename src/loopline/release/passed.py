"""How many gates a package passed, in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from loopline.declaration import counted


def passed_in_words(gates: Sequence[Mapping[str, Any]]) -> str:
    """How many gates a package passed, and how many asked nothing of it.

    >>> passed_in_words([{"passed": True, "asked": "at most 20 ms"}, {"passed": True, "asked": ""}, {"passed": False, "asked": "yes"}])
    'passed 1 gate, 1 not asked'
    """
    # Verdicts that were entered before gates said what they ask have no such word, and were all asked.
    asked = [gate["passed"] for gate in gates if gate.get("asked") != ""]
    left = len(gates) - len(asked)
    return f"passed {counted(sum(asked), 'gate')}" + (f", {left:,} not asked" if left else "")
