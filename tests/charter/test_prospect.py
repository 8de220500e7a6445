import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.charter.draws import Assumption, at, drawn, noise
from loopline.charter.evidence import MEASURED, Measured, Stated
from loopline.charter.information import of_each, of_everything
from loopline.charter.outlay import outlay
from loopline.charter.prices import Prices
from loopline.charter.prospect import Prospect
from loopline.charter.ranges import Ranged, ranged
from loopline.charter.sensitivity import tornado
from loopline.charter.simulation import simulate
from loopline.charter.spec import CharterSpec, EffortSpec, QualitySpec
from loopline.charter.study import studied
from loopline.charter.worth import Worth
from loopline.declaration import Rate

CHARTER = CharterSpec.model_validate(
    {
        "predict": "late",
        "volume": "10..20 per day",
        "worth": {"currency": "USD", "act_right": "100..180", "act_wrong": -60},
        "study": {
            "effort": {"build": "200..400 hours", "run": "5..10 hours per month"},
            "happens": "20%..30%",
            "expects": {"precision": "30%..60%", "recall": "10%..40%"},
        },
    }
)
WORTH = Worth.of(CHARTER.worth, "binary")
BOOK = Prices.model_validate({"people": "55..70 per hour"})
MEANS = [[0, 0, 0.25, 0.75], [0.1, 0.08, 0.15, 0.67], [0.25, 0, 0, 0.75]]
ranges = st.lists(st.floats(0.01, 1e4), min_size=3, max_size=3).map(sorted).map(lambda three: Ranged(three[1], three[0], three[2]))


def sounding(scatter=0.02, blocks=50):
    """Acting for nothing is off by so much, and with it resting rightly."""
    covariance = np.zeros((12, 12))
    covariance[5, 5] = covariance[7, 7] = scatter**2
    covariance[5, 7] = covariance[7, 5] = -(scatter**2)
    names = ("nothing", "model", "perfect")
    return {
        "alternatives": [{"name": name, "says": name} for name in names],
        "means": MEANS,
        "covariance": covariance.tolist(),
        "blocks": blocks,
        "judged": 1000,
    }


def prospect(evidence=None, charter=CHARTER):
    return Prospect(charter, WORTH, evidence or Stated.of(charter, WORTH), outlay(charter, BOOK))


@given(ranges)
def test_a_range_is_passed_at_its_ends_once_in_twenty_times_each(one):
    found = at(one, np.array([-1.6448536269514729, 0.0, 1.6448536269514722]))
    assert found == pytest.approx(list(one.ends), rel=1e-6)
    assert (np.diff(at(one, np.linspace(-2.5, 2.5, 50))) >= -1e-9).all()


def test_draws_are_the_same_ones_each_time_and_have_the_ranges_quantiles():
    one = [Assumption("a", "", Ranged.between(100, 400), ""), Assumption("b", "", Ranged(3.0, 1.0, 4.0), "")]
    found = drawn(one)
    assert all((found[name] == again).all() for name, again in drawn(one).items())
    assert np.quantile(found["a"], [0.05, 0.5, 0.95]) == pytest.approx([100, 200, 400], rel=0.01)
    assert abs(np.corrcoef(found["a"], found["b"])[0, 1]) < 0.03


def test_noise_of_few_blocks_is_wider():
    few, many = (np.quantile(noise(1, blocks), 0.95) for blocks in (5, 1000))
    assert few > 1.2 * many


def test_the_money_of_what_was_measured_is_its_means_at_the_prices():
    accounts = prospect(Measured.of(sounding(), CHARTER, WORTH)).accounts({})
    assert float(accounts["model"].per_decision[0]) == pytest.approx(0.1 * 134 - 0.08 * 60)
    assert float(accounts["perfect"].per_decision[0]) == pytest.approx(0.25 * 134)


def test_the_interval_of_what_was_measured_is_that_of_its_scatter():
    fixed = CHARTER.model_copy(update={"worth": CHARTER.worth.model_copy(update={"act_right": 140.0})})
    made = Prospect(fixed, Worth.of(fixed.worth, "binary"), Measured.of(sounding(blocks=2000), fixed, WORTH), outlay(fixed, BOOK))
    found = np.quantile(simulate(made).accounts["model"].per_decision, [0.05, 0.5, 0.95])
    middle, error = 0.1 * 140 - 0.08 * 60, 0.02 * 60
    assert found == pytest.approx([middle - 1.645 * error, middle, middle + 1.645 * error], abs=0.1)


