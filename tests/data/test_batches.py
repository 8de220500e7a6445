from datetime import UTC, datetime

from loopline.data.batches import holding, merged_counts, terms_digest
from loopline.data.spec import ContractSpec, SourceSpec
from loopline.ledger.entry import Entry


def entries(*told):
    for seq, (kind, key, body) in enumerate(told, start=1):
        yield Entry(seq=seq, id=str(seq), project="p", kind=kind, subject="t", key=key, body=body, time=datetime.now(UTC), prev_hash="", hash="")


def batch(key, *, file="f.csv", how="source", mode="append", supersedes=None):
    return "batch", key, {"file": file, "how": how, "mode": mode, "supersedes": supersedes}


def contract(key):
    return "contract", key, {}


def test_a_table_holds_its_batches_in_the_order_of_delivery():
    held = holding(entries(contract("c"), batch("b2", file="2"), batch("b1", file="1")))
    assert (list(held.held), dict(held.owed), held.terms) == (["b2", "b1"], {}, "c")


def test_a_file_whose_content_changed_takes_the_place_of_its_earlier_batch():
    before = holding(entries(contract("c"), batch("old"), batch("other", file="g.csv"), batch("hand", how="hand")))
    assert before.superseded_by("f.csv", "new") == "old"
    assert before.superseded_by("h.csv", "new") is None
    assert before.superseded_by("f.csv", "old") is None
    after = holding(entries(contract("c"), batch("old"), batch("other", file="g.csv"), batch("new", supersedes="old")))
    assert list(after.held) == ["other", "new"]


def test_a_batch_that_left_may_enter_again_under_a_greater_version():
    told = [contract("c"), batch("a"), batch("b", supersedes="a")]
    left = holding(entries(*told))
    assert left.version("a") == 3 > left.version("b") == 1
    back = holding(entries(*told, batch("a", supersedes="b")))
    assert list(back.held) == ["a"]


def test_under_a_new_contract_every_batch_is_owed_again_in_its_order():
    told = [contract("c"), batch("a", file="1"), batch("b", file="2"), contract("d"), batch("a", file="1")]
    now = holding(entries(*told))
    assert (list(now.held), list(now.owed), now.version("b")) == (["a"], ["b"], 4)
    later = holding(entries(*told, contract("e")))
    assert (list(later.held), list(later.owed)) == ([], ["a", "b"])


def test_a_file_that_replaces_the_table_does_so_once_also_after_a_delivery_by_hand():
    now = holding(entries(contract("c"), batch("a", mode="replace"), batch("hand", file="x.csv", how="hand", mode="replace")))
    assert list(now.held) == ["hand"]
    assert now.knows("f.csv", "a", replaces=True)
    assert not now.knows("f.csv", "a", replaces=False)
    assert not now.knows("f.csv", "new", replaces=True)


def test_a_batch_is_begun_until_its_entry_or_a_new_contract_and_one_that_is_undone_enters_under_a_greater_version():
    begun = ("begun", "b", {"mode": "append", "supersedes": "a"})
    told = [contract("c"), batch("a"), begun]
    open_ = holding(entries(*told))
    assert (open_.begun.key, list(open_.held)) == ("b", ["a"])
    assert holding(entries(*told, batch("b", supersedes="a"))).begun is None
    assert holding(entries(*told, contract("d"))).begun is None
    undone = holding(entries(*told, ("undone", *begun[1:])))
    assert (undone.begun, dict(undone.held), undone.version("a"), undone.version("b")) == (None, {}, 4, 4)


def test_only_what_decides_over_rows_changes_the_contract():
    def told(source, **contract):
        return terms_digest(SourceSpec(**{"path": "a.csv", **source}), ContractSpec.model_validate(contract))

    same = told({"path": "b.csv", "ordered": True, "schedule": "0 6 * * *"}, x={"type": "integer", "use": False, "why": "a leak"})
    assert told({}, x={"type": "integer"}, tests=[{"name": "t", "sql": "select 1"}], batch={"rows": "1.."}) == same
    assert told({}, x={"type": "number"}) != same
    assert told({}, x={"type": "integer", "clean": "trim"}) != same
    assert told({}, x={"type": "integer"}, rules=[{"check": "x > 1"}]) != same
    assert told({"separator": ";"}, x={"type": "integer"}) != same
    assert told({"clean": "trim"}, x={"type": "integer"}) != same


def test_counts_are_added_most_often_first():
    assert list(merged_counts([{"a": 1, "b": 2}, {"c": 5, "a": 2}]).items()) == [("c", 5), ("a", 3), ("b", 2)]
