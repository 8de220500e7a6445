"""Who made a package: its signature of origin, and whose are trusted in a workspace; a fold over the ledger's entries.

A signature is detached: it is over the bytes of the manifest, so that a package's digest is the same whoever signs it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from loopline.access.keys import Key, is_signed, kept_key, of_pages, own_key, place, public_key
from loopline.access.people import same
from loopline.errors import Fault, Mistake
from loopline.ledger.entry import Draft, Entry

KEY, SIGNATURE = "key", "signature"
"""The kinds of the entries that say whom a workspace trusts, and what was signed."""

TRUSTED = "LOOPLINE_TRUST"
"""The variable that lists public keys, with commas between them, for machines without a workspace."""

PAGES = "pages"
"""The name under ``keys:`` of the key by which the pages vouch for those who signed in to them: no person's, and never trusted but by the declaration."""

PAGES_OWN = "LOOPLINE_PAGES_KEY=FILE for the process of the pages"
"""How the pages get a key that is nobody's: a file that is not there yet is made."""

DECLARED, GIVEN, FIRST = "loopline.yaml", "a person", "its first use here"
_OWN_COMMAND = "say it with the command where your own key is"


class Entries(Protocol):
    """Where entries are; `loopline.ledger.store.Ledger` is one, and a process that only scores does without it."""

    def read(self, *, kinds: Sequence[str]) -> list[Entry]:
        """The entries of some kinds, in their order."""

    def append(self, *drafts: Draft) -> list[Entry]:
        """The drafts as entries, once they are durable."""


@dataclass(frozen=True)
class Signature:
    """A signature with the public key that it can be checked with."""

    key: str
    value: str

    def as_json(self) -> dict[str, str]:
        """The signature as plain values: ``manifest.sig`` of an exported package."""
        return {"key": self.key, "signature": self.value}

    @classmethod
    def of_json(cls, said: Mapping[str, Any]) -> Signature:
        """The signature from plain values; the inverse of `as_json`."""
        return cls(str(said["key"]), str(said["signature"]))


@dataclass(frozen=True)
class Trust:
    """Whose packages may be loaded.

    Parameters
    ----------
    keys
        From a trusted public key to the name of who signs with it.
    signatures
        From a package's digest to its signatures.
    told_by
        From a trusted public key to what made it so: `DECLARED`, `GIVEN` or `FIRST`.
    given_by
        From a public key that a person trusted to their name.
    names
        From a public key to all names under which it was ever known.
    """

    keys: Mapping[str, str]
    signatures: Mapping[str, tuple[Signature, ...]]
    told_by: Mapping[str, str] = field(default_factory=dict)
    given_by: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, ledger: Entries) -> Trust:
        """What a ledger says now."""
        return trust(ledger.read(kinds=(KEY, SIGNATURE)))

    def require(self, package: str, manifest: bytes) -> str:
        """The name of who signed a package.

        Parameters
        ----------
        package
            Its digest.
        manifest
            The manifest's bytes, which are what was signed.

        Raises
        ------
        Fault
            When it is unsigned, its signature is not of these bytes, or nobody trusts who signed it; says what to do.
        """
        where, signatures = f"package {package[:12]}", self.signatures.get(package, ())
        if not signatures:
            raise Fault("it is not signed: nobody says that it is theirs", where=where, remedy=f"if it is yours: loopline model sign {package[:12]}")
        honest = [one for one in signatures if is_signed(manifest, one.value, one.key)]
        if not honest:
            raise Fault(
                "its signature is not of this package", where=where, remedy="fetch it again from who made it, or make it anew: loopline run --fresh model"
            )
        for one in honest:
            if one.key in self.keys:
                return self.keys[one.key]
        raise Fault(
            f"it is signed with {honest[0].key}, which is not trusted here",
            where=where,
            remedy=f"if you know whose it is: loopline model trust {honest[0].key} --as NAME (without a workspace: export {TRUSTED}={honest[0].key})",
        )

    def as_json(self) -> dict[str, Any]:
        """The trust as plain values, for another process."""
        return {"keys": dict(self.keys), "signatures": {name: [one.as_json() for one in found] for name, found in self.signatures.items()}}

    @classmethod
    def of_json(cls, said: Mapping[str, Any]) -> Trust:
        """The trust from plain values; the inverse of `as_json`."""
        return cls(dict(said["keys"]), {name: tuple(map(Signature.of_json, found)) for name, found in said["signatures"].items()})


def of_environment(package: str, signatures: Sequence[Signature], environment: Mapping[str, str] | None = None) -> Trust:
    """The trust of a machine without a workspace: in the keys that ``LOOPLINE_TRUST`` lists, else in one's own key, where there is one.

    Raises
    ------
    Mistake
        When what ``LOOPLINE_TRUST`` lists is no public key.
    """
    said = (os.environ if environment is None else environment).get(TRUSTED, "")
    keys = [public_key(one, where=TRUSTED) for one in said.split(",") if one.strip()]
    if not keys and place(environment).is_file():
        keys = [own_key(environment).public]
    return Trust(dict.fromkeys(keys, TRUSTED), {package: tuple(signatures)})


