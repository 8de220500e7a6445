"""Signatures of origin: unsigned, tampered with or signed by a stranger, a package is refused, each with its remedy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from loopline.access.keys import own_key
from loopline.errors import Fault, Mistake
from loopline.ledger.store import Ledger
from loopline.model.signing import KEY, Signature, Trust, declare, give_trust, sign, signer, speaker, voucher, withdraw_trust

PACKAGE, MANIFEST = "a" * 64, b'{"format":1}'


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", "p") as made:
        yield made


def test_the_first_key_that_signs_is_trusted_and_its_package_loads(ledger: Ledger) -> None:
    key = signer(ledger, name="ann")
    sign(ledger, PACKAGE, MANIFEST, key)
    sign(ledger, PACKAGE, MANIFEST, key)
    assert Trust.of(ledger).require(PACKAGE, MANIFEST) == "ann"
    assert signer(ledger, name="ann").public == key.public
    assert len(ledger.read(kinds=(KEY,))) == 1
    assert len(Trust.of(ledger).signatures[PACKAGE]) == 1
    assert Trust.of_json(Trust.of(ledger).as_json()).require(PACKAGE, MANIFEST) == "ann"


def test_what_is_not_signed_is_refused(ledger: Ledger) -> None:
    signer(ledger, name="ann")
    with pytest.raises(Fault, match=f"package {PACKAGE[:12]}: it is not signed.*loopline model sign {PACKAGE[:12]}"):
        Trust.of(ledger).require(PACKAGE, MANIFEST)


def test_another_manifest_is_refused(ledger: Ledger) -> None:
    sign(ledger, PACKAGE, MANIFEST, signer(ledger, name="ann"))
    with pytest.raises(Fault, match="its signature is not of this package"):
        Trust.of(ledger).require(PACKAGE, MANIFEST + b" ")


def test_a_strangers_signature_is_refused_until_somebody_trusts_it(ledger: Ledger, tmp_path: Path) -> None:
    signer(ledger, name="ann")
    stranger = own_key({"LOOPLINE_KEY": str(tmp_path / "stranger.pem")})
    sign(ledger, PACKAGE, MANIFEST, stranger)
    with pytest.raises(Fault, match="not trusted here; if you know whose it is: loopline model trust ed25519:"):
        Trust.of(ledger).require(PACKAGE, MANIFEST)
    assert give_trust(ledger, stranger.public, "bob", by="ann")
    assert not give_trust(ledger, stranger.public, "bob", by="ann")
    assert Trust.of(ledger).require(PACKAGE, MANIFEST) == "bob"


def test_a_key_that_is_somebody_s_becomes_nobody_else_s_until_it_is_withdrawn(ledger: Ledger, tmp_path: Path) -> None:
    key = own_key({"LOOPLINE_KEY": str(tmp_path / "bob.pem")}).public
    give_trust(ledger, key, "bob", by="ann")
    with pytest.raises(Mistake, match=f"this key is bob's already, and not eve's; withdraw it first: loopline model trust {re.escape(key)} --withdraw"):
        give_trust(ledger, key, "eve", by="eve")
    assert (Trust.of(ledger).keys[key], Trust.of(ledger).given_by[key]) == ("bob", "ann")
    withdraw_trust(ledger, key, by="eve")
    assert give_trust(ledger, key, "eve", by="eve")
    assert Trust.of(ledger).given_by[key] == "eve"


def test_who_speaks_with_another_s_key_is_not_told_to_take_it(ledger: Ledger) -> None:
    speaker(ledger, name="ann")
    with pytest.raises(Mistake, match="the key that would sign here is ann's, and not ben's") as caught:
        speaker(ledger, name="ben")
    assert "model trust" not in caught.value.remedy


def test_a_signature_with_the_key_of_another_does_not_count(ledger: Ledger, tmp_path: Path) -> None:
    honest, forger = signer(ledger, name="ann"), own_key({"LOOPLINE_KEY": str(tmp_path / "forger.pem")})
    forged = Trust(Trust.of(ledger).keys, {PACKAGE: (Signature(honest.public, forger.sign(MANIFEST)),)})
    with pytest.raises(Fault, match="its signature is not of this package"):
        forged.require(PACKAGE, MANIFEST)


def test_one_signs_only_where_one_is_trusted(ledger: Ledger, tmp_path: Path) -> None:
    other = own_key({"LOOPLINE_KEY": str(tmp_path / "other.pem")})
    declare(ledger, {"the build": other.public})
    with pytest.raises(Mistake, match="this workspace trusts the build, and not the key ed25519:.*loopline model trust"):
        signer(ledger, name="ann")


def test_what_the_declaration_no_longer_says_is_withdrawn(ledger: Ledger, tmp_path: Path) -> None:
    one, two = (own_key({"LOOPLINE_KEY": str(tmp_path / name)}) for name in ("one.pem", "two.pem"))
    give_trust(ledger, two.public, "bob", by="ann")
    declare(ledger, {"ann": one.public})
    declare(ledger, {"ann": one.public})
    assert Trust.of(ledger).keys == {two.public: "bob", one.public: "ann"}
    assert len(ledger.read(kinds=(KEY,))) == 2
    declare(ledger, {})
    assert Trust.of(ledger).keys == {two.public: "bob"}


def test_the_pages_vouch_where_the_declaration_says_so_and_nowhere_else(ledger: Ledger) -> None:
    key = own_key().public
    with pytest.raises(Mistake, match=f"ann has no key here, and these pages may not sign for anybody.*pages: {re.escape(key)}"):
        voucher(ledger, name="ann")
    with pytest.raises(Mistake, match="no person's.*declare that key in loopline.yaml"):
        give_trust(ledger, key, "Pages", by="eve")
    with pytest.raises(Mistake, match="no person's"):
        signer(ledger, name="pages")
    declare(ledger, {"pages": key})
    assert (voucher(ledger, name="ann").public, voucher(ledger, name="ann").vouches, own_key().vouches) == (key, "pages", "")


def test_the_pages_propose_no_key_that_is_somebody_s_and_no_declaration_takes_it_from_them(ledger: Ledger) -> None:
    key = signer(ledger, name="olga").public
    with pytest.raises(Mistake, match="the key of these pages is olga's.*LOOPLINE_PAGES_KEY=FILE") as told:
        voucher(ledger, name="pete")
    assert key not in str(told.value.remedy)
    with pytest.raises(Mistake, match="this key is olga's already, and not pages's; give the pages a key of their own") as refused:
        declare(ledger, {"pages": key}, where=lambda name: f"loopline.yaml, line 7 ({name})")
    assert refused.value.where == "loopline.yaml, line 7 (pages)" and Trust.of(ledger).keys == {key: "olga"}
    with pytest.raises(Mistake, match="olga and pages have the same key"):
        declare(ledger, {"olga": key, "pages": key})
    declare(ledger, {"Olga": key})


def test_the_key_of_the_pages_does_not_keep_the_first_person_out(ledger: Ledger, tmp_path: Path) -> None:
    declare(ledger, {"pages": own_key({"LOOPLINE_KEY": str(tmp_path / "pages.pem")}).public})
    assert signer(ledger, name="ann").public == own_key().public
