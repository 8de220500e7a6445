"""What of the data waits for a person: refused rows, batches that are held back, and questions about odd values and rules."""

from __future__ import annotations

from polars.exceptions import PolarsError

from loopline.access.people import reason as given_reason
from loopline.data.batches import KINDS, holding
from loopline.data.intake.admission import admit
from loopline.data.quarantine.mends import MENDS
from loopline.data.quarantine.quarantine import QUARANTINE
from loopline.data.quarantine.waiting import Waiting, waiting
from loopline.errors import LooplineError
from loopline.lake.tables import Tables
from loopline.ledger.entry import Entry
from loopline.web.asked import Asked
from loopline.web.beside import BESIDE, PATIENCE_S
from loopline.web.current import Current
from loopline.web.forms import seen_of
from loopline.web.kept import Kept
from loopline.web.page import About, Action, Done, Form
from loopline.web.pages.data import review
from loopline.web.pages.data.shown import ROWS, moved, version_of, writing
from loopline.web.waiting import OfData

_WAIT_S, _HURRIED_S = 0.02, 1.0
_REFUSED: Kept[Waiting] = Kept(8)
_HELD: Kept[tuple[Entry, ...]] = Kept(8)


def of_data(current: Current) -> OfData:
    """What of the data waits now; of a lake that cannot be read only what the ledger has."""
    try:
        refused, asked = _refused(current), _questions(current)
    except (LooplineError, OSError, PolarsError):
        # The data pages say what is wrong with it.
        refused, asked = Waiting(), 0
    return OfData(refused=refused, held=held_back(current), asked=asked)


def _refused(current: Current) -> Waiting:
    versions = [version_of(current, name) for name in (QUARANTINE, MENDS)]
    return _REFUSED.of((current.workspace.lake.url, *versions), lambda: waiting(Tables(current.workspace.lake)))


def _questions(current: Current) -> int:
    """They are looked for beside the page; until they are found nothing is said of them, but to whom has time."""
    tables = list(current.project.declaration.data.sources)
    key = ("review", current.project, moved(current), *(version_of(current, name) for name in tables))
    found, _ = BESIDE.ask(key, lambda: sum(review.count_open(current, table) for table in tables), wait_s=None if PATIENCE_S.get() > _HURRIED_S else _WAIT_S)
    return found or 0


def held_back(current: Current) -> tuple[Entry, ...]:
    """The entries that hold batches back now, the oldest first."""
    return _HELD.of((current.project, moved(current)), lambda: _held_back(current))


def _held_back(current: Current) -> tuple[Entry, ...]:
    ledger = current.workspace.ledger
    # Where nothing ever was held back, the entries of the batches need not be read.
    told = {entry.subject for entry in ledger.read(kinds=("held",))} & {*current.project.declaration.data.sources}
    found = [entry for name in told for entry in holding(ledger.read(kinds=KINDS, subject=name)).stopped.values()]
    return tuple(sorted(found, key=lambda entry: entry.seq))


def let_in(current: Current, asked: Asked, form: Form) -> Done:
    """Let in a batch that rules over the whole of it hold back, with the reason."""
    why = given_reason(form.get("why", ""))
    with writing(current):
        entry = admit(current.workspace, current.project.declaration.data, asked.path["batch"], by=asked.reader.name, why=why)
    return Done(f"{entry.body['file']} may enter {entry.subject}: the next turn takes it in.", "/data")


def as_held(current: Current, asked: Asked, form: Form) -> str:
    """What holds a batch back now."""
    return seen_of(*(entry.id for entry in held_back(current) if entry.key == asked.path["batch"]))


def about_held(current: Current, asked: Asked, form: Form) -> tuple[About, ...]:
    """What tells of the batches that are held back."""
    return (About(KINDS),)


ACTIONS = (Action("/data/admit/{batch}", let_in, ROWS, as_held, about_held),)
