"""``loopline model card | export | import | sign | trust``: a package out of one project and into another, and foreign models through the gates."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from loopline.access.keys import own_key
from loopline.cli.model import command
from loopline.errors import LooplineError
from loopline.loop import LoopStatus, open_loop
from tests.model.foreigners import classifier
from tests.model.studies import table

DECLARED = """
project: shop
charter:
  predict: y
  positive: "yes"
  worth: {currency: EUR, act_right: 10, act_wrong: -6}
data: {sources: {t: {path: t.csv, time: at}}, contract: {count: {required: true}}}
model: {families: [baseline], search: {trials: 1}}
release: {latency_ms: 1000, memory_mb: 4000}
"""


def make(place: Path, *, seed: int = 7, **more: str) -> Path:
    """A project whose model has been made."""
    place.mkdir(exist_ok=True)
    table("binary", rows=300, seed=seed).write_csv(place / "t.csv")
    (place / "loopline.yaml").write_text(DECLARED + "".join(f"{name}: {value}\n" for name, value in more.items()))
    run(place, until="model")
    return place


def run(place: Path, **options: Any) -> LoopStatus:
    with open_loop(place) as loop:
        status = loop.run(**options)
    return status


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("template") / "shop")


@pytest.fixture
def shop(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "shop"))


def call(folder: Path, *words: str) -> Result:
    result = CliRunner().invoke(command, [*words, "--folder", str(folder)])
    if isinstance(result.exception, LooplineError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result


def said(folder: Path, *words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(call(folder, *words, "--json").stdout)
    return found


def test_the_card_is_printed_or_written(shop: Path, tmp_path: Path) -> None:
    assert call(shop, "card").stdout.startswith("# shop: predicts y is yes")
    call(shop, "card", "-o", str(tmp_path / "card.html"))
    assert (tmp_path / "card.html").read_text().startswith("<!doctype html>")
    with pytest.raises(LooplineError, match="'.pdf' is no kind of card"):
        call(shop, "card", "-o", str(tmp_path / "card.pdf"))


def test_the_card_is_opened_in_the_browser(shop: Path, tmp_path: Path) -> None:
    """In a process of its own: the browser is chosen once in each."""
    browser, seen = tmp_path / "browser", tmp_path / "seen.txt"
    browser.write_text(f'#!/bin/sh\necho "$1" > "{seen}"\n')
    browser.chmod(0o755)
    words = [sys.executable, "-m", "loopline.cli.main", "model", "card", "--open", "--output", str(tmp_path / "card.html"), "--folder", str(shop)]
    ended = subprocess.run(words, env={**os.environ, "BROWSER": str(browser)}, capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout.endswith("card.html, and open in the browser\n")
    assert seen.read_text().strip() == (tmp_path / "card.html").as_uri()


def test_where_there_is_no_display_the_card_is_only_written(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(shop))
    told = call(shop, "card", "--open").stdout
    (file,) = shop.glob("loopline-*/card-*.html")
    assert told == f"the card of {said(shop, 'show')['package'][:12]} is in {file}\n"
    assert file.read_text().startswith("<!doctype html>")


def test_a_program_is_told_the_file_and_no_browser_is_opened(shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROWSER", str(tmp_path / "no such browser"))
    assert said(shop, "card", "--open", "-o", str(tmp_path / "card.html"))["output"] == str(tmp_path / "card.html")
    with pytest.raises(LooplineError, match="a browser shows the page; name a file that ends with .html"):
        call(shop, "card", "--open", "-o", str(tmp_path / "card.md"))


def test_the_first_run_made_a_key_that_is_trusted(shop: Path) -> None:
    told = said(shop, "trust")
    assert [(one["key"], one["told_by"], one["is_own"]) for one in told["keys"]] == [(own_key().public, "its first use here", True)]


def test_a_package_goes_out_and_into_another_project_where_its_gates_decide(template: Path, tmp_path: Path) -> None:
    place = tmp_path / "out.zip"
    package = said(template, "export", "--to", str(place))["package"]
    other = make(tmp_path / "other", seed=3)
    assert said(other, "import", str(place))["package"] == package
    status = run(other, until="release")
    model, release = status.stages[2], status.stages[3]
    assert "the imported out.zip earns" in model.why
    assert release.state in ("done", "failed")
    with open_loop(other) as loop:
        gates = loop.state().facts("release", "gates")
    assert gates is not None and gates["package"] == package
    assert {gate["name"]: gate["passed"] for gate in gates["gates"]}["parity"]


def test_a_strangers_package_is_refused_until_it_is_trusted(shop: Path, template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stranger_key = tmp_path / "stranger.pem"
    monkeypatch.setenv("LOOPLINE_KEY", str(stranger_key))
    stranger = make(tmp_path / "stranger", seed=3)
    call(stranger, "export", "--to", str(tmp_path / "out"))
    public = own_key().public
    monkeypatch.setenv("LOOPLINE_KEY", str(tmp_path / "mine.pem"))
    with pytest.raises(LooplineError, match="not trusted here; if you know whose it is: loopline model trust ed25519:"):
        call(shop, "import", str(tmp_path / "out"))
    with pytest.raises(LooplineError, match="nobody is named whose key it is"):
        call(shop, "trust", public)
    assert said(shop, "trust", public, "--as", "the stranger", "--by", "ann")["is_new"]
    call(shop, "import", str(tmp_path / "out"))
    (tmp_path / "out" / "policy.json").write_text("{}")
    with pytest.raises(LooplineError, match="policy.json was changed"):
        call(shop, "import", str(tmp_path / "out"))


def test_a_foreign_graph_passes_the_same_gates_and_decides(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "theirs.onnx").write_bytes(classifier())
    call(shop, "import", str(tmp_path / "theirs.onnx"), "--by", "ann")
    status = run(shop, until="release")
    assert status.error is None, status.error
    with open_loop(shop) as loop:
        state = loop.state()
        facts = state.facts("model", "import")
        assert facts is not None and state.champion == facts["package"]
        frame = table("binary", rows=20).select("size", "count", "at")
        answers = loop.score(frame)
    assert answers.height == 20 and answers["score"].is_between(0, 1).all()
    with open_loop(shop) as loop:
        assert all(stage.cached for stage in loop.run(until="release").stages), "nothing is stale"
    newest, searched = said(shop, "list")["packages"]
    assert (newest["against"]["package"], newest["against"]["role"], searched["against"]) == (searched["package"], "search", None)
    assert newest["against"]["says"] in call(shop, "list").stdout


def test_an_imported_graph_is_listed_and_asked_like_the_searchs(shop: Path, tmp_path: Path) -> None:
    file = tmp_path / "theirs.onnx"
    file.write_bytes(classifier())
    searched = said(shop, "show")["package"]
    call(shop, "import", str(file), "--by", "ann")
    assert said(shop, "list")["waiting"]["path"] == str(file)
    assert call(shop, "list").stdout.endswith("theirs.onnx (ONNX) was imported and waits to be judged\nnext: loopline run\n")
    assert run(shop, until="model").error is None
    listed = said(shop, "list")
    first, second = listed["packages"]
    assert listed["waiting"] is None and second["package"] == searched and second["imported"] is None
    assert (first["imported"]["form"], first["imported"]["path"], first["imported"]["by"]) == ("onnx", str(file), "ann")
    assert "imported from theirs.onnx (ONNX)" in call(shop, "list").stdout
    assert {said(shop, words)["package"] for words in ("show", "card", "sign")} == {first["package"]}, "the newest one, whichever way it was made"
    for words in (("explain",), ("explain", first["package"][:12]), ("explain", "--row", "row.json")):
        with pytest.raises(LooplineError, match=f"imported from theirs.onnx .*; ask the search's package: loopline model explain {searched[:12]}$"):
            call(shop, *words)
    with pytest.raises(LooplineError, match=f"ask the search's package: loopline model effects --package {searched[:12]}$"):
        call(shop, "effects")
    with pytest.raises(LooplineError, match=f"has no evaluation to draw.*; ask the search's package: loopline model show {searched[:12]}$"):
        call(shop, "show", "--output", str(tmp_path / "x.svg"))
    assert said(shop, "explain", searched)["package"] == searched
    shown = call(shop, "show").stdout
    assert f"by ann from {file} (ONNX)" in shown and "It has no evaluation" in shown


def test_an_imported_package_is_listed_with_where_it_came_from(template: Path, tmp_path: Path) -> None:
    place = tmp_path / "out.zip"
    package = said(template, "export", "--to", str(place))["package"]
    other = make(tmp_path / "other", seed=3)
    call(other, "import", str(place))
    run(other, until="model")
    first = said(other, "list")["packages"][0]
    assert (first["package"], first["imported"]["form"], first["imported"]["name"]) == (package, "package", "out.zip")
    assert said(other, "explain")["package"] == package
    assert "is its maker's, on the rows of the project that it was made in" in call(other, "show").stdout


def test_an_import_is_withdrawn(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "theirs.onnx").write_bytes(classifier())
    call(shop, "import", str(tmp_path / "theirs.onnx"))
    call(shop, "import", "--withdraw")
    assert "imported" not in run(shop, until="model").stages[2].why
    with pytest.raises(LooplineError, match="either a model is imported or the last one is withdrawn"):
        call(shop, "import")


def test_what_does_not_fit_is_refused_before_it_is_a_candidate(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "theirs.onnx").write_bytes(classifier([("weight", "float")]))
    with pytest.raises(LooplineError, match="its input 'weight'"):
        call(shop, "import", str(tmp_path / "theirs.onnx"))
    (tmp_path / "theirs.pkl").write_bytes(b"x")
    with pytest.raises(LooplineError, match=".pkl is no ONNX"):
        call(shop, "import", str(tmp_path / "theirs.pkl"))
    with open_loop(shop) as loop:
        assert loop.state().proposal is None


def test_a_package_is_signed_by_hand(shop: Path) -> None:
    told = said(shop, "sign")
    assert told["key"] == own_key().public
    with pytest.raises(LooplineError, match="there is no package 'zz'"):
        call(shop, "sign", "zz")


def test_declared_keys_are_trusted_and_no_others(tmp_path: Path) -> None:
    other = own_key({"LOOPLINE_KEY": str(tmp_path / "other.pem")})
    place = tmp_path / "shop"
    place.mkdir()
    table("binary", rows=300).write_csv(place / "t.csv")
    (place / "loopline.yaml").write_text(f"{DECLARED}keys: {{the build: '{other.public}'}}\n")
    status = run(place, until="model")
    assert "this workspace trusts the build, and not the key" in str(status.error)
    (place / "loopline.yaml").write_text(f"{DECLARED}keys: {{the build: '{other.public}', ann: '{own_key().public}'}}\n")
    assert run(place, until="model").error is None
    (place / "loopline.yaml").write_text(f"{DECLARED}keys: {{the build: 'ed25519:short'}}\n")
    with pytest.raises(LooplineError, match="loopline.yaml, line 10: keys.the build"):
        open_loop(place)
