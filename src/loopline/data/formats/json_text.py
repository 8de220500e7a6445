"""From JSON text to records, with every digit and every field kept, or the reason why not."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np

from loopline.data.formats.reading import Refusal

DEPTH = 12
"""Objects nested deeper than this stay JSON text in a cell."""
_SIGNIFICANT = 17
# 18 digits or more after leading zeros, or a fraction that may be too small for a number.
_LONG = re.compile(rb"[1-9](?:\.?[0-9]){17}|[eE]-[0-9]{3}")
_TINY = re.compile(rb"[eE]-[0-9]{3}")
_DIGITS = bytes(ord("0") if chr(byte) in "0123456789" else ord(" ") for byte in range(256))
_SPACED = re.compile(rb'"[ \t\r\n]+:')
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_KINDS = {type(None): "null", bool: "true or false", int: "a number", float: "a number", str: "a text", list: "a list"}
_quick = msgspec.json.Decoder().decode
Flat = dict[str, Any]


class Digits(str):
    """A number as it is written: one that no number of the machine holds exactly, or one whose digits are wanted."""

    __slots__ = ()


class Broken(ValueError):
    """Why a text is no record."""


def decoded(raws: Sequence[bytes], *, literal: bool = False) -> list[Flat | Broken]:
    """The records in texts, each a flat mapping from columns to values, or why it is none.

    A field within an object is called ``outer.inner``. Lists, empty objects and objects in lists stay as they are.

    Parameters
    ----------
    literal
        Whether all fractions are wanted as they are written (`Digits`); otherwise only those with more digits than a number holds.

    Notes
    -----
    The quick reader takes the last of two fields of one name, and rounds. So the colons after quotes are counted: there are at least as many as
    fields, so that where they are as many as the fields that came out, none was lost. Otherwise, and where long numbers stand, the record is
    read with care.
    """
    if literal:
        return [_careful(raw, literal=True) for raw in raws]
    found: list[Flat | Broken] = []
    fields = 0
    for raw in raws:
        try:
            value = _quick(raw)
            if type(value) is not dict:
                raise Broken(f"it is {_KINDS[type(value)]}, not an object")
            kinds = set(map(type, value.values()))
            if "" in value:
                raise Broken("a field has no name")
            if dict not in kinds:
                fields += _fields(value) if list in kinds else len(value)
                found.append(value)
                continue
            flat: Flat = {}
            fields += _flatten(value, "", flat, DEPTH)
            found.append(flat)
        except Broken as why:
            found.append(why)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            found.append(_careful(raw, literal=False))
    text = b"\n".join(raw for raw, record in zip(raws, found, strict=True) if type(record) is dict)
    if _colons(text) == fields and not _has_long(text):
        return found
    return [_again(raw, record) for raw, record in zip(raws, found, strict=True)]


def _again(raw: bytes, record: Flat | Broken) -> Flat | Broken:
    if isinstance(record, Broken):
        return record
    if not _LONG.search(raw):
        try:
            if _colons(raw) == _fields(_quick(raw)):
                return record
        except msgspec.MsgspecError:
            return record
    return _careful(raw, literal=False)


def _has_long(text: bytes) -> bool:
    """Whether a number may have more digits than the machine's numbers hold; the expression alone takes longer than all the rest."""
    bare = text.translate(_DIGITS, b".")
    if b"0" * (_SIGNIFICANT + 1) in bare:
        digits = np.frombuffer(text.translate(None, b"."), dtype=np.uint8)
        is_digit = np.frombuffer(bare, dtype=np.uint8) == ord("0")
        edges = np.flatnonzero(np.diff(is_digit, prepend=False, append=False))
        starts, ends = edges[0::2], edges[1::2]
        wide = ends - starts > _SIGNIFICANT
        leading = np.flatnonzero(is_digit & (digits != ord("0")))
        first = np.append(leading, len(digits))[np.searchsorted(leading, starts[wide])]
        if (ends[wide] - first > _SIGNIFICANT).any():
            return True
    return b"e-" in text.lower() and _TINY.search(text) is not None


def _colons(text: bytes) -> int:
    return text.count(b'":') + len(_SPACED.findall(text))


