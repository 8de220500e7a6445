"""The past under two charters: what study, policy, gates, review and the next run make of the one and of the other. Nothing is entered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from loopline.charter import stage as charter_stage
from loopline.charter.metrics import slice_columns
from loopline.charter.prices import of_charter
from loopline.charter.spec import MEASURED_FOR, CharterSpec
from loopline.charter.statement import BOOK, changed
from loopline.charter.worth import columns_of
from loopline.data.stakes import stakes
from loopline.engine.local import resolve
from loopline.engine.step import Facts, Silence, Step, brief_digest
from loopline.errors import LooplineError
from loopline.lake.blobs import Blobs
from loopline.lake.tables import Tables
from loopline.ledger.state import GATES, State
from loopline.loop import Loop
from loopline.model.predictor import Predictor
from loopline.model.signing import Trust
from loopline.project import Declaration, Project
from loopline.release.approvals import judged as judged_packages
from loopline.release.rejudged import Bench, verdicts
from loopline.value.monitors import judged as monitored
from loopline.value.realised import per_year, shown
from loopline.value.review import case_of
from loopline.value.revised import Past, Redecided, Setting, case_under, redecide
from loopline.value.rules import judge
from loopline.watch.inquiry import Evidence, inquire
from loopline.watch.proof import evidence_of
from loopline.workspace import Ask, Job

_SEARCH, _REVIEW, _STUDY = ("model", "search"), ("value", "review"), ("charter", "study")


@dataclass(frozen=True)
class Replay:
    """What the one charter and the other make of the past; a part that cannot be told is None, and `lacks` says why.

    Parameters
    ----------
    study
        The study's facts before and after.
    gates
        For each package, what the gates that read the charter say before and after.
    review, monitors
        What the review recommends, and which alerts of the business are open, before and after.
    again
        The steps that the next run would not find done, with what they read that changed.
    """

    study: tuple[Facts, Facts]
    policy: Redecided | None
    gates: list[dict[str, Any]] | None
    review: tuple[dict[str, Any], dict[str, Any]] | None
    again: list[dict[str, Any]]
    lacks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Desk:
    """The two charters over one workspace."""

    loop: Loop
    state: State
    before: CharterSpec
    after: CharterSpec
    asked: Mapping[tuple[str, str], Step]
    asked_after: Mapping[tuple[str, str], Step]

    @classmethod
    def of(cls, loop: Loop, before: Declaration, after: Declaration, book: Mapping[str, Any] | None = None) -> Desk:
        """The desk of a project: both declarations are asked what they would have done."""
        asked, asked_after = (Loop(Project(loop.project.folder, one, text=loop.project.text), loop.workspace).asked() for one in (before, after))
        asked = {name: _at(step, book) if name == _STUDY else step for name, step in asked.items()}
        return cls(loop, loop.state(), before.charter, after.charter, asked, asked_after)

    @property
    def declared(self) -> Declaration:
        """What is declared beside the charter."""
        return self.loop.project.declaration

    @property
    def is_repriced(self) -> bool:
        """Whether a decision has another worth."""
        return self.before.worth != self.after.worth

    @property
    def is_retargeted(self) -> bool:
        """Whether something else is predicted, of which no package knows."""
        return any(getattr(self.before, name) != getattr(self.after, name) for name in MEASURED_FOR if name != "worth")

    def job(self, step: Step) -> Job:
        """A step's work, by which nothing is entered."""
        loop = self.loop
        return Job(project=loop.project.name, folder=loop.project.folder, step=step, attempt="", workspace=loop.workspace, progress=Silence())


def replay(loop: Loop, before: Declaration, after: Declaration, *, book: Mapping[str, Any] | None = None) -> Replay:
    """What both charters make of the past.

    Parameters
    ----------
    book
        The values of the price book before; None for those of the file that the charter before names.

    Raises
    ------
    Mistake
        When the charter after names a column, a metric or a price that is not there.
    """
    desk, lacks = Desk.of(loop, before, after, book), dict[str, str]()
    soundings = _soundings(desk, before, after)
    study = (_study(desk, desk.before, soundings[0], book), _study(desk, desk.after, soundings[1]))
    evidence = _told(lacks, "policy", lambda: _evidence(desk))
    known = evidence if isinstance(evidence, Evidence) else None
    policy = None if known is None else _told(lacks, "policy", lambda: _policy(desk, known))
    gates = _gates(desk) or None
    if gates is None:
        lacks["gates"] = _NO_OTHER if desk.is_retargeted else "no package has been through the gates yet"
    review = _told(lacks, "review", lambda: _review(desk, known))
    return Replay(study, policy, gates, review, _again(desk), lacks)


