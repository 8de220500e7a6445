import json
from importlib.resources import files

import pytest
import yaml
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from loopline.data.odcs.dates import from_java, to_java
from loopline.data.odcs.importing import imported
from loopline.data.odcs.odcs import exported
from loopline.data.spec import DataSpec
from loopline.data.spec_contract import ContractSpec
from loopline.errors import Mistake

FULL = {
    "sources": {
        "orders": {"path": "s3://shop/orders/*.csv", "key": ["id", "day"], "time": "day", "separator": ";", "schedule": "0 6 * * * Europe/Berlin"},
        "customers": {
            "url": "postgresql://${USER}:${PASSWORD}@db.example.com:5433/shop",
            "table": "customers",
            "key": "id",
            "mode": "upsert",
            "contract": {"city": {"type": "category", "values": ["Ulm", "no", "1"], "severity": "warn"}, "unique": [["id", "city"]]},
        },
    },
    "contract": {
        "id": {"type": "text", "required": True, "pattern": r"AB\d{4}|X-\d", "length": "2..6"},
        "day": {"type": "date", "format": "%d.%m.%Y"},
        "total": {"type": "number", "min": 0, "max": 1e6, "severity": {"max": "warn", "type": "stop"}},
        "state": {"values": ["new", "paid"], "clean": ["trim", {"map": {"n": "new"}}]},
        "customer": {"type": "integer", "use": False, "why": "it names somebody"},
        "columns": {"rules": {"type": "integer"}},
        "rules": [{"check": "total >= 0", "severity": "warn"}, {"check": "`a b` > 1 or total < 3", "name": "odd"}],
        "references": [{"columns": "customer", "table": "customers", "to": "id", "severity": "warn"}],
        "tests": [{"name": "none twice", "sql": "select id from orders group by id having count(*) > 1; ", "severity": "warn"}],
        "batch": {"rows": "1..1000", "fresh": "2d", "refused": "5%", "against": 3},
    },
    "lookups": {"customers": {"on": {"id": "customer"}, "as_of": "since"}},
    "tables": {"sums": {"sql": "select 1 from orders", "key": "day", "tests": [{"name": "t", "sql": "select 1 from sums"}]}},
}


def data(declared):
    return DataSpec.model_validate(declared)


def written(spec, **more):
    """The document as a file has it."""
    return yaml.safe_load(yaml.safe_dump(exported(spec, project="shop", **more), sort_keys=False, allow_unicode=True))


def back(document):
    return imported(document, where="x.odcs.yaml")


@pytest.fixture(scope="module")
def official():
    """The standard's own schema, as the package of its Python model ships it."""
    jsonschema = pytest.importorskip("jsonschema")
    pytest.importorskip("open_data_contract_standard", reason="the standard's schema comes with the package open-data-contract-standard")
    schema = json.loads((files("open_data_contract_standard") / "schema.json").read_text(encoding="utf-8"))
    return jsonschema.Draft201909Validator(schema)


def test_what_is_exported_is_valid_and_gives_the_same_declaration_when_it_is_read_back(official):
    spec = data(FULL)
    document = written(spec, team={"data": ["eng@example.com"]}, description={"purpose": "know", "usage": ""})
    assert [error.message for error in official.iter_errors(document)] == []
    again = back(document)
    assert data(again.data) == spec
    assert again.about == {"apiVersion": "v3.1.0", "id": "shop", "name": "shop", "version": "1.0.0", "status": "active"}
    assert dict(again.not_taken) == {
        "description.purpose": "know",
        "team.members[eng@example.com].username": "eng@example.com",
        "team.members[eng@example.com].role": "data",
    }


