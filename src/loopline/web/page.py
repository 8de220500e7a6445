"""What a page and an action are: each page is a view of what holds now, each action a change that is entered with its author."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from loopline.errors import LooplineError
from loopline.web.asked import Asked
from loopline.web.current import Current
from loopline.web.work import Work as Work

Form = Mapping[str, str]
Parameters = Mapping[str, str]


class View(Protocol):
    """What a page shows: frozen, made once, laid out as HTML or given as JSON."""

    @property
    def title(self) -> str:
        """What the page is called in a tab."""
        ...

    def as_json(self) -> dict[str, Any]:
        """The same facts as plain values."""
        ...


@dataclass(frozen=True)
class Page:
    """A page of a project.

    Parameters
    ----------
    name
        Its name, by which pages and tests speak of it.
    path
        Its address below the project's, as Starlette writes paths: ``/data/tables/{table}``. The first part is the section it belongs to.
    view
        Makes what it shows. Raises `Missing` where there is no such thing.
    template
        The file that lays it out.
    roles
        Who may see it; None: every stakeholder but a mere customer.
    by_link
        Whether who has an open link to it may see it, and needs not sign in; its path then holds the link, as ``{link}``.
    reported
        Of which things a report has this page, as the parameters of its path, and what stands behind the question mark; None: the page itself where
        its path has no parameters.
    """

    name: str
    path: str
    view: Callable[[Current, Asked], View]
    template: str
    roles: frozenset[str] | None = None
    by_link: bool = False
    reported: Callable[[Current], Sequence[Parameters]] | None = None

    def in_report(self, current: Current) -> Sequence[Parameters]:
        """The parameters with which it stands in a report."""
        if self.reported is not None:
            return self.reported(current)
        return () if "{" in self.path else ({},)

    @property
    def section(self) -> str:
        """The first part of its path; empty for the first page."""
        return self.path.strip("/").partition("/")[0]


def never(current: Current) -> Sequence[Parameters]:
    """In no report: a page that answers what is asked of it, or tells of this very moment."""
    return ()


@dataclass(frozen=True)
class File:
    """A file to keep."""

    name: str
    media_type: str
    body: bytes


@dataclass(frozen=True)
class Download:
    """An address that gives a file.

    Parameters
    ----------
    path
        Its address below the project's.
    file
        Makes the file. Raises `Missing` where there is no such thing.
    roles
        Who may have it; None: every stakeholder but a mere customer.
    """

    path: str
    file: Callable[[Current, Asked], File]
    roles: frozenset[str] | None = None


@dataclass(frozen=True)
class Done:
    """What an action did.

    Parameters
    ----------
    says
        One sentence, shown once on the page that comes next.
    to
        The address of that page, below the project's.
    """

    says: str
    to: str


@dataclass(frozen=True)
class About:
    """Entries that tell of something.

    Parameters
    ----------
    kinds
        Their kinds; every kind where empty.
    subject
        What they are about; None: anything.
    """

    kinds: tuple[str, ...] = ()
    subject: str | None = None


@dataclass(frozen=True)
class Shown:
    """What an action answers with in place of another page: what is shown this once, and kept nowhere, not even in the browser.

    Parameters
    ----------
    template
        The file that lays the view out.
    to
        The address of the page to which the reader goes on, below the project's.
    """

    view: View
    template: str
    to: str


@dataclass(frozen=True)
class Action:
    """What a form does.

    Parameters
    ----------
    path
        Its address below the project's.
    act
        Does it: called with what holds now, who asks and what the form says.
    roles
        Who may do it at all; what the charter and the command ask for besides is checked by `act`.
    seen
        What the form decides on, as it stands now, in a word; a form that was made over something else is refused. Called as `act` is.
    about
        The entries that tell what became of that: who is refused is told those that have come since the form was made. Called as `act` is.
    by_link
        Whether who has an open link may do it; its path then holds the link, as ``{link}``.
    """

    path: str
    act: Callable[[Current, Asked, Form], Done | Work | Shown]
    roles: frozenset[str] | None = None
    seen: Callable[[Current, Asked, Form], str] | None = None
    about: Callable[[Current, Asked, Form], Sequence[About]] | None = None
    by_link: bool = False


class Missing(LooplineError):
    """There is no such thing to show."""

    exit_code = 2


class Forbidden(LooplineError):
    """The reader has not the role that this needs."""

    exit_code = 2


class Stale(LooplineError):
    """A form was made over what is no more.

    Parameters
    ----------
    changed
        What has happened since, a line each.
    """

    exit_code = 1

    def __init__(self, changed: tuple[str, ...]) -> None:
        super().__init__("this has changed since you opened the form, and nothing was done", remedy="look at what changed, then decide again on the fresh page")
        self.changed = changed