_NO_OTHER = "something else is predicted, of which no package knows yet"


class _Lack(Exception):
    """Why something cannot be told."""


def _told(lacks: dict[str, str], part: str, tell: Callable[[], Any]) -> Any:
    """What is told; where it cannot be, the reason is kept."""
    try:
        return tell()
    except _Lack as lack:
        lacks[part] = str(lack)
    except LooplineError as error:
        lacks[part] = error.what
    return None


def _at(step: Step, book: Mapping[str, Any] | None) -> Step:
    """A study at the prices of another book."""
    return step if book is None else replace(step, inputs={**step.inputs, "book": book})


def _soundings(desk: Desk, before: Declaration, after: Declaration) -> tuple[Step | None, Step | None]:
    """What is sounded anew for each charter: both of them, on the same rows, where the one after reads what the newest sounding did not; else neither."""
    newest, asked = desk.state.latest.get(charter_stage.SOUNDING), desk.asked_after.get(charter_stage.SOUNDING)
    if newest is None or asked is None or newest.body["made_from"]["reads"] == asked.made_from["reads"]:
        return None, None
    loop = desk.loop
    first, second = (
        Loop(Project(loop.project.folder, one, text=loop.project.text), loop.workspace).asked(sounding=True)[charter_stage.SOUNDING] for one in (before, after)
    )
    return first, second


def _study(desk: Desk, charter: CharterSpec, sounding: Step | None, book: Mapping[str, Any] | None = None) -> Facts:
    """The study of a charter; at other prices the outcomes that the data hold are counted anew, and the data are sounded again where they have been before."""
    project = desk.loop.project
    step = next(charter_stage.steps(charter, Ask(project=project.name, folder=project.folder, state=desk.state, facts={})))
    assert isinstance(step, Step)
    step = _at(step, book)
    if sounding is not None:
        step = replace(step, inputs={**step.inputs, "sounding": _facts(desk, sounding)})
    if step.key in desk.state.succeeded:
        return _facts(desk, step)
    if step.inputs.get("outcome") is None:
        step = replace(step, inputs={**step.inputs, **_at_stake(desk, charter)})
    return _facts(desk, step)


def _facts(desk: Desk, step: Step) -> Facts:
    """What a step found, or finds now; nothing of it is kept."""
    done = desk.state.succeeded.get(step.key)
    facts: Facts = resolve(step.function)(desk.job(step)) if done is None else done.body["facts"]
    return facts


def _at_stake(desk: Desk, charter: CharterSpec) -> dict[str, Any]:
    """What the newest rows hold for a charter; nothing before any are read."""
    made = [entry for name in charter_stage.MEASURING if (entry := desk.state.latest.get(("data", name))) is not None and "outcome" in entry.body["facts"]]
    if not made:
        return {}
    facts = max(made, key=lambda entry: entry.seq).body["facts"]
    rows = Tables(desk.loop.workspace.lake).read(facts["main"], version=facts["tables"][facts["main"]]["version"])
    found = stakes(rows, charter)
    return {"outcome": found.outcome, "task": found.target.task}


def _evidence(desk: Desk) -> Evidence:
    champion = desk.state.champion
    if champion is None:
        raise _Lack("no package decides yet, so that nothing has been decided")
    if desk.is_retargeted:
        raise _Lack(_NO_OTHER)
    columns = columns_of(desk.before.worth) | columns_of(desk.after.worth)
    columns |= slice_columns((*desk.before.acceptance, *desk.after.acceptance))
    return inquire(desk.loop.workspace, desk.state, champion, desk.before.worth, columns=columns)


def _policy(desk: Desk, evidence: Evidence) -> Redecided:
    if not desk.is_repriced and desk.before.volume == desk.after.volume:
        raise _Lack("neither prices nor volume change, so that every decision stays and earns the same")
    own = [window for window in evidence.windows if window["package"] == evidence.package.digest]
    value = desk.declared.value
    setting = Setting(
        confidence=value.confidence,
        needed=value.outcomes_needed,
        before_per_year=per_year(evidence.windows, desk.before),
        after_per_year=per_year(evidence.windows, desk.after),
        shown=shown(own, desk.after),
    )
    return redecide(_past(evidence), desk.before, desk.after, desk.declared.model.policy, setting)