def test_what_the_standard_has_words_for_stands_in_its_words():
    document = written(data(FULL))
    orders, customers, sums = document["schema"]
    properties = {prop["name"]: prop for prop in orders["properties"]}
    assert properties["id"]["logicalTypeOptions"] == {"minLength": 2, "maxLength": 6, "pattern": r"^(?:AB\d{4}|X-\d)$"}
    assert (properties["id"]["primaryKey"], properties["day"]["primaryKeyPosition"], properties["id"]["required"]) == (True, 2, True)
    assert properties["day"]["logicalTypeOptions"] == {"format": "dd.MM.yyyy"}
    assert properties["total"]["logicalTypeOptions"] == {"minimum": 0, "maximum": 1_000_000}
    assert "logicalTypeOptions" not in properties["state"]
    assert properties["state"]["quality"][0]["arguments"] == {"validValues": ["new", "paid"]}
    assert orders["relationships"][0] | {"customProperties": None} == {
        "type": "foreignKey",
        "from": "orders.customer",
        "to": "customers.id",
        "customProperties": None,
    }
    assert {rule.get("metric") or rule["type"] for rule in orders["quality"]} == {"custom", "sql", "rowCount"}
    assert customers["quality"][0]["arguments"] == {"properties": ["id", "city"]}
    assert [(server["server"], server["type"]) for server in document["servers"]] == [("orders", "s3"), ("customers", "postgres")]
    assert "PASSWORD" not in json.dumps(document["servers"])
    assert {entry["property"]: (entry["value"], entry.get("unit")) for entry in document["slaProperties"]} == {
        "latency": (2, "d"),
        "frequency": ("0 6 * * *", None),
    }
    assert sums["physicalType"] == "view"


NAMES = st.sampled_from(["id", "a", "b c", "rules", "é", "x.y", "2nd"])
SEVERITIES = st.sampled_from(["refuse", "stop", "warn"])
COUNTS = st.sampled_from(["1..5", "..3", "0..", "4..4"])
COLUMNS = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["integer", "number", "text", "category", "boolean", "date", "datetime"]),
        "format": st.sampled_from(["%Y-%m-%d", "%d %b %Y", "%H:%M", "iso", "%j"]),
        "required": st.booleans(),
        "unique": st.booleans(),
        "min": st.integers(-5, 5) | st.floats(-1e9, 5),
        "max": st.floats(5, 1e300),
        "values": st.lists(st.sampled_from(["a", "no", "1", "é'", 1, 2.5, True]), max_size=3),
        "pattern": st.sampled_from([r"\d+", "a|b", "(?:a|b)", "^x$", r"a\$", "(?:a)|(?:b)", "", "[)]|a", "(?:a|b)(?:c|d)"]),
        "length": COUNTS,
        "severity": SEVERITIES | st.dictionaries(st.sampled_from(["min", "values", "length"]), SEVERITIES),
        "clean": st.just(["trim", {"percent": True}]),
        "use": st.booleans(),
        "why": st.sampled_from(["", "so"]),
    },
)
CONTRACTS = st.fixed_dictionaries(
    {"columns": st.dictionaries(NAMES, COLUMNS, max_size=4)},
    optional={
        "unique": st.lists(st.lists(NAMES, min_size=1, max_size=2), max_size=2),
        "rules": st.lists(
            st.fixed_dictionaries({"check": st.sampled_from(["a > 1", "`b c` < a"]), "name": st.sampled_from(["", "n"]), "severity": SEVERITIES})
        ),
        "references": st.lists(
            st.fixed_dictionaries(
                {"columns": st.sampled_from(["a", ["a", "id"], "b c"]), "table": st.sampled_from(["one", "two-b"]), "severity": SEVERITIES},
                optional={"to": st.just("id")},
            ).filter(lambda item: "to" not in item or isinstance(item["columns"], str)),
            max_size=2,
        ),
        "tests": st.lists(
            st.fixed_dictionaries(
                {
                    "name": st.sampled_from(["t", ""]),
                    "sql": st.sampled_from(["select 1", " select a;\n", "select '${column}' as x -- end"]),
                    "severity": st.sampled_from(["stop", "warn"]),
                }
            ),
            max_size=2,
        ),
        "batch": st.fixed_dictionaries(
            {},
            optional={
                "rows": COUNTS,
                "fresh": st.sampled_from(["1d", "90min", "36h", "2w"]),
                "refused": st.sampled_from([0.05, 1.0]),
                "shift": st.just(0.2),
                "against": st.integers(1, 9),
                "severity": st.sampled_from(["stop", "warn"]),
            },
        ),
    },
)
SOURCES = st.fixed_dictionaries(
    {"path": st.sampled_from(["x/*.csv", "s3://b/k", "https://example.com/x.csv", "gs://b/x"])},
    optional={
        "key": st.lists(NAMES, min_size=1, max_size=2, unique=True),
        "time": NAMES,
        "format": st.sampled_from(["csv", "parquet"]),
        "separator": st.sampled_from([";", "\t"]),
        "schedule": st.just("*/5 * * * *"),
        "nulls": st.just(["", "?"]),
    },
)


