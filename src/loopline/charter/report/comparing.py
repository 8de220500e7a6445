"""Charters side by side as a document: where the next month should go, what each is worth for an hour of work, and what is not known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from loopline import charts
from loopline.charter.report.recommendation import finding, simpler
from loopline.charter.report.words import amount, between, payback, share
from loopline.charts import Bar
from loopline.declaration import counted, figure
from loopline.plots import dots
from loopline.sheet.document import Answer, Document, Figure, Part, Picture, Table, Tone

_TONES: dict[str, Tone] = {"build": "yes", "find_out": "wait", "nothing": "no", "undecided": "wait"}
_VERDICTS = {"build": "Work on {}", "find_out": "Find out first", "nothing": "Nowhere", "undecided": "It cannot be told yet"}
_FOUND = 5
"""Things worth finding out that are named at most."""
HEAD = ("charter", "verdict", "judged by", "worth", "nine in ten", "pays", "hours to build", "an hour brings", "is back in", "the month brings", "is best")
WORDS = 3
"""So many of the first columns are texts."""

Found = Mapping[str, Any]


def report(project: str, found: Found, *, made: str, next: str) -> Document:
    """The document of a comparison.

    Parameters
    ----------
    project
        Whose comparison it is.
    found
        The comparison as plain values.
    made
        The day on which it was made.
    next
        The command that comes next.
    """
    choice = found["choice"]
    verdict = _VERDICTS[choice["kind"]].format(choice["name"])
    return Document(
        title=f"{project}: where the next month should go ({made})",
        project=project,
        kind="comparison",
        made=made,
        question=f"Which charter does a month of {figure(found['hours'])} hours of work bring most?",
        label="Where should the next month go?",
        verdict=verdict,
        says=choice["says"],
        tone=_TONES[choice["kind"]],
        next=next,
        notes=tuple(f"{note[:1].upper()}{note[1:]}." for note in found["notes"]),
        figures=tuple(_figures(found)),
        answers=tuple(_answers(found)),
        first=per_hour(found),
        parts=tuple(_parts(found)),
    )


def per_hour(found: Found) -> Picture | None:
    """What an hour of work on each charter's model brings, with its interval; None where none can be told."""
    rows = [row for row in found["charters"] if row["per_hour"] is not None and row["currency"] == found["currency"]]
    if not rows:
        return None
    # A narrow picture breaks a name at its comma.
    values = [
        Bar(name=row["name"].replace(" (", ", ").rstrip(")"), value=row["per_hour"]["value"], low=row["per_hour"]["low"], high=row["per_hour"]["high"])
        for row in rows
    ]
    title = "What an hour of building each model brings"

    def draw(width: int) -> charts.Spec:
        note = "Net present value for an hour of people's work; nine times in ten it lies between the ends."
        return dots(values, title=title, unit=f"{found['currency']} an hour", note=note, reference=("no gain", 0.0), width=width)

    return Picture(title, draw)


def side_by_side(found: Found) -> list[tuple[str, ...]]:
    """A row of cells for each charter, in the order of `HEAD`."""
    return [
        (
            row["name"],
            verdict(row),
            judged_by(row["evidence"]),
            amount(row["npv"], "" if row["currency"] == found["currency"] else row["currency"]),
            between(row["npv"]) or "-",
            share(row["pays"]),
            amount(row["build_hours"]),
            amount(row["per_hour"]),
            payback(row["payback_months"]) if row["payback_months"] else "-",
            amount(row["promised"]),
            share(row["best"]),
        )
        for row in found["charters"]
    ]


def verdict(row: Found) -> str:
    """How a charter stands, in words."""
    if row["decides"]:
        return "decides already"
    said = {"go": "go", "no-go": "no-go", "provisional": "on to the data"}[row["verdict"]]
    return f"{said}, overridden" if row["overridden"] else said


def judged_by(evidence: Found) -> str:
    """What tells how good a model would be, and how old that is."""
    if evidence["source"] != "data":
        return {"stated": "stated", None: "nothing yet"}[evidence["source"]]
    age = evidence["days_old"]
    return "data" if age is None else "data of today" if age == 0 else f"data, {counted(age, 'day')} old"


def targets(found: Found) -> Iterator[str]:
    """What is added in a year, against the target, a sentence for each charter that says one."""
    for row in found["charters"]:
        if row["per_year"] is None and row["target"] is None:
            continue
        adds = "adds" if row["is_realised"] else "is expected to add" if row["decides"] else "would add"
        year = f"what it {adds} in a year is not known" if row["per_year"] is None else f"it {adds} {amount(row['per_year'], row['currency'])} a year"
        yield f"{row['name']}: {year}{_target(row)}."