def _past(evidence: Evidence) -> Past:
    return Past(served=evidence.decisions, tested=evidence.reference, policy=evidence.policy)


def _gates(desk: Desk) -> list[dict[str, Any]]:
    """For the champion and the newest package, the verdicts of the gates that read the charter, under both."""
    if desk.is_retargeted:
        return []
    entries = {entry.body["facts"]["package"]: entry.body["facts"] for entry in judged_packages(desk.state)}
    newest = list(entries)[-1:]
    told = []
    for package in dict.fromkeys([desk.state.champion, *newest]):
        proof = evidence_of(desk.state, package)
        if package is None or package not in entries or proof is None:
            continue
        bench = _bench(desk, package, entries[package], proof)
        sides = [
            verdicts(replace(bench, book=of_charter(charter, desk.loop.project.folder)), charter, is_trained=_is_trained(desk.state, package, charter))
            for charter in (desk.before, desk.after)
        ]
        names = dict.fromkeys([*sides[0], *sides[1]])
        gates = [{"name": name, **{when: _verdict(side.get(name)) for when, side in zip(("before", "after"), sides, strict=True)}} for name in names]
        told.append({"package": package, "decides": package == desk.state.champion, "gates": gates})
    return told


def _bench(desk: Desk, package: str, facts: Facts, proof: str) -> Bench:
    workspace, model = desk.loop.workspace, desk.declared.model
    step = desk.asked.get(GATES)
    spent = step.inputs.get("spent") if step is not None and step.inputs.get("package") == package else None
    return Bench.of(
        Predictor.load(Blobs(workspace.lake), package, Trust.of(workspace.ledger)),
        Blobs(workspace.lake).get(proof),
        (desk.before, desk.after),
        limits=desk.declared.release,
        recorded=facts,
        has_rule=model.baseline is not None or model.season is not None,
        spent=spent,
    )


def _is_trained(state: State, package: str, charter: CharterSpec) -> bool:
    """Whether a package was made at the prices of a charter."""
    search = state.succeeded.get(state.packages[package].key) if package in state.packages else None
    reads = {} if search is None else search.body["made_from"]["reads"]
    return bool(reads.get("worth") == brief_digest(charter.fields("worth")["worth"]))


def _verdict(verdict: Any) -> dict[str, Any] | None:
    return None if verdict is None else {"passed": verdict.passed, "asked": verdict.asked, "value": verdict.value, "says": verdict.says}


def _review(desk: Desk, evidence: Evidence | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the review recommends and which monitors of the business find something, under both."""
    step = desk.asked.get(_REVIEW)
    if evidence is None or step is None or not evidence.windows:
        raise _Lack(_NO_OTHER if desk.is_retargeted else "nothing has been served and watched yet")
    case = case_of(desk.job(step))
    told = []
    for charter in (desk.before, desk.after):
        under = case_under(case, charter, _past(evidence), repriced=desk.is_repriced)
        review, own = judge(under), under.own
        told.append(
            {
                "recommendation": review.recommendation,
                "why": review.reasons[0].says,
                "reasons": [reason.says for reason in review.reasons],
                "earned": None if own is None else own.earned.mean,
                "added_per_year": None if own is None or own.yearly is None else own.yearly.mean,
                "criteria": [{"id": one.id, "passed": one.passed, "says": one.says} for one in under.criteria],
                "monitors": {name: None if found is None else [breach["says"] for breach in found] for name, found in monitored(under).items()},
            }
        )
    return told[0], told[1]


def _fields(step: Step) -> dict[str, Any]:
    """What a step reads, with the charter's fields by their own names, and the values of the price book where it is handed them."""
    reads, book = step.reads, step.inputs.get("book")
    beside = {name: value for name, value in reads.items() if name != "charter"}
    return beside | dict(reads.get("charter") or {}) | ({} if book is None else {BOOK: book})


def _again(desk: Desk) -> list[dict[str, Any]]:
    """The steps that read what changed, in the order of the loop: at least these are done again, and what is made from their results, too."""
    found = []
    for (stage, name), step in desk.asked_after.items():
        old = desk.asked.get((stage, name))
        if old is None or old.key == step.key:
            continue
        reads = changed(_fields(old), _fields(step))
        found.append({"stage": stage, "step": name, "reads": reads, "known": step.key in desk.state.succeeded})
    return found