DECLARED = st.builds(
    # A contract that asks for nothing and none are the same; the standard has but one way to say it.
    lambda first, second, contract, other: {
        "sources": {"one": first, "two-b": {**second, **({"contract": other} if ContractSpec.model_validate(other) != ContractSpec() else {})}},
        "contract": contract,
    },
    SOURCES,
    SOURCES,
    CONTRACTS,
    CONTRACTS,
)


@settings(max_examples=8, phases=[Phase.generate])
@given(DECLARED)
def test_whatever_is_exported_is_valid(official, declared):
    """The standard's schema takes long to check, so that few examples must do."""
    assert [error.message for error in official.iter_errors(written(data(declared)))] == []


@settings(max_examples=60)
@given(DECLARED)
def test_export_and_import_give_the_same_declaration(declared):
    spec = data(declared)
    again = back(written(spec))
    assert data(again.data) == spec
    assert again.not_taken == ()


FOREIGN = """
apiVersion: v3.0.2
kind: DataContract
id: 53581432
version: 1.1.0
status: active
tenant: ClimateQuantum
servers:
  - {server: dwh, type: postgres, environment: prod, host: db.example.com, port: 5432, database: dwh, schema: pay, roles: [{role: reader}]}
schema:
  - name: receivers
    physicalType: table
    description: Who is paid
    properties:
      - name: rcvr_id
        logicalType: string
        primaryKey: true
        primaryKeyPosition: 1
        required: true
        classification: restricted
        logicalTypeOptions: {minLength: 3, pattern: "^R"}
      - name: country
        logicalType: string
        quality:
          - {type: library, metric: invalidValues, arguments: {validValues: [de, no]}, mustBe: 0, severity: warning}
          - {type: library, rule: nullCheck, mustBe: 0, description: never empty}
          - {type: library, metric: nullValues, mustBeLessThan: 5, unit: percent}
          - {type: text, description: It is where they live}
      - {name: age, logicalType: integer, logicalTypeOptions: {minimum: 18, exclusiveMinimum: true, maximum: 130, multipleOf: 1}}
      - {name: rate, logicalType: number, logicalTypeOptions: {exclusiveMaximum: 1}}
      - {name: born, logicalType: date, logicalTypeOptions: {format: dd/MM/yyyy, minimum: "1900-01-01"}}
      - name: address
        logicalType: object
        properties: [{name: city, logicalType: string}, {name: tags, logicalType: array, items: {logicalType: string}}]
    quality:
      - {type: sql, name: few, query: "SELECT COUNT(*) FROM ${table} WHERE age > 100;", mustBeLessThan: 10}
      - {type: library, metric: rowCount, mustBeGreaterThan: 100}
      - {type: custom, engine: soda, implementation: "checks"}
  - name: payments
    properties:
      - {name: rcvr_id, logicalType: string, relationships: [{to: receivers.rcvr_id}, {to: other.x}]}
slaDefaultElement: receivers.born
slaProperties:
  - {property: latency, value: 4, unit: d}
  - {property: retention, value: 3, unit: y, element: receivers.born}
price: {priceAmount: 9.95}
"""


