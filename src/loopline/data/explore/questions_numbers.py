"""What to ask about numbers: values that stand for nothing, units mixed, limits, values that can hardly be."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from loopline.data.explore.distribution import as_numbers, stamp
from loopline.data.explore.question import Look, Question, is_year
from loopline.declaration import figure

_NINES = frozenset(float(sign * number) for sign in (1, -1) for number in (9, 99, 999, 9999, 99999, 999999, 9999999, 99999999, 1e9 - 1))
_SIGNS = _NINES | {-1.0, -2.0, -7.0, -8.0, -888.0, -777.0, 888.0, 8888.0, 777.0, float(2**31 - 1), float(-(2**31)), 1e10, 1e30, -32768.0, 32767.0}
_ENOUGH, _SIGN_ROWS, _SIGN_SHARE = 50, 3, 0.0005
_FAR, _FAR_FACTORS, _FAR_SHARE = 8.0, 3.0, 0.002
_SHARE_NAME = re.compile(r"(?i)(pct|percent|perc|share|rate|ratio|proportion)")
_CODE_NAME = re.compile(r"(?i)(^|[_\s.-])(code|type|class|category|cat|zip|zipcode|postcode|plz|status|group|level|kind)([_\s.-]|$)|code$|zip$")
_TIME_NAME = re.compile(r"(?i)(time|date|updated|created|_at$|(^|[_.])ts$|when)")
_YEAR_2000, _YEAR_2100 = 946_684_800.0, 4_102_444_800.0
_UNITS = {
    1000.0: "thousands (g and kg, m and km, ms and s)",
    100.0: "hundreds (cents and whole money, cm and m)",
    1e6: "millions",
    10.0: "tens (mm and cm)",
}


def sentinels(look: Look) -> Iterator[Question]:
    """Numbers such as 999 or -1 that stand apart from all others and come again and again: they may mean that nothing is known."""
    for name in look.numbers:
        distinct, counts = _counted(look, name)
        if len(distinct) < 4:
            continue
        for place, near in ((-1, -2), (0, 1)):
            value, rows = float(distinct[place]), int(counts[place])
            rest = np.delete(distinct, place)
            if rows < max(_SIGN_ROWS, _SIGN_SHARE * counts.sum()):
                continue
            reach = float(rest[-1] - rest[0])
            apart = abs(value - float(distinct[near])) > 0.5 * reach
            alone = value in (-1.0, -9.0, -99.0, -999.0) and place == 0 and rest[0] >= 0
            if (value in _SIGNS and (apart or alone)) or (value == 0 and apart and rest[0] > 0):
                others = f"all others lie between {figure(float(rest[0]))} and {figure(float(rest[-1]))}"
                yield Question(
                    "sentinel",
                    (name,),
                    f"Does {value:.10g} in {name} mean “not known”, or “never”, or is it a number?",
                    f"It is in {look.of_rows(rows)}; {others}.",
                    3,
                    (f"{value:.10g}",),
                )


def mixed_units(look: Look) -> Iterator[Question]:
    """Positive numbers in two clouds whose middles are a factor of 10, 100, 1,000 or 1,000,000 apart."""
    for name in look.numbers:
        values = as_numbers(look.sample[name])
        values = values[values > 0]
        if len(values) < 4 * _ENOUGH:
            continue
        scale = np.sort(np.log10(values))
        least = max(5, int(0.005 * len(scale)))
        steps = np.diff(scale[least - 1 : len(scale) - least + 1])
        if not len(steps) or steps.max() < 0.3:
            continue
        cut = least + int(np.argmax(steps))
        low, high = scale[:cut], scale[cut:]
        between = float(np.median(high) - np.median(low))
        # Both clouds must be of one shape: two kinds of thing differ in more than the unit.
        alike = abs(float(np.std(low)) - float(np.std(high))) < 0.15 and max(float(np.std(low)), float(np.std(high))) > 0.02
        factor = next((factor for factor in _UNITS if abs(between - math.log10(factor)) < 0.08), None)
        if factor is not None and alike and steps.max() > 2 * max(float(np.std(low)), float(np.std(high))) * 0.5:
            ranges = [f"{figure(10 ** float(part[0]))} and {figure(10 ** float(part[-1]))}" for part in (low, high)]
            yield Question(
                "mixed_units",
                (name,),
                f"Is {name} given in two units?",
                f"{look.of_rows(len(low))} lie between {ranges[0]} and {look.of_rows(len(high))} between {ranges[1]}: "
                f"{factor:,.0f} times as much, as {_UNITS[factor]} are.",
                3,
                tuple(ranges),
            )


def far_out(look: Look) -> Iterator[Question]:
    """A few numbers far beyond all others: by the width of the middle half, and of positive numbers also by its factor."""
    for name in look.numbers:
        profile = look.distributions[name].profile
        low, middle, high = (float(value) for value in profile.at([0.25, 0.5, 0.75]))
        reach = high - low
        if not reach or profile.known < _ENOUGH or profile.min is None:
            continue
        values = as_numbers(look.sample[name])
        far = values[(values > high + _FAR * reach) | (values < low - _FAR * reach)]
        if profile.min > 0:
            # Incomes, sizes and durations have long tails by nature.
            factor = _FAR_FACTORS * (math.log(high) - math.log(low))
            far = far[(np.log(far) > math.log(high) + factor) | (np.log(far) < math.log(low) - factor)]
        # Where many are far out, that is the column's nature too.
        if not len(far) or len(far) > max(3, _FAR_SHARE * len(values)) or set(far.tolist()) <= _SIGNS:
            continue
        extreme = float(far[np.argmax(np.abs(far - middle))])
        yield Question(
            "far_out",
            (name,),
            f"Can {name} really be {figure(extreme)}?",
            f"Half of all rows lie between {figure(low)} and {figure(high)}; a value far beyond is in {look.of_rows(len(far))}.",
            2,
            tuple(figure(value) for value in np.unique(far)[::-1][:4].tolist()),
        )


def rarely_negative(look: Look) -> Iterator[Question]:
    """A few negative numbers in a column that is else never negative."""
    for name in look.numbers:
        profile = look.distributions[name].profile
        if 0 < profile.negatives <= 0.01 * profile.known and not (profile.min is not None and profile.min in _SIGNS):
            yield Question(
                "negative",
                (name,),
                f"Can {name} be below nought?",
                f"It is in {profile.negatives:,} of {profile.known:,} rows; the smallest is {figure(profile.min or 0.0)}.",
                2,
                (figure(profile.min or 0.0),),
            )


def capped(look: Look) -> Iterator[Question]:
    """A greatest number that comes far more often than its neighbours: what is more was cut to it."""
    for name in look.numbers:
        distinct, counts = _counted(look, name)
        if len(distinct) < 40 or float(distinct[-1]) in _SIGNS:
            continue
        near = float(counts[-12:-1].mean())
        if counts[-1] >= max(20, 0.005 * counts.sum()) and counts[-1] > 8 * near:
            yield Question(
                "capped",
                (name,),
                f"Is {name} cut at {figure(float(distinct[-1]))}, so that it may have been more?",
                f"This greatest value is in {look.of_rows(int(counts[-1]))}; the ones just below come {figure(near)} times each.",
                2,
                (figure(float(distinct[-1])),),
            )


def shares_and_percents(look: Look) -> Iterator[Question]:
    """A share, by its name, of which some values are at most 1 and others far above."""
    for name in look.numbers:
        profile = look.distributions[name].profile
        if not _SHARE_NAME.search(name) or profile.min is None or profile.max is None or profile.min < 0 or not 1.5 < profile.max <= 100:
            continue
        values = as_numbers(look.sample[name])
        small = int(((values > 0) & (values < 1)).sum())
        if 0.02 * len(values) < small < 0.98 * len(values) and np.median(values[values >= 1]) > 5:
            yield Question(
                "share_or_percent",
                (name,),
                f"Is {name} a share (0 to 1) in some rows and a percentage (0 to 100) in others?",
                f"{look.of_rows(small)} are below 1, the others reach {figure(profile.max)}.",
                3,
            )


def codes(look: Look) -> Iterator[Question]:
    """Few whole numbers under a name that tells of a code: sums and means of it say nothing."""
    for name in look.numbers:
        one = look.distributions[name]
        if one.type == "integer" and _CODE_NAME.search(name) and not is_year(name) and one.distinct < max(50, 0.2 * one.profile.known):
            yield Question(
                "code",
                (name,),
                f"Is {name} a code, not a quantity?",
                f"Its {one.distinct:,} distinct whole numbers stand under a name that tells of a code.",
                1,
            )


def epochs(look: Look) -> Iterator[Question]:
    """Numbers under the name of a time that are seconds or milliseconds since 1970, by their size."""
    for name in look.numbers:
        profile = look.distributions[name].profile
        if not _TIME_NAME.search(name) or profile.min is None or profile.max is None:
            continue
        for unit, scale in (("seconds", 1.0), ("milliseconds", 1e3), ("microseconds", 1e6)):
            if _YEAR_2000 * scale <= profile.min and profile.max <= _YEAR_2100 * scale:
                since, until = stamp(profile.min / scale), stamp(profile.max / scale)
                yield Question("epoch", (name,), f"Is {name} a moment, in {unit} since 1970?", f"It would then lie between {since} and {until}.", 2)


def _counted(look: Look, name: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    return np.unique(as_numbers(look.sample[name]), return_counts=True)


RULES = (sentinels, mixed_units, shares_and_percents, far_out, rarely_negative, capped, codes, epochs)
