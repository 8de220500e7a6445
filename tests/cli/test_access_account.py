"""`loopline access account` and `loopline access link`: who signs in, and who looks at the customer page without."""

from __future__ import annotations

import io
import json
from datetime import datetime, timedelta

import pytest
from argon2 import PasswordHasher
from click.testing import CliRunner

from loopline.access import accounts, passwords
from loopline.access.safe import Safe
from loopline.cli.main import command as root
from loopline.ledger.entry import now
from loopline.ledger.store import Ledger
from loopline.web.links import opened
from tests.cli.deciding import DECLARATION

ANN = "ann@example.com"
GOOD = "correct horse battery"
LISTED = DECLARATION.replace("predict: y", f"predict: y, stakeholders: {{business: [{ANN}]}}")


@pytest.fixture
def said(tmp_path, monkeypatch):
    """Asks a command of a project, with what standard input says, and gives what it says; a refusal as its one line."""
    monkeypatch.setattr(passwords, "HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    monkeypatch.setenv("LOOPLINE_ACCOUNTS", str(tmp_path / "accounts.db"))
    monkeypatch.setenv("LOOPLINE_USER", "boss@example.com")
    folder = tmp_path / "p"
    folder.mkdir()
    (folder / "loopline.yaml").write_text(LISTED)

    def ask(*words, typed=""):
        ended = CliRunner().invoke(root, ["access", *words, "--folder", str(folder), "--json"], input=io.BytesIO(typed.encode()))
        return json.loads(ended.stdout) if ended.exit_code == 0 else str(ended.exception)

    ask.ledger = lambda: Ledger.open(f"sqlite:///{folder}/.loopline/ledger.db", "p")
    return ask


def test_an_account_is_made_changed_and_revoked_and_the_ledger_says_by_whom(said):
    made = said("account", "create", ANN, typed=f"{GOOD}\n")
    assert (made["name"], made["state"], made["roles"], made["password"]) == (ANN, "valid", ["business"], None)
    generated = said("account", "password", ANN, "--generate")["password"]
    with Safe.open() as safe:
        assert accounts.proved(safe, ANN, GOOD) is None
        assert accounts.proved(safe, ANN, generated)
    assert said("account", "revoke", ANN)["state"] == "revoked"
    assert [(one["name"], one["state"]) for one in said("account", "list")["accounts"]] == [(ANN, "revoked")]
    with said.ledger() as ledger:
        entries = ledger.read(kinds=(accounts.KIND,))
    assert [(entry.subject, entry.actor, entry.body) for entry in entries] == [
        (ANN, "boss@example.com", {"state": state}) for state in ("made", "password set", "revoked")
    ]


def test_who_holds_no_role_is_told_so_when_the_account_is_made(said):
    assert said("account", "create", "bob", typed=f"{GOOD}\n")["roles"] == []


@pytest.mark.parametrize(
    ("typed", "says"), [("", "no password came from standard input; send it as one line"), ("too short\n", "too short; take at least 12 characters")]
)
def test_without_a_password_that_holds_no_account_is_made(said, typed, says):
    assert says in said("account", "create", ANN, typed=typed).replace("--generate: ", "")
    assert said("account", "list")["accounts"] == []


def test_a_link_is_shown_once_and_opens_until_it_is_revoked(said):
    made = said("link", "create", "--for", "the passengers", "--expires", "7d")
    assert made["url"].startswith("http://127.0.0.1:8379/p/c/lc-")
    text = made["url"].rpartition("/")[2]
    with said.ledger() as ledger:
        assert opened(ledger, text, now()).holder == "the passengers"
        assert opened(ledger, text.replace("lc-", "lt-"), now()) is None
        assert text not in str(ledger.read())
        assert said("link", "list")["links"] == [{"id": made["id"], "for": "the passengers", "expires": made["expires"], "state": "valid"}]
        assert said("link", "revoke", made["id"])["state"] == said("link", "revoke", made["id"])["state"] == "revoked"
        assert opened(ledger, text, now()) is None
        assert [entry.actor for entry in ledger.read(kinds=("link",))] == ["boss@example.com"] * 2
    assert "there is no link 'nobody'" in said("link", "revoke", "nobody")
    assert said("token", "list")["tokens"] == []


def test_a_link_ends(said):
    made = said("link", "create", "--for", "us", "--expires", "1h")
    text, ends = made["url"].rpartition("/")[2], datetime.fromisoformat(made["expires"])
    with said.ledger() as ledger:
        assert opened(ledger, text, ends - timedelta.resolution)
        assert opened(ledger, text, ends) is None
