"""``loopline charter revise``: what another charter would have meant for the past, before anybody signs it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loopline.charter.prices import of_charter
from loopline.charter.statement import BOOK, entered, leaves, of_statement, statement
from loopline.charter.statement import changed as changed_fields
from loopline.cli.charter_change import Change, changed, with_charter
from loopline.cli.output import emit, folder_option, hint, json_option, minute, table, write_whole
from loopline.declaration import figure
from loopline.errors import Mistake
from loopline.ledger.entry import Entry
from loopline.ledger.state import State
from loopline.loop import Loop, open_loop
from loopline.project import FILE
from loopline.release.chartered import awaited, signed

if TYPE_CHECKING:
    from loopline.cli.charter_replay import Replay
    from loopline.value.revised import Redecided
    from loopline.value.whatif import Side

    Told = tuple[Replay | None, Mapping[str, str]]

Row = tuple[str, str, str]
MODEL = "model"
"""The alternative of the study that is a model as good as is expected."""
_PARTS = ("study", "policy", "gates", "review", "again")
_ANSWERS = {True: "passes", False: "fails", None: "cannot be told"}
_MONITORS = {"worth_target": "alert on the target", "criterion": "alert on criteria", "volume_chartered": "alert on the volume"}


@click.command()
@click.option(
    "--set", "sets", multiple=True, metavar="FIELD=VALUE", help="Another value, such as worth.act_wrong=-80 or acceptance.A1='recall >= 0.4'; repeat."
)
@click.option("--charter", "file", metavar="FILE", type=click.Path(path_type=Path), help="Another file that has a charter, instead of loopline.yaml.")
@click.option("--write", is_flag=True, help="Put what is set into loopline.yaml; its comments stay.")
@folder_option
@json_option
def revise(sets: tuple[str, ...], file: Path | None, write: bool, folder: Path | None, as_json: bool) -> None:
    """Show what another charter would have meant for the past, before it is signed; the ledger stays as it is.

    The charter of loopline.yaml, or what is set, is held against the newest signed one, or else the one in force.
    """
    if file is not None and sets:
        raise Mistake("a charter is either set field by field or read from a file", where="--charter", remedy="leave --set or --charter out")
    if write and not sets:
        raise Mistake("nothing is set that could be written", where="--write", remedy="say --set FIELD=VALUE")
    with open_loop(folder) as loop:
        state, change = loop.state(), changed(loop.project, sets, file)
        base = _base(state)
        after = change.declaration.charter
        book = of_charter(after, loop.project.folder)
        fields = _fields(entered(base), statement(after, book))
        replayed, lacks = _replayed(loop, base, change) if fields else (None, {})
        halt = awaited(after, state, book=book) if fields else None
        if write and fields:
            write_whole(loop.project.folder / FILE, change.text, remedy="make the file writable")
    following = _next(sets, file, write, None if halt is None else halt.next, bool(fields))
    data = {
        "before": {"entry": base.id, "since": base.time.isoformat(), "signed": signed(state) == base},
        "after": {"from": change.told_by, "written": write and bool(fields)},
        "changed": [{"field": name, "before": one, "after": other} for name, one, other in fields],
        **_plain(replayed, lacks),
        "next": following,
    }
    emit(
        data,
        lambda: "\n".join(_lines(base, state, change, fields, (replayed, lacks), halt.why if halt else "", data["after"]["written"])) + hint(following),
        as_json,
    )


def _base(state: State) -> Entry:
    """The charter to hold another one against: the newest that was signed, else the one in force."""
    found = signed(state) or (state.charters[-1] if state.charters else None)
    if found is None:
        raise Mistake("no charter has been in force yet", remedy="loopline run")
    return found


def _fields(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """Each field that differs, with what it said and what it says."""
    old, new = leaves(before), leaves(after)
    return [(name, *_pair(old.get(name), new.get(name))) for name in changed_fields(before, after)]


def _pair(one: Any, other: Any) -> tuple[Any, Any]:
    """Both values; of a criterion the checks, or the customer's words where only those differ."""
    if not isinstance(one or other, Mapping):
        return one, other
    by_part = [tuple(None if side is None else side.get(part) for side in (one, other)) for part in ("check", "says")]
    before, after = next(((old, new) for old, new in by_part if old != new), by_part[0])
    return before, after


