import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from loopline import project
from loopline.errors import Mistake
from loopline.project import Declaration, find_folder, line_of, load, parse, schema

GOOD = """project: flight-delays
charter:
  predict: late
  positive: yes
  volume: 900 per day
  worth: {currency: USD, act_right: 140, act_wrong: -60 - 0.1 * distance}
  stakeholders: {business: [a@example.com]}
data:
  sources:
    flights: {path: flights.csv, key: id}
  contract:
    distance: {type: number, min: 1}
"""


def test_everything_but_project_target_and_source_has_a_default():
    said = parse("project: p\ncharter: {predict: y}\ndata: {sources: {t: {path: t.csv}}}\n")
    assert (said.charter.worth.currency, said.model.families, said.release.approvals) == ("points", ("linear", "lightgbm", "extra_trees", "random_forest"), {})


def test_how_long_things_are_kept_has_defaults_and_can_be_said():
    said = parse(f"{GOOD}keep: {{versions: 2w, blobs: 1d}}\n").keep
    assert said.model_dump(mode="json") == {"versions": "2w", "logs": "90d", "trials": "90d", "blobs": "1d"}
    with pytest.raises(Mistake, match=r"keep.version: there is no such field; did you mean 'versions'\?"):
        parse(f"{GOOD}keep: {{version: 2w}}\n")


def test_yes_and_no_are_words():
    assert parse(GOOD).charter.positive == "yes"


@pytest.mark.parametrize(
    ("change", "line", "says"),
    [
        (("900 per day", "0 per day"), 5, "leaves nothing to decide"),
        (("900 per day", "-3 per day"), 5, "leaves nothing to decide"),
        (("predict", "predcit"), 3, "did you mean 'predict'"),
        (("type: number", "type: numbr"), 12, "did you mean 'number'"),
        (("  predict", "\tpredict"), 3, "a tab indents the line"),
        (("-60 - 0.1 * distance", "sqr(3)"), 6, "did you mean sqrt"),
        (("min: 1", "mn: 1"), 12, "did you mean 'min'"),
        (("900 per day", "900 daily"), 5, "write it as '900 per day'"),
        (("business:", "busines:"), 7, "did you mean 'business'"),
        (("charter:\n", "charter:\n  predict: x\n"), 4, "said twice"),
        (("project: flight-delays\n", ""), 1, "project is missing"),
        (("project: flight-delays", "project: a b"), 1, "project"),
    ],
)
def test_a_mistake_names_its_line_and_the_remedy(change, line, says):
    with pytest.raises(Mistake) as caught:
        parse(GOOD.replace(*change))
    assert says in str(caught.value)
    assert f"line {line}" in caught.value.where
    assert "\n" not in str(caught.value)


@given(st.text(alphabet=st.sampled_from("abc:-{}[]'\"\t\n #&*!|>%@`,0"), max_size=60))
def test_any_text_is_a_declaration_or_one_line(text):
    try:
        parse(text)
    except Mistake as error:
        assert "\n" not in error.what


@pytest.mark.parametrize("text", ["a: \x07", "? [a]\n: 1", "? {a: 1}\n: 2", "a: &x [*x]", "a: !!python/object:os.system {}"])
def test_strange_yaml_is_refused_in_one_line(text):
    with pytest.raises(Mistake) as caught:
        parse(text)
    assert "\n" not in str(caught.value)


def test_the_folder_is_found_from_below(tmp_path):
    (tmp_path / "loopline.yaml").write_text(GOOD)
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert find_folder(below) == tmp_path


def test_a_folder_without_a_project_says_how_to_start_one(tmp_path):
    with pytest.raises(Mistake, match="loopline init"):
        load(tmp_path)


def test_the_environment_overrides_the_places_and_fills_in_secrets(tmp_path, monkeypatch):
    (tmp_path / "loopline.yaml").write_text(GOOD + "workspace: {ledger: '${LEDGER_URL}'}\n")
    project = load(tmp_path)
    with pytest.raises(Mistake, match="LEDGER_URL is not set"):
        _ = project.ledger_url
    monkeypatch.setenv("LEDGER_URL", "postgresql+psycopg://u:secret@h/d")
    assert project.ledger_url == "postgresql+psycopg://u:secret@h/d"
    assert "secret" not in json.dumps(project.declaration.model_dump(mode="json"))
    monkeypatch.setenv("LOOPLINE_LAKE", "elsewhere")
    assert project.lake_url == str(tmp_path / "elsewhere")
    # A pipeline fills a secret that nobody set with nothing.
    monkeypatch.setenv("LOOPLINE_LAKE", "")
    assert project.lake_url == str(tmp_path / ".loopline" / "lake")


