"""Whether a package that was let on trial may decide no more: a gate that it passes no longer, a no, or a yes that was taken back."""

from __future__ import annotations

from loopline.charter.spec import CharterSpec
from loopline.ledger.entry import Entry
from loopline.ledger.state import State
from loopline.release.approvals import gates_today, rules_of
from loopline.release.spec import ReleaseSpec
from loopline.release.tally import tally
from loopline.release.waivers import failing


def withdrawal(spec: ReleaseSpec, charter: CharterSpec, state: State, package: str, *, since: Entry | None = None) -> str:
    """Why a package may decide no more; empty where it still may.

    Parameters
    ----------
    since
        The entry with which it was let on trial: a yes that stood then must stand now. None to ask for a no alone.
    """
    failed = [gate["name"] for gate in failing(gates_today(spec, charter, state, package))]
    if failed:
        return f"{package[:8]} no longer passes {', '.join(failed)}"
    rules, words = rules_of(spec, charter, state, package), state.approvals.get(package, ())
    now = {one.role: one for one in tally(rules, words).roles}
    refusal = next((one.refusal for one in now.values() if one.refusal is not None), None)
    if refusal is not None:
        return f"{package[:8]} is refused by {refusal.actor} as {refusal.body['role']}: {refusal.body['why']}"
    before = tally(rules, [word for word in words if since is not None and word.seq < since.seq]).roles
    lost = [one.role for one in before if one.is_met and not now[one.role].is_met]
    return f"the yes of {' and '.join(lost)} to {package[:8]} was taken back" if lost else ""