def _target(row: Found) -> str:
    target = row["target"]
    if target is None:
        return ""
    said = f"; the target of {figure(target['per_year'])} {row['currency']}"
    if target["reached"] is not None:
        return f"{said} is {'reached' if target['reached'] else 'not reached'}"
    return f"{said} is reached with a chance of {share(target['chance'])}" if target["chance"] is not None else f"{said} cannot be judged yet"


def beside(found: Found) -> Iterator[str]:
    """What the month is not given to, and why; and what there is to do without a month of building."""
    for row in found["charters"]:
        if row["lack"]:
            yield f"{row['name']}: {row['lack']}.{_more(row) if row['decides'] else ''}"
        if row["simpler"] and row["rank"] != 1:
            yield f"{row['name']}: {simpler(row)[:1].lower()}{simpler(row)[1:]}."


def _more(row: Found) -> str:
    """What more work on a model that decides already would bring."""
    if row["more"] is None:
        return " What more work on it would bring is not known: no review has found anything that would earn more."
    year = row["more"]["per_year"]
    gain = "more, which cannot be told for a year without a volume" if year is None else f"{amount(year, row['currency'])} a year"
    return f" Its review has found a policy that would bring {gain}, and takes no building."


def _figures(found: Found) -> Iterator[Figure]:
    leader = next((row for row in found["charters"] if row["rank"] == 1), None)
    if leader is None:
        return
    currency = found["currency"]
    yield Figure("The month brings", amount(leader["promised"], currency), between(leader["promised"]), f"net present value, spent on {leader['name']}")
    yield Figure("It is the best use", share(leader["best"]), "", "of all that the month may be spent on")
    yield Figure("An hour brings", amount(leader["per_hour"], currency), between(leader["per_hour"]), "of building the model")
    yield Figure("To know all first", f"{figure(found['knowing'])} {currency}", "", "is what it is worth to choose surely")


def _answers(found: Found) -> Iterator[Answer]:
    told = tuple(finding(one, found).removeprefix("Find out first, of ") for one in found["finding_out"][:_FOUND])
    yield Answer("Find out first", told or ("Nothing that is known to be worth more than a day of work.",))
    if said := tuple(targets(found)):
        yield Answer("In a year", said)
    if said := tuple(beside(found)):
        yield Answer("Beside it", said)


def _parts(found: Found) -> Iterator[Part]:
    rows = tuple(tuple(row) for row in side_by_side(found))
    says = (
        f"Amounts are in {found['currency'] or 'the money of each charter'} where nothing else is said. Worth: "
        f"the net present value of building the model instead of going on as today, and the ends between which that lies nine times in ten. The month brings: "
        f"the part of it that {figure(found['hours'])} hours of work build. Is best: how likely nothing else that may be chosen is better.",
    )
    yield Part(name="The charters side by side", says=says, table=Table(head=HEAD, rows=rows, words=WORDS, unbroken=frozenset({0})))
    for pair in found["differs"]:
        yield _differs(pair)
    missing = tuple(f"{row['name']}: {one}." for row in found["charters"] for one in row["missing"])
    if missing:
        yield Part(name="What is not counted, and what to do about it", lists=(("", missing),))
    yield Part(name="How it was computed", lists=(("", tuple(_method(found["charters"]))),))


def _differs(pair: Found) -> Part:
    head, rows = ("field", pair["one"], pair["other"]), tuple((one["field"], one["one"] or "-", one["other"] or "-") for one in pair["fields"])
    name = f"What {pair['other']} says otherwise"
    return Part(name=name, table=Table(head=head, rows=rows, words=3)) if rows else Part(name=name, says=("Nothing: both say the same.",))


def _method(rows: Sequence[Found]) -> Iterator[str]:
    yield "Each charter is judged by its own study: ten thousand draws of all that is not known exactly. Nothing was run, and no ledger was written to."
    yield "The draws of one charter are independent of those of another, except that what charters of one project suppose alike is drawn once for both."
    yield "Where a model takes more work than the month has, the part that is built in it counts: of half a model, half the net present value."
    yield "An hour brings: the mean net present value over the mean of the hours that building takes."
    if any(row["decides"] for row in rows):
        yield "Of a model that decides already the worth is without what it took to build: that is spent. More work on it is counted nowhere."