def test_the_schema_knows_every_part():
    assert set(schema()["properties"]) == set(Declaration.model_fields)
    json.dumps(schema())


@pytest.mark.parametrize(
    ("people", "said"),
    [
        ("{bussiness: [ann]}", "'bussiness' is not one of .*; did you mean 'business'"),
        ("{business: ann}", r"business is one name; write a list of people, as in business: \[ann\]"),
        ("{business: ['']}", r"business lists somebody without a name; write an e-mail address, or \[\]"),
    ],
)
def test_people_that_cannot_be_meant_are_named_with_what_can(people, said):
    with pytest.raises(Mistake, match=f"line 4: charter.stakeholders.*{said}"):
        parse(f"project: p\ncharter:\n  predict: y\n  stakeholders: {people}\ndata: {{sources: {{t: {{path: t.csv}}}}}}\n")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("acceptance: {A1: {check: precision > 0.5}}", r"acceptance: it takes a list, not fields with names; write its items in brackets"),
        ("acceptance: [x]", r"acceptance\.0: it takes fields with names, not 'x'; .* there are: check, id, says$"),
        ("acceptance: [{id: 1, says: x}]", r"acceptance\.0\.id: it takes a text, not 1; write one, in quotes"),
        ("acceptance: [{id: '', says: x}]", r"'' is no id of a criterion; write letters, digits, \., _ and - alone, such as A1$"),
        ('acceptance: [{id: "a|b\\n", says: x}]', r"is no id of a criterion"),
        ("approvals: {business: x}", r"approvals\.business: it takes one whole number, not 'x'; write digits alone"),
        ("approvals: {business: true}", r"it takes one whole number, not True"),
        ("study: x", r"study: it takes fields with names, not 'x'; .* there are: chance, .*, years$"),
        ("budget: ", r"budget: it takes fields with names, not nothing; .* there are: build, run$"),
        ("budget: {build: 1..2}", r"budget\.build: it takes one number, not a range \('1\.\.2'\); write digits alone"),
        ("budget: {build: .inf}", r"it takes a finite number, not inf"),
        ("study: {years: 1..3}", r"study\.years: it takes one number, not a range"),
        ("study: {years: 50}", r"50 is beyond its limit; write at most 30$"),
        ("positive: .nan", r"positive: it takes a finite number, not nan; write digits alone, such as 30000 or 0\.5$"),
        ("worth: {act_right: 1 / 0}", r"of 1 / 0 nothing comes; write the number that is meant"),
    ],
)
def test_what_a_field_does_not_take_is_told_with_what_it_takes(said, told):
    with pytest.raises(Mistake, match=told) as caught:
        parse(f"project: p\ncharter:\n  predict: y\n  {said}\ndata: {{sources: {{t: {{path: t.csv}}}}}}\n")
    assert caught.value.where == "loopline.yaml, line 4"
    assert "\n" not in str(caught.value)


def test_a_role_with_nothing_behind_it_is_held_by_nobody():
    said = parse("project: p\ncharter: {predict: y, stakeholders: {business: , devops: []}}\ndata: {sources: {t: {path: t.csv}}}\n")
    assert said.charter.stakeholders == {"business": (), "devops": ()}


def test_a_field_has_its_line_and_one_that_is_not_said_the_nearest_above():
    text = "project: p\ncharter: {predict: y}\ndata:\n  contract:\n    pages:\n      max: 8\n    rules:\n      - check: a > b\n"
    fields = ("data.contract.pages.max", "data.contract.pages.min", "data.contract.rules.0", "data.sources.t.key", "watch")
    assert [line_of(text, field) for field in fields] == [6, 5, 8, 3, 1]