def test_a_contract_of_others_is_taken_as_far_as_it_goes_and_the_rest_is_named():
    found = back(yaml.safe_load(FOREIGN))
    spec = data(found.data)
    columns = spec.contract.columns
    assert (spec.main, spec.sources["receivers"].key, spec.sources["receivers"].time) == ("receivers", ("rcvr_id",), "born")
    assert spec.sources["receivers"].place == "postgresql://${DB_USER}:${DB_PASSWORD}@db.example.com:5432/dwh"
    assert (spec.sources["receivers"].table, spec.sources["payments"].table) == ("pay.receivers", "pay.payments")
    assert (columns["rcvr_id"].required, str(columns["rcvr_id"].length), columns["rcvr_id"].pattern) == (True, "3..", "(?s:.*)(?:^R)(?s:.*)")
    assert (columns["country"].values, columns["country"].required, columns["country"].severity_of("values")) == (("de", False), True, "warn")
    assert (columns["age"].min, columns["age"].max, columns["born"].format) == (19, 130, "%d/%m/%Y")
    assert {rule.check for rule in spec.contract.rules} == {"age % 1 == 0", "rate < 1"}
    assert {"address.city", "address.tags"} <= set(columns)
    assert spec.contract.tests[0].sql.splitlines()[1:] == ["SELECT COUNT(*) FROM receivers WHERE age > 100", ") as found(value) where value >= 10"]
    assert (str(spec.contract.batch.rows), spec.contract.batch.fresh.days) == ("101..", 4)
    assert [(one.columns, one.table) for one in spec.contract_of("payments").references] == [(("rcvr_id",), "receivers")]
    left = dict(found.not_taken)
    assert {
        "tenant",
        "price.priceAmount",
        "schema[0].description",
        "schema[0].properties[0].classification",
        "servers[0].roles[0].role",
        "slaProperties[retention].value",
    } <= set(left)
    text = " ".join(f"{place} {value}" for place, value in left.items())
    for word in ("mustBeLessThan 5", "It is where they live", "never empty", "soda", "1900-01-01", "other.x", "array"):
        assert word in text


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ("", "no contract of the Open Data Contract Standard"),
        ("[1]", "no contract"),
        ("{kind: Other}", "no contract"),
        ("{kind: DataContract, apiVersion: v2.2.2}", "version v2.2.2 of the standard is not read"),
        ("{kind: DataContract, apiVersion: v3.1.0}", "no schema"),
        ("{kind: DataContract, apiVersion: v3.1.0, schema: [{physicalName: x}]}", "no name"),
        (
            "{kind: DataContract, apiVersion: v3.1.0, schema: [{name: x, properties: [{name: a, logicalType: string, logicalTypeOptions: {pattern: '('}}]}]}",
            "not a regular expression",
        ),
        ("{kind: DataContract, apiVersion: v3.1.0, schema: &a [{x: *a}]}", "refers to itself"),
        ("{kind: DataContract, apiVersion: v3.1.0, schema: x}", "is no list"),
        ("{kind: DataContract, apiVersion: v3.1.0, schema: [{name: x, properties: {a: 1}}]}", "is no list"),
        ("{kind: DataContract, apiVersion: v3.1.0, schema: [{name: x, quality: [3]}]}", "is no list"),
    ],
)
def test_what_is_no_such_contract_is_told(document, says):
    with pytest.raises(Mistake, match=says):
        back(yaml.safe_load(document))


@pytest.mark.parametrize(
    ("ours", "java"),
    [("%Y-%m-%d", "yyyy-MM-dd"), ("%d.%m.%y", "dd.MM.yy"), ("%Y-%m-%dT%H:%M:%S%.f", "yyyy-MM-dd'T'HH:mm:ss.SSS"), ("%d o'clock", "dd 'o''clock'")],
)
def test_formats_of_dates_cross_over(ours, java):
    assert (to_java(ours), from_java(java)) == (java, ours)


def test_formats_that_the_other_has_no_word_for():
    assert (to_java("%j"), from_java("EEE"), from_java("yyyy-DDD")) == (None, None, None)
