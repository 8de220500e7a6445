"""The role lens: the same facts in the order in which a role needs them; nothing is left out, and nothing comes twice. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import TypeVar

from loopline.charter.spec import ROLES

Item = TypeVar("Item")

CARDS = ("waiting", "loop", "month", "alerts", "next", "others")
"""The parts of the first page, in the order of the story."""
SECTIONS: Mapping[str, tuple[str, ...]] = {
    "business": ("value", "charter", "release", "live"),
    "data": ("data", "live", "ledger"),
    "science": ("model", "data", "live"),
    "ml": ("model", "release", "live", "data"),
    "devops": ("live", "release", "ledger"),
    "expert": ("data", "charter", "model"),
    "customer": ("customer", "charter", "value"),
}
"""From a role to the sections of the navigation that it comes for, the first ones first."""
FIRST: Mapping[str, tuple[str, ...]] = {
    "business": ("waiting", "month", "loop"),
    "data": ("waiting", "loop", "alerts", "next"),
    "science": ("waiting", "loop", "next", "alerts"),
    "ml": ("waiting", "alerts", "loop", "next"),
    "devops": ("waiting", "alerts", "next", "loop"),
    "expert": ("waiting", "loop", "next"),
    "customer": ("waiting", "month", "loop"),
}
"""From a role to the parts of the first page that it needs first."""
STAGES: Mapping[str, tuple[str, ...]] = {
    "business": ("charter", "value"),
    "data": ("data",),
    "science": ("model", "data"),
    "ml": ("model", "release", "watch"),
    "devops": ("serve", "release", "watch"),
    "expert": ("data", "charter"),
    "customer": ("charter", "value"),
}
"""From a role to the stages that are its own."""
TITLES: Mapping[str, str] = {
    "business": "Business",
    "data": "Data engineer",
    "science": "Data scientist",
    "ml": "ML engineer",
    "devops": "DevOps",
    "expert": "Subject-matter expert",
    "customer": "Customer",
}
"""What the roles are called."""


@dataclass(frozen=True)
class Lens:
    """What somebody looks through.

    Parameters
    ----------
    roles
        The roles whose order is meant; none stands for the order of the story.
    chosen
        The role that was chosen by hand; empty where the reader's own roles hold.
    """

    roles: tuple[str, ...] = ()
    chosen: str = ""

    @property
    def title(self) -> str:
        """What it is called."""
        return " and ".join(TITLES[role] for role in self.roles) or "Everybody"

    @property
    def choices(self) -> Mapping[str, str]:
        """The roles that may be chosen, and what they are called."""
        return TITLES

    @property
    def stages(self) -> frozenset[str]:
        """The stages that are the roles' own."""
        return frozenset(stage for role in self.roles for stage in STAGES[role])

    def cards(self, cards: Iterable[str] = CARDS) -> tuple[str, ...]:
        """Parts of the first page in the lens's order; what waits for the reader comes first whatever the role."""
        return self._ordered(cards, FIRST, lambda card: card)

    def sections(self, sections: Iterable[Item], name: Callable[[Item], str]) -> tuple[Item, ...]:
        """Sections of the navigation in the lens's order, the first page (the one without a name) before all others."""
        listed = list(sections)
        first = [one for one in listed if not name(one)]
        return (*first, *self._ordered([one for one in listed if name(one)], SECTIONS, name))

    def own_first(self, items: Iterable[Item], stage: Callable[[Item], str]) -> tuple[Item, ...]:
        """Items of the stages that are the roles' own, then the others; each in the order in which they came."""
        return tuple(sorted(items, key=lambda item: stage(item) not in self.stages))

    def _ordered(self, items: Iterable[Item], first: Mapping[str, Sequence[str]], name: Callable[[Item], str]) -> tuple[Item, ...]:
        """Items by the best place that any of the roles gives them; what none of them names keeps its order behind."""

        def place(item: Item) -> float:
            return min((first[role].index(name(item)) for role in self.roles if name(item) in first[role]), default=inf)

        return tuple(sorted(items, key=place))


def lens_of(roles: Iterable[str], chosen: str = "") -> Lens:
    """The lens of a reader with these roles, or the one that they chose; a word that is no role chooses nothing."""
    if chosen in TITLES:
        return Lens((chosen,), chosen)
    held = frozenset(roles)
    return Lens(tuple(str(role) for role in ROLES if role in held))