TRAPS = (
    "a: 1\r\nb: 2\r\na: 3",
    "a: 1\rb: 2\rb: 3",
    "a: x\u2028b: 2\n",
    "a: 1\x85b: 2\n",
    "\ufeffa: 1\nb: [",
    "a: 010\nb: 0o10\nc: 1:30\nd: 1_000\n",
    "a: =\n",
    "<<: {a: 1}\nb: 2",
    "x: &x {a: 1}\ny:\n  <<: *x\n  b: 2\nz: *x\n",
    "? [a]\n: b\n",
    "? {a: 1}\n: b\n",
    "a: *n\n",
    "a: &n b\nc: &n d\ne: *n",
    "a: .inf\nb: .nan\nc: 1e3\nd: 1.0e3\ne: ~\nf: null\ng: \n",
    "",
    "~",
    "- a",
    "a",
    "a: |\n  x\n y",
    "a: \x07",
    "a: \ud800",
    "a: 'x\n  y'\n",
    'a: "\\x41\\u0041\\/"\n',
    'a: "\\z"',
    "%YAML 1.2\n---\na: 1\n",
    "%YAML 1.1\n---\na: 1\n...\n",
    "%FOO\n---\na: 1",
    "a: 1\n---\nb: 1",
    "a: {b: 1, b: 2}",
    "a: {? b}",
    "a: [b: c, d]",
    "a: [?b, :c]",
    "a: {x:1}",
    "a: {http://x: y}",
    "a: b: c",
    "a: - b",
    "a: %x",
    "a: @x",
    "a: `x",
    "a: 2020-01-01\n",
    "1: a\n1.0: b\ntrue: c\n",
    "a:\n  - b\n - c",
    "a: 0x1F\nb: 0b11\nc: +1\nd: -.5\ne: 1.\nf: .5\ng: 0.\n",
    "a: 'b'c",
    'a: "b"c',
    "{a: 1",
    "[a",
    "a: }",
    "a: #c",
    "a: x#c",
    "a: x #c",
    "a: &",
    "a: *",
    "a: &a",
    "a: &a-b.c x\nb: *a-b.c",
    "a: &\xe9 x\nb: *\xe9",
    "\xe9: 1",
    "a: \U0001f600",
    "- - a",
    "a: >2\n   x\n",
    "a: |+\n x\n\n\nb: 1",
    "a: |9\n x",
    "a: |0\n x",
    "a: |x\n x",
    "a: >-#\n x",
    ", a: 1",
    "a: b\n  c: d",
    "a: ? b",
    "a: :b",
    "a: ::",
    "a: -",
    "a: ?",
    "?",
    "-",
    "? a",
    "a: 1\n  \n# x\n\nb: 2",
    "a: [1,\n# c\n2]",
    "a: [1\n,2]\nb: x",
    "\"a\": 1\n'a': 2",
    "a: !!x",
    "a: 1\x00",
    "a: \x7f",
    "a: \x80",
    "a: \x9f",
    "a: \ufffe",
    "a: \uffff",
    "a: \ufeffb",
    "a:\xa0b",
    "a: 1\n\ufeffb: 2",
    "<<: 1",
    "<<: [a]",
    "a: {<<: 3}",
    "a: 99999999999999999999",
    "a: 1e400",
    "a: 190:20:30.15",
    "a: 0_",
    "a: 0b_",
    "a: 0x_",
    "a: _1",
    "a: -_",
    "a: 089",
    "a: 1__0",
    "a: +.inf",
    "a: .",
    "a: ._",
    "a: .e3",
    "project: p\ncharter:\n\ufeffdata:\n  sources: {}\n",
    "a: >-#\n",
    "a: |2#\n",
    "!=!=",
    "a: !=!= b",
    "a: !=",
    "[a,\n? b]: c",
    "[a, b]\n? c: d\n",
    "? [a,\n  b]\n: c",
    "a: is it?\nb: [is it?, c]\n",
    "a: b != c\n",
)
"""What libyaml takes otherwise, or once did: each in its own way."""


def slowly(text):
    return (loader := project.Loader(text)).get_single_node(), loader.construct_document


def told(text):
    """Values, lines and the mistake, as they are told."""
    try:
        values, lines = project._read(text, "f")
        return repr(values), lines
    except Mistake as mistake:
        return mistake.what, mistake.where, mistake.remedy


def test_what_reads_it_quickly_takes_each_trap_as_what_people_are_told_of(monkeypatch):
    quickly = [told(text) for text in TRAPS]
    monkeypatch.setattr(project, "_composed", slowly)
    assert dict(zip(TRAPS, quickly, strict=True)) == {text: told(text) for text in TRAPS}


@given(st.text("ab:-?#&*!|>'\"%@`{}[], \n0.~yno<=\u00e9", max_size=40))
def test_what_reads_it_quickly_takes_it_as_what_people_are_told_of(text):
    def said(compose):
        try:
            node, construct = compose(text)
            return node and repr(construct(node))
        except (yaml.YAMLError, RecursionError):
            return "refused"

    assert said(project._composed) == said(slowly)
