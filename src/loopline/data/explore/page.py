"""The exploration as one HTML page that needs nothing from elsewhere: no script, no font, no link; every text in it is escaped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from loopline.data.explore import pictures
from loopline.data.explore.associations import MEASURES, TELLING
from loopline.data.explore.coverage import Coverage
from loopline.data.explore.distribution import Bin, Distribution, stamp
from loopline.data.explore.explore import Exploration
from loopline.data.explore.question import Question, is_year
from loopline.data.explore.target import Level, Relation, Relations
from loopline.declaration import figure

_TOLD_APART, _FEW_ROWS = 20, 30
_DAYS_S = 3 * 86_400
Say = Callable[[float], str]
COLUMNS_SHOWN, RELATIONS_SHOWN, PAIRS_SHOWN, MISSING_SHOWN, PATTERN_COLUMNS = 300, 12, 12, 30, 24
WEIGHTS = {3: ("Ask first", "much hangs on it"), 2: ("Ask then", "something hangs on it"), 1: ("Ask when there is time", "little hangs on it")}
_ENVIRONMENT = Environment(loader=PackageLoader("loopline.data.explore"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


@dataclass(frozen=True)
class Tile:
    """A figure that matters, and what stands beside it."""

    name: str
    value: str
    note: str


@dataclass(frozen=True)
class Share:
    """A named part of a whole as a lying bar; `start` and `width` in percent, `faint` where it rests on few rows."""

    name: str
    says: str
    width: float
    title: str = ""
    start: float = 0.0
    faint: bool = False


@dataclass(frozen=True)
class Card:
    """A column as the page shows it."""

    anchor: str
    name: str
    type: str
    badges: tuple[str, ...]
    picture: Markup | None
    scale: tuple[str, str, str]
    beyond: str
    values: tuple[Share, ...]
    facts: tuple[tuple[str, str], ...]
    missing: float
    questions: int


@dataclass(frozen=True)
class Target:
    """A column against the target as the page shows it; `overall` is where the target is over all rows, in percent of the width."""

    anchor: str
    name: str
    power: str
    overall: float
    bars: tuple[Share, ...]
    stacks: tuple[tuple[Share, tuple[tuple[str, float], ...]], ...] = ()


def html(found: Exploration) -> str:
    """The exploration as one page."""
    anchors = {column.name: f"c{place}" for place, column in enumerate(found.columns)}
    return _ENVIRONMENT.get_template("explore.html.j2").render(
        found=found,
        anchors=anchors,
        tiles=tiles(found),
        groups=groups(found.questions),
        cards=[card(column, anchors, found) for column in found.columns[:COLUMNS_SHOWN]],
        missing=_missing(found),
        patterns=_patterns(found),
        map=pictures.association_map(found.associations) if len(found.associations.columns) > 1 and found.associations.pairs else None,
        pairs=[pair for pair in found.associations.pairs if abs(pair.value) >= TELLING][:PAIRS_SHOWN],
        measures=MEASURES,
        relations=[] if found.relations is None else [_target(one, found.relations, anchors) for one in found.relations.columns[:RELATIONS_SHOWN]],
        coverage=None if found.coverage is None else _coverage(found.coverage),
        method=method(found),
    )


def tiles(found: Exploration) -> list[Tile]:
    """The figures at the top."""
    survey = found.survey
    types = [column.type for column in found.columns]
    numbers = sum(kind in ("integer", "number") for kind in types)
    times = sum(kind in ("date", "datetime") for kind in types)
    gaps = sum(column.missing > 0 for column in found.columns)
    kinds = [f"{numbers} of numbers", f"{times} of times", f"{len(types) - numbers - times} of texts"]
    shown = [
        Tile("Rows", f"{survey.rows:,}", "all of them looked at" if survey.is_whole else f"pictures of {survey.sample.height:,} drawn by chance"),
        Tile("Columns", f"{len(types):,}", ", ".join(kind for kind in kinds if not kind.startswith("0 "))),
        Tile("Cells missing", percent(found.cells_missing), _count(gaps, "column has gaps", "columns have gaps") if gaps else "no column has gaps"),
        Tile("Rows repeated", f"{survey.repeats.rows:,}", "equal in every column to an earlier one"),
    ]
    if survey.key_repeats is not None:
        shown.append(Tile("Keys repeated", f"{survey.key_repeats.rows:,}", f"by {', '.join(survey.key)}"))
    if found.coverage is not None:
        days = (found.coverage.until - found.coverage.since).days + 1
        shown.append(Tile("Time covered", _span(days), f"{found.coverage.since:%Y-%m-%d} to {found.coverage.until:%Y-%m-%d}"))
    first = sum(question.weight == max(WEIGHTS) for question in found.questions)
    shown.append(Tile("Questions", f"{len(found.questions):,}", _count(first, "to ask first", "to ask first")))
    return shown


def groups(questions: Sequence[Question]) -> list[tuple[str, str, list[Question]]]:
    """The questions by how much hangs on them."""
    made = [(*said, [question for question in questions if question.weight == weight]) for weight, said in WEIGHTS.items()]
    return [group for group in made if group[2]]


def card(column: Distribution, anchors: dict[str, str], found: Exploration) -> Card:
    """A column as the page shows it."""
    say = _say(column)
    badges = [word for word, applies in (("identifier", column.name in found.identifiers), ("target", _is_target(column.name, found))) if applies]
    badges += [finding.kind for finding in found.leaks if finding.column == column.name]
    picture, scale = None, ("", "", "")
    if column.bins:
        picture = pictures.bars([one.rows for one in column.bins], [f"{_range(one, say)}: {_count(one.rows, 'row', 'rows')}" for one in column.bins])
        low, middle, high = column.bins[0].low, column.quantiles[0.5], column.bins[-1].high if column.above else column.profile.max or 0.0
        if column.is_time:
            # Under the picture of many days there is no room for the hours.
            letters = 10 if high - low > _DAYS_S else None
            scale = (say(low)[:letters], say(middle)[:letters], say(high)[:letters])
        else:
            scale = (say(low), f"median {say(middle)}", say(high))
    beyond = [f"{_count(column.below, 'row', 'rows')} below" if column.below else "", f"{_count(column.above, 'row', 'rows')} above" if column.above else ""]
    return Card(
        anchor=anchors[column.name],
        name=column.name,
        type=column.type,
        badges=tuple(badges),
        picture=picture,
        scale=scale,
        beyond=" and ".join(part for part in beyond if part),
        values=_values(column),
        facts=tuple(_facts(column)),
        missing=column.missing_share,
        questions=sum(column.name in question.columns for question in found.questions),
    )


def _is_target(name: str, found: Exploration) -> bool:
    return found.relations is not None and found.relations.target.name == name


def _say(column: Distribution) -> Say:
    """How a column's numbers are written."""
    if column.is_time:
        return lambda value: (stamp(value) or "beyond any calendar").replace("T", " ")[:16]
    if column.type == "integer" and is_year(column.name):
        return lambda value: f"{value:.0f}"
    return figure


