"""Long work is done for who asked for it."""

from __future__ import annotations

from loopline.engine.step import Silence
from loopline.loop import open_loop
from loopline.release.approvals import authors
from loopline.web import doing
from tests.web.world import PEOPLE


def test_who_has_a_package_made_is_its_author_although_the_key_is_another_ones(folder):
    says = doing.run(folder, Silence(), PEOPLE["data"], until="model", fresh="model")
    with open_loop(folder) as loop:
        state = loop.state()
    assert PEOPLE["data"] in authors(state, str(state.champion))
    # The data are the same, and so is what is found in them.
    assert says.endswith(f"the search came to the same package again ({str(state.champion)[:8]}): it found nothing better")
