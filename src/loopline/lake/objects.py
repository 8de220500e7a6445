"""The bytes under a lake: a folder on this machine, or an object store through `obstore` (extra ``s3``)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from loopline.errors import Fault, LooplineError, Mistake
from loopline.lake.place import Lake

_CLIENT = ("allow_http", "allow_invalid_certificates", "connect_timeout", "timeout", "proxy_url", "user_agent")
"""Options of the connection, which delta-rs takes together with those of the store."""

_SIGNS = {
    "No space left on device": ("the disk is full", "free some space and run the command again"),
    "Disk quota exceeded": ("the disk's quota is used up", "free some space and run the command again"),
    "File too large": ("a file grew over the limit of this system", "raise the limit (ulimit -f) and run the command again"),
    "Permission denied": ("the lake's folder cannot be used", "give read and write permission to it, or choose another folder"),
    "Operation not permitted": ("the lake's folder cannot be used", "give read and write permission to it, or choose another folder"),
    "Read-only file system": ("the lake's folder cannot be written", "choose a folder that can be written"),
    "Not a directory": ("a file is in the way of the lake's folder", "move it away, or choose another folder"),
    "File exists": ("a file is in the way of the lake's folder", "move it away, or choose another folder"),
    "Too many open files": ("too many files are open", "raise the limit (ulimit -n)"),
    "NoSuchBucket": ("the lake's bucket does not exist", "make it, or correct the lake's address"),
    "InvalidAccessKeyId": ("the object store refused the credentials", "check the lake's options and the environment"),
    "SignatureDoesNotMatch": ("the object store refused the credentials", "check the lake's options and the environment"),
    "AccessDenied": ("the object store refused access", "check the permissions of the lake's credentials"),
    "Forbidden": ("the object store refused access", "check the permissions of the lake's credentials"),
    "error sending request": ("the object store does not answer", "check the network and the lake's address"),
    "Connection refused": ("the object store does not answer", "check the network and the lake's address"),
}


def storage_fault(text: str, where: str) -> Fault | None:
    """What disk or object store did not do, where an error's text tells; the text itself is not shown."""
    for sign, (what, remedy) in _SIGNS.items():
        if sign in text:
            return Fault(what, where=where, remedy=remedy, retry="answer" in what)
    return None


@contextmanager
def told(lake: Lake) -> Iterator[None]:
    """Turns the errors of disk and object store into one line with the remedy."""
    try:
        yield
    except LooplineError:
        raise
    except _errors(lake) as error:
        fault = storage_fault(str(error), lake.url)
        raise fault or Fault(f"the lake cannot be used ({type(error).__name__})", where=lake.url, remedy="check the lake's address and options") from None


def _errors(lake: Lake) -> tuple[type[Exception], ...]:
    if lake.is_folder:
        return (OSError,)
    from obstore.exceptions import BaseError  # noqa: PLC0415

    return (OSError, BaseError)


def folders(lake: Lake, prefix: str) -> list[str]:
    """The names directly under a prefix, sorted."""
    if lake.is_folder:
        place = lake.folder / prefix
        return sorted(child.name for child in place.iterdir() if child.is_dir()) if place.is_dir() else []
    listed = store(lake).list_with_delimiter(f"{prefix}/")
    return sorted(path.rstrip("/").rsplit("/", 1)[-1] for path in listed["common_prefixes"])


def store(lake: Lake) -> Any:
    """The lake's object store.

    Raises
    ------
    Mistake
        Where the extra is not installed.
    """
    try:
        from obstore.store import from_url  # noqa: PLC0415
    except ModuleNotFoundError:
        raise Mistake("a lake in an object store needs an extra", where=lake.url, remedy="pip install 'loopline[s3]'") from None
    options = {name.lower(): value for name, value in lake.options.items()}
    client: Any = {plain: value for name, value in options.items() if (plain := name.removeprefix("aws_")) in _CLIENT}
    # The others are delta-rs's own, on how it commits.
    config: Any = {name: value for name, value in options.items() if name.removeprefix("aws_") not in _CLIENT and not name.startswith("aws_s3_")}
    return from_url(lake.url, config=config, client_options=client)


def get(place: Any, path: str) -> bytes | None:
    """The object's bytes, or None where there is none."""
    try:
        return bytes(place.get(path).bytes())
    except FileNotFoundError as error:
        if "NoSuchBucket" in str(error):
            raise
        return None


def exists(place: Any, path: str) -> bool:
    """Whether there is such an object."""
    try:
        place.head(path)
    except FileNotFoundError:
        return False
    return True
