"""The pages of the model: the same as its commands say, for those who may see it, and everything from elsewhere as text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from loopline.cli.model import command
from loopline.ledger.entry import Draft
from loopline.loop import open_loop
from loopline.model.candidates import trial_key
from loopline.serve.segments import records
from loopline.sheet.document import Picture
from loopline.web import rendering
from loopline.web.asked import Asked, Reader
from loopline.web.current import Followed
from loopline.web.pages.model.board import EACH, Slice, board
from loopline.web.pages.model.candidate import candidate
from loopline.web.pages.model.card import card
from loopline.web.pages.model.compare import compare
from loopline.web.pages.model.effects import effects
from loopline.web.pages.model.explain import explain
from loopline.web.pages.model.package import package
from loopline.web.pages.model.rivals import rivals
from tests.web.world import PEOPLE, client, hidden, reader

HOSTILE = "<script>alert('x')</script>&\""


def said(folder: Path, *words: str) -> dict[str, Any]:
    """What a command says of the same project."""
    result = CliRunner().invoke(command, [*words, "--folder", str(folder), "--json"])
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def given(browser: TestClient, path: str) -> dict[str, Any]:
    """A page as JSON."""
    answer = browser.get(f"/shop{path}", headers={"accept": "application/json"})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_the_leaderboard_is_the_list_of_the_command(folder: Path) -> None:
    for by in ("worth", "log_loss"):
        listed = said(folder, "list", "--by", by, "--all")
        with client(folder, reader("business")) as browser:
            page, shown = given(browser, f"/model?by={by}"), browser.get(f"/shop/model?by={by}")
        assert page["packages"]["rows"] == listed["packages"]
        own = ("place", "key", "fate", "made_of")
        assert [{name: value for name, value in one.items() if name not in own} for one in page["candidates"]["rows"]] == listed["candidates"]
        assert [one["place"] for one in page["candidates"]["rows"]] == [*range(1, len(listed["candidates"]) + 1)]
        assert shown.status_code == 200 and "How it ended" in shown.text
    with client(folder, reader("business")) as browser:
        assert browser.get("/shop/model?by=mae").status_code == 400
        assert given(browser, "/model?family=none")["candidates"]["count"] == 0


def test_a_long_list_is_shown_page_by_page() -> None:
    rows = [{"at": at} for at in range(2 * EACH + 1)]
    shown = [Slice.of(rows, asked) for asked in (None, "2", "3", "99", "-1", "x", "9" * 30)]
    assert [(one.page, one.rows[0]["at"], len(one.rows)) for one in shown[:4]] == [(1, 0, EACH), (2, EACH, EACH), (3, 2 * EACH, 1), (3, 2 * EACH, 1)]
    assert {one.page for one in shown[4:]} == {1}
    assert Slice.of([], None).pages == 1


def test_a_package_is_what_the_command_shows_with_where_it_came_from(folder: Path) -> None:
    shown = said(folder, "show")
    with client(folder, reader("science")) as browser:
        page = given(browser, f"/model/packages/{shown['package'][:10]}")
        html = browser.get(f"/shop/model/packages/{shown['package']}").text
    left = ("card", "output", "gates")
    assert {name: page[name] for name in shown if name not in left} == {name: value for name, value in shown.items() if name not in left}
    assert [{name: gate[name] for name in was} for gate, was in zip(page["gates"], shown["gates"], strict=True)] == shown["gates"]
    assert page["origin"]["table"]["name"] == "t" and page["origin"]["content"]["rows"] == 900 and page["origin"]["seconds"] > 0
    assert page["origin"]["code"]["model"] and page["origin"]["charter"] and page["signers"][0]["name"] == shown["signed_by"]
    for part in ("worth_curve", "calibration", "worst_slices", "robustness", "over_time"):
        assert shown["evaluation"].get(part, {"says": ""})["says"] in html
    assert "ROC" in html and html.count('loading="lazy"') >= 8


def test_a_candidate_is_found_by_its_key(folder: Path) -> None:
    with client(folder, reader("ml")) as browser:
        rows = given(browser, "/model")["candidates"]["rows"]
        page = given(browser, f"/model/candidates/{rows[-1]['key']}")
        assert browser.get(f"/shop/model/candidates/{'0' * 64}").status_code == 404
    assert page["place"] == page["count"] == len(rows) and page["params"] == rows[-1]["params"] and page["blocks"]


def test_two_candidates_are_told_apart_by_what_their_trials_measured(folder: Path) -> None:
    with open_loop(folder) as loop:
        ledger, study = loop.workspace.ledger, (loop.state().facts("model", "search") or {})["study"]
        body = ledger.read(kinds=("trial",), subject=study)[-1].body
        poorer = {"worth": body["worth"] - 1, "metrics": {**body["metrics"], "worth": body["worth"] - 1}, "blocks": [one - 1 for one in body["blocks"]]}
        worse = {**body, "params": {**body["params"], "strength": 9.5}, **poorer}
        ledger.append(Draft(kind="trial", subject=study, key=trial_key(worse["family"], worse["params"]), body=worse))
    with client(folder, reader("ml")) as browser:
        rows = given(browser, "/model")["candidates"]["rows"]
        first, last = rows[0]["key"], rows[-1]["key"]
        found = given(browser, f"/model/compare/candidates?one={first}&other={last}")
        turned, same = (given(browser, f"/model/compare/candidates?one={one}&other={other}") for one, other in ((last, first), (first, first)))
        html = browser.get(f"/shop/model/compare/candidates?one={first}&other={last}").text
        own = browser.get(f"/shop/model/candidates/{last}").text
        assert browser.get("/shop/model/compare/candidates?one=x").status_code == 404
    gap = found["differences"]["worth"]
    assert gap == rows[0]["worth"] - rows[-1]["worth"] == -turned["differences"]["worth"] and same["differences"]["worth"] == 0
    assert "more per decision than candidate 2, beyond what chance gives" in found["says"] and found["one"]["key"] == first
    assert "strength" in html and "Measure by measure" in html
    assert "measured of a package only" in own and "Compare it with" in own


def test_the_reasons_of_a_row_are_those_of_the_command_and_what_turns_it_does(folder: Path, tmp_path: Path) -> None:
    row = {"size": 0.2, "kind": "b", "at": "2026-01-05T14:00:00", "noise": None}
    with client(folder, reader("expert")) as browser:
        newest = given(browser, "/model")["packages"]["rows"][0]["package"]
        columns = [*given(browser, f"/model/packages/{newest}/explain")["row"]]
        typed = {f"c{at}": "" if row.get(name) is None else row[name] for at, name in enumerate(columns)}
        page = browser.get(f"/shop/model/packages/{newest}/explain", params={**typed, "as": "json"}).json()
        (tmp_path / "row.json").write_text(json.dumps({name: row.get(name) for name in columns}))
        told = said(folder, "explain", "--row", str(tmp_path / "row.json"), "--reasons", "12")
        assert {name: page["found"][name] for name in told} == told
        for turn in page["turning"]:
            changed = {**typed, **{f"c{columns.index(name)}": step["to"] for name, step in turn["change"].items()}}
            other = browser.get(f"/shop/model/packages/{newest}/explain", params={**changed, "as": "json"}).json()["found"]
            assert other["decision"] == turn["decision"] != page["found"]["decision"]
            assert other["score"] == pytest.approx(turn["score"])
        assert page["turning"]
        wrong = browser.get(f"/shop/model/packages/{newest}/explain", params={**typed, f"c{columns.index('size')}": "big"})
    assert wrong.status_code == 200 and "a number" in wrong.text and 'value="big"' in wrong.text


def test_a_prediction_is_explained_by_its_id_as_the_command_does(folder: Path) -> None:
    with open_loop(folder) as loop:
        id = json.loads(next(records(loop.workspace.lake.log, "predictions")).lines[0])["id"]
    told = said(folder, "explain", "--id", id, "--reasons", "12")
    with client(folder, reader("data")) as browser:
        page = given(browser, f"/model/explain?id={id}")
        assert browser.get("/shop/model/explain?id=20260101-x").status_code == 404
    assert {name: page["found"][name] for name in told} == told


def test_the_expert_refuses_an_effect_and_accepts_it_again(folder: Path) -> None:
    with client(folder, reader("expert")) as browser:
        newest = given(browser, "/model")["packages"]["rows"][0]["package"]
        page = browser.get(f"/shop/model/packages/{newest}/effects").text
        at = page.index('value="size"')
        fields_of = {**hidden(page[page.rindex("<form", 0, at) :], "/model/effects/refuse"), "column": "size", "package": newest}
        for wrong in ({"hold": "rise", "why": " "}, {"hold": "up", "why": "x"}):
            assert browser.post("/shop/model/effects/refuse", data={**fields_of, **wrong}).status_code == 400
        done = browser.post("/shop/model/effects/refuse", data={**fields_of, "hold": "rise", "why": "bigger is dearer"})
        assert done.status_code == 200 and "the score may only rise with size" in done.text and "says eve@example.com: bigger is dearer" in done.text
        again = browser.post("/shop/model/effects/refuse", data={**fields_of, "hold": "fall", "why": "no"})
        assert again.status_code == 409 and "constraint by eve@example.com" in again.text
        told = said(folder, "effects")
        page = given(browser, f"/model/packages/{newest}/effects")
        assert page == {name: told[name] for name in page} and page["constraints"][0]["by"] == PEOPLE["expert"]
        html = done.text[done.text.index("/model/effects/accept") - 200 :]
        fresh = {**hidden(html, "/model/effects/accept"), "column": "size", "package": newest, "why": "it need not be"}
        assert "is free with size again" in browser.post("/shop/model/effects/accept", data=fresh).text
        assert given(browser, f"/model/packages/{newest}/effects")["constraints"] == []


def test_who_may_not_is_given_nothing(folder: Path) -> None:
    with client(folder, reader("business")) as browser:
        newest = given(browser, "/model")["packages"]["rows"][0]["package"]
        html = browser.get(f"/shop/model/packages/{newest}/effects").text
        assert "/effects/refuse" not in html and "/explain" not in html
        assert browser.post("/shop/model/effects/refuse", data={"column": "size", "hold": "rise", "why": "x"}).status_code == 403
        refused = browser.get(f"/shop/model/packages/{newest}/explain")
    assert refused.status_code == 403 and "size" not in refused.text and "noise" not in refused.text
    with client(folder, reader("customer")) as browser:
        for path in ("", f"/packages/{newest}", f"/packages/{newest}/effects", f"/packages/{newest}/card", f"/packages/{newest}/files/card.md", "/compare"):
            assert browser.get(f"/shop/model{path}").status_code == 403


def test_the_card_is_read_here_and_handed_on_as_it_is(folder: Path) -> None:
    told = said(folder, "card")
    with client(folder, reader("business")) as browser:
        page = browser.get(f"/shop/model/packages/{told['package']}/card")
        assert given(browser, f"/model/packages/{told['package']}/card") == told
        for name in ("card.md", "card.html"):
            file = browser.get(f"/shop/model/packages/{told['package']}/files/{name}")
            assert file.status_code == 200 and file.headers["content-disposition"].startswith("attachment")
        assert browser.get(f"/shop/model/packages/{told['package']}/files/model.onnx").status_code == 404
    assert "<h2>What it earns</h2>" in page.text and "**" not in page.text and f"Signed by {told['signed_by']}." in page.text


def test_two_packages_need_two(folder: Path) -> None:
    with client(folder, reader("business")) as browser:
        answer = browser.get("/shop/model/compare")
        newest = given(browser, "/model")["packages"]["rows"][0]["package"]
        same = f"/model/compare?one={newest}&other={newest}"
        while not (page := given(browser, same))["is_ready"]:
            pass
        html = browser.get(f"/shop{same}").text
    assert answer.status_code == 200 and "There are no two packages yet" in answer.text
    assert page["differences"]["worth"]["value"] == 0 and "decide alike" in html


def test_before_the_first_package_the_page_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "loopline.yaml").write_text("project: shop\ncharter: {predict: y}\ndata: {sources: {t: {path: t.csv}}}\n")
    with client(tmp_path) as browser:
        page = browser.get("/shop/model")
        assert page.status_code == 200 and "loopline run --until model" in page.text
        assert browser.get("/shop/model/packages/abc").status_code == 400
        assert browser.get("/shop/model/explain").status_code == 400


def _dirty(value: Any) -> Any:
    """The same value with every name that comes from data, models or files turned into a script."""
    if isinstance(value, Picture):
        return value
    if isinstance(value, str):
        return HOSTILE if value in ("size", "kind", "linear", "noise", "always act", "t") else value.replace("size", HOSTILE).replace("always act", HOSTILE)
    if isinstance(value, Mapping):
        return {HOSTILE if name in ("size", "strength") else name: _dirty(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return type(value)(_dirty(one) for one in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{one.name: _dirty(getattr(value, one.name)) for one in fields(value) if one.init})
    return value


def test_scripts_in_names_are_text_on_every_page(folder: Path) -> None:
    followed = Followed(folder)
    try:
        current = followed.current()
        newest, me = next(iter(current.state.packages)), Reader("me", is_local=True)
        of = Asked(me, path={"digest": newest})
        key = board(current, Asked(me)).candidates.rows[0]["key"]
        pages = {
            "model.html.j2": board(current, Asked(me)),
            "model_candidate.html.j2": candidate(current, Asked(me, path={"key": key})),
            "model_rivals.html.j2": rivals(current, Asked(me, query={"one": key, "other": key})),
            "model_package.html.j2": package(current, of),
            "model_effects.html.j2": effects(current, of),
            "model_explain.html.j2": explain(current, replace(of, query={"c0": "1"})),
            "model_card.html.j2": card(current, of),
            "model_compare.html.j2": compare(current, Asked(me, query={"one": newest, "other": newest})),
        }
    finally:
        followed.close()
    kept = type("Kept", (), {"digest": "0" * 40, "name": HOSTILE})()
    setting = rendering.Setting(reader=me, project="shop", base="/shop", keep=lambda what: kept)
    for template, view in pages.items():
        page = rendering.html(template, _dirty(view), setting)
        assert "<script>alert" not in page and "alert(" in page, template
