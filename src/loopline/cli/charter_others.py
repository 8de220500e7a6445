"""The charters that are held against each other: of projects with their ledgers, which are only read, and of files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loopline.charter import stage as charter_stage
from loopline.charter.binding import binds, bound_once
from loopline.charter.override import SUBJECT, Override
from loopline.charter.spec import CharterSpec
from loopline.engine.step import Step
from loopline.errors import Fault, LooplineError, Mistake
from loopline.ledger.state import FOLDED, State, fold
from loopline.ledger.store import Ledger
from loopline.project import FILE, Declaration, Project, load, parse, values_of
from loopline.release.heeded import heeded
from loopline.workspace import Ask

if TYPE_CHECKING:
    from loopline.charter.contender import Contender

# A charter by itself says nothing of data, and a project has some.
_NO_DATA = {"data": {"sources": {"data": {"path": "data.csv"}}}}


@dataclass(frozen=True)
class Given:
    """A charter that is given, and the project whose ledger tells of it.

    Parameters
    ----------
    told_by
        Where it is declared, as it was given.
    folder
        Where its price book lies.
    home
        The project whose ledger is read; None where there is none.
    """

    told_by: str
    name: str
    charter: CharterSpec
    folder: Path
    home: Project | None


def given(own: Project | None, others: Sequence[Path]) -> list[Given]:
    """One's own charter, where there is one, and the others.

    Raises
    ------
    Mistake
        When one is no project and no charter, is given twice, or there is nothing to compare with.
    """
    found = [] if own is None else [_of_project(own, str(own.folder / FILE))]
    places = [] if own is None else [own.folder / FILE]
    for other in others:
        place = (other / FILE if other.is_dir() else other).resolve()
        if place in places:
            remedy = "leave it out: the project that the command stands in is compared anyway" if own is not None and place == places[0] else "name it once"
            raise Mistake("the same charter is given twice", where=str(other), remedy=remedy)
        places.append(place)
        found.append(_read(other, own))
    if len(found) < 2:
        raise Mistake("there is nothing to compare with", remedy="name other projects' folders, or files with another charter")
    return found


def _of_project(project: Project, told_by: str) -> Given:
    return Given(told_by, project.name, project.declaration.charter, project.folder, project)


def _read(other: Path, own: Project | None) -> Given:
    if other.is_dir() or other.name == FILE:
        folder = other if other.is_dir() else other.parent
        return _of_project(load(folder.resolve()), str(other))
    text = _text(other)
    beside = _beside(text, other, own)
    declared = parse(text, file=str(other), beside=beside)
    home = own if own is not None and own.name == declared.project else None
    return Given(str(other), declared.project, declared.charter, _prices_at(declared, other, home), home)


def _beside(text: str, other: Path, own: Project | None) -> Mapping[str, Any] | None:
    """What is declared beside a file's charter, where it is no whole project."""
    values = values_of(text, file=str(other))
    if "project" in values:
        return None
    if own is not None:
        return {name: value for name, value in values_of(_text(own.folder / FILE)).items() if name != "charter"}
    return {"project": "".join(letter if letter.isalnum() else "-" for letter in other.stem).strip("-") or "charter", **_NO_DATA}


def _prices_at(declared: Declaration, other: Path, home: Project | None) -> Path:
    """The folder of the price book: beside the file, or that of the project where it is not there."""
    prices = declared.charter.prices
    is_beside = home is None or (prices is not None and (other.parent / prices).is_file())
    return other.resolve().parent if home is None or is_beside else home.folder


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise Mistake(
            "there is no such file or folder", where=str(file), remedy=f"name a project's folder, or a file with a charter in it, as {FILE} has one"
        ) from None
    except UnicodeDecodeError as error:
        raise Mistake("the file is not UTF-8 text", where=f"{file}, byte {error.start}", remedy="save it as UTF-8") from None
    except OSError as error:
        raise Fault(f"the file cannot be read ({error.strerror})", where=str(file), remedy="check its permissions") from None


def contenders(all_given: Sequence[Given], *, today: date) -> list[Contender]:
    """Each charter with its study: the ledger's newest where that is of it, else made anew in memory.

    Parameters
    ----------
    today
        The day by which an override is over.

    Raises
    ------
    Mistake
        When the study of one cannot be made; it says whose.
    """
    states: dict[Path, State] = {}
    found = []
    for one, name in zip(all_given, _names(all_given), strict=True):
        if one.home is not None and one.home.folder not in states:
            states[one.home.folder] = _state(one.home)
        state = State() if one.home is None else states[one.home.folder]
        try:
            found.append(_contender(one, name, state, today))
        except LooplineError as error:
            raise type(error)(error.what, where=", ".join(part for part in (one.told_by, error.where) if part), remedy=error.remedy) from None
    return found


def _names(all_given: Sequence[Given]) -> Iterator[str]:
    """What each is called: as its project, and with its file where that is taken."""
    taken: set[str] = set()
    for one in all_given:
        name = one.name
        if name in taken:
            name = f"{one.name} ({Path(one.told_by).name})"
        name = f"{one.name} ({one.told_by})" if name in taken else name
        taken.add(name)
        yield name


def _state(project: Project) -> State:
    """What the project's ledger says now; nothing is made, migrated or written."""
    ledger = Ledger.find(project.ledger_url, project.name)
    if ledger is None:
        return State()
    with ledger:
        return heeded(fold(ledger.read(kinds=FOLDED)), project.declaration.charter)


def _contender(one: Given, name: str, state: State, today: date) -> Contender:
    from loopline.charter.contender import Contender
    from loopline.charter.prices import Prices
    from loopline.charter.study import simulated, studied

    step = next(charter_stage.steps(one.charter, Ask(project=one.name, folder=one.folder, state=state, facts={})))
    assert isinstance(step, Step)
    inputs = step.inputs
    book = None if inputs.get("book") is None else Prices.model_validate(inputs["book"])
    other = None if "sounding" in inputs else charter_stage.sounded_at_other_prices(one.charter, state)
    sounding = inputs.get("sounding") or other
    measured = {"task": inputs["task"], "sounding": sounding, "book": book}
    entry = state.succeeded.get(step.key) if other is None else None
    facts = entry.body["facts"] if entry is not None else studied(one.charter, outcome=inputs["outcome"], **measured)
    said = Override.of(state.overrides.get(SUBJECT), binds(step.reads, book), bound_once(one.charter))
    decides = state.champion is not None and one.home is not None and _is_of(one.charter, one.home.declaration.charter)
    return Contender(
        name=name,
        project=one.name,
        told_by=one.told_by,
        charter=one.charter,
        facts=facts,
        simulation=simulated(one.charter, **measured),
        seen=None if sounding is None or "means" not in sounding else state.latest[charter_stage.SOUNDING].time.date(),
        is_repriced=other is not None,
        overridden=_overridden(facts, said, today),
        decides=decides,
        review=_review(state) if decides else None,
    )


def _is_of(charter: CharterSpec, home: CharterSpec) -> bool:
    """Whether a charter is about the same target as the model that decides."""
    return (charter.predict, charter.positive) == (home.predict, home.positive)


def _overridden(facts: Mapping[str, Any], said: Override | None, today: date) -> str:
    """Who goes on in spite of a no-go; empty where nobody does any more."""
    return said.says(facts, today) if facts["verdict"] == "no-go" and said is not None and said.holds(facts, today) else ""


def _review(state: State) -> Mapping[str, Any] | None:
    """The newest review, where it is of the package that decides."""
    facts = state.facts("value", "review")
    return facts if facts is not None and facts.get("package") == state.champion else None
