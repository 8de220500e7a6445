"""The packages that were made: found by the beginning of a digest, with what was found of them; of a file that one lacks, the remedy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loopline.errors import Mistake
from loopline.ledger.entry import Entry
from loopline.ledger.state import State
from loopline.ledger.store import Ledger
from loopline.model.origin import import_of

EVALUATION, EXPLANATION = "evaluation.json", "explanation.json"
"""The files in which a package says what was measured of it, and what it does with its columns."""

_STEPS = (("model", "search"), ("model", "import"))


def named(state: State, digest: str | None) -> Entry:
    """The entry of a package, by the beginning of its digest; by default of the newest, whether the search made it or it was imported.

    Raises
    ------
    Mistake
        When there is no such package, or several begin so.
    """
    if not state.packages:
        raise Mistake("no package has been made yet", remedy="loopline run --until model")
    if digest is None:
        return state.packages[newest(state) or ""]
    found = [entry for name, entry in state.packages.items() if digest and name.startswith(digest)]
    if len(found) != 1:
        what = f"several packages have digests that begin with {digest!r}" if found else f"there is no package {digest!r}"
        raise Mistake(what, remedy="`loopline model list` shows the packages")
    return found[0]


def newest(state: State) -> str | None:
    """The package that the model stage made or judged last, for a search may come upon an earlier one again, which is entered once; None before one."""
    done = [state.latest[step] for step in _STEPS if step in state.latest]
    if not done:
        return max(state.packages.values(), key=lambda entry: entry.seq).subject if state.packages else None
    return str(max(done, key=lambda entry: entry.seq).body["facts"]["package"])


def worth_of(state: State, package: str | None) -> Mapping[str, Any] | None:
    """What a package earned when the model stage made or judged it last, else when it was entered; None where nobody knows."""
    judged = [entry for step in _STEPS if (entry := state.latest.get(step)) is not None and entry.body["facts"].get("package") == package]
    if judged:
        told: Mapping[str, Any] | None = max(judged, key=lambda entry: entry.seq).body["facts"].get("worth")
        return told
    entry = state.packages.get(package or "")
    known: Mapping[str, Any] | None = None if entry is None else entry.body.get("worth")
    return known


def require(state: State, ledger: Ledger, package: Entry, file: str, *, lack: str, instead: str) -> None:
    """A package has a file.

    Parameters
    ----------
    lack
        What it does not do without the file, after "it".
    instead
        The command that asks another package the same, to which its digest is added.

    Raises
    ------
    Mistake
        When it lacks the file; the remedy is that for the way in which it came here.
    """
    if file in package.body["manifest"]["files"]:
        return
    brought = import_of(package, ledger.read(kinds=("import",)))
    where = f"package {package.subject[:12]}"
    if brought is None:
        raise Mistake(f"it {lack}", where=where, remedy="make it anew: loopline run --fresh model")
    if brought.form == "package":
        remedy = "where it was made: loopline run --fresh model, and then loopline model export again"
        raise Mistake(f"it was imported from {brought.name} and {lack}", where=where, remedy=remedy)
    searched = state.facts("model", "search") or {}
    remedy = f"ask the search's package: {instead} {str(searched.get('package', 'DIGEST'))[:12]}"
    raise Mistake(f"it was imported from {brought.name} and {lack}: a graph is judged, and nothing more", where=where, remedy=remedy)


def facts_of(state: State, ledger: Ledger, package: Entry) -> Mapping[str, Any]:
    """What the step that made or judged a package last found; empty where no step's facts are kept."""
    known = (*(state.latest.get(step) for step in _STEPS), state.succeeded.get(package.key))
    if found := [entry for entry in known if entry is not None and entry.body["facts"].get("package") == package.subject]:
        last: Mapping[str, Any] = max(found, key=lambda entry: entry.seq).body["facts"]
        return last
    # Made afresh since, or freed: only the ledger still has it, under the keys of the steps that made or judged it.
    tried = [entry for key in state.made.get(package.subject, ()) for entry in ledger.read(kinds=("step",), key=key) if entry.subject == "model"]
    told = [entry for entry in tried if (entry.body.get("facts") or {}).get("package") == package.subject]
    return max(told, key=lambda entry: entry.seq).body["facts"] if told else {}