def test_where_the_decision_turns_both_alternatives_are_worth_the_same():
    made = prospect()
    turning = [bar for bar in tornado(made) if bar.turns_at is not None and bar.assumption.name != MEASURED]
    assert turning
    for bar in turning:
        npv = {name: float(account.npv[0]) for name, account in made.accounts({bar.assumption.name: np.array([bar.turns_at])}).items() if name != "perfect"}
        best, second = sorted(npv.values())[-1:-3:-1]
        width = abs(bar.at_high - bar.at_low)
        assert best - second == pytest.approx(0, abs=0.01 * width)
        assert npv[bar.turns_to] == pytest.approx(best, abs=0.01 * width)


def test_what_was_measured_has_a_bar_in_money_per_decision():
    bar = next(bar for bar in tornado(prospect(Measured.of(sounding(), CHARTER, WORTH))) if bar.assumption.name == MEASURED)
    assert bar.low < bar.middle < bar.high and bar.at_low < bar.at_high
    assert bar.high - bar.low == pytest.approx(2 * 1.645 * 0.02 * 60, rel=0.01)


def test_to_know_one_thing_is_worth_no_more_than_to_know_all():
    simulation = simulate(prospect())
    everything, each = of_everything(simulation), of_each(simulation)
    assert all(0 <= one <= everything for one in each.values())
    assert max(each, key=each.get) == "study.expects.precision"


def test_nothing_is_worth_finding_out_where_no_answer_would_change_the_choice():
    expects = CHARTER.study.expects.model_copy(update={"precision": 0.9})
    sure = CHARTER.model_copy(update={"study": CHARTER.study.model_copy(update={"expects": expects}), "volume": Rate(amount=2000, period="day")})
    simulation = simulate(prospect(charter=sure))
    assert of_everything(simulation) == pytest.approx(0, abs=1)
    assert max(of_each(simulation).values()) == pytest.approx(0, abs=1)


def test_what_is_stated_of_today_is_held_beside_what_was_measured():
    today = CHARTER.study.model_copy(update={"today": CHARTER.study.expects})
    charter = CHARTER.model_copy(update={"study": today})
    facts = studied(charter, task="binary", outcome={"do_nothing": 0.0, "perfect": 35.0, "break_even": 0.3}, sounding=sounding(), book=BOOK)
    assert facts["study"]["today"] == "present" and facts["study"]["evidence"] == "data"
    assert {one["name"] for one in facts["study"]["assumptions"]} >= {"measured", "study.today.precision", "study.today.recall"}


def test_the_only_thing_that_is_not_known_is_worth_as_much_as_everything():
    expects, effort = QualitySpec(precision=0.5, recall=0.4), EffortSpec(build=ranged(3000))
    study = CHARTER.study.model_copy(update={"expects": expects, "happens": ranged(0.25), "effort": effort})
    worth = CHARTER.worth.model_copy(update={"act_right": 140.0})
    volume = CharterSpec.model_validate({"predict": "late", "volume": "1..200 per day"}).volume
    charter = CHARTER.model_copy(update={"worth": worth, "study": study, "volume": volume})
    costs = outlay(charter, Prices.model_validate({"people": "60 per hour"}))
    simulation = simulate(Prospect(charter, Worth.of(worth, "binary"), Stated.of(charter, WORTH), costs))
    everything = of_everything(simulation)
    assert everything > 0 and of_each(simulation)["volume"] == pytest.approx(everything, rel=0.1)


@given(ranges)
def test_draws_stay_within_what_can_be(one):
    kinds = (("%", False), ("hours", False), ("", True))
    share, hours, money = (drawn([Assumption("it", "", one, unit, is_signed=signed)], 500)["it"] for unit, signed in kinds)
    assert share.max() <= 1 and share.min() >= 0 and hours.min() >= 0 and np.isfinite(money).all()


def test_whoever_is_never_wrong_never_loses_against_doing_nothing():
    charter = CHARTER.model_copy(update={"worth": CHARTER.worth.model_copy(update={"act_right": Ranged(10.0, -40.0, 60.0)})})
    accounts = simulate(Prospect(charter, Worth.of(charter.worth, "binary"), Stated.of(charter, WORTH), outlay(charter, BOOK))).accounts
    assert (accounts["perfect"].per_decision >= accounts["nothing"].per_decision).all()
