"""What is packed is unpacked whole, a block at a time, and gone afterwards."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from backports import zstd

from loopline.data.formats import packed
from loopline.data.formats.packed import bare_name, is_packed, unpacked
from loopline.errors import Fault, Mistake

TEXT = b"a,b\n" + b"1,2\n" * 1000


@pytest.mark.parametrize(
    "data",
    [
        gzip.compress(TEXT),
        gzip.compress(TEXT[:100]) + gzip.compress(TEXT[100:]) + b"\0" * 8,
        zstd.compress(TEXT),
        zstd.compress(TEXT[:100]) + zstd.compress(TEXT[100:]),
        b"\x50\x2a\x4d\x18\x04\0\0\0note" + zstd.compress(TEXT),
    ],
    ids=["gzip", "members", "zstd", "frames", "skippable"],
)
def test_all_of_it_is_unpacked(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.csv.gz"
    path.write_bytes(data)
    with unpacked(path, where="x") as plain:
        assert plain.read_bytes() == TEXT
        assert plain.name == "x.csv"
    assert not plain.exists()
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_not_packed_stays_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(TEXT)
    with unpacked(path, where="x") as plain:
        assert plain == path
    assert path.exists()


@pytest.mark.parametrize("compress", [gzip.compress, zstd.compress])
@pytest.mark.parametrize("share", [0.3, 0.99])
def test_a_damaged_file_is_a_mistake(tmp_path: Path, compress: object, share: float) -> None:
    assert callable(compress)
    data = compress(bytes(range(256)) * 400)
    (tmp_path / "x").write_bytes(data[: int(len(data) * share)])
    with pytest.raises(Mistake, match="damaged"), unpacked(tmp_path / "x", where="x"):
        pass


def test_a_flipped_byte_is_found(tmp_path: Path) -> None:
    data = bytearray(gzip.compress(TEXT))
    data[-6] ^= 1
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(Mistake, match="damaged"), unpacked(tmp_path / "x", where="x"):
        pass


def test_a_bomb_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "LEAST_LIMIT", 4 << 20)
    (tmp_path / "x").write_bytes(zstd.compress(b"\0" * (64 << 20)))
    with pytest.raises(Mistake, match="more than"), unpacked(tmp_path / "x", where="x"):
        pass


def test_a_full_disk_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "SPARE", 1 << 60)
    (tmp_path / "x").write_bytes(gzip.compress(b"\0" * (65 << 20)))
    with pytest.raises(Fault, match="no room"), unpacked(tmp_path / "x", where="x"):
        pass


def test_nothing_in_it_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(gzip.compress(b""))
    with pytest.raises(Mistake, match="empty"), unpacked(tmp_path / "x", where="x"):
        pass


def test_names_and_first_bytes_tell() -> None:
    assert [bare_name(name) for name in ("a.csv.gz", "a.csv.ZST", "a.csv")] == ["a.csv", "a.csv", "a.csv"]
    assert is_packed(b"\x1f\x8b\x08")
    assert not is_packed(b"a,b")
    assert not is_packed(b"")
