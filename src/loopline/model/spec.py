"""The model as it is declared: families to try, how long to search, and what is left out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from loopline.charter.spec import Money
from loopline.declaration import RateText, Share, Span, Spec
from loopline.errors import Mistake
from loopline.model.spec_features import FeatureSpec, Rules

FAMILIES = {
    "baseline": "loopline.model.baseline:family",
    "linear": "loopline.model.linear:family",
    "lightgbm": "loopline.model.boosted:family",
    "extra_trees": "loopline.model.forests:extra_trees",
    "random_forest": "loopline.model.forests:random_forest",
    "neighbours": "loopline.model.neighbours:family",
    "rules": "loopline.model.rules:family",
    "xgboost": "loopline.model.xgboosted:family",
    "catboost": "loopline.model.catboosted:family",
}
"""The built-in families; one's own stands in the declaration as ``module:function``, and is called the same way."""

EXTRAS = ("xgboost", "catboost")
"""The families whose library is an extra of the same name."""

GROUP = "loopline.families"
"""The group of entry points by which a package offers families."""
Direction = Literal["rise", "fall"]
Hold = Literal["rise", "fall", "exclude"]
"""What may be held of a column: that the score only rises or only falls with it, or that the model does not read it."""

_OWN = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


def offered() -> dict[str, str]:
    """The families that installed packages offer, by name, each as ``module:function``; a built-in one's name is not given away."""
    return {one.name: one.value for one in sorted(entry_points(group=GROUP), key=lambda one: (one.name, one.value)) if one.name not in FAMILIES}


def installed(name: str) -> bool:
    """Whether all that a built-in family stands on is installed; nothing is imported."""
    return name not in EXTRAS or find_spec(name) is not None


def require_installed(names: Iterable[str]) -> None:
    """Check that the families' extras are installed, before anything is computed.

    Raises
    ------
    Mistake
        Naming the first that is not, and the command that installs it.
    """
    for name in names:
        if not installed(name):
            said = f"the family {name!r} needs the extra {name!r}, which is not installed"
            raise Mistake(said, where="model.families", remedy=f"pip install 'loopline[{name}]'")


def _family(name: str) -> str:
    if name in FAMILIES or _OWN.fullmatch(name):
        return name
    known = [*FAMILIES, *offered()]
    if name in known:
        return name
    near = get_close_matches(name, known, n=1)
    remedy = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}."
    raise ValueError(f"there is no family {name!r}; {remedy} One's own is written module:function")


Weighting = Literal["all", "balanced", "worth", "recent"]
Family = Annotated[str, AfterValidator(_family)]


class SearchSpec(Spec):
    """How long to search: it ends by the number of trials, and minutes, money and memory only cap it.

    Parameters
    ----------
    trials
        Candidates at most.
    minutes
        Of the whole search with its last fit.
    spend
        Money at most, by the price of this machine in `charter.prices`.
    memory_gb
        Of all workers together; fewer work at once where they would take more.
    workers
        Candidates that are fitted at once, one thread each; as many as the engine has by default.
    by
        What ranks candidates: ``worth``, or a metric of the task.
    weighting
        What rows may count by: all the same (``all``), each class the same (``balanced``), what their decision is worth (``worth``), and the
        later the more (``recent``). The search tries each; by default those that suit the data.
    """

    trials: int = Field(default=40, ge=1)
    minutes: float = Field(default=10, gt=0)
    spend: float | None = Field(default=None, gt=0)
    memory_gb: float | None = Field(default=None, gt=0)
    workers: int | None = Field(default=None, ge=1)
    by: str = "worth"
    weighting: tuple[Weighting, ...] | None = Field(default=None, min_length=1)
    ensemble: bool = True


class SplitSpec(Spec):
    """How rows become a training, a validation and a test part: the latest ones are kept where there is a time column.

    Parameters
    ----------
    validation, test
        Shares of the rows.
    group
        A column whose rows of one value stay in one part, such as the customer; not where rows are split by time.
    column
        A column that says ``train``, ``validation`` or ``test``; it is no feature.
    folds
        Times that candidates are judged, each on other rows: blocks of time, or folds of a cross-validation; 1 is the validation part alone.
        By default as many as the rows are few.
    repeats
        Times that a cross-validation is repeated.
    gap
        Time between a row's decision and its outcome, where the charter's `decided` and `outcome_known` do not say it.
    """

    validation: float = Field(default=0.2, gt=0, lt=0.5)
    test: float = Field(default=0.2, gt=0, lt=0.5)
    group: str | None = None
    column: str | None = None
    folds: int | None = Field(default=None, ge=1, le=20)
    repeats: int | None = Field(default=None, ge=1, le=20)
    gap: Span | None = None