def _replayed(loop: Loop, base: Entry, change: Change) -> tuple[Replay | None, Mapping[str, str]]:
    """The past under both charters; None where the one before does not fit what stands beside it now, and then why, for each part."""
    from loopline.cli.charter_replay import replay

    said, book = base.body["charter"], base.body.get(BOOK)
    of_statement(said, where=f"entry {base.id}")
    # The file of then may be gone, or say something else now: its values are in the entry.
    named = said if book is None else {**said, BOOK: change.declaration.charter.prices}
    try:
        before = with_charter(loop.project, named)
    except Mistake as mistake:
        return None, dict.fromkeys(_PARTS, f"the charter before does not fit what stands beside it in {FILE} now ({mistake.what})")
    found = replay(loop, before, change.declaration, book=book)
    return found, found.lacks


def _next(sets: Sequence[str], file: Path | None, write: bool, sign: str | None, is_changed: bool) -> str:
    if not is_changed:
        return "loopline charter show"
    if file is not None:
        return f"put the charter into {FILE}; then: loopline charter revise"
    if sets and not write:
        return f"loopline charter revise {' '.join(f'--set {shlex.quote(one)}' for one in sets)} --write"
    return sign or "loopline run"


def _plain(replayed: Replay | None, lacks: Mapping[str, str]) -> dict[str, Any]:
    if replayed is None:
        return dict.fromkeys(_PARTS) | {"lacks": dict(lacks)}
    policy = replayed.policy
    return {
        "study": {
            when: {name: facts[name] for name in ("verdict", "says", "reasons", "do_nothing", "perfect", "break_even", "per_year")} | _compared(facts)
            for when, facts in zip(("before", "after"), replayed.study, strict=True)
        },
        "policy": None if policy is None else _replayed_policy(policy),
        "gates": replayed.gates,
        "review": None if replayed.review is None else dict(zip(("before", "after"), replayed.review, strict=True)),
        "again": replayed.again,
        "lacks": dict(lacks),
    }


def _replayed_policy(found: Redecided) -> dict[str, Any]:
    effects = {"stays": found.stays, "anew": found.anew}
    told = {name: None if effect is None else effect.as_json() for name, effect in effects.items()}
    left_out = ("curve", "assumptions")
    return {
        "on": found.on,
        **{name: None if one is None else {key: value for key, value in one.items() if key not in left_out} for name, one in told.items()},
        "assumptions": list((found.anew or found.stays).assumptions),
    }


def _lines(base: Entry, state: State, change: Change, fields: Sequence[tuple[str, Any, Any]], told: Told, waits: str, written: bool) -> list[str]:
    how, (replayed, lacks) = "signed" if signed(state) == base else "in force", told
    if not fields:
        return [f"nothing changes: {change.told_by} says what is {how} since {minute(base.time.isoformat())} (entry {base.id[:12]})"]
    currency = change.declaration.charter.worth.currency
    rows = [(name, _said(one), _said(other)) for name, one, other in fields]
    rows += [] if replayed is None else [("", "", ""), *_rows(replayed, currency)]
    lines = [f"before: {how} since {minute(base.time.isoformat())} (entry {base.id[:12]}).  after: {change.told_by}.", ""]
    lines += [table(("", "before", "after"), rows), ""]
    lines += [f"- {line}" for line in _told(replayed)] if replayed is not None else [f"- Nothing can be replayed: {why}." for why in set(lacks.values())]
    lines += [f"{FILE} is changed; the ledger is not." if written else "Nothing was changed."]
    return [*lines, *([f"Once it is in {FILE}, {waits}."] if waits else [])]