def _fields(value: Any) -> int:
    """How many fields there are in a value, at all depths."""
    if type(value) is list and not {dict, list} & set(map(type, value)):
        return 0
    if type(value) is dict:
        return len(value) + sum(_fields(inner) for inner in value.values() if type(inner) in (dict, list))
    return sum(_fields(inner) for inner in value if type(inner) in (dict, list))


def _careful(raw: bytes, *, literal: bool) -> Flat | Broken:
    """The record read with care: long numbers keep their digits, NaN is read, no field is named twice."""

    def fraction(text: str) -> float | Digits:
        return Digits(text) if literal or _is_long(text) else float(text)

    decoder = json.JSONDecoder(object_pairs_hook=_once, parse_float=fraction, parse_int=_whole, parse_constant=Digits if literal else float)
    try:
        value = decoder.decode(raw.decode("utf-8"))
        if type(value) is not dict:
            raise Broken(f"it is {_KINDS[type(value) if type(value) in _KINDS else float]}, not an object")
        if _SURROGATE.search(raw):
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        return _flat({name: _encodable(inner) for name, inner in value.items()})
    except Broken as why:
        return why
    except json.JSONDecodeError as error:
        return Broken(f"it is broken JSON at character {error.pos + 1}: {error.msg[:1].lower()}{error.msg[1:]}")
    except UnicodeEncodeError:
        return Broken("half of a surrogate pair stands for no character")
    except UnicodeDecodeError:
        return Broken("some bytes are not UTF-8")
    except RecursionError:
        return Broken("it is nested too deeply")
    except ValueError:
        return Broken("a number has too many digits")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Broken(f"it names {twice!r} {names.count(twice)} times")
    return record


def _whole(text: str) -> int | Digits:
    return int(text) if len(text) <= 4000 else Digits(text)


def _is_long(text: str) -> bool:
    digits = re.split("[eE]", text)[0].lstrip("-").replace(".", "").strip("0")
    return len(digits) > _SIGNIFICANT or math.isinf(float(text)) or (float(text) == 0 and bool(digits))


def _encodable(value: Any) -> Any:
    """The value with what is written out in lists as it is written."""
    if type(value) is dict:
        return {name: _encodable(inner) for name, inner in value.items()}
    return [_raw(inner) for inner in value] if type(value) is list else value


def _raw(value: Any) -> Any:
    if type(value) is list:
        return [_raw(inner) for inner in value]
    if type(value) is dict:
        return {name: _raw(inner) for name, inner in value.items()}
    if type(value) is float and not math.isfinite(value):
        return msgspec.Raw({math.inf: b"Infinity", -math.inf: b"-Infinity"}.get(value, b"NaN"))
    return msgspec.Raw(value.encode()) if type(value) is Digits else value


def _flat(record: dict[str, Any]) -> Flat:
    if "" in record:
        raise Broken("a field has no name")
    if dict not in map(type, record.values()):
        return record
    into: Flat = {}
    _flatten(record, "", into, DEPTH)
    return into


def _flatten(record: dict[str, Any], prefix: str, into: Flat, depth: int) -> int:
    """Put the fields into a flat record; how many they are, at all depths."""
    fields = len(record)
    for key, value in record.items():
        name = prefix + key
        kind = type(value)
        if kind is dict and value and depth:
            fields += _flatten(value, f"{name}.", into, depth - 1)
            continue
        if kind is list or kind is dict:
            fields += _fields(value)
        if name in into:
            raise Broken(f"two of its fields would both be the column {name!r}")
        into[name] = value
    return fields


def refusal(line: int, raw: bytes, why: str) -> Refusal:
    """A record that was refused; of one that is longer than any record is, the beginning is kept and the rest counted."""
    shown = raw[:LONGEST_RAW].decode("utf-8", errors="replace").strip()
    more = f" ... ({len(raw) - LONGEST_RAW:,} more bytes)" if len(raw) > LONGEST_RAW else ""
    return Refusal(line, shown + more, (why,))


LONGEST_RAW = 1 << 20
"""Bytes of a refused record that are kept."""

Decode = Callable[[Sequence[bytes]], list[Flat | Broken]]
