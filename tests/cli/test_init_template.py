import json
import os
import random
from datetime import date, datetime, timedelta

import polars as pl
import pytest
import yaml
from click.testing import CliRunner

from loopline.charter.prices import load as load_prices
from loopline.charter.template import NAMES, template
from loopline.cli.main import command as root
from loopline.data.contract.contract import Terms, check
from loopline.data.outcome import outcome_facts, target_of
from loopline.errors import Mistake
from loopline.project import load
from tests.calling import call

# From a template to columns as they come in the field: key, time, amount, group, a number, and what is predicted (a share, or None for amounts).
SHAPES = {
    "churn": (["CustomerID", "snapshot_date", "MonthlyCharges", "Region", "calls", "Churn"], ("No", "Yes"), 0.2),
    "credit": (["loan_id", "issue_date", "loan_amnt", "sex", "income", "defaulted"], ("0", "1"), 0.15),
    "demand": (["row_id", "date", "unit_price", "store", "promo", "units_sold"], None, None),
    "lead-scoring": (["lead_id", "created_at", "deal size", "source", "visits", "Converted"], ("false", "true"), 0.15),
    "maintenance": (["UDI", "read_at", "stop_cost", "plant", "vibration", "machine_failure"], ("0", "1"), 0.1),
    "fraud": (["trans_num", "trans_date", "amt", "country", "night", "isFraud"], ("0", "1"), 0.1),
    "delay": (["flight_id", "sched_dep", "passengers", "origin", "wind", "arr_del15"], ("0", "1"), 0.3),
}


def made(folder, name, *, rows=180):
    """A file with rows shaped for a template, a case every eight hours."""
    chance, (columns, classes, share) = random.Random(1), SHAPES[name]
    lines = [",".join(columns)]
    for number in range(rows):
        at = (datetime(2023, 1, 1) + timedelta(hours=8 * number)).isoformat()
        value, group, feature = round(chance.uniform(20, 900), 2), chance.choice(["north", "south", "west"]), chance.randint(0, 9)
        outcome = 8 + 3 * feature + chance.randint(0, 9) if classes is None else classes[chance.random() < share]
        lines.append(f"k-{number:05},{at},{value},{group},{feature},{outcome}")
    (folder / f"{name}.csv").write_text("\n".join(lines))
    return folder / f"{name}.csv"


def init(*words):
    """The text or the object that the command prints; what it raises."""
    ended = CliRunner().invoke(root, ["init", *[str(word) for word in words]])
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    assert ended.exit_code == 0, ended.output
    return json.loads(ended.stdout) if "--json" in words else ended.stdout


def require_works(folder):
    """Check that the declaration holds for its data: the outcome is there, the worth can be computed, and there is something to win."""
    said = load(folder).declaration
    source = said.data.sources[said.data.main]
    file = folder / source.place
    rows = pl.read_csv(file, infer_schema=False, separator=source.separator or ",", n_rows=5000)
    accepted = check(rows, Terms(said.data.contract.columns, key=source.key, time=source.time, nulls=source.nulls)).accepted
    facts = outcome_facts(accepted, said.charter, target_of(accepted, said.charter))
    assert facts["perfect"] > facts["do_nothing"]
    return said


@pytest.mark.parametrize("name", NAMES)
def test_a_charter_without_data_is_whole_and_asks_everything(name, tmp_path):
    told = init("--template", name, "--folder", tmp_path, "--json")
    said = load(tmp_path).declaration
    assert (said.charter.template, said.charter.task, said.data.sources) == (name, template(name).task, {})
    assert said.charter.ranges.keys() >= {"volume"}
    assert said.charter.study.effort.build.low < said.charter.study.effort.build.high
    assert said.charter.study.expects != type(said.charter.study.expects)()
    assert load_prices(said.charter.prices, tmp_path).dated == date.today()
    assert [one["field"] for one in told["questions"]] == [entry.field for entry in template(name).asked]
    assert told["answered"] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_charter_with_data_is_filled_from_them_and_holds_for_them(name, tmp_path):
    told = init(made(tmp_path, name), "--template", name, "--folder", tmp_path, "--json")
    columns = SHAPES[name][0]
    assert (told["target"], told["time"], told["key"], told["task"]) == (columns[5], columns[1], [columns[0]], template(name).task)
    said = require_works(tmp_path)
    assert str(said.charter.volume) == "3 per day"
    assert said.charter.positive == {"churn": "Yes", "credit": "0", "lead-scoring": "true", "demand": None}.get(name, "1")
    assert f"worst_slice({columns[3]})" in said.charter.acceptance[1].check
    if name != "delay":
        worth = said.charter.worth
        assert columns[2] in str(worth.under if name == "demand" else worth.act_right)
    supposed = said.charter.study.spread if name == "demand" else said.charter.study.happens
    assert supposed.low > 0
    assert next(one for one in told["questions"] if one["field"] == "charter.volume")["from"] == "counted"


