"""What the pages do not count yet of what servers have answered, and when they will; and a server that is not heard."""

from __future__ import annotations

from datetime import timedelta

from loopline.serve.running import silent
from loopline.serve.uncollected import uncollected
from loopline.watch.turns import Watcher, watched
from loopline.web.current import Current


def coming(current: Current) -> str:
    """What the server's log has that no turn has collected, and when the next turn comes, in words; empty where it has nothing."""
    workspace, declared = current.workspace, current.project.declaration
    waits = str(uncollected(workspace.lake.log, was_collected=current.state.facts("serve", "collect") is not None))
    if not waits:
        return ""
    return f"{waits}; {_next(watched(workspace.ledger, declared.data, declared.watch, current.at))}"


def unheard(current: Current) -> str:
    """Why the server that is to run is not heard, in words; empty where it answers, or none is to run."""
    spec = current.project.declaration.serve
    return silent(current.workspace.ledger, spec.host, spec.port, current.at)


def _next(turns: Watcher) -> str:
    every_s = None if turns.last is None else turns.last.body["every_s"]
    if turns.is_late and turns.says:
        return turns.says
    if turns.last is None or not every_s:
        return "the next turn collects them (loopline run)"
    # Idle turns are not all entered: the next one is so many whole spans after the last that was.
    gone = max(0.0, (turns.now - turns.last.time).total_seconds())
    at = turns.last.time + timedelta(seconds=(gone // every_s + 1) * every_s)
    return f"the next turn comes at {at:%H:%M} UTC at the latest"
