"""Gates on the data's tests and on where a package fails: slices, groups and probabilities, as the data stage and ``evaluation.json`` told. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from loopline.declaration import counted, figure
from loopline.release.evidence import Evidence, Verdict, not_asked, unknown
from loopline.release.spec import GapSpec, WorstSliceSpec


def data_tests(evidence: Evidence) -> Verdict:
    """Passes when no test of the data that only warns found more than the declared share of the rows; those that refuse or stop have done so before."""
    limit = evidence.limits.gates.data_tests
    shares = {name: found / max(among, 1) for name, (found, among) in evidence.tests.items()}
    worst = max(shares, key=lambda name: shares[name], default=None)
    says = "no test of the data found a row" if worst is None else f"{worst} found {shares[worst]:.2%} of the rows, the most of {counted(len(shares), 'test')}"
    value = 0.0 if worst is None else shares[worst]
    if limit is None:
        return not_asked("data_tests", f"no share is set (release.gates.data_tests); {says}", value=value)
    return Verdict(
        name="data_tests", passed=value <= limit, asked=f"no test of the data finds more than {limit:.2%} of the rows", value=value, threshold=limit, says=says
    )


def worst_slice(evidence: Evidence) -> Verdict:
    """Passes when every slice that stands out beyond chance keeps the declared bounds on money and on how far what is said there is off."""
    limits = evidence.limits.gates.worst_slice
    asked = _asked_of_slices(limits, evidence.currency)
    if not asked:
        return not_asked("worst_slice", "no bound is set (release.gates.worst_slice)")
    part = evidence.evaluation.get("worst_slices", {"skipped": "the package has no evaluation"})
    if "skipped" in part:
        return unknown("worst_slice", asked, part["skipped"])
    found = list(_beyond(limits, part, evidence.currency))
    if not found:
        return Verdict(name="worst_slice", passed=True, asked=asked, says=f"every slice keeps to it; {_stands_out(part)}")
    _, value, threshold, says = max(found, key=lambda one: one[0])
    more = f", and so {'does' if len(found) == 2 else 'do'} {len(found) - 1} more" if len(found) > 1 else ""
    return Verdict(name="worst_slice", passed=False, asked=asked, value=value, threshold=threshold, says=f"{says}{more}")


def _asked_of_slices(limits: WorstSliceSpec, currency: str) -> str:
    parts = {
        "loses at most {} " + f"{currency} per decision more than elsewhere": limits.loss,
        "earns at least {} " + f"{currency} per decision": limits.worth,
        "is off by at most {}": limits.off,
    }
    said = [words.format(figure(bound)) for words, bound in parts.items() if bound is not None]
    return f"every slice {', '.join(said)}" if said else ""


def _sure(part: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The slices that stand out beyond chance, by name; what is lost most there comes before what is misjudged."""
    told = [*part.get("most_lost", {}).get("slices", ()), *part.get("misjudged", {}).get("slices", ())]
    return {one["name"]: one for one in reversed(told) if one["sure"]}


def _stands_out(part: Mapping[str, Any]) -> str:
    sure = _sure(part)
    return f"{counted(len(sure), 'slice')} stand out beyond chance" if len(sure) != 1 else f"one stands out beyond chance, {next(iter(sure))}"


def _beyond(limits: WorstSliceSpec, part: Mapping[str, Any], currency: str) -> Iterator[tuple[float, float, float, str]]:
    """Each bound that a slice breaks: by how much, the number, the bound, and a line."""
    lost = {one["name"]: one for one in part.get("most_lost", {}).get("slices", ()) if one["sure"]}
    for name, one in lost.items():
        loss = one["gap"]["value"]
        if limits.loss is not None and loss > limits.loss:
            yield loss - limits.loss, loss, limits.loss, f"where {name} it loses {figure(loss)} {currency} per decision more than elsewhere"
    for name, one in _sure(part).items():
        worth, off = one["worth"]["value"], _off(one)
        if limits.worth is not None and worth < limits.worth:
            yield limits.worth - worth, worth, limits.worth, f"where {name} it earns {figure(worth)} {currency} per decision"
        if limits.off is not None and off is not None and off > limits.off:
            yield off - limits.off, off, limits.off, f"where {name} what it says is off by {figure(off)} on average"