class AskSpec(Spec):
    """What is left to a person: where a look is worth more than it costs.

    Parameters
    ----------
    at_most
        The share of the rows that people can take, such as ``5%``.
    costs
        Money of one look by a person, whose decision then counts as right.
    """

    at_most: Share = Field(gt=0, lt=1)
    costs: float = Field(ge=0, allow_inf_nan=False)


class PolicySpec(Spec):
    """How a score becomes a decision (binary tasks); what is not said is chosen by what it earns on the judged rows.

    Parameters
    ----------
    kind
        ``threshold``: one limit for all rows. ``expected_worth``: each row by its own prices. ``top`` and ``budget`` follow from `capacity` and `budget`.
    threshold
        The probability from which on one acts, where an experiment or the team has found it; nothing is chosen then.
    capacity
        Rows that can be acted on, such as ``30 per day``.
    budget
        Money that can be spent on acting, such as ``500 per week``, at `cost` a row.
    cost
        A number, or an expression over the row's columns.
    ask
        What is left to a person.
    """

    kind: Literal["auto", "threshold", "top", "budget", "expected_worth"] = "auto"
    threshold: float | None = Field(default=None, ge=0, le=1)
    capacity: RateText | None = None
    budget: RateText | None = None
    cost: Money | None = None
    ask: AskSpec | None = None

    @model_validator(mode="after")
    def _one_rule(self) -> PolicySpec:
        if self.capacity is not None and self.budget is not None:
            raise ValueError("capacity and budget are two limits; say the one that binds first")
        if self.threshold is not None and (self.capacity or self.budget or self.kind not in ("auto", "threshold")):
            raise ValueError("threshold says what to act on, and so does the rest; leave one of them out")
        if (self.budget is None) != (self.cost is None):
            raise ValueError("budget and cost belong together; say budget: 500 per week and cost: 12")
        for limit, name, rule in ((self.capacity, "capacity", "top"), (self.budget, "budget", "budget")):
            if self.kind == rule and limit is None:
                raise ValueError(f"kind: {rule} needs {name}, such as {name}: 30 per day")
            if limit is not None and self.kind not in ("auto", rule):
                raise ValueError(f"{name} makes the kind {rule}, and kind says {self.kind}; leave one of them out")
            if limit is not None and limit.amount <= 0:
                raise ValueError(f"{name} leaves nothing to act on; say more than 0")
            if limit is not None and self.ask is not None:
                raise ValueError(f"{name} and ask do not go together; leave one of them out")
        return self

    @property
    def limit(self) -> str | None:
        """The period that a limit counts by, such as ``day``; None without a limit."""
        rate = self.capacity or self.budget
        return None if rate is None else rate.period


class LeaksSpec(Spec):
    """Columns that the team says are known when it decides, although they look as if they were not."""

    allow: tuple[str, ...] = ()


class AssessSpec(Spec):
    """What is measured of the chosen candidate beyond what it earns.

    Parameters
    ----------
    refits
        Whether its heaviest member is fitted anew: with other seeds (is it stable?), and to fewer rows (would more rows pay?).
    """

    refits: bool = True


class ModelSpec(Spec):
    """Families, search, split, the columns that are left out, those whose groups must be served alike (`fairness`), and those that are held to.

    `rules` are what the expert knows, each a condition over the row's columns and a feature of its own; the family ``rules`` is a model of them
    alone. `monotone` names columns with which the score may only rise or only fall. `baseline` is the rule by which the team decides today, over the
    row's columns, and `season` the time after which things come round again (regression): the model must beat both.
    """

    families: tuple[Family, ...] = Field(default=("linear", "lightgbm", "extra_trees", "random_forest"), min_length=1)
    search: SearchSpec = SearchSpec()
    split: SplitSpec = SplitSpec()
    features: FeatureSpec = FeatureSpec()
    assess: AssessSpec = AssessSpec()
    policy: PolicySpec = PolicySpec()
    leaks: LeaksSpec = LeaksSpec()
    leave_out: tuple[str, ...] = ()
    fairness: tuple[str, ...] = ()
    monotone: dict[str, Direction] = {}
    rules: Rules = ()
    baseline: str | None = None
    season: Span | None = None
    seed: int = Field(default=0, ge=0, lt=2**31)

    @model_validator(mode="after")
    def _each_once(self) -> ModelSpec:
        twice = sorted({name for name in self.families if self.families.count(name) > 1})
        if twice:
            raise ValueError(f"families names {', '.join(twice)} twice; name each once")
        if "rules" in self.families and not self.rules:
            raise ValueError("families names rules, and there are none; say them, as in rules: ['dep_delay > 60'], or take the family out")
        again = [text for at, text in enumerate(self.rules) if text in self.rules[:at]]
        if again:
            raise ValueError(f"rules says {again[0]!r} twice; say each once")
        both = sorted(set(self.monotone) & set(self.leave_out))
        if both:
            raise ValueError(f"monotone names {', '.join(both)}, which leave_out leaves out; name each in one of them")
        return self
