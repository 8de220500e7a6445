"""Keys: made once for nobody else to read, and what they sign is checked byte by byte."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from loopline.access.keys import fingerprint, is_signed, own_key, place, public_key
from loopline.errors import Fault, Mistake


def test_a_key_is_made_once_for_nobody_else_to_read(tmp_path: Path) -> None:
    environment = {"LOOPLINE_KEY": str(tmp_path / "key.pem")}
    first, again = own_key(environment), own_key(environment)
    assert (first.is_new, again.is_new) == (True, False)
    assert first.public == again.public == public_key(first.public)
    assert stat.S_IMODE(first.file.stat().st_mode) == 0o600
    assert [file.name for file in first.file.parent.iterdir()] == ["key.pem"]
    assert first.public in repr(first) and "PRIVATE" not in repr(first)


def test_makers_at_once_agree(tmp_path: Path) -> None:
    environment = {"LOOPLINE_KEY": str(tmp_path / "key.pem")}
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: own_key(environment), range(16)))
    assert len({one.public for one in made}) == 1
    assert sum(one.is_new for one in made) == 1


def test_a_key_that_is_made_is_said_once_and_not_on_standard_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    environment = {"XDG_CONFIG_HOME": str(tmp_path / "settings")}
    key = own_key(environment)
    own_key(environment)
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", f"a new key was made in {key.file}, which signs as {fingerprint(key.public)}\n")


def test_a_mistyped_name_makes_no_folder_and_no_key(tmp_path: Path) -> None:
    file = tmp_path / "kyes" / "ann.pem"
    with pytest.raises(Mistake, match="there is no folder .*kyes, where LOOPLINE_KEY says that your key lies; correct LOOPLINE_KEY, or make the folder first"):
        own_key({"LOOPLINE_KEY": str(file)})
    assert not file.parent.exists()


def test_it_lies_outside_every_workspace(tmp_path: Path) -> None:
    assert place({"XDG_CONFIG_HOME": str(tmp_path)}) == tmp_path / "loopline" / "key.pem"
    assert place({}) == Path.home() / ".config" / "loopline" / "key.pem"


@given(data=st.binary(max_size=200), other=st.binary(max_size=200))
def test_only_what_was_signed_is_signed(data: bytes, other: bytes) -> None:
    key = own_key()
    signature = key.sign(data)
    assert signature == key.sign(data)
    assert is_signed(data, signature, key.public)
    assert is_signed(other, signature, key.public) == (other == data)


@pytest.mark.parametrize(("signature", "public"), [("", "ed25519:"), ("not base64!", "ed25519:AAAA"), ("AAAA", "x")])
def test_what_is_no_signature_is_refused_and_raises_nothing(signature: str, public: str) -> None:
    assert not is_signed(b"data", signature, public)
    assert not is_signed(b"data", signature, own_key().public)


def test_what_is_no_key_is_said(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_text("hello")
    with pytest.raises(Mistake, match="this is no private key; give the file of an ed25519 key"):
        own_key({"LOOPLINE_KEY": str(file)})
    other = X25519PrivateKey.generate()
    file.write_bytes(other.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    with pytest.raises(Mistake, match="another kind"):
        own_key({"LOOPLINE_KEY": str(file)})
    with pytest.raises(Fault, match="cannot be read or made"):
        own_key({"LOOPLINE_KEY": str(tmp_path)})
    with pytest.raises(Mistake, match="'ed25519:short' is no public key"):
        public_key("ed25519:short")
