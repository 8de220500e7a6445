"""Where a package came from, told from the ledger's entries."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from loopline.ledger.entry import Entry
from loopline.ledger.state import fold
from loopline.model.origin import Import, import_of, waiting

SOURCE = {"form": "onnx", "maker": "skl2onnx", "path": "/in/theirs.onnx"}


def entry(seq: int, kind: str, subject: str = "", **body: Any) -> Entry:
    made = {"time": datetime(2026, 1, seq, tzinfo=UTC), "project": "shop", "prev_hash": "", "hash": ""}
    return Entry(seq=seq, id=f"{seq}-x", kind=kind, subject=subject, actor="ann", body=body, **made)


def package(seq: int) -> Entry:
    return entry(seq, "package", "abc", manifest={"files": {"model.onnx": "f00"}})


@pytest.mark.parametrize("brought", [{"package": "abc"}, {"graph": "f00"}])
def test_what_was_imported_before_the_package_was_made_is_its_origin(brought: dict[str, str]) -> None:
    imports = [entry(1, "import", state="proposed", name="theirs.onnx", source=SOURCE, **brought), entry(2, "import", state="withdrawn")]
    found = import_of(package(3), imports)
    assert found is not None and (found.name, found.by, found.at) == ("theirs.onnx (ONNX by skl2onnx)", "ann", "2026-01-01T00:00:00+00:00")


def test_what_is_made_here_and_imported_afterwards_is_the_searchs() -> None:
    assert import_of(package(3), [entry(4, "import", state="proposed", name="out.zip", package="abc")]) is None
    assert import_of(package(3), [entry(1, "import", state="proposed", name="other.onnx", graph="bad")]) is None


def test_an_import_from_before_sources_were_kept_has_its_name() -> None:
    assert Import.of(entry(1, "import", name="out.zip", package="abc")).name == "out.zip"
    assert Import.of(entry(1, "import", name="theirs.onnx", graph="f00")).name == "theirs.onnx (ONNX)"


def test_an_import_waits_until_it_is_judged_or_a_search_has_come() -> None:
    searched, proposed = entry(1, "step", "model", state="succeeded", name="search"), entry(2, "import", state="proposed", name="a.onnx", graph="f00")
    assert waiting(fold([searched])) is None
    found = waiting(fold([searched, proposed]))
    assert found is not None and found.name == "a.onnx (ONNX)"
    for name in ("search", "import"):
        assert waiting(fold([searched, proposed, entry(3, "step", "model", state="succeeded", name=name)])) is None
    assert waiting(fold([searched, proposed, entry(3, "import", state="withdrawn")])) is None
