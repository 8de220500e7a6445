"""What the monitors have raised: the alerts, one of them with all that is known of it, and what a person says of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from loopline.errors import Mistake
from loopline.ledger.entry import Entry
from loopline.watch import spoken
from loopline.watch.alerts import find
from loopline.watch.causes import explains
from loopline.watch.dossier import Dossier, explained
from loopline.watch.explanation import Explanation
from loopline.watch.spec import URGENCY
from loopline.watch.standing import Alerts, Standing, listed, standings
from loopline.web.asked import Asked
from loopline.web.beside import BESIDE
from loopline.web.current import Current
from loopline.web.forms import seen_of
from loopline.web.hand import may_act, person_of, require_stakeholder
from loopline.web.page import About, Action, Done, Form, Missing, Page
from loopline.web.said import PER_PAGE, page_of

VERBS = (spoken.ACKNOWLEDGED, spoken.RESOLVED)
EXPLAINED = 50
"""So many alerts that explain one stand on its page."""
REPORTED = 12
"""So many alerts are told in full in a report."""
SPANS = ("1h", "4h", "12h", "1d", "3d", "7d", "30d")
"""How long a silence may last by the form; an end of one's own may be any."""


ANEW = seen_of("a silence of a monitor")
"""What a form of the list carries by which a monitor is made silent."""