def trust(entries: Iterable[Entry]) -> Trust:
    """What holds after the entries, which come in the order of the ledger."""
    keys: dict[str, str] = {}
    told_by: dict[str, str] = {}
    given_by: dict[str, str] = {}
    names: dict[str, frozenset[str]] = {}
    signatures: dict[str, tuple[Signature, ...]] = {}
    for entry in entries:
        if entry.kind == SIGNATURE:
            found, signature = signatures.get(entry.subject, ()), Signature.of_json(entry.body)
            signatures[entry.subject] = found if signature in found else (*found, signature)
            continue
        given_by.pop(entry.subject, None)
        if entry.body["state"] == "trusted":
            keys[entry.subject], told_by[entry.subject] = entry.body["name"], entry.body["told_by"]
            names[entry.subject] = names.get(entry.subject, frozenset()) | {entry.body["name"]}
            if entry.body["told_by"] == GIVEN:
                given_by[entry.subject] = entry.actor
        else:
            keys.pop(entry.subject, None)
            told_by.pop(entry.subject, None)
    return Trust(keys, signatures, told_by, given_by, names)


def declare(ledger: Entries, keys: Mapping[str, str], *, where: Callable[[str], str] = "keys.{}".format) -> None:
    """Enters the keys that ``loopline.yaml`` declares, by name, and withdraws those that it no longer does.

    Parameters
    ----------
    where
        Gives where a name's key stands.

    Raises
    ------
    Mistake
        When a key is another's already: what was signed with it would count no more, or become somebody else's.
    """
    now = Trust.of(ledger)
    wanted: dict[str, str] = {}
    for name, public in keys.items():
        if (owner := wanted.setdefault(public, name)) != name:
            raise Mistake(f"{owner} and {name} have the same key", where=where(name), remedy="give each a key of their own")
        _require_free(now, name, public, where(name))
    drafts = [_draft(public, name, "trusted", DECLARED) for public, name in wanted.items() if now.keys.get(public) != name or now.told_by[public] != DECLARED]
    drafts += [_draft(public, name, "withdrawn", DECLARED) for public, name in now.keys.items() if now.told_by[public] == DECLARED and public not in wanted]
    ledger.append(*drafts)


def _require_free(now: Trust, name: str, public: str, where: str) -> None:
    owner = now.keys.get(public)
    if owner is None or same(owner) == same(name):
        return
    rather = f"give the pages a key of their own ({PAGES_OWN}), and declare that" if name == PAGES else f"write {owner} there, or declare another key"
    withdrawn = f"loopline model trust {public} --withdraw" if now.told_by[public] != DECLARED else "take it out of keys:; then: loopline run"
    raise Mistake(f"this key is {owner}'s already, and not {name}'s", where=where, remedy=f"{rather}; or withdraw it first: {withdrawn}")


def give_trust(ledger: Entries, public: str, name: str, *, by: str) -> bool:
    """Whether a key has become trusted just now, under a name; it may have been already.

    Raises
    ------
    Mistake
        When it is no public key, or another's already: what was signed with it must not become somebody else's.
    """
    checked = public_key(public, where="KEY")
    _require_person(name)
    owner = Trust.of(ledger).keys.get(checked)
    if owner == name:
        return False
    if owner is not None and same(owner) != same(name):
        raise Mistake(f"this key is {owner}'s already, and not {name}'s", where="KEY", remedy=f"withdraw it first: loopline model trust {checked} --withdraw")
    ledger.append(_draft(checked, name, "trusted", GIVEN, by))
    return True


def withdraw_trust(ledger: Entries, public: str, *, by: str) -> str:
    """The name of whose key is trusted no more from now on.

    Raises
    ------
    Mistake
        When it is not trusted, or ``loopline.yaml`` declares it.
    """
    checked, known = public_key(public, where="KEY"), Trust.of(ledger)
    name = known.keys.get(checked)
    if name is None:
        raise Mistake("this key is not trusted here", where="KEY", remedy="see those that are: loopline model trust")
    if known.told_by[checked] == DECLARED:
        raise Mistake(f"loopline.yaml declares it as {name}'s", where="KEY", remedy="take it out of keys: there; then: loopline run")
    ledger.append(_draft(checked, name, "withdrawn", GIVEN, by))
    return name


def signer(ledger: Entries, *, name: str) -> Key:
    """One's own key, which this workspace trusts; where it trusts none yet, it does so from now on.

    Parameters
    ----------
    name
        Under which it becomes known.

    Raises
    ------
    Mistake
        When the workspace trusts other keys only, or trusts this one no more: what it signs would be refused.
    """
    key = own_key()
    if not _is_known(ledger, key, name):
        ledger.append(_draft(key.public, name, "trusted", FIRST))
    return key


