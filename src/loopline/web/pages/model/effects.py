"""How the score moves with each column, for the person who knows whether that can be right: they refuse it, or accept it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loopline.access.people import Person, speak_for
from loopline.errors import Mistake
from loopline.model.background import Background
from loopline.model.constraints import KIND, Constraint, held, withdrawal
from loopline.model.effects import Effect
from loopline.model.explain_pictures import effect_picture
from loopline.model.packages import EXPLANATION, named, require
from loopline.model.predictor import BACKGROUND
from loopline.model.refusing import refused
from loopline.sheet.document import Picture
from loopline.web.asked import Asked
from loopline.web.current import Current
from loopline.web.forms import seen_of
from loopline.web.hand import roles_for
from loopline.web.page import About, Action, Done, Form, Page
from loopline.web.pages.model.explain import OF_ROWS
from loopline.web.pages.model.kept import package_of
from loopline.web.pages.model.package import reported_of

EXPERT = "expert"
EXPERTS = frozenset({EXPERT})
HOLDS: Mapping[str, str] = {"exclude": "keep the column from the model", "rise": "the score may only rise with it", "fall": "the score may only fall with it"}
"""What a refusal may ask for, in words."""


@dataclass(frozen=True)
class Shown:
    """An effect, what the expert holds of its column, its picture, and what its forms decide on."""

    effect: Effect
    held: Constraint | None
    picture: Picture
    seen: str

    @property
    def may_accept(self) -> bool:
        """Whether it is a person's refusal, which a person can withdraw."""
        return self.held is not None and self.held.by != "model.monotone"

    @property
    def holds(self) -> tuple[tuple[str, str], ...]:
        """What a refusal of it may ask for."""
        return tuple((hold, says) for hold, says in HOLDS.items() if hold == "exclude" or (self.effect.kind == "number" and not self.effect.of))


@dataclass(frozen=True, kw_only=True)
class Effects:
    """The effects of a package.

    Parameters
    ----------
    others
        What is held of columns that the package shows no effect of: mostly because they are kept from it.
    may_judge
        Whether the reader may refuse and accept.
    """

    package: str
    effects: tuple[Shown, ...]
    others: tuple[Constraint, ...]
    may_judge: bool
    reads_rows: bool
    seen: Mapping[str, str]

    @property
    def title(self) -> str:
        """Whose effects they are."""
        return f"Effects in package {self.package[:12]}"

    def as_json(self) -> dict[str, Any]:
        """The same as ``loopline model effects --json`` has it."""
        each = [{**one.effect.as_json(), "held": None if one.held is None else one.held.as_json()} for one in self.effects]
        standing = {one.held.column: one.held for one in self.effects if one.held is not None} | {one.column: one for one in self.others}
        return {"package": self.package, "effects": each, "constraints": [one.as_json() for _, one in sorted(standing.items())]}


def effects(current: Current, asked: Asked) -> Effects:
    """The effects of the package whose digest begins as the path says.

    Raises
    ------
    Mistake
        When there is no such package, or it does not say what it does with its columns.
    """
    state = current.state
    entry = named(state, asked.path["digest"])
    require(state, current.workspace.ledger, entry, EXPLANATION, lack="does not say what it does with its columns", instead="loopline model effects --package")
    package = package_of(current, entry)
    units = Background.of_json(package.parsed(BACKGROUND)).units if BACKGROUND in package.contents else {}
    standing = held(current.project.declaration.model.monotone, state.constraints.values())
    found = [Effect.of_json(one) for one in package.parsed(EXPLANATION)["effects"]]
    shown = tuple(Shown(one, standing.get(one.column), _picture(one, units.get(one.column, "")), _seen(current, one.column)) for one in found)
    rest = tuple(one for column, one in standing.items() if column not in {effect.column for effect in found})
    return Effects(
        package=entry.subject,
        effects=shown,
        others=rest,
        may_judge=asked.reader.may(EXPERTS) and bool(roles_for(current, asked, (EXPERT,))),
        reads_rows=asked.reader.may(OF_ROWS),
        seen={one.column: _seen(current, one.column) for one in rest},
    )


def _picture(effect: Effect, unit: str) -> Picture:
    return Picture(f"The score over {effect.name}", lambda width: effect_picture(effect, unit=unit, width=width))


def _seen(current: Current, column: str) -> str:
    """What holds of a column, and the package whose effects were looked at."""
    word = current.state.constraints.get(column)
    return seen_of(column, None if word is None else word.id, named(current.state, None).subject)


def seen(current: Current, asked: Asked, form: Form) -> str:
    """What holds now of the column that a form is about."""
    return _seen(current, form.get("column", ""))


def about(current: Current, asked: Asked, form: Form) -> tuple[About, ...]:
    """The words on the column, and the packages that were made."""
    return About((KIND,), form.get("column", "")), About(("package",))


def refuse(current: Current, asked: Asked, form: Form) -> Done:
    """Refuse what the model makes of a column."""
    column, hold = form.get("column", ""), form.get("hold", "")
    if hold not in HOLDS:
        raise Mistake(f"{hold[:40]!r} is nothing that a column can be held to", where="hold", remedy=f"one of: {', '.join(HOLDS)}")
    who, note = _expert(current, asked)
    said = current.project.declaration
    draft = refused(column, hold=hold, by=who.name, why=form.get("why", ""), state=current.state, charter=said.charter, data=said.data)  # type: ignore[arg-type]
    current.workspace.ledger.append(draft)
    says = f"{column} is kept from the next search" if hold == "exclude" else f"From the next search on the score may only {hold} with {column}"
    return Done(f"{says}.{f' {note}.' if note else ''} It takes effect with: loopline run", form_address(form, current))


def accept(current: Current, asked: Asked, form: Form) -> Done:
    """Withdraw the refusal of a column."""
    column = form.get("column", "")
    who, note = _expert(current, asked)
    current.workspace.ledger.append(withdrawal(column, by=who.name, why=form.get("why", ""), newest=current.state.constraints))
    return Done(f"The next search is free with {column} again.{f' {note}.' if note else ''} It takes effect with: loopline run", form_address(form, current))


def form_address(form: Form, current: Current) -> str:
    """The page of the effects that a form stood on."""
    return f"/model/packages/{named(current.state, form.get('package') or None).subject}/effects"


def _expert(current: Current, asked: Asked) -> tuple[Person, str]:
    """Who speaks as the expert, and what is to be said about their right to."""
    who = Person(asked.reader.name, "these pages")
    return who, speak_for(who, EXPERT, {str(role): people for role, people in current.project.declaration.charter.stakeholders.items()})


PAGES = (Page("effects", "/model/packages/{digest}/effects", effects, "model_effects.html.j2", reported=reported_of),)
ACTIONS = (Action("/model/effects/refuse", refuse, EXPERTS, seen, about), Action("/model/effects/accept", accept, EXPERTS, seen, about))
