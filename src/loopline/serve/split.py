"""Where a unit falls when traffic is split: by a hash of its key, so that the same unit always falls on the same side, in every process and protocol."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime

import msgspec

from loopline.charter.worth import as_text

CONTROL = "control"
"""The name of an experiment's arm that is as before."""

_ENCODER = msgspec.json.Encoder(order="sorted", enc_hook=str)
# A float holds whole numbers of 53 bits exactly, and so never rounds up to 1.
_BITS = 53


def place(unit: object, salt: str) -> float:
    """A number from 0 to below 1 that a unit always has under a salt; over all units it is spread evenly, and under another salt anew.

    Parameters
    ----------
    unit
        A plain value.
    """
    digest = hashlib.blake2b(_ENCODER.encode(unit), digest_size=8, key=salt.encode()[:64]).digest()
    return float((int.from_bytes(digest, "big") >> (64 - _BITS)) / (1 << _BITS))


def unit_of(row: Mapping[str, object], key: Sequence[str]) -> dict[str, str]:
    """What a row is split by: the values of its key, or of all that it says where it has none, as texts that are the same in every protocol.

    Examples
    --------
    >>> unit_of({"id": 7.0, "age": 30, "at": date(2024, 1, 31)}, ("id",)), unit_of({"id": None, "age": 30}, ("id",))
    ({'id': '7'}, {'age': '30'})
    """
    own = {name: row[name] for name in key if row.get(name) is not None}
    return {name: _text(value) for name, value in (own or row).items() if value is not None}


def _text(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat() if isinstance(value, datetime) else f"{value.isoformat()}T00:00:00"
    return as_text(value)