def _said(value: Any) -> str:
    return "-" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _rows(replayed: Replay, currency: str) -> Iterator[Row]:
    """The table: what each charter makes of the past."""
    one, other = replayed.study
    yield "study", one["verdict"], other["verdict"]
    yield from _differing("the study's best", *(str(_compared(facts)["best"] or "-") for facts in replayed.study))
    yield from _differing(f"worth of a model, against going on as today ({currency})", *(_number(_compared(facts)["npv"]) for facts in replayed.study))
    yield from _differing(
        f"worth of one decision for all instead of today's way ({currency})", *(_number(_compared(facts)["stopping"]) for facts in replayed.study)
    )
    for name, words in (("do_nothing", "doing nothing, per decision"), ("perfect", "a perfect model, per decision"), ("break_even", "break-even")):
        yield from _differing(words, _number(one.get(name)), _number(other.get(name)))
    yield from _policy_rows(replayed, currency)
    for told in replayed.gates or ():
        for gate in told["gates"]:
            name = f"{gate['name']} of {told['package'][:8]}{' (decides)' if told['decides'] else ''}"
            yield from _differing(name, _gate(gate["before"]), _gate(gate["after"]))
    if replayed.review is not None:
        first, second = replayed.review
        yield "review", first["recommendation"].replace("_", " "), second["recommendation"].replace("_", " ")
        yield from _differing(f"added per year ({currency})", _number(first["added_per_year"]), _number(second["added_per_year"]))
        for name, words in _MONITORS.items():
            yield from _differing(words, *(_alert(side["monitors"][name]) for side in (first, second)))


def _compared(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Which alternative the study finds best, and what a model is worth in today's money, and only to stop today's way; None where it did not compare."""
    study = facts.get("study") or {"best": None, "alternatives": (), "today": "", "constant": ""}
    npv = {one["name"]: one["npv"]["value"] for one in study["alternatives"] if one["npv"] is not None}
    constant = study.get("constant", "")
    return {"best": study["best"], "npv": npv.get(MODEL), "stopping": None if constant == study["today"] else npv.get(constant)}


def _policy_rows(replayed: Replay, currency: str) -> Iterator[Row]:
    found = replayed.policy
    if found is None:
        return
    stays = found.stays
    yield f"as it was decided, each ({currency})", figure(stays.before.each.value), figure(stays.after.each.value)
    if found.anew is not None:
        anew = found.anew
        yield f"decided anew, each ({currency})", "-", figure(anew.after.each.value)
        yield "acted on", _percent(anew.before.acted), _percent(anew.after.acted)
        yield from _differing("policy", anew.before.policy, anew.after.policy)
    best = found.anew or stays
    yield f"one decision for all, each ({currency})", _unaided(best.before), _unaided(best.after)
    if best.before.per_year is not None and best.after.per_year is not None:
        yield f"added per year above one decision for all ({currency})", figure(best.before.per_year.value), figure(best.after.per_year.value)


def _unaided(side: Side) -> str:
    return figure(side.each.value - side.added.value)


def _differing(name: str, one: str, other: str) -> Iterator[Row]:
    if one != other:
        yield name, one, other


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def _number(value: float | None) -> str:
    return "-" if value is None else figure(value)


def _gate(verdict: Mapping[str, Any] | None) -> str:
    if verdict is None:
        return "-"
    value = "" if verdict["value"] is None else f" ({figure(verdict['value'])})"
    return f"{_ANSWERS[verdict['passed']]}{value}"


def _alert(found: Sequence[str] | None) -> str:
    return "cannot be told" if found is None else f"{len(found)} open" if found else "quiet"


def _told(replayed: Replay) -> Iterator[str]:
    """What is to be said beside the table: reasons, what the next run does again, and what cannot be told."""
    after = replayed.study[1]
    yield f"The study: {after['says']}."
    if replayed.policy is not None:
        rows = "served decisions" if replayed.policy.on == "served" else "rows of the test part"
        best = replayed.policy.anew or replayed.policy.stays
        yield f"{best.rows:,} {rows} were replayed; {best.changed:,} would be decided otherwise."
        yield from best.assumptions
    if replayed.review is not None:
        yield f"The review would say: {replayed.review[1]['why']}"
    if replayed.again:
        steps = [f"{one['stage']} {one['step']} ({', '.join(one['reads'])})" for one in replayed.again if not one["known"]]
        known = [f"{one['stage']} {one['step']}" for one in replayed.again if one["known"]]
        trains = any(one["stage"] == "model" and not one["known"] for one in replayed.again)
        yield f"The next run does again: {'; '.join(steps)}, and what follows from it." if steps else "The next run finds all of it done already."
        yield "It trains anew." if trains else "It trains nothing anew."
        yield from [f"Known from before: {', '.join(known)}."] if known else []
    else:
        yield "The next run does nothing again."
    for part, why in replayed.lacks.items():
        yield f"The {part} cannot be replayed: {why}."