@dataclass(frozen=True)
class AlertList:
    """The alerts.

    Parameters
    ----------
    found
        Those that last, or all, with the silences that last.
    silences
        Each with what its end is decided on.
    may_act
        Whether the reader may make monitors silent.
    """

    title: str
    found: Alerts
    everything: bool
    page: int
    silences: tuple[tuple[Entry, str], ...]
    monitors: tuple[str, ...]
    may_act: bool
    anew: str = ANEW

    @property
    def shown(self) -> tuple[tuple[Standing, str], ...]:
        """Those of this page, each with what it explains where it does."""
        found = self.found.shown[(self.page - 1) * PER_PAGE : self.page * PER_PAGE]
        return tuple((one, "" if one.is_told_apart else one.says) for one in found)

    @property
    def pages(self) -> int:
        """How many pages the list has."""
        return -(-len(self.found.shown) // PER_PAGE)

    def as_json(self) -> dict[str, Any]:
        """The same as plain values: those of ``loopline alerts list``, of this page."""
        return {**self.found.as_json(), "alerts": [one.as_json() for one, _ in self.shown], "page": self.page, "pages": self.pages}


@dataclass(frozen=True)
class Alert:
    """One alert.

    Parameters
    ----------
    is_explained
        Whether what explains it has been worked out.
    explaining, more
        The first of the alerts that explain it, and how many others do.
    may_act
        Whether the reader may act on it.
    seen, silence_seen
        What the reader decides on.
    """

    title: str
    dossier: Dossier
    is_explained: bool
    explaining: tuple[tuple[Standing, str], ...]
    more: int
    may_act: bool
    seen: str
    silence_seen: str

    @property
    def state(self) -> str:
        """What became of it, whether it is silent or not."""
        return str(self.dossier.standing.entry.body["state"])

    def as_json(self) -> dict[str, Any]:
        """The same as plain values: those of ``loopline alerts show``."""
        return {**self.dossier.as_json(), "is_explained": self.is_explained}


def view(current: Current, asked: Asked) -> AlertList:
    """The alerts that last; with ``?all=1`` the resolved ones as well."""
    everything = asked.query.get("all") == "1"
    found = listed(current.state, current.at, everything=everything)
    silences = tuple((entry, _of_silence(current, entry.subject)) for entry in found.silences)
    return AlertList("Alerts", found, everything, page_of(asked.query), silences, tuple(URGENCY), may_act(current, asked))


def one(current: Current, asked: Asked) -> Alert:
    """The alert of the path."""
    state, ledger = current.state, current.workspace.ledger
    try:
        entry = find(state.alerts, asked.path["id"])
    except Mistake as error:
        raise Missing(error.what, remedy="the list of alerts names them all, the resolved ones too") from None
    found = {one.id: one for one in standings(state, current.at)}
    explanation, is_explained = _explanation(current, entry)
    history = ledger.read(kinds=("alert",), subject=entry.subject)
    others = tuple(found[other] for other in found[entry.subject].explained_by[:EXPLAINED])
    dossier = Dossier(found[entry.subject], others, explanation, history)
    return Alert(
        title=f"Alert {entry.subject}",
        dossier=dossier,
        is_explained=is_explained,
        explaining=tuple((other, explains(other.entry.body)) for other in others),
        more=len(found[entry.subject].explained_by) - len(others),
        may_act=may_act(current, asked),
        seen=_of_alert(entry),
        silence_seen=_of_silence(current, entry.subject),
    )


def _explanation(current: Current, entry: Entry) -> tuple[Explanation | None, bool]:
    """What explains an alert, and whether that is known yet: of a large log it takes seconds, and is worked out beside the page."""
    state = current.state
    if entry.body["package"] not in state.packages:
        return None, True
    made_of = [state.latest[step].id for step in (("watch", "windows"), ("serve", "collect")) if step in state.latest]
    worth = current.project.declaration.charter.worth
    key = ("explanation", current.project.name, entry.id, *made_of, worth.model_dump_json())
    return BESIDE.ask(key, lambda: explained(current.workspace, state, worth, entry.body))


def _of_alert(entry: Entry) -> str:
    """What is decided on: what became of the cause, by whom; that it goes on being seen changes nothing."""
    return seen_of(entry.subject, entry.key, entry.body["state"], entry.body.get("by"))


def _of_silence(current: Current, subject: str) -> str:
    newest = current.state.silences.get(subject)
    return seen_of(subject, None if newest is None else newest.id)


def _seen_alert(current: Current, asked: Asked, form: Form) -> str:
    return _of_alert(find(current.state.alerts, asked.path["id"]))


def speak(current: Current, asked: Asked, form: Form) -> Done:
    """Take an alert on, or close it, as the commands do."""
    verb, why = form.get("verb", ""), form.get("why", "").strip()
    require_stakeholder(current, asked)
    if verb not in VERBS:
        raise Mistake(f"{verb[:40]!r} is nothing to be said of an alert", where="verb", remedy=f"say one of: {', '.join(VERBS)}")
    charter = current.project.declaration.charter
    entry = spoken.speak(current.workspace.ledger, charter, current.state, asked.path["id"], verb, who=person_of(asked), why=why)
    return Done(f"{entry.subject} is {verb} by {asked.reader.name}: {entry.body['what']}", f"/live/alerts/{entry.subject}")


def _about_alert(current: Current, asked: Asked, form: Form) -> tuple[About, ...]:
    return (About(("alert",), find(current.state.alerts, asked.path["id"]).subject),)


def _about_silence(current: Current, asked: Asked, form: Form) -> tuple[About, ...]:
    return (About(("silence",), form.get("of") or _subject(current, form)),)


def _subject(current: Current, form: Form) -> str:
    said = current.project.declaration
    id, monitor, feature = form.get("id") or None, form.get("monitor") or None, form.get("feature", "").strip()
    return spoken.subject_of(current.workspace, said.data, said.charter, current.state, id=id, monitor=monitor, feature=feature)


def _seen_silence(current: Current, asked: Asked, form: Form) -> str:
    # Which monitor is to be silent is said by the form itself: nothing of it was seen before.
    return ANEW if form.get("monitor") else _of_silence(current, form.get("of") or _subject(current, form))


def silence(current: Current, asked: Asked, form: Form) -> Done:
    """Tell nobody of an alert, or of what a monitor finds, for a while; or end that, as the command does."""
    ledger, charter, who, why = current.workspace.ledger, current.project.declaration.charter, person_of(asked), form.get("why", "").strip()
    require_stakeholder(current, asked)
    if form.get("of"):
        entry = spoken.unsilence(ledger, charter, current.state, form["of"], now=current.at, who=who, why=why)
        return Done(f"The silence of {entry.subject} has ended", "/live/alerts")
    span, until = form.get("for") or None, form.get("until") or None
    if (span is None) == (until is None):
        raise Mistake("say for how long, in one way", where="silence", remedy="choose how long it lasts, or name its end, and leave the other empty")
    end = spoken.until_of(span, until, current.at)
    entry = spoken.silence(ledger, charter, _subject(current, form), until=end, now=current.at, who=who, why=why)
    return Done(f"Nobody is told of {entry.subject} until {end:%Y-%m-%d %H:%M} UTC", f"/live/alerts/{form['id']}" if form.get("id") else "/live/alerts")


def _newest(current: Current) -> list[dict[str, str]]:
    """The newest alerts that are open, for a report."""
    return [{"id": entry.subject} for entry in current.state.open_alerts()[-REPORTED:]]


PAGES = (
    Page("alerts", "/live/alerts", view, "live_alerts.html.j2"),
    Page("an alert", "/live/alerts/{id}", one, "live_alert.html.j2", reported=_newest),
)
ACTIONS = (
    Action("/live/alerts/{id}/word", speak, seen=_seen_alert, about=_about_alert),
    Action("/live/silences", silence, seen=_seen_silence, about=_about_silence),
)