def _range(one: Bin, say: Say) -> str:
    return say(one.low) if one.low == one.high else f"{say(one.low)} to {say(one.high)}"


def _values(column: Distribution) -> tuple[Share, ...]:
    """The frequent texts; where hardly any comes twice, a few of them as examples."""
    if not column.values or (column.distinct > 20 and column.values[0][1] <= max(2, 0.001 * column.profile.known)):
        return ()
    most = column.values[0][1]
    about = "" if not column.profile.frequent.missed else "at least "
    return tuple(
        Share(text if text.strip() else "(blank)", f"{percent(count / column.profile.known)}", 100 * count / most, f"{about}{count:,} rows")
        for text, count in column.values
    )


def _facts(column: Distribution) -> list[tuple[str, str]]:
    profile, say = column.profile, _say(column)
    told = [
        ("missing", f"{column.missing:,} ({percent(column.missing_share)})" if column.missing else "none"),
        ("distinct", ("" if column.exact else "about ") + _round(column)),
    ]
    if not profile.known:
        return told
    if profile.kind == "text":
        lengths = profile.lengths
        if column.distinct > _TOLD_APART and lengths is not None and lengths.count:
            same = lengths.min == lengths.max
            told.append(("length", f"always {lengths.min:.0f}" if same else f"{lengths.min:.0f} to {lengths.max:.0f}, {profile.mean:.3g} on average"))
        if profile.zeros:
            told.append(("blank", f"{profile.zeros:,}"))
        return told
    low, high = profile.min or 0.0, profile.max or 0.0
    # A limit that is rounded would be none.
    limit = _whole if say is figure else say
    told += [("least", limit(low)), ("middle half", f"{say(column.quantiles[0.25])} to {say(column.quantiles[0.75])}"), ("greatest", limit(high))]
    if profile.kind == "number" and profile.spread:
        told.append(("mean", f"{say(profile.mean or 0.0)} ± {figure(profile.spread)}"))
        told += [("nought", f"{profile.zeros:,} ({percent(profile.zeros / profile.known)})")] if profile.zeros else []
        told += [("negative", f"{profile.negatives:,} ({percent(profile.negatives / profile.known)})")] if profile.negatives else []
    return told


def _whole(value: float) -> str:
    """A number with all its digits."""
    return f"{value:,.12g}"


def _round(column: Distribution) -> str:
    return f"{column.distinct:,}" if column.exact else f"{float(f'{column.distinct:.2g}'):,.0f}"


def _missing(found: Exploration) -> list[Share]:
    partly = sorted((column for column in found.columns if column.missing), key=lambda column: -column.missing)
    return [Share(column.name, percent(column.missing_share), 100 * column.missing_share, f"{column.missing:,} rows") for column in partly[:MISSING_SHOWN]]