def _is_known(ledger: Entries, key: Key | None, name: str) -> bool:
    """Whether the workspace trusts one's own key already, and not only from now on; None is one that is still to be made.

    Raises
    ------
    Mistake
        When it may not be trusted by its first use.
    """
    known, where = Trust.of(ledger).keys, str(place() if key is None else key.file)
    if key is not None and key.public in known:
        return True
    # The pages' key signs no package: beside it alone, the first person's is trusted still.
    if people := [owner for owner in known.values() if owner != PAGES]:
        if key is None:
            remedy = "see your key with: loopline model trust, and let it be trusted: loopline model trust KEY --as NAME; or set LOOPLINE_KEY to one that is"
            raise Mistake(f"this workspace trusts {', '.join(people)}, and not the key that would be made to sign here", where=where, remedy=remedy)
        what = f"this workspace trusts {', '.join(people)}, and not the key {key.public} that would sign here"
        raise Mistake(what, where=where, remedy=f"loopline model trust {key.public} --as NAME, or set LOOPLINE_KEY to a key that is trusted")
    if key is not None and any(entry.subject == key.public for entry in ledger.read(kinds=(KEY,))):
        what = f"this workspace trusts the key {key.public} no more, which would sign here"
        raise Mistake(what, where=where, remedy="set LOOPLINE_KEY to another key, or trust it again: loopline model trust KEY --as NAME")
    _require_person(name)
    return False


def _require_person(name: str) -> None:
    if same(name) == PAGES:
        what = f"{name} is the name of the key by which the pages vouch for who signed in, and no person's"
        raise Mistake(what, where="NAME", remedy=f"declare that key in loopline.yaml, where everybody sees it: keys: {{{PAGES}: KEY}}; then: loopline run")


def speaker(ledger: Entries, *, name: str) -> Key:
    """One's own key, with which this person signs what they say here.

    Raises
    ------
    Mistake
        When the workspace does not know the key, or knows it as another person's.
    """
    _require_own(ledger, own_key(), name)
    return signer(ledger, name=name)


def require_speaker(ledger: Entries, *, name: str) -> None:
    """One's own key may sign what this person says here; nothing is entered, and where there is no key yet, none is made.

    Raises
    ------
    Mistake
        When the workspace does not know the key, or knows it as another person's.
    """
    _require_own(ledger, kept_key(), name)


def _require_own(ledger: Entries, key: Key | None, name: str) -> None:
    owner = Trust.of(ledger).keys[key.public] if _is_known(ledger, key, name) and key is not None else name
    if same(owner) != same(name):
        remedy = f"speak as {owner}, or set LOOPLINE_KEY to the file of {name}'s key"
        raise Mistake(f"the key that would sign here is {owner}'s, and not {name}'s", where=str(place()), remedy=remedy)


def voucher(ledger: Entries, *, name: str) -> Key:
    """The key of the pages, with which they say that it is this person who speaks: the person signed in to them, and has no key here.

    Raises
    ------
    Mistake
        When ``loopline.yaml`` does not let this key vouch: only personal keys count then.
    """
    # One that would be made only now is declared nowhere: to ask for it makes none.
    key = kept_key(of_pages())
    anew = f"start the pages anew with a key of their own: {PAGES_OWN}, and they say then how to let it vouch"
    nobodys = f"{name} has no key here, and these pages may not sign for anybody"
    if key is None:
        raise Mistake(nobodys, where="keys", remedy=f"{_OWN_COMMAND}; or {anew}")
    owner = Trust.of(ledger).keys.get(key.public)
    if owner is None:
        remedy = f"{_OWN_COMMAND}; or let these pages vouch for who signed in: add {PAGES}: {key.public} to keys: in loopline.yaml; then: loopline run"
        raise Mistake(nobodys, where="keys", remedy=remedy)
    if owner != PAGES:
        what = f"{name} has no key here, and the key of these pages is {owner}'s, who may sign for nobody else"
        raise Mistake(what, where="keys", remedy=f"{_OWN_COMMAND}; or {anew}")
    return replace(key, vouches=PAGES)


def sign(ledger: Entries, package: str, manifest: bytes, key: Key, *, parents: tuple[str, ...] = (), made_for: str = "") -> Signature:
    """The signature of a package, once it is entered; signed again with the same key for the same person it is entered no second time.

    Parameters
    ----------
    made_for
        Who had it made on this machine, where that is not the key's owner; empty where nobody else did.
    """
    return enter(ledger, package, Signature(key.public, key.sign(manifest)), parents=parents, made_for=made_for)


def enter(ledger: Entries, package: str, signature: Signature, *, parents: tuple[str, ...] = (), made_for: str = "") -> Signature:
    """The signature, once the ledger has it."""
    known = [entry for entry in ledger.read(kinds=(SIGNATURE,)) if entry.subject == package and Signature.of_json(entry.body) == signature]
    if not known or (made_for and made_for not in makers(known)):
        body = {**signature.as_json(), **({"for": made_for} if made_for else {})}
        ledger.append(Draft(kind=SIGNATURE, subject=package, body=body, parents=parents))
    return signature


def makers(signed: Iterable[Entry]) -> list[str]:
    """For whom packages were made that another one's key signed, as the entries of the signatures say."""
    return [str(entry.body["for"]) for entry in signed if "for" in entry.body]


def _draft(public: str, name: str, state: str, told_by: str, by: str = "loopline") -> Draft:
    return Draft(kind=KEY, subject=public, body={"state": state, "name": name, "told_by": told_by}, actor=by)