@pytest.mark.parametrize(
    ("name", "file", "says"),
    [
        ("credit", "german_credit.csv", {"predict": "default", "positive": "1", "outcome_seen": "when_acted"}),
        ("credit", "car_loan/reference.csv.gz", {"predict": "repaid", "positive": "1", "outcome_known": None}),
        ("demand", "bike_sharing_hour.csv", {"predict": "cnt"}),
    ],
)
def test_real_data_of_a_kind_are_understood(name, file, says, shared_data, tmp_path):
    # Enough of it to tell what is what, and little enough to be quick.
    rows = pl.read_csv(shared_data / file, infer_schema=False)
    rows.gather_every(max(1, rows.height // 400)).write_csv(tmp_path / "part.csv")
    init(tmp_path / "part.csv", "--template", name, "--folder", tmp_path)
    charter = require_works(tmp_path).charter
    assert {field: getattr(charter, field) for field in says} == says


def test_what_is_named_overrides_what_is_looked_for(tmp_path):
    file = made(tmp_path, "churn")
    file.write_text(file.read_text().replace("Churn", "gone").replace("CustomerID", "left"))
    told = init(file, "--template", "churn", "--target", "gone", "--key", "left", "--name", "My shop", "--folder", tmp_path, "--json")
    assert (told["target"], told["key"], told["project"]) == ("gone", ["left"], "My-shop")


def test_a_target_that_is_not_found_is_asked_for_with_those_that_could_be_it(tmp_path):
    file = made(tmp_path, "churn")
    file.write_text(file.read_text().replace("Churn", "gone"))
    with pytest.raises(Mistake, match="it could be: gone$") as caught:
        init(file, "--template", "churn", "--folder", tmp_path)
    assert caught.value.where == "--target"
    assert not (tmp_path / "loopline.yaml").exists()


def test_columns_that_loopline_adds_are_no_candidates(tmp_path):
    file = made(tmp_path, "demand")
    file.write_text(file.read_text().replace("units_sold", "gone"))
    with pytest.raises(Mistake, match="it could be: unit_price, promo, gone$"):
        init(file, "--template", "demand", "--folder", tmp_path)


def test_a_column_that_is_called_so_and_holds_something_else_is_no_target(tmp_path):
    file = made(tmp_path, "churn")
    file.write_text(file.read_text().replace("Churn", "gone").replace("Region", "Churn"))
    with pytest.raises(Mistake, match="column 'Churn' is called as what churn predicts usually is, but it does not hold two classes; .* it could be: gone"):
        init(file, "--template", "churn", "--folder", tmp_path)


def test_odd_names_and_moments_with_a_zone_are_understood(tmp_path):
    file = made(tmp_path, "churn")
    text = file.read_text().replace("MonthlyCharges", "monthly fee, EUR").replace("Region", "class")
    header, *rows = text.replace("monthly fee, EUR", '"monthly fee, EUR"').replace("T", " ").splitlines()
    file.write_text("\n".join([header, *(row.replace(":00:00,", ":00:00+02:00,") for row in rows)]).replace("calls", "re`gion"))
    told = init(file, "--template", "churn", "--folder", tmp_path, "--json")
    assert told["time"] == "snapshot_date"
    assert require_works(tmp_path).charter.worth.act_right == "`monthly fee, EUR` * 12 * 0.1 - 10"


def test_a_price_book_that_is_not_understood_is_told_before_anything_is_written(tmp_path):
    (tmp_path / "prices.yaml").write_text("people: [\n")
    with pytest.raises(Mistake, match=r"charter\.prices: prices\.yaml: the file is no YAML"):
        init("--template", "churn", "--folder", tmp_path)
    assert not (tmp_path / "loopline.yaml").exists()


def test_what_is_answered_is_kept_when_the_data_have_come(tmp_path):
    init("--template", "churn", "--folder", tmp_path)
    file = tmp_path / "loopline.yaml"
    text = file.read_text().replace("act_right: 15..60    # ? guess", "act_right: 30..40").replace("business: []", "business: [owner@example.com]")
    file.write_text(text)
    (tmp_path / "prices.yaml").write_text("people: 61 per hour\n")
    with pytest.raises(Mistake, match="--force"):
        init(made(tmp_path, "churn"), "--template", "churn", "--folder", tmp_path)
    told = init(made(tmp_path, "churn"), "--template", "churn", "--folder", tmp_path, "--force", "--json")
    assert told["kept"] == ["charter.stakeholders.business", "charter.worth.act_right"]
    charter = require_works(tmp_path).charter
    assert (charter.worth.act_right.ends[::2], charter.stakeholders["business"], charter.predict) == ((30, 40), ("owner@example.com",), "Churn")
    assert (tmp_path / "prices.yaml").read_text() == "people: 61 per hour\n"
    assert {"charter.worth.act_right", "prices.people"} <= {one["field"] for one in told["answered"]}


def test_answers_on_lines_of_their_own_are_kept(tmp_path):
    init("--template", "churn", "--folder", tmp_path)
    file = tmp_path / "loopline.yaml"
    text = file.read_text().replace("business: []", "business:\n      - ann@example.com\n      - bob@example.com")
    lines = [line for line in text.splitlines() if not line.startswith("  problem: ")]
    file.write_text("\n".join(lines).replace("charter:\n", "charter:\n  problem: >\n    Customers leave,\n    and nobody asks why.\n", 1))
    told = init("--template", "churn", "--folder", tmp_path, "--force", "--json")
    assert told["kept"] == ["charter.problem", "charter.stakeholders.business"]
    charter = load(tmp_path).declaration.charter
    assert (charter.problem, charter.stakeholders["business"]) == ("Customers leave, and nobody asks why.", ("ann@example.com", "bob@example.com"))


def test_a_mistake_in_the_old_declaration_is_told_before_its_answers_are_lost(tmp_path):
    init("--template", "churn", "--folder", tmp_path)
    file = tmp_path / "loopline.yaml"
    text = file.read_text().replace("act_right: 15..60    # ? guess", "act_right: 30..40").replace("act_wrong: -15..-5", "act_wrong: -7..-9")
    file.write_text(text)
    with pytest.raises(Mistake, match="upside down; .* once it is mended its answers are kept; remove the file to begin without them"):
        init("--template", "churn", "--folder", tmp_path, "--force")
    assert file.read_text() == text


def test_a_target_that_says_one_thing_in_every_row_is_no_reason_to_take_another(tmp_path):
    file = made(tmp_path, "churn")
    file.write_text(file.read_text().replace(",Yes", ",No").replace("calls", "gone"))
    with pytest.raises(Mistake, match="column 'Churn' says No in every row: the data hold no case of the other class; bring rows of both classes"):
        init(file, "--template", "churn", "--folder", tmp_path)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--template", "chrun"), "did you mean 'churn'"),
        (("--template", "churn", "--target", "x"), "there are none; loopline init DATA --template churn"),
        ((), "loopline init --templates"),
    ],
)
def test_what_cannot_be_begun_says_how_to_begin(words, says, tmp_path):
    with pytest.raises(Mistake, match=says):
        init(*words, "--folder", tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_templates_are_listed_with_a_line_each():
    text = init("--templates")
    assert [line.split()[0] for line in text.splitlines()[1:-1]] == list(NAMES)
    assert [one["name"] for one in init("--templates", "--json")["templates"]] == list(NAMES)


def test_before_there_are_data_the_loop_says_in_one_line_what_to_add(tmp_path):
    init("--template", "churn", "--folder", tmp_path)

    def ask(*words):
        return call(words, folder=tmp_path, environment={**os.environ, "LOOPLINE_USER": "owner@example.com"})

    ran = ask("run")
    assert ran.code == 2
    assert ran.err.splitlines()[-1].startswith("loopline: data.sources: there are no data yet; say where they lie, as in sources:")
    assert [ask(*words).code for words in (("status",), ("charter", "show"), ("charter", "study"))] == [0, 0, 0]


def test_questions_disappear_as_they_are_answered(tmp_path):
    init("--template", "maintenance", "--folder", tmp_path)

    def asked():
        return json.loads(CliRunner().invoke(root, ["charter", "questions", "--folder", str(tmp_path), "--json"]).stdout)

    first = asked()
    assert (first["template"], first["next"], len(first["answered"])) == ("maintenance", "loopline charter study", 0)
    file = tmp_path / "loopline.yaml"
    file.write_text(file.read_text().replace("act_wrong: -900..-300", "act_wrong: -700").replace("    # ?", "    #"))
    assert [one["field"] for one in asked()["questions"]] == ["charter.study.today", "value.holdout", "prices.people"]
    text = CliRunner().invoke(root, ["charter", "questions", "--folder", str(tmp_path)]).stdout
    assert text.startswith(f"3 of {len(template('maintenance').asked)} questions of the template maintenance are open")
    assert "prices.people: 45..75 per hour (a guess)" in text


def test_questions_of_no_template_or_of_an_unknown_one_say_what_to_do(tmp_path):
    def refused(charter, *words):
        declared = {"project": "p", "charter": charter, "data": {"sources": {}}}
        (tmp_path / "loopline.yaml").write_text(yaml.safe_dump(declared))
        return str(CliRunner().invoke(root, ["charter", *(words or ["questions"]), "--folder", str(tmp_path)]).exception)

    assert "loopline init --template NAME" in refused({"predict": "y"})
    assert "charter.template: there is no template 'frod'; did you mean 'fraud'?" in refused({"predict": "y", "template": "frod"})
    assert "did you mean 'fraud'?" in refused({"predict": "y", "template": "frod"}, "study"), "before anything is computed"
