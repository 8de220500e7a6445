"""What the ledger names and still needs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.housekeeping.citations import Citations, Reader, digests, versions
from loopline.ledger.entry import Entry

START = datetime(2026, 1, 1, tzinfo=UTC)
A, B, C, D, E, F = (letter * 64 for letter in "abcdef")


class Story:
    """Entries one after the other, as the loop appends them."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def say(
        self, kind: str, subject: str = "", body: Mapping[str, Any] | None = None, *, key: str = "", after: Entry | None = None, project: str = "p"
    ) -> Entry:
        seq = len(self.entries) + 1
        said: dict[str, Any] = {"kind": kind, "subject": subject, "body": body or {}, "key": key, "parents": () if after is None else (after.id,)}
        moment = START + timedelta(days=seq)
        entry = Entry(**said, seq=seq, id=f"{seq}-x", project=project, time=moment, prev_hash="", hash="")
        self.entries.append(entry)
        return entry

    def step(self, stage: str, name: str, key: str, facts: Mapping[str, Any], after: Entry | None = None) -> Entry:
        started = self.say("step", stage, {"state": "started", "name": name}, key=key, after=after)
        return self.say("step", stage, {"state": "succeeded", "name": name, "facts": facts}, key=key, after=started)

    def package(self, digest: str, files: str, key: str, version: int, evidence: str) -> Entry:
        """A package with all that leads to it."""
        data = self.step("data", "ingest", f"data {version}", {"tables": {"t": {"id": "x", "version": version}}, "profile": f"{version:064x}"})
        started = self.say("step", "model", {"state": "started", "name": "search"}, key=key, after=data)
        self.say("look", f"study {key}", {"table": {"name": "t", "version": version}, "rows": 1}, after=started)
        self.say("package", digest, {"manifest": {"files": {"model.onnx": files}}}, key=key, after=started)
        facts = {"package": digest, "evidence": evidence, "study": f"study {key}"}
        return self.say("step", "model", {"state": "succeeded", "name": "search", "facts": facts}, key=key, after=started)

    def told(self, **more: Any) -> Citations:
        reader = Reader("p")
        for entry in self.entries:
            reader.add(entry)
        return reader.citations(**more)


def test_a_package_that_decided_stays_with_all_that_it_was_made_from() -> None:
    story = Story()
    story.package(A, B, "one", 3, C)
    story.say("champion", A, {"why": "", "previous": None})
    story.package(D, E, "two", 7, F)
    story.package("1" * 64, "2" * 64, "three", 9, "3" * 64)
    cited = story.told()
    assert {A, B, C, f"{3:064x}"} <= cited.needed
    assert {"1" * 64, "2" * 64, "3" * 64, f"{9:064x}"} <= cited.needed
    assert set(cited.past) == {D, E, F, f"{7:064x}"}
    assert cited.versions == {("t", 3), ("t", 9)}
    assert cited.steps == {"two": {D, F}, "data 7": {f"{7:064x}"}}
    assert A in cited.packages and D not in cited.packages


def test_one_that_served_or_that_a_person_spoke_of_stays() -> None:
    for word in ("served", "approval"):
        story = Story()
        story.package(A, B, "one", 3, C)
        if word == "approval":
            story.say("approval", A, {"role": "business", "verdict": "no", "why": ""})
        story.package(D, E, "two", 7, F)
        cited = story.told(served=[A] if word == "served" else [])
        assert {A, B, C} <= cited.needed and ("t", 3) in cited.versions


def test_the_time_is_that_of_the_last_entry_that_names_it() -> None:
    story = Story()
    story.step("watch", "windows", "one", {"summary": A})
    last = story.step("watch", "windows", "two", {"summary": A})
    story.step("watch", "windows", "three", {"summary": B})
    assert story.told().past == {A: last.time}


def test_a_success_that_holds_again_needs_what_it_names() -> None:
    story = Story()
    first = story.step("watch", "windows", "one", {"summary": A})
    story.step("watch", "windows", "two", {"summary": B})
    story.say("step", "watch", {**first.body, "recalled": True}, key="one", after=first)
    cited = story.told()
    assert A in cited.needed and cited.steps == {"two": {B}}


def test_the_raw_bytes_of_batches_stay_while_a_table_holds_them_or_a_contract_wants_them() -> None:
    story = Story()
    body = {"how": "hand", "file": "f", "mode": "append", "supersedes": None}
    story.say("contract", "t", {}, key="terms")
    story.say("batch", "t", {**body, "raw": A}, key=A)
    story.say("batch", "t", {**body, "raw": B, "supersedes": A}, key=B)
    story.say("contract", "t", {}, key="other terms")
    assert B in story.told().needed and set(story.told().past) == {A}
    assert A in story.told(batches=[A]).needed
    story.say("begun", "t", {**body, "raw": C}, key=C)
    assert C in story.told().needed


def test_reviews_stay_by_package_and_the_newest_only() -> None:
    story = Story()
    for digest in (A, B):
        story.say("review", "package", {"html": digest})
    story.say("review", "other", {"html": C})
    cited = story.told()
    assert {B, C} <= cited.needed and set(cited.past) == {A}


def test_of_what_is_published_of_a_lookup_the_newest_stays() -> None:
    story = Story()
    for digest in (A, B):
        story.say("lookup", D, {"lookup": "weather", "table": "weather", "version": 3, "blob": digest})
    story.say("lookup", E, {"lookup": "airlines", "table": "airlines", "version": 1, "blob": C})
    cited = story.told()
    assert {B, C} <= cited.needed and set(cited.past) == {A}


def test_a_kind_that_is_not_known_needs_what_it_names_and_versions_while_it_is_open() -> None:
    story = Story()
    story.say("question", "q", {"state": "open", "blob": A, "table": "t", "version": 4})
    assert A in story.told().needed and story.told().versions == {("t", 4)}
    story.say("question", "q", {"state": "answered"})
    assert A in story.told().needed and not story.told().versions


def test_all_that_another_project_named_is_needed() -> None:
    story = Story()
    story.say("step", "watch", {"state": "succeeded", "name": "windows", "facts": {"summary": A}}, project="other")
    story.say("step", "watch", {"state": "succeeded", "name": "windows", "facts": {"summary": B}}, project="other")
    cited = story.told()
    assert {A, B} <= cited.needed and not cited.past and cited.projects == {"other"}


def test_what_house_keeping_itself_wrote_needs_nothing() -> None:
    story = Story()
    story.say("gc", "", {"steps": [A]})
    assert not story.told().needed


def test_what_the_charters_study_compares_is_no_study_of_a_search() -> None:
    story = Story()
    story.step("charter", "study", "k", {"verdict": "go", "study": {"best": "model", "alternatives": []}})
    story.say("charter", A, {"charter": {"predict": "y"}, "changed": []})
    assert not story.told().needed


@settings(max_examples=50)
@given(st.recursive(st.none() | st.integers() | st.just(A) | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_any_body_is_read(body: Any) -> None:
    assert set(digests(body)) <= {A}
    assert all(isinstance(number, int) for _, number in versions(body))