def _patterns(found: Exploration) -> tuple[list[str], list[tuple[list[bool], str, str]]]:
    """The columns of the patterns, and for each pattern which of them are missing, its share and its rows."""
    named = {name for pattern in found.missing.patterns for name in pattern.columns}
    names = [column.name for column in found.columns if column.name in named][:PATTERN_COLUMNS]
    rows = [
        ([name in pattern.columns for name in names], percent(pattern.rows / max(1, found.missing.rows)), f"{pattern.rows:,}")
        for pattern in found.missing.patterns
    ]
    return names, rows


def _target(one: Relation, relations: Relations, anchors: dict[str, str]) -> Target:
    regression = relations.target.task == "regression"
    power = f"R² {one.power:.2f}" if regression else f"AUC {(one.power + 1) / 2:.2f}"
    if relations.target.task == "multiclass":
        stacks = tuple(
            (_level(level, 0.0, 0.0, ""), tuple(zip(relations.classes, (100 * share for share in level.outcomes), strict=True))) for level in one.levels
        )
        return Target(anchors[one.column], one.column, power, 0.0, (), stacks)
    values = [level.outcomes[0] for level in one.levels]
    low, high = min(0.0, relations.overall[0], *values), max(0.0, relations.overall[0], *values)
    reach = (high - low) or 1.0

    def at(value: float) -> float:
        return 100 * (value - low) / reach

    # Bars begin at nought, and go to the left of it where the target is below.
    shown = tuple(
        _level(level, min(at(0.0), at(value)), abs(at(value) - at(0.0)), _three(value) if regression else percent(value))
        for level, value in zip(one.levels, values, strict=True)
    )
    return Target(anchors[one.column], one.column, power, at(relations.overall[0]), shown)


def _level(level: Level, start: float, width: float, says: str) -> Share:
    name = level.says if level.says.strip() else "(blank)"
    return Share(name, says, width, _count(level.rows, "row", "rows"), start, level.rows < _FEW_ROWS)


def _three(value: float) -> str:
    """A number with three digits."""
    return figure(float(f"{value:.3g}"))


def _coverage(found: Coverage) -> dict[str, object]:
    hours = found.per < timedelta(days=1)
    empty = [place for place, bar in enumerate(found.bars) if not bar.rows]
    titles = [f"{pictures.moment(bar.at, hours=hours)}: {_count(bar.rows, 'row', 'rows')}" for bar in found.bars]
    of_hours = found.unit == "hour"
    return {
        "column": found.column,
        "unit": found.unit,
        "picture": pictures.bars([bar.rows for bar in found.bars], titles, marks=empty, height=120, gap=0.08),
        "scale": [pictures.moment(found.bars[place].at, hours=hours) for place in (0, len(found.bars) // 2, -1)],
        "per": _span(found.per.days) if not hours else _count(int(found.per.total_seconds() // 3600), "hour", "hours"),
        "steps": found.steps,
        "empty": found.empty,
        "resting": found.resting,
        "gaps": [
            (pictures.moment(gap.since, hours=of_hours), pictures.moment(gap.until, hours=of_hours), _count(gap.steps, found.unit, f"{found.unit}s"))
            for gap in found.gaps
        ],
        "thin": [(pictures.moment(bar.at, hours=False), bar.rows) for bar in found.thin],
    }


def method(found: Exploration) -> list[str]:
    """How the figures were computed, in words."""
    survey = found.survey
    said = [
        "Counts, missing values, extremes, means and frequent values are of all rows; quantiles are within 0.5% of the rows.",
        "Of two numbers Spearman's rank correlation is shown, of two categories Cramér's V, of both the correlation ratio of ranks; "
        "the last two are corrected for bias. None of them says that one causes the other.",
        "How much a column tells of the target is measured on rows that were not used to say it; it is that of the column alone.",
    ]
    if not survey.is_whole:
        drawn = f"{survey.sample.height:,} rows drawn by chance, the same ones each time"
        said.insert(1, f"Histograms, associations, patterns of what is missing and questions rest on {drawn}; many distinct values are counted within 1.2%.")
    if found.associations.left_out:
        said.append(f"{len(found.associations.left_out)} more columns were not compared: {', '.join(found.associations.left_out[:10])}.")
    return said


def percent(share: float) -> str:
    """A share as people read it.

    Examples
    --------
    >>> percent(0.5), percent(0.00004), percent(0), percent(0.9999)
    ('50%', '< 0.1%', '0%', '> 99.9%')
    """
    if 0 < share < 0.001:
        return "< 0.1%"
    if 0.999 < share < 1:
        return "> 99.9%"
    return f"{100 * share:.1f}%" if 0 < share < 0.1 and share * 100 % 1 else f"{100 * share:.0f}%"


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _span(days: int) -> str:
    if days >= 730:
        return f"{days / 365.25:.1f} years"
    return _count(days, "day", "days") if days % 7 or days > 60 or days < 7 else _count(days // 7, "week", "weeks")
