"""Words: what a person says of a package, such as a yes, a no or a rollback, signed with their key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from loopline.access.keys import Key, fingerprint, is_signed
from loopline.access.people import same
from loopline.ledger.entry import Draft, Entry, canonical, now
from loopline.model.signing import PAGES, Entries

YES, NO, WITHDRAWN = "yes", "no", "withdrawn"


def say(ledger: Entries, draft: Draft, key: Key) -> Entry:
    """The entry of a word, signed and dated as of now; where another than its person signed, it says who vouches for them."""
    vouched = {"vouched_by": key.vouches} if key.vouches else {}
    body = {**draft.body, "at": now().isoformat(), "key": key.public, **vouched}
    signature = key.sign(signed_bytes(draft.subject, draft.actor, body))
    return ledger.append(replace(draft, body={**body, "signature": signature}))[0]


def signed_bytes(package: str, by: str, body: Mapping[str, Any]) -> bytes:
    """What a word's signature is of: the package, the person, and all that the entry's body says beside the signature itself."""
    said = {name: value for name, value in body.items() if name != "signature"}
    return canonical({"approval": package, "by": by, **said}).encode()


def doubt(word: Entry, keys: Mapping[str, str], names: Mapping[str, frozenset[str]] | None = None) -> str:
    """Why a word is not known to be its person's; empty when it is.

    Parameters
    ----------
    keys
        From a public key that is trusted now to the name of who signs with it.
    names
        From a public key to all names that it ever had: under any of them a no stands, so that no new name of a key lifts it.
    """
    key, signature = str(word.body.get("key", "")), str(word.body.get("signature", ""))
    if not key or not signature:
        return "it is not signed"
    if not is_signed(signed_bytes(word.subject, word.actor, word.body), signature, key):
        return "its signature is not of these words"
    owner = keys.get(key)
    if owner is None:
        return f"its key {fingerprint(key)} is not trusted here"
    signer = word.body.get("vouched_by", word.actor)
    if word.body.get("verdict") == NO and any(same(signer) == same(name) for name in (names or {}).get(key, ())):
        return ""
    if "vouched_by" in word.body:
        return "" if same(owner) == PAGES == word.body["vouched_by"] else f"its key {fingerprint(key)} is {owner}'s, who may vouch for nobody"
    return "" if same(owner) == same(word.actor) else f"its key {fingerprint(key)} is {owner}'s"


def examined(words: Iterable[Entry], keys: Mapping[str, str], names: Mapping[str, frozenset[str]] | None = None) -> Iterator[tuple[Entry, str]]:
    """Each word, oldest first, with why it is not one that its person said there; empty when it is. `keys` and `names` are those of `doubt`."""
    # A signature holds wherever its entry is copied to: a yes that was taken back must not come again by a copy.
    before: set[bytes] = set()
    for word in sorted(words, key=lambda entry: entry.seq):
        why, said = doubt(word, keys, names), signed_bytes(word.subject, word.actor, word.body)
        yield word, why or ("it is a copy of an earlier word" if said in before else "")
        if not why:
            before.add(said)
