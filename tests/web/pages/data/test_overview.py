"""The first data page, and whether the data is ready."""

import json
import time

import pytest

from loopline.cli.data_ready import command as ready
from loopline.web.asked import Reader
from tests.web.world import PEOPLE, client, reader


def judged(browser, project):
    """The verdict on the data, once it has been worked out beside the page."""
    until = time.monotonic() + 20
    while not (seen := browser.get(f"/{project}/data/ready?as=json").json())["is_known"] and time.monotonic() < until:
        time.sleep(0.05)
    return seen


def test_every_record_is_somewhere(odd):
    with client(odd, Reader("bea@example.com")) as browser:
        judged(browser, "odd")
        said = browser.get("/odd/data?as=json").json()
    (source,) = said["sources"]
    assert (source["batches"], source["read"], source["accepted"], source["quarantined"]) == (2, 67, 63, 4)
    assert all(one["is_even"] for one in said["balance"]) and [one["source"] for one in said["balance"]][0] == "more.csv"
    assert said["tables"][0]["version"] == 2 and said["ready"]["ready"] is False


def test_business_sees_counts_and_contract_and_no_row(odd):
    with client(odd, Reader("bea@example.com")) as browser:
        page = browser.get("/odd/data")
        contract = browser.get("/odd/data/contract")
        paths = ("quarantine", "review", "columns", "tables/visits/rows", "tables/visits/diff", "tables/visits/rows/1")
        closed = [browser.get(f"/odd/data/{path}") for path in paths]
    assert page.status_code == contract.status_code == 200
    assert "/data/quarantine" not in page.text + contract.text and "/data/columns" not in page.text
    assert {answer.status_code for answer in closed} == {403} and not any("alert(1)" in answer.text for answer in closed)


def test_a_late_source_is_told(folder):
    declaration = folder / "loopline.yaml"
    declaration.write_text(declaration.read_text().replace("  contract:\n", "  contract:\n    batch: {fresh: 1d, severity: warn}\n"))
    with client(folder, reader("data")) as browser:
        (source,) = browser.get("/shop/data?as=json").json()["sources"]
        assert source["is_late"] is True and "late" in browser.get("/shop/data").text


def test_the_page_and_the_command_give_one_verdict(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    with pytest.raises(SystemExit):
        ready(["--json"])
    said = json.loads(capsys.readouterr().out)
    with client(folder, reader("business")) as browser:
        assert judged(browser, "shop") == {**said, "is_known": True}
        assert "What is wanted" in browser.get("/shop/data/ready").text
    assert PEOPLE["data"] in json.dumps(said)
