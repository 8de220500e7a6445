"""The charter's pages: what they show, that a slider answers as the commands do, who may sign, and links for customers."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from loopline.access.keys import own_key
from loopline.access.tokens import held
from loopline.cli.charter import command as charter_command
from loopline.cli.value import command as value_command
from loopline.ledger.entry import now
from loopline.loop import open_loop
from loopline.model.signing import declare
from loopline.web import links
from loopline.web.asked import Reader
from tests.cli.watched import caller, told
from tests.web.releasing import pages_key
from tests.web.world import PEOPLE, client, hidden, reader

HOSTILE = "<script>alert(1)</script>"


def declared(folder: Path, *changes: tuple[str, str]) -> None:
    file = folder / "loopline.yaml"
    text = file.read_text()
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    file.write_text(text)


def test_the_charter_is_shown_with_what_is_known_of_it(folder):
    with client(folder, reader("business")) as browser:
        page, plain = browser.get("/shop/charter"), browser.get("/shop/charter?as=json").json()
    assert plain["study"]["verdict"] == "go" and plain["summary"] == "1 of 2 hold; nothing checks A2"
    assert {one["role"]: one["held_by"] for one in plain["people"]["roles"]} == {role: [name] for role, name in PEOPLE.items()}
    for words in ("Call the buyer before this order is sent?", "Do it", "Mostly right", "10 EUR", "Nobody is asked to sign it"):
        assert words in page.text


def test_a_script_in_a_criterion_or_a_name_is_a_text(folder):
    declared(folder, ("says: Mostly right", f'says: "{HOSTILE}"'), ("carl@example.com", HOSTILE), ("problem: Some", f"problem: {HOSTILE} Some"))
    with client(folder, reader("business")) as browser:
        for path in ("/charter", "/charter/study", "/charter/criteria", "/charter/history", "/charter/what-if", "/customer", "/value", "/value/review"):
            answer = browser.get(f"/shop{path}")
            assert answer.status_code == 200 and HOSTILE not in answer.text, path


def test_a_slider_answers_for_the_package_as_the_command_does(folder):
    with client(folder, reader("business")) as browser:
        found = browser.get("/shop/charter/what-if?worth.act_right=12&threshold=0.4&volume=120&as=json").json()
    said = told(caller(value_command, folder)("whatif", "--price", "act_right=12", "--threshold", "0.4", "--volume", "120 per day", "--json"))
    for name in ("package", "on", "before", "after", "difference", "difference_per_year", "rows", "decisions_changed", "curve", "assumptions"):
        assert found["package"][name] == said[name], name
    assert found["command"] == "loopline charter revise --set worth.act_right=12 --set 'volume=120 per day'"
    assert any("--threshold 0.4" in line for line in found["besides"])


def test_a_capacity_answers_as_the_command_does(folder):
    with client(folder, reader("business")) as browser:
        found = browser.get("/shop/charter/what-if?capacity=30+per+day&as=json").json()
        wrong = browser.get("/shop/charter/what-if?capacity=thirty")
    said = told(caller(value_command, folder)("whatif", "--capacity", "30 per day", "--json"))
    assert all(found["package"][name] == said[name] for name in ("after", "difference", "decisions_changed", "change"))
    assert wrong.status_code == 200 and "is not a rate" in wrong.text


def test_a_slider_answers_for_the_study_as_the_command_that_it_proposes_does(folder):
    with client(folder, reader("business")) as browser:
        found = browser.get("/shop/charter/what-if?volume=60&as=json").json()["study"]["after"]
    said = told(caller(charter_command, folder)("revise", "--set", "volume=60 per day", "--json"))["study"]["after"]
    for name in ("verdict", "says", "reasons", "do_nothing", "perfect", "break_even", "per_year"):
        assert found[name] == said[name], name
    assert next(one for one in found["study"]["alternatives"] if one["name"] == "model")["npv"]["value"] == said["npv"]


def test_nothing_moved_changes_nothing_and_criteria_follow_the_threshold(folder):
    with client(folder, reader("business")) as browser:
        still = browser.get("/shop/charter/what-if?as=json").json()
        never = browser.get("/shop/charter/what-if?threshold=1&as=json").json()
        wrong = browser.get("/shop/charter/what-if?volume=many")
    assert still["command"] == "" and still["package"]["decisions_changed"] == 0 and still["study"]["before"] == still["study"]["after"]
    assert [one["now"] for one in still["criteria"]] == [one["then"] for one in still["criteria"]] == ["holds", "cannot be told"]
    assert never["package"]["after"]["acted"] < still["package"]["after"]["acted"]
    assert wrong.status_code == 400 and "no number" in wrong.text


def test_who_holds_a_role_that_is_asked_signs_on_the_page_and_nobody_else(folder, tmp_path, monkeypatch):
    declared(folder, ("  budget:", "  approvals: {expert: 1}\n  budget:"))
    # The machine that serves the pages has a key of its own.
    monkeypatch.setenv("LOOPLINE_KEY", str(tmp_path / "pages.pem"))
    said = {"role": "expert", "verdict": "yes", "why": HOSTILE}
    with client(folder, reader("expert")) as browser:
        page = browser.get("/shop/charter").text
        assert "You cannot sign it as expert here" in page and "may not sign for anybody" in page and "/charter/sign" not in page
        with monkeypatch.context() as pages:
            # The form of a page from when the pages could sign.
            pages_key(folder, pages)
            fields = hidden(browser.get("/shop/charter").text, "/charter/sign")
        other = browser.post("/shop/charter/sign", data={**fields, **said, "role": "business"})
        unvouched = browser.post("/shop/charter/sign", data={**fields, **said})
        assert other.status_code == 400 and "no word of business is asked for" in other.text.lower()
        assert unvouched.status_code == 400 and "may not sign for anybody" in unvouched.text
        with open_loop(folder) as loop:
            declare(loop.workspace.ledger, {"pages": own_key().public})
        signed = browser.post("/shop/charter/sign", data={**fields, **said})
        assert signed.status_code == 200 and "You have signed the charter as expert" in signed.text and HOSTILE not in signed.text
        (role,) = browser.get("/shop/charter?as=json").json()["signed"]
    assert [(one["by"], one["why"]) for one in role["by"]] == [(PEOPLE["expert"], HOSTILE)]
    with client(folder, reader("business")) as browser:
        assert "/charter/sign" not in browser.get("/shop/charter").text


def test_a_form_over_another_charter_is_refused(folder, monkeypatch):
    declared(folder, ("  budget:", "  approvals: {expert: 1}\n  budget:"))
    pages_key(folder, monkeypatch)
    with client(folder, reader("expert")) as browser:
        fields = hidden(browser.get("/shop/charter").text, "/charter/sign")
        declared(folder, ("act_wrong: -6", "act_wrong: -60"))
        answer = browser.post("/shop/charter/sign", data={**fields, "role": "expert", "verdict": "yes", "why": "x"})
    assert answer.status_code == 409 and "nothing was done" in answer.text


def test_a_form_from_before_another_word_of_ones_own_is_refused(folder, monkeypatch):
    declared(folder, ("  budget:", "  approvals: {expert: 1}\n  budget:"))
    pages_key(folder, monkeypatch)
    with client(folder, reader("expert")) as browser:
        fields = hidden(browser.get("/shop/charter").text, "/charter/sign")
        assert browser.post("/shop/charter/sign", data={**fields, "role": "expert", "verdict": "yes", "why": "it is right"}).status_code == 200
        late = browser.post("/shop/charter/sign", data={**fields, "role": "expert", "verdict": "no", "why": "from another tab"})
        assert late.status_code == 409 and "nothing was done" in late.text and f"approved by {PEOPLE['expert']}" in late.text
        assert browser.get("/shop/charter?as=json").json()["signed"][0]["refused"] is None


def test_a_customer_signs_only_where_the_charter_asks_them(folder):
    said = {"role": "business", "verdict": "yes", "why": "x", "seen": "", "seq": "0"}
    with client(folder, reader("customer")) as browser:
        token = hidden_token(browser.get("/shop/customer").text)
        refused = browser.post("/shop/charter/sign", data={**said, "token": token}, headers={"accept": "application/json"})
        assert refused.status_code == 403 and "changed" not in refused.text
        declared(folder, ("  budget:", "  approvals: {customer: 1}\n  budget:"))
        stale = browser.post("/shop/charter/sign", data={**said, "token": token}, headers={"accept": "application/json"})
        assert stale.status_code == 409 and "changed" not in stale.json()["error"], "the ledger is not theirs to read"


def hidden_token(page: str) -> str:
    return page.split('name="token" value="')[1].split('"')[0]


def test_links_are_made_listed_and_revoked_by_business_alone(folder):
    with client(folder, reader("business")) as browser:
        fields = hidden(browser.get("/shop/charter/customers").text, "/charter/customers/create")
        made = browser.post("/shop/charter/customers/create", data={**fields, "holder": HOSTILE, "expires": "30d"})
        assert HOSTILE not in made.text and "shown this once" in made.text
        secret = re.search(r"/c/(lc-[\w-]+)", made.text)
        assert secret is not None and secret[1] not in browser.get("/shop/charter/customers").text
        assert not any(secret[1] in cookie.value for cookie in browser.cookies.jar), "no cookie holds it"
        (link,) = browser.get("/shop/charter/customers?as=json").json()["links"]
        assert (link["for"], link["state"]) == (HOSTILE, "valid")
        fields = hidden(browser.get("/shop/charter/customers").text, f"/charter/customers/{link['id']}/revoke")
        browser.post(f"/shop/charter/customers/{link['id']}/revoke", data=fields)
        assert browser.get("/shop/charter/customers?as=json").json()["links"][0]["state"] == "revoked"
        nonsense = hidden(browser.get("/shop/charter/customers").text, "/charter/customers/create")
        assert browser.post("/shop/charter/customers/create", data={**nonsense, "holder": "x", "expires": "for ever"}).status_code == 400
    with open_loop(folder) as loop:
        entries = loop.workspace.ledger.read(kinds=(links.LINK,))
        assert [entry.actor for entry in entries] == [PEOPLE["business"]] * 2
        assert all(secret[1] not in str(entry.body) for entry in entries)
        assert held(secret[1], "lc", links.links_of(loop.workspace.ledger)).is_revoked
    with client(folder, reader("data")) as browser:
        assert browser.get("/shop/charter/customers").status_code == 403


@pytest.fixture
def hopeless(tmp_path: Path) -> Path:
    """The folder of a project whose study is a no-go."""
    people = ", ".join(f"{role}: [{name}]" for role, name in PEOPLE.items())
    worth = "worth: {currency: EUR, act_right: -1, act_wrong: -6}"
    (tmp_path / "loopline.yaml").write_text(
        f"project: shop\ncharter:\n  predict: y\n  {worth}\n  stakeholders: {{{people}}}\ndata: {{sources: {{t: {{path: t.csv}}}}}}\n"
    )
    with open_loop(tmp_path) as loop:
        assert loop.run().exit_code == 1
    return tmp_path


def overrides(folder: Path) -> list[dict[str, object]]:
    """What each override says, newest last, but for its moment and the signature over it."""
    with open_loop(folder) as loop:
        entries = loop.workspace.ledger.read(kinds=("override",))
        assert not entries or loop.state().overrides["charter"].id == entries[-1].id, "it counts"
    plain = [{name: value for name, value in one.body.items() if name not in ("at", "signature")} for one in entries]
    return [
        {**body, "actor": one.actor, "subject": one.subject, "key of it": one.key, "parents": one.parents} for one, body in zip(entries, plain, strict=True)
    ]


def test_business_goes_on_in_spite_of_a_no_go_as_the_command_does(hopeless):
    why, until = HOSTILE, str(now().date() + timedelta(days=30))
    with client(hopeless, Reader(PEOPLE["business"], is_local=True)) as browser:
        (turn,) = browser.get("/shop/?as=json").json()["waiting"]["mine"]
        assert turn["label"] == "Read the study; go on in spite of it, or change the charter"
        page, shown = browser.get("/shop/charter").text, browser.get("/shop/charter?as=json").json()["overridable"]
        assert "Acting can pay" in page and list(shown["rules"]) == ["acting can pay"]
        fields = hidden(page, "/charter/override")
        for wrong in ({"why": " ", "until": until}, {"why": why, "until": "soon"}, {"why": why, "until": "2020-01-31"}):
            assert browser.post("/shop/charter/override", data={**fields, **wrong}).status_code == 400
        assert overrides(hopeless) == []
        done = browser.post("/shop/charter/override", data={**fields, "why": why, "until": until})
        assert f"You have overridden the no-go until {until}" in done.text and HOSTILE not in done.text
        assert "/charter/override" not in done.text, "it is asked once"
        assert browser.post("/shop/charter/override", data={**fields, "why": why, "until": until}).status_code == 409
    caller(charter_command, hopeless)("override", "--by", PEOPLE["business"], "--why", why, "--until", until)
    of_page, of_command = overrides(hopeless)
    assert of_page == of_command


def test_nobody_but_business_goes_on_in_spite_of_a_no_go_and_not_over_another_charter(hopeless):
    said = {"why": "x", "until": ""}
    with client(hopeless, reader("business")) as browser:
        assert "/charter/override" not in browser.get("/shop/charter").text, "these pages have no key to sign it with"
    with client(hopeless, Reader(PEOPLE["business"], is_local=True)) as browser:
        fields = hidden(browser.get("/shop/charter").text, "/charter/override")
        declared(hopeless, ("act_right: -1", "act_right: -2"))
        stale = browser.post("/shop/charter/override", data={**fields, **said})
        assert stale.status_code == 409 and "nothing was done" in stale.text
        assert "/charter/override" not in browser.get("/shop/charter").text
        declared(hopeless, ("act_right: -2", "act_right: -1"))
    with client(hopeless, reader("data")) as browser:
        page = browser.get("/shop/charter").text
        assert "/charter/override" not in page
        refused = browser.post("/shop/charter/override", data={**fields, **said, "token": hidden_token(browser.get("/shop/").text)})
        assert refused.status_code == 403
    assert overrides(hopeless) == []


def test_the_charter_its_command_and_the_first_page_say_what_waits_for_the_same_roles(folder):
    with client(folder, reader("business")) as browser:
        people = browser.get("/shop/charter?as=json").json()["people"]
        first = browser.get("/shop/?as=json").json()["waiting"]
    for found in (people, told(caller(charter_command, folder)("people", "--json"))):
        waiting = {(role["role"], kind) for role in found["roles"] for kind in role["waiting"]}
        assert waiting == {(role, one["kind"]) for one in (*first["mine"], *first["others"]) for role in one["roles"]}
        assert ("expert", "refused rows") in waiting and ("data", "refused rows") in waiting