def _off(one: Mapping[str, Any]) -> float | None:
    """How far the mean of what is said in a slice is from the mean of what happened; None where too few rows tell."""
    if "bias" in one:
        return None if one["bias"] is None else abs(float(one["bias"]["value"]))
    happened = one.get("happened", one.get("accuracy"))
    return None if happened is None else abs(float(one["score"]) - float(happened["value"]))


def fairness(evidence: Evidence) -> Verdict:
    """Passes when the groups of each declared column lie no further apart than is declared; a bound on what cannot be compared is not kept."""
    declared = {(column, measure): gap for column, measures in evidence.limits.gates.fairness.items() for measure, gap in measures.items()}
    if not declared:
        return not_asked("fairness", "no bound is set (release.gates.fairness)")
    asked = "; ".join(f"by {column}, {measure} {_asked_of_gap(gap)}" for (column, measure), gap in declared.items())
    columns = evidence.evaluation.get("fairness", {}).get("columns", {})
    if absent := [column for column, _ in declared if column not in columns]:
        return unknown("fairness", asked, f"the evaluation has no groups of {absent[0]}; name it in model.fairness")
    broken: list[tuple[Mapping[str, Any], GapSpec, str]] = []
    kept: list[tuple[Mapping[str, Any], GapSpec, str]] = []
    for (column, measure), bound in declared.items():
        gap = columns[column]["gaps"].get(measure)
        if gap is None:
            return unknown("fairness", asked, f"by {column} fewer than two groups have rows enough to compare their {measure}")
        says = f"by {column}, {measure} is least where {gap['low']} and greatest where {gap['high']}: {_gap_says(gap)}"
        (kept if _keeps(gap, bound) else broken).append((gap, bound, says))
    gap, bound, _ = (broken or kept)[0]
    value, threshold = (gap["ratio"], bound.ratio) if bound.ratio is not None else (gap["difference"]["value"], bound.difference)
    says = "; ".join(says for _, _, says in broken or kept)
    return Verdict(name="fairness", passed=not broken, asked=asked, value=value, threshold=threshold, says=says)


def _asked_of_gap(gap: GapSpec) -> str:
    ratio = None if gap.ratio is None else f"of the least is at least {gap.ratio:.0%} of the greatest"
    difference = None if gap.difference is None else f"differs by at most {figure(gap.difference)}"
    return " and ".join(filter(None, (ratio, difference))) or "is looked at"


def _keeps(gap: Mapping[str, Any], bound: GapSpec) -> bool:
    ratio_kept = bound.ratio is None or (gap["ratio"] is not None and gap["ratio"] >= bound.ratio)
    return bool(ratio_kept and (bound.difference is None or gap["difference"]["value"] <= bound.difference))


def _gap_says(gap: Mapping[str, Any]) -> str:
    ratio = "" if gap["ratio"] is None else f", a ratio of {gap['ratio']:.0%}"
    chance = "" if gap["sure"] else ", which is within what chance gives"
    return f"a difference of {figure(gap['difference']['value'])}{ratio}{chance}"


def calibration(evidence: Evidence) -> Verdict:
    """Passes when what the package says is off by no more than is declared, on average; for values, when as many outcomes lie below as the prices ask for."""
    limit = evidence.limits.gates.calibration
    part = evidence.evaluation.get("calibration", {"skipped": "the package has no evaluation"})
    if limit is None:
        said = f"; {part['says'].rstrip('.')}" if "says" in part and "skipped" not in part else ""
        return not_asked("calibration", f"no bound is set (release.gates.calibration){said}")
    by_chance = limit == "chance"
    asked = "what it says is off by no more than chance gives" if by_chance else f"what it says is off by at most {limit:.2%}"
    if "skipped" in part:
        return unknown("calibration", asked, part["skipped"])
    if "below" in part:
        below, wanted = part["below"], part["quantile"]
        off = abs(below["value"] - wanted)
        passed = below["low"] <= wanted <= below["high"] if limit == "chance" else off <= limit
        says = f"{below['value']:.1%} of the outcomes lie at or below what it says ({below['low']:.1%} to {below['high']:.1%}), and {wanted:.1%} should"
        return Verdict(name="calibration", passed=passed, asked=asked, value=off, threshold=None if limit == "chance" else limit, says=says)
    bound = part["by_chance"] if limit == "chance" else limit
    says = f"its probabilities are off by {part['error']:.2%} on average; chance alone gives up to {part['by_chance']:.2%}"
    return Verdict(name="calibration", passed=part["error"] <= bound, asked=asked, value=part["error"], threshold=bound, says=says)
