"""The release pages: what they show is what the commands say, and what is done through them is what the commands enter."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from loopline.access import keys
from loopline.cli.release import command
from loopline.errors import Mistake
from loopline.ledger.entry import Draft
from loopline.loop import open_loop
from loopline.model.signing import declare, signer, voucher
from loopline.web.asked import Reader
from tests.web.releasing import PACKAGE, declared, entries, on_trial, pages_key, waiting
from tests.web.world import PEOPLE, client, hidden, reader

HOSTILE = "<script>alert(1)</script>"
ASKS = "{approvals: {business: 1, devops: 1}, waive: {latency: [devops]}}"
AT = f"/shop/release/packages/{PACKAGE[:12]}"


def told(folder: Path, *words: str) -> dict:
    """What a command says as JSON."""
    result = CliRunner().invoke(command, [*words, "--folder", str(folder), "--json"])
    return json.loads(result.stdout)


def forms(page: str, action: str) -> list[dict[str, str]]:
    """The hidden fields of every form to an action, in their order."""
    found = []
    for part in page.split(f'{action}">')[1:]:
        fields = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', part[: part.index("</form>")])
        found.append(dict(fields))
    return found


def word_form(page: str, role: str, verdict: str) -> dict[str, str]:
    return next(one for one in forms(page, "/release/words") if (one["role"], one["verdict"]) == (role, verdict))


def test_the_page_shows_what_the_commands_say(folder):
    declared(folder, ASKS)
    waiting(folder)
    with client(folder, reader("business")) as browser:
        seen, page = browser.get("/shop/release?as=json").json(), browser.get("/shop/release").text
    assert seen["release"] == told(folder, "status")
    checked = told(folder, "check")
    assert seen["judged"] == {name: value for name, value in checked.items() if name not in ("junit", "markdown")}
    assert "It waits for a yes" in page and all(gate["name"] in page for gate in checked["gates"])


def test_gates_and_criteria_are_told_in_plain_words_and_what_is_not_asked_in_one_line(folder):
    waiting(folder)
    addresses = ("/shop/release", "/shop/model/packages/" + told(folder, "status")["champion"][:12])
    with client(folder, reader("business")) as browser:
        pages = [browser.get(address).text for address in addresses]
    for page in pages:
        assert "Better than no model" in page and '<code class="small">beats_baseline</code>' in page
        (line,) = re.findall(r"<summary>(\d+) gates are not asked for: ([^<]*)</summary>", page)
        assert int(line[0]) == line[1].count(",") + 1 and "fairness between groups" in line[1] and "not asked:" not in page
    assert "is yes, “y” comes true in at least 20% of cases." in pages[0]


def test_a_yes_through_the_page_is_the_entry_that_the_command_makes(folder):
    owner = declared(folder, ASKS)
    waiting(folder)
    with client(folder, Reader(owner, is_local=True)) as browser:
        fields = word_form(browser.get("/shop/release").text, "business", "yes")
        done = browser.post("/shop/release/words", data={**fields, "why": "it earns more"})
        assert done.status_code == 200 and f"You said yes to {PACKAGE[:12]} as business: it earns more" in done.text
    told(folder, "approve", "--as", "business", "--why", "it earns more", "--by", owner)
    paged, typed = entries(folder, "approval")
    for moment in ("at", "signature"):
        assert paged.body[moment] and typed.body[moment]
    assert {**paged.body, "at": "", "signature": ""} == {**typed.body, "at": "", "signature": ""}
    assert (paged.subject, paged.actor, paged.parents) == (typed.subject, typed.actor, typed.parents) == (PACKAGE, owner, paged.parents)
    assert told(folder, "status")["approvals"][0]["yes"] == [owner]


def test_who_signed_in_from_elsewhere_is_vouched_for_where_the_declaration_says_so(folder, monkeypatch):
    declared(folder, ASKS)
    waiting(folder)
    with client(folder, reader("business")) as browser:
        page = browser.get(AT).text
        assert "who may sign for nobody else" in page and "LOOPLINE_PAGES_KEY=FILE" in page and not forms(page, "/release/words")
        with monkeypatch.context() as vouching:
            pages_key(folder, vouching)
            fields = word_form(browser.get(AT).text, "business", "yes")
        refused = browser.post("/shop/release/words", data={**fields, "why": "it earns more"})
        assert refused.status_code == 400 and "who may sign for nobody else" in refused.text and "LOOPLINE_PAGES_KEY=FILE" in refused.text
        assert not entries(folder, "approval")
        pages_key(folder, monkeypatch)
        fields = word_form(browser.get(AT).text, "business", "yes")
        assert browser.post("/shop/release/words", data={**fields, "why": "it earns more"}).status_code == 200
        assert "vouched for by pages" in browser.get(AT).text
    (said,) = entries(folder, "approval")
    assert (said.actor, said.body["vouched_by"]) == ("bea@example.com", "pages")
    assert told(folder, "status")["approvals"][0]["yes"] == ["bea@example.com"]


def test_a_person_without_the_role_gets_403_and_nothing_is_entered(folder, monkeypatch):
    declared(folder, ASKS)
    waiting(folder)
    pages_key(folder, monkeypatch)
    with client(folder, reader("data")) as browser:
        page = browser.get(AT).text
        assert not forms(page, "/release/words") and "It waits for a yes" in page
    with client(folder, reader("business")) as browser:
        fields = word_form(browser.get(AT).text, "business", "yes")
        posed = browser.post("/shop/release/words", data={**fields, "role": "devops", "why": "x"})
        assert posed.status_code == 403 and "does not hold the role devops" in posed.text
    with client(folder, reader("customer")) as browser:
        assert browser.get(AT).status_code == browser.get("/shop/release/history").status_code == 403
        assert "waits" not in browser.get(AT).text
    assert not entries(folder, "approval")


def test_a_form_is_refused_once_somebody_else_has_said_no_and_says_so(folder, monkeypatch):
    declared(folder, ASKS)
    waiting(folder)
    pages_key(folder, monkeypatch)
    with client(folder, reader("business")) as browser, client(folder, reader("devops")) as other:
        fields = word_form(browser.get(AT).text, "business", "yes")
        no = word_form(other.get(AT).text, "devops", "no")
        assert other.post("/shop/release/words", data={**no, "why": HOSTILE}).status_code == 200
        stale = browser.post("/shop/release/words", data={**fields, "why": "it earns more"})
        assert stale.status_code == 409 and "refused by olga@example.com" in stale.text
        page = browser.get(AT).text
        assert HOSTILE not in page and "&lt;script&gt;" in page and "refused" in page


def test_a_yes_that_was_taken_back_is_not_said_again_from_an_old_tab(folder, monkeypatch):
    declared(folder, ASKS)
    waiting(folder)
    pages_key(folder, monkeypatch)
    with client(folder, reader("business")) as browser:
        old = word_form(browser.get(AT).text, "business", "yes")
        assert browser.post("/shop/release/words", data={**old, "why": "it earns more"}).status_code == 200
        back = word_form(browser.get(AT).text, "business", "withdrawn")
        assert browser.post("/shop/release/words", data={**back, "why": "wait"}).status_code == 200
        assert browser.post("/shop/release/words", data={**old, "why": "it earns more"}).status_code == 409


def test_a_yes_to_a_package_that_is_decided_on_no_more_is_told_on_the_new_one(folder, monkeypatch):
    declared(folder, ASKS)
    waiting(folder)
    pages_key(folder, monkeypatch)
    with client(folder, reader("business")) as browser:
        yes, no = (word_form(browser.get(AT).text, "business", word) for word in ("yes", "no"))
        assert browser.post("/shop/release/words", data={**yes, "why": "it earns more"}).status_code == 200
        with open_loop(folder) as loop:
            mend = {"rows": 1, "columns": ["size"], "batches": [], "why": "", "time": "2026-03-01T00:00:00+00:00"}
            loop.workspace.ledger.append(Draft(kind="mend", subject="t", body=mend))
        waiting(folder, package="cc" * 32)
        told_now = browser.get("/shop/release?as=json").json()
        assert [one["says"] for one in told_now["earlier"]] == ["bea@example.com said yes to bbbbbbbb before: data changed since (1 row mended)"]
        old = browser.get(AT).text
        assert "Another package took its place" in old and f"/shop/release/packages/{'c' * 12}" in old and "Approve as" not in old and "Refuse as" not in old
        assert browser.post("/shop/release/words", data={**no, "why": "late"}).status_code == 409


def test_to_see_the_forms_enters_nothing_and_makes_no_key_trusted(folder, monkeypatch):
    owner = declared(folder, ASKS)
    waiting(folder)
    monkeypatch.setenv("LOOPLINE_KEY", str(folder / "another.pem"))
    known = entries(folder, "key")
    with client(folder, Reader(owner, is_local=True)) as browser:
        page = browser.get("/shop/release").text
        assert f"this workspace trusts {owner}, and not the key" in page and not forms(page, "/release/words") and "ed25519:" not in page
    assert not (folder / "another.pem").exists()
    assert entries(folder, "key") == known


def test_no_form_that_signs_is_offered_where_its_word_cannot_be_signed_and_to_look_makes_no_key(folder, monkeypatch):
    declared(folder, "{approvals: {}, waive: {latency: [devops]}}")
    on_trial(folder)
    waiting(folder, failed="latency")
    monkeypatch.setenv("LOOPLINE_KEY", str(folder / "pages.pem"))
    for is_local in (True, False):
        with client(folder, Reader(PEOPLE["devops"], is_local=is_local)) as browser:
            for address, what in {"/shop/release": "waive a gate", "/shop/release/rollout": "move it"}.items():
                page = browser.get(address).text
                assert f"You cannot {what}" in page and not re.findall(r'action="/shop/release/(?:waivers|back|rollout/moves)"', page), address
    assert not (folder / "pages.pem").exists()


def test_the_way_back_is_offered_only_where_it_can_be_signed(folder, monkeypatch):
    with open_loop(folder) as loop:
        state = loop.state()
        body = {**state.champions[-1].body, "previous": state.champion}
        loop.workspace.ledger.append(Draft(kind="champion", subject=PACKAGE, body=body, actor="loopline"))
    with client(folder, reader("devops")) as browser:
        page = browser.get("/shop/release/history").text
        assert "You cannot go back here" in page and "/release/back" not in page
        pages_key(folder, monkeypatch)
        assert hidden(browser.get("/shop/release/history").text, "/release/back")


def test_a_package_that_a_role_refused_or_that_is_out_of_date_is_headed_so(folder, monkeypatch):
    declared(folder, ASKS)
    waiting(folder)
    pages_key(folder, monkeypatch)
    with client(folder, reader("devops")) as browser:
        before = browser.get("/shop/release").text
        browser.post("/shop/release/words", data={**word_form(before, "devops", "no"), "why": "not in this week"})
        after = browser.get("/shop/release").text
        assert "It is out of date" not in before + after and "It waits for a yes" in before
        assert "<strong>It was refused</strong>" in after and "It waits for a yes" not in after
        declaration = folder / "loopline.yaml"
        declaration.write_text(declaration.read_text().replace("act_wrong: -6", "act_wrong: -60"))
        page, seen = browser.get("/shop/release").text, browser.get("/shop/release?as=json").json()
    assert seen["outdated"].startswith("changed: ") and seen["outdated"] in page
    assert "The next run judges another package, and a yes given now is for this one only." in page


def test_a_gate_is_waived_with_an_end_and_blocks_again(folder, monkeypatch):
    declared(folder, ASKS)
    waiting(folder, failed="latency", says=HOSTILE)
    pages_key(folder, monkeypatch)
    with client(folder, reader("devops")) as browser:
        page = browser.get(AT).text
        assert HOSTILE not in page and "What helps: loopline run --fresh release" in page
        (fields,) = forms(page, "/release/waivers")
        past = browser.post("/shop/release/waivers", data={**fields, "role": "devops", "until": "2020-01-01", "why": "x"})
        assert past.status_code == 400 and "2020-01-01 has passed" in past.text
        done = browser.post("/shop/release/waivers", data={**fields, "role": "devops", "until": "2999-12-31", "why": "one slow disk"})
        assert done.status_code == 200 and "waived by olga@example.com as devops until 2999-12-31: one slow disk" in done.text
        (fields,) = forms(done.text, "/release/waivers")
        again = browser.post("/shop/release/waivers", data={**fields, "role": "devops", "why": "the disk was changed"})
        assert "latency blocks again: the disk was changed" in again.text and "It did not pass its gates" in again.text
    assert [entry.body["state"] for entry in entries(folder, "waiver")] == ["standing", "withdrawn"]


def test_a_rollout_is_shown_and_moved_by_hand(folder, monkeypatch):
    declared(folder, "{rollout: canary 10% 1h -> full, approvals: {rollout: {business: 1}}}")
    on_trial(folder)
    pages_key(folder, monkeypatch)
    with client(folder, reader("ml")) as browser:
        told_, page = browser.get("/shop/release/rollout?as=json").json(), browser.get("/shop/release/rollout").text
        assert told_["rollout"] == told(folder, "status")["rollout"]
        assert (told_["looks"], told_["arms"]["challenger"]["requests"]) == (2, 400)
        assert page.count("/drawn/") >= 3 and "The challenger answers 10.0 % of the keys" in page and "The word of business" in page
        pause, promote = forms(page, "/release/rollout/moves")
        assert browser.post("/shop/release/rollout/moves", data={**pause, "why": " "}).status_code == 400
        paused = browser.post("/shop/release/rollout/moves", data={**pause, "why": "a holiday"})
        assert "is paused: a holiday" in paused.text
        # What was decided on has moved.
        assert browser.post("/shop/release/rollout/moves", data={**promote, "why": "now"}).status_code == 409
        back = browser.post("/shop/release/back", data={**hidden(paused.text, "/release/back"), "why": "not yet"})
        assert "is on trial no more: not yet" in back.text and "Withdrawn" in back.text
    moves = entries(folder, "rollout")
    assert [(entry.body["action"], entry.body.get("vouched_by")) for entry in moves[1:]] == [("paused", "pages"), ("withdrawn", "pages")]
    assert all(one["verifies"] for reign in told(folder, "history")["champions"] for trial in reign["trials"] for one in [trial["moves"][1]["signed"]])


def test_the_history_says_what_decided_and_leads_back(folder, monkeypatch):
    declared(folder, "{rollout: canary 10% 1h -> full}")
    on_trial(folder)
    pages_key(folder, monkeypatch)
    with client(folder, reader("devops")) as browser:
        promote = forms(browser.get("/shop/release/rollout").text, "/release/rollout/moves")[1]
        assert browser.post("/shop/release/rollout/moves", data={**promote, "why": "enough"}).status_code == 200
        page, seen = browser.get("/shop/release/history").text, browser.get("/shop/release/history?as=json").json()
        assert [one["package"] for one in seen["champions"]][0] == PACKAGE and len(seen["champions"]) == 2
        assert seen["champions"] == told(folder, "history")["champions"][::-1]
        entry = seen["champions"][0]["entry"]
        assert "ended its rollout: enough" in browser.get(f"/shop/release/history/{entry}").text
        assert browser.get("/shop/release/history/1-none").status_code == 404
        back = browser.post("/shop/release/back", data={**hidden(page, "/release/back"), "to": seen["champions"][1]["package"], "why": "it loses"})
        assert "decides again: it loses" in back.text
    assert entries(folder, "champion")[-1].body["how"] == "rolled back"


@pytest.mark.parametrize("path", ["/shop/release/packages/ff", "/shop/release/packages/%3Cscript%3E"])
def test_a_package_that_never_came_to_the_gates_is_no_page(folder, path):
    with client(folder, reader("ml")) as browser:
        answer = browser.get(path)
    assert answer.status_code == 404 and "<script>" not in answer.text and "release page" in answer.text


def test_the_page_of_the_package_says_of_a_waived_gate_what_the_release_says(folder):
    owner = declared(folder, "{waive: {latency: [business]}}")
    with open_loop(folder) as loop:
        package = str(loop.state().champion)
    waiting(folder, failed="latency", says="too slow", package=package)
    told(folder, "waive", "latency", "--as", "business", "--why", "one slow disk", "--by", owner)
    with client(folder, reader("devops")) as browser:
        page, seen = browser.get(f"/shop/model/packages/{package}").text, browser.get(f"/shop/model/packages/{package}?as=json").json()
        judged = browser.get("/shop/release?as=json").json()["judged"]
    (gate,) = [gate for gate in seen["gates"] if gate["name"] == "latency"]
    assert gate["outcome"] == "waived" and gate["waived"] == next(one for one in judged["gates"] if one["name"] == "latency")["waived"]
    assert "one slow disk" in page


def test_who_holds_no_role_is_shown_no_form_of_theirs(folder):
    declared(folder, "{rollout: canary 10% 1h -> full, approvals: {rollback: {devops: 1}}}")
    on_trial(folder)
    with client(folder, Reader("nobody@example.com", is_local=True)) as browser:
        pages = [browser.get(f"/shop{path}").text for path in ("/release/rollout", "/release/history", "/live/alerts", "/value/experiments", "/live")]
    assert "Moves of the rollout" in pages[0] and "Silences" in pages[2]
    # Signing in and choosing a lens is no act; the forms that change something carry the token of the pages.
    assert not [action for page in pages for action in re.findall(r'method="post" action="([^"]*)"', page)]


def test_a_yes_that_four_eyes_would_refuse_is_not_offered(folder, monkeypatch):
    declared(folder, "{approvals: {business: 1, ml: 1}, four_eyes: true}")
    text = (folder / "loopline.yaml").read_text()
    (folder / "loopline.yaml").write_text(text.replace("ml: [max@example.com]", "ml: [max@example.com, bea@example.com]"))
    waiting(folder)
    pages_key(folder, monkeypatch)
    with client(folder, reader("business")) as browser:
        before = browser.get("/shop/release").text
        browser.post("/shop/release/words", data={**word_form(before, "business", "yes"), "why": "it earns more"})
        after = browser.get("/shop/release").text
    assert "Approve as ml" in before
    assert "Approve as ml" not in after and "Refuse as ml" in after and "has said yes as business already" in after


def test_every_earlier_package_can_be_approved_to_decide_again(folder, monkeypatch):
    declared(folder, "{rollout: canary 10% 1h -> full, approvals: {rollback: {devops: 1}}}")
    with open_loop(folder) as loop:
        ledger, first = loop.workspace.ledger, str(loop.state().champion)
        for package in ("cc" * 32, PACKAGE):
            state = loop.state()
            ledger.append(Draft(kind="champion", subject=package, body={**state.champions[-1].body, "previous": state.champion}, actor="loopline"))
    pages_key(folder, monkeypatch)
    with client(folder, reader("devops")) as browser:
        near = browser.get("/shop/release/history").text
        assert "Roll back" not in near.split("The way back")[1].split("Deployments")[0] and f"to={first[:12]}" in near
        fields = word_form(browser.get(f"/shop/release/history?to={first[:12]}").text, "devops", "yes")
        assert fields["package"] == first
        said = browser.post("/shop/release/words", data={**fields, "why": "it loses"})
        assert said.url.query.decode() == f"to={first[:12]}"
        back = browser.post("/shop/release/back", data={**hidden(said.text, "/release/back"), "why": "it loses"})
        assert f"{first[:12]} decides again: it loses" in back.text
        assert browser.get("/shop/release/history?to=ff").status_code == 404


def test_the_pages_may_vouch_with_a_key_that_signs_nothing_else(folder, monkeypatch):
    monkeypatch.setenv("LOOPLINE_PAGES_KEY", str(folder / "vouches.pem"))
    with open_loop(folder) as loop:
        ledger = loop.workspace.ledger
        declare(ledger, {"pages": keys.own_key(keys.of_pages()).public})
        assert keys.own_key(keys.of_pages()).public != keys.own_key().public
        assert (voucher(ledger, name="ann").public, signer(ledger, name="ann").public) == (keys.own_key(keys.of_pages()).public, keys.own_key().public)
    monkeypatch.delenv("LOOPLINE_PAGES_KEY")
    with open_loop(folder) as loop, pytest.raises(Mistake, match="may sign for nobody else"):
        voucher(loop.workspace.ledger, name="ann")
