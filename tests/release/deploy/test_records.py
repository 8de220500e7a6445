"""Files of a deployment: whole, and never over what somebody else wrote."""

import pytest

from loopline.errors import Fault, Mistake
from loopline.ledger.store import Ledger
from loopline.release.deploy.records import DEPLOYED, KIND, as_json, digests, draft, write


@pytest.fixture
def ledger(tmp_path):
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", "p") as opened:
        yield opened


def deployed(ledger, files):
    return ledger.append(draft(DEPLOYED, "ours", "ab" * 32, digests(files), {"url": "u"}, actor="ann", parents=()))[0]


def test_an_entry_says_target_package_files_and_who(ledger):
    told = as_json(deployed(ledger, {"a": "1", "b/c": b"2"}))
    assert (told["target"], told["state"], told["package"], told["by"], told["facts"]) == ("ours", DEPLOYED, "ab" * 32, "ann", {"url": "u"})
    assert told["files"] == digests({"a": b"1", "b/c": "2"})
    assert ledger.read(kinds=(KIND,))[0].subject == "ab" * 32


def test_what_a_deployment_wrote_is_written_over(ledger, tmp_path):
    out = tmp_path / "out"
    write({"a": "1", "b/c": b"2"}, out, [])
    earlier = [deployed(ledger, {"a": "1", "b/c": b"2"})]
    write({"a": "3"}, out, earlier)
    assert ((out / "a").read_text(), (out / "b" / "c").read_text()) == ("3", "2")


def test_what_was_changed_by_hand_stays_and_nothing_is_written(ledger, tmp_path):
    out = tmp_path / "out"
    write({"a": "1", "b": "1"}, out, [])
    earlier = [deployed(ledger, {"a": "1", "b": "1"})]
    (out / "b").write_text("mine")
    with pytest.raises(Mistake, match="changed by hand; move it away, or name another folder"):
        write({"a": "2", "b": "2"}, out, earlier)
    assert ((out / "a").read_text(), (out / "b").read_text()) == ("1", "mine")


def test_a_file_in_the_way_is_said_in_one_line(tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(Fault, match="cannot be written"):
        write({"a": "1"}, tmp_path / "out", [])
