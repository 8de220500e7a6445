"""The long work that pages offer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from loopline.web.work import Work

_DONE_BY = "loopline.web.doing"


def round_once(*, until: str | None = None, fresh: str | None = None, name: str = "take the loop round", to: str = "/") -> Work:
    """Work that takes the loop round as ``loopline run`` does."""
    return Work(name, f"{_DONE_BY}:run", {"until": until, "fresh": fresh}, to)


def checked_again() -> Work:
    """Work that asks the gates again of the newest package."""
    return round_once(until="release", fresh="release", name="ask the gates again", to="/release")


def trained_anew() -> Work:
    """Work that searches for a model anew, from the data that are there."""
    return round_once(fresh="model", name="train anew", to="/model")


def studied(*, only_stated: bool = False) -> Work:
    """Work that studies anew whether it is worth doing."""
    return Work("study the charter", f"{_DONE_BY}:study", {"only_stated": only_stated}, "/charter")


def replayed(which: Mapping[str, Any], *, why: str = "") -> Work:
    """Work that puts refused rows through the contract again; `which` are the fields of a `Filter`, and none means the mended ones."""
    return Work("replay refused rows", f"{_DONE_BY}:replay", {"which": dict(which), "why": why}, "/data/quarantine")


def restored(table: str, *, why: str, version: int | None = None, at: datetime | None = None) -> Work:
    """Work that makes an earlier version of a table the newest one again."""
    return Work(f"restore {table}", f"{_DONE_BY}:restore", {"table": table, "why": why, "version": version, "at": at}, "/data")
