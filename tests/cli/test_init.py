import json

import pytest
from click.testing import CliRunner

from loopline.cli.init import command
from loopline.errors import Fault, Mistake
from loopline.project import load

ROWS = "\n".join(f"v-{number},{number % 7},{'mail' if number % 2 else 'post'},{number % 5 / 2},{'yes' if number % 3 == 0 else 'no'}" for number in range(120))
VISITS = f"visit,pages,source,minutes spent,bought\n{ROWS}\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "visits.csv").write_text(VISITS)
    return tmp_path


def init(*words):
    """The text or the object that the command prints; what it raises."""
    ended = CliRunner().invoke(command, [str(word) for word in words])
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    assert ended.exit_code == 0, ended.output
    return json.loads(ended.stdout) if "--json" in words else ended.stdout


def test_it_writes_a_declaration_that_loads_and_says_what_it_left_out(folder):
    text = init(folder / "in" / "visits.csv", "--target", "bought", "--folder", folder / "shop")
    assert "left out visit (identifier)" in text
    assert "no prices yet" in text
    assert f"next: loopline run --folder {folder / 'shop'}" in text
    project = load(folder / "shop").declaration
    assert project.project == "shop"
    source = project.data.sources["visits"]
    assert (source.path, source.key, source.time, project.data.main) == ("../in/visits.csv", ("visit",), None, "visits")
    assert (project.charter.predict, project.charter.task, project.charter.positive) == ("bought", "binary", "yes")
    assert (project.charter.worth.currency, project.charter.worth.act_right, project.charter.worth.act_wrong) == ("points", 1, -1)
    contract = project.data.contract.columns
    assert list(contract) == ["visit", "pages", "source", "minutes spent", "bought"]
    assert (contract["visit"].use, contract["pages"].max, contract["pages"].severity) == (False, 6, "warn")
    assert contract["bought"].values == ("no", "yes")
    assert not list((folder / "shop").glob(".loopline-*"))


def test_json_says_the_same(folder):
    told = init(folder / "in", "--target", "minutes spent", "--folder", folder / "shop", "--name", "My shop!", "--json")
    assert (told["project"], told["table"], told["task"], told["order"], told["key"], told["rows"]) == ("My-shop", "in", "regression", None, ["visit"], 120)
    assert told["left_out"][0] | {"why": ""} == {"column": "visit", "kind": "identifier", "why": ""}
    assert load(folder / "shop").declaration.charter.predict == "minutes spent"


@pytest.mark.parametrize("place", ["in", "in/*.csv", "in/visits.csv"])
def test_a_folder_and_a_pattern_do_as_well_as_a_file(folder, monkeypatch, place):
    (folder / "in" / "visits-2.csv").write_text(VISITS.replace("v-", "w-"))
    monkeypatch.chdir(folder)
    told = init(place, "--target", "bought", "--json")
    assert told["rows"] == (120 if place.endswith("visits.csv") else 240)
    assert load(folder).declaration.data.sources[told["table"]].path == place


def test_how_a_file_is_written_is_written_down(folder):
    (folder / "in" / "odd.csv").write_bytes(VISITS.replace(",", ";").replace("mail", "Straße").replace("v-1;1", "v-1;?").encode("cp1252"))
    init(folder / "in" / "odd.csv", "--target", "bought", "--folder", folder, "--key", "visit")
    source = load(folder).declaration.data.sources["odd"]
    assert (source.separator, source.encoding, source.nulls[-1]) == (";", "cp1252", "?")


def test_a_declaration_is_not_overwritten_unless_it_is_forced(folder):
    (folder / "loopline.yaml").write_text("mine")
    with pytest.raises(Mistake, match="--force"):
        init(folder / "in" / "visits.csv", "--target", "bought", "--folder", folder)
    assert (folder / "loopline.yaml").read_text() == "mine"
    init(folder / "in" / "visits.csv", "--target", "bought", "--folder", folder, "--force")
    assert load(folder).declaration.charter.predict == "bought"


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("none.csv", None, "there are: visits.csv"),
        ("empty.csv", "", "the file is empty"),
        ("header.csv", "a,bought\n", "no rows"),
        ("twice.csv", "a,a,bought\n1,2,yes\n", "2 times"),
        ("few.csv", "a,bought\n" + "1,yes\n2,no\n" * 20, "at least 50"),
        ("one.csv", "a,bought\n" + "1,yes\n" * 60, "one value only"),
        ("null.csv", "a,bought\n" + "1,\n" * 60, "empty"),
        ("other.csv", "a,bougth\n" + "1,yes\n2,no\n" * 60, "did you mean 'bougth'"),
    ],
)
def test_what_cannot_be_learned_from_is_refused_and_nothing_is_written(folder, name, content, says):
    if content is not None:
        (folder / "in" / name).write_text(content)
    with pytest.raises(Mistake) as caught:
        init(folder / "in" / name, "--target", "bought", "--folder", folder / "shop")
    assert says in str(caught.value)
    assert not (folder / "shop").exists()


def test_a_folder_that_cannot_be_made_is_told(folder):
    (folder / "taken").write_text("a file")
    with pytest.raises(Fault, match="--folder"):
        init(folder / "in" / "visits.csv", "--target", "bought", "--folder", folder / "taken" / "shop")
