"""``loopline data review``: the questions for the subject-matter expert, and their answers."""

from __future__ import annotations

import csv
import io
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loopline.access.people import person, speak_for
from loopline.cli.data_quarantine import short
from loopline.cli.options import by_option
from loopline.cli.output import LiveProgress, emit, folder_option, hint, json_option, write_whole
from loopline.declaration import counted
from loopline.errors import Fault, Mistake
from loopline.loop import Loop, open_loop
from loopline.project import FILE, parse

if TYPE_CHECKING:
    from loopline.data.review.answers import Answer
    from loopline.data.review.proposed import Proposed
    from loopline.data.review.questions import Question

_KEYS = {"a": "accept", "r": "refuse", "u": "rule", "l": "relabel", "s": "skip", "q": "quit"}
_FIELDS = ("question", "kind", "table", "column", "value", "rows", "asks", "samples", "answer")
_FORMS = (".csv", ".yaml", ".yml")


@click.command()
@click.option("--table", metavar="NAME", help="Only questions about this table.")
@click.option("--expert", is_flag=True, help="Ask them now, one at a time, each with one key.")
@click.option(
    "--export",
    "out",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the questions to a .csv or .yaml with an empty answer for each.",
)
@click.option("--answers", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="Take back such a file with its answers.")
@click.option("--write", is_flag=True, help=f"Write what the answers change in the contract into {FILE}; without it, {FILE} is never changed.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(min=1), help="How many questions to list or to ask.")
@by_option
@folder_option
@json_option
def command(
    table: str | None,
    expert: bool,
    out: Path | None,
    answers: Path | None,
    write: bool,
    limit: int,
    by: str | None,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Show what a person who knows the subject should decide: refused rows, odd values, and rules that were only inferred.

    Each question is answered accept, refuse, rule: RULE or relabel: VALUE. Answers become corrections, discards and rules of the contract, with
    the expert as their author; the changes of the contract are shown, and written with --write. What was answered is not asked again.
    """
    from loopline.data.quarantine.settling import settle_all
    from loopline.data.review.questions import questions

    if expert and (as_json or not is_terminal()):
        raise Mistake(
            "nobody can be asked here: this is no terminal", where="--expert", remedy="loopline data review --export review.csv, then --answers review.csv"
        )
    if out is not None:
        _form(out)
    acts = expert or answers is not None or write
    with open_loop(folder) as loop, LiveProgress(quiet=as_json) as progress:
        data = loop.project.declaration.data
        if not acts:
            progress.say("looking for what is refused or odd")
            asked = questions(loop.workspace, data, table=table)
            told = {**_told(loop, asked, limit), "taken": None, "by": None, "written": None}
        else:
            who = person(by, folder=loop.project.folder)
            note = speak_for(who, "expert", {str(role): people for role, people in loop.project.declaration.charter.stakeholders.items()})
            with loop.workspace.ledger.lease():
                settle_all(loop.workspace, data)
                asked = questions(loop.workspace, data, table=table)
                taken = _take_file(loop, asked, answers, who.name) if answers is not None else _ask(loop, asked[:limit], who.name) if expert else None
                written, by_hand = _write(loop, who.name) if write else (None, [])
            left = questions(loop.workspace, data, table=table)
            told = {**_told(loop, left, limit), "taken": taken, "by": who.name, "written": written}
            told["by_hand"] += by_hand
            if note:
                click.echo(note, err=True)
            asked = left
    if out is not None:
        _export(asked, out)
    told["exported"] = None if out is None else str(out)
    told["next"] = _next(told)
    emit(told, lambda: _text(told) + hint(told["next"]), as_json)


def is_terminal() -> bool:
    """Whether somebody sits there who can be asked."""
    return sys.stdin.isatty()


def _told(loop: Loop, asked: Sequence[Question], limit: int) -> dict[str, Any]:
    return {
        "open": len(asked),
        "kinds": dict(Counter(question.kind for question in asked)),
        "questions": [question.as_json() for question in asked[:limit]],
        **_proposal(loop).as_json(),
    }


def _proposal(loop: Loop) -> Proposed:
    from loopline.data.review.proposed import proposed

    return proposed(loop.workspace, loop.project.declaration.data, (loop.project.folder / FILE).read_text(encoding="utf-8"), file=FILE)


def _write(loop: Loop, by: str) -> tuple[str | None, list[str]]:
    """Write what waits into the declaration; the file's name (None where nothing waits), and what is left to do by hand.

    Raises
    ------
    Mistake
        When the amended text would be no declaration.
    """
    from loopline.data.review.answers import enter_written

    found = _proposal(loop)
    if not found.answers:
        return None, []
    parse(found.after, file=FILE)
    write_whole(loop.project.folder / FILE, found.after)
    enter_written(loop.workspace, found.answers, file=FILE, by=by)
    return FILE, list(found.by_hand)


def _take_file(loop: Loop, asked: Sequence[Question], file: Path, by: str) -> dict[str, Any]:
    from loopline.data.review.answers import parse_answer, take
    from loopline.data.review.questions import answered

    known = {question.id: question for question in asked}
    done = {digest[:10] for digest in answered(loop.workspace.ledger)}
    said: dict[str, tuple[Question, Answer]] = {}
    again = 0
    for number, row in enumerate(_rows(file), start=1):
        id, where = str(row.get("question") or "").strip(), f"{file}, question {number}"
        answer = parse_answer(str(row.get("answer") or ""), where=where)
        if answer is None:
            continue
        if id in done:
            again += 1
        elif id not in known:
            raise Mistake(f"there is no open question {id!r}", where=where, remedy="export them anew: loopline data review --export FILE")
        elif id in said:
            raise Mistake(f"question {id} is answered twice", where=where, remedy="keep one of the answers")
        else:
            said[id] = (known[id], answer)
    return {**_taken(take(loop.workspace, loop.project.declaration.data, list(said.values()), by=by)), "answered_before": again}


def _taken(done: Any) -> dict[str, Any]:
    return {
        "answers": done.answers,
        "mended": done.mended,
        "relabelled": done.relabelled,
        "discarded": done.discarded,
        "amendments": len(done.amendments),
    }


def _ask(loop: Loop, asked: Sequence[Question], by: str) -> dict[str, Any]:
    """Each question with one key; an answer is carried out before the next question."""
    from loopline.data.review.answers import Answer, parse_answer, take

    total: dict[str, Any] = {"answers": 0, "mended": 0, "relabelled": 0, "discarded": 0, "amendments": 0, "answered_before": 0}
    for number, question in enumerate(asked, start=1):
        click.echo(f"\n{number} of {len(asked)}  {click.style(question.asks, bold=True)}")
        for sample in question.samples:
            click.echo(f"    {short(sample)}")
        while True:
            key = click.prompt("[a]ccept  [r]efuse  r[u]le  re[l]abel  [s]kip  [q]uit", type=click.Choice(list(_KEYS)), show_choices=False)
            if key == "q":
                return total
            if key == "s":
                break
            try:
                words = _KEYS[key]
                if key == "u":
                    words += ": " + click.prompt("the rule, as in max: 12 or end >= start")
                if key == "l":
                    words += ": " + click.prompt("the value that is right", default=question.like or "", show_default=bool(question.like))
                answer = parse_answer(words)
                done = take(loop.workspace, loop.project.declaration.data, [(question, answer or Answer("accept"))], by=by)
            except Mistake as mistake:
                click.echo(f"  {mistake}")
                continue
            total = {name: total[name] + count for name, count in {**_taken(done), "answered_before": 0}.items()}
            break
    return total


def _form(file: Path) -> str:
    if file.suffix.lower() not in _FORMS:
        raise Mistake(f"questions are no {file.suffix or 'file without an ending'}", where=str(file), remedy="end it with .csv or .yaml")
    return file.suffix.lower()


def _export(asked: Sequence[Question], file: Path) -> None:
    rows = [{**question.as_json(), "answer": ""} for question in asked]
    if _form(file) == ".csv":
        made = io.StringIO()
        writer = csv.DictWriter(made, _FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows({**row, "samples": " | ".join(row["samples"])} for row in rows)
        # The mark lets spreadsheets see that the letters are UTF-8.
        text = "\ufeff" + made.getvalue()
    else:
        import yaml

        text = "# Each answer: accept, refuse, rule: RULE (max: 12, or end >= start), or relabel: VALUE. An empty one is asked again.\n"
        text += yaml.safe_dump(rows, allow_unicode=True, sort_keys=False, width=160)
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Fault(f"the file cannot be written ({error.strerror})", where=str(file), remedy="give a file in a folder that can be written to") from None


def _rows(file: Path) -> list[Mapping[str, Any]]:
    form = _form(file)
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise Mistake("there is no such file", where=str(file), remedy="write one: loopline data review --export FILE") from None
    except (OSError, UnicodeDecodeError):
        raise Mistake("the file cannot be read as UTF-8 text", where=str(file), remedy="save it as UTF-8") from None
    if form == ".csv":
        head = text.partition("\n")[0]
        rows: Any = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=max((",", ";", "\t"), key=head.count)))
    else:
        rows = _yaml(text, file)
    if not isinstance(rows, list) or not all(isinstance(row, dict) and {"question", "answer"} <= row.keys() for row in rows):
        raise Mistake(
            "the file is no list of questions with their answers", where=str(file), remedy="keep the fields of the export: loopline data review --export FILE"
        )
    return rows


def _yaml(text: str, file: Path) -> Any:
    import yaml

    try:
        return yaml.safe_load(text) or []
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise Mistake("this is not YAML", where=f"{file}{line}", remedy="put an answer with a colon in quotes, as in answer: 'rule: max: 12'") from None


def _next(told: Mapping[str, Any]) -> str:
    if told["exported"]:
        return f"loopline data review --answers {told['exported']}"
    if told["amendments"]:
        return "loopline data review --write"
    if told["taken"] and told["taken"]["mended"]:
        return "loopline data quarantine replay"
    if told["written"] or (told["taken"] and told["taken"]["relabelled"]):
        return "loopline run"
    return "loopline data review --expert" if told["open"] else "loopline run"


def _text(told: Mapping[str, Any]) -> str:
    lines: list[str] = []
    if told["taken"] is not None:
        done = told["taken"]
        lines.append(f"{counted(done['answers'], 'answer')} by {told['by']}")
        says = (
            ("mended", "refused row", "mended"),
            ("relabelled", "row", "changed in tables"),
            ("discarded", "row", "discarded"),
            ("amendments", "change", "of the contract"),
        )
        lines += [f"  {counted(done[name], thing)} {became}" for name, thing, became in says if done[name]]
        lines += [f"  {done['answered_before']:,} were answered before"] if done["answered_before"] else []
    if told["open"]:
        kinds = ", ".join(f"{count} {kind}" for kind, count in told["kinds"].items())
        lines.append(f"{counted(told['open'], 'open question')}: {kinds}")
    else:
        lines.append("no question is open")
    if told["taken"] is None and told["exported"] is None:
        for question in told["questions"]:
            lines += [f"  {question['question']}  {question['asks']}", *(f"              {short(sample)}" for sample in question["samples"][:2])]
        if more := told["open"] - len(told["questions"]):
            lines.append(f"  ... {more:,} more; see them with --limit {told['open']}")
    if told["exported"] is not None:
        lines.append(f"written to {told['exported']}; fill in the column answer: accept, refuse, rule: RULE or relabel: VALUE")
    if told["patch"]:
        colours = {"+": "green", "-": "red"}
        lines += ["", "what the answers change in the contract:", *(click.style(line, fg=colours.get(line[:1])) for line in told["patch"].splitlines())]
    lines += [f"by hand: {one}" for one in told["by_hand"]]
    if told["written"]:
        lines.append(f"the contract is amended in {told['written']}; the next run checks every batch again")
    return "\n".join(lines)
