"""Whose turn it is, told through a real channel by the turns of a project."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from loopline.loop import LoopStatus, open_loop
from tests.receivers import Heard, web_server
from tests.release.conftest import table

NO_GO = """
project: shop
charter:
  predict: y
  worth: {currency: EUR, act_right: -1, act_wrong: -6}
  stakeholders: {business: [ann], data: [ann], devops: [ben]}
data: {sources: {t: {path: t.csv}}}
"""


@pytest.fixture
def web() -> Iterator[Heard]:
    with web_server() as heard:
        yield heard


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    table("binary", rows=60).write_csv(tmp_path / "t.csv")
    (tmp_path / "loopline.yaml").write_text(NO_GO)
    return tmp_path


def run(folder: Path) -> LoopStatus:
    with open_loop(folder) as loop:
        return loop.run()


def declare(folder: Path, text: str) -> None:
    (folder / "loopline.yaml").write_text(text)


def test_a_no_go_is_handed_to_its_role_once_and_again_when_the_charter_has_changed(folder: Path, web: Heard) -> None:
    channel = f"watch: {{tell: {{business: 'json://127.0.0.1:{web.port}/ann', devops: 'json://127.0.0.1:{web.port}/ben'}}}}\n"
    declare(folder, NO_GO + channel)
    for _ in range(2):
        assert run(folder).exit_code == 1
    ((path, _, body),) = web.calls
    assert path == "/ann"
    assert body["title"].startswith("shop: charter: no-go: acting can never pay")
    assert f"UTC; your turn: loopline charter override --by NAME --why REASON --folder {folder}\n" in body["message"]
    with open_loop(folder) as loop:
        loop.run(until="charter")
    declare(folder, NO_GO.replace("act_right: -1", "act_right: -2") + channel)
    run(folder)
    assert [path for path, *_ in web.calls] == ["/ann", "/ann"]


def test_where_nobody_has_a_channel_nothing_is_handed_over_and_what_was_is_over(folder: Path, web: Heard) -> None:
    run(folder)
    with open_loop(folder) as loop:
        assert loop.state().alerts == {}
    declare(folder, NO_GO + f"watch: {{tell: {{ml: 'json://127.0.0.1:{web.port}'}}}}\n")
    run(folder)
    assert "you are told because business has no channel" in web.bodies()[0]["message"]
    declare(folder, NO_GO)
    run(folder)
    with open_loop(folder) as loop:
        assert loop.state().open_alerts() == []
    assert len(web.calls) == 1
