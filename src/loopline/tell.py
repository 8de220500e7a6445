"""One message to one role, through Apprise: mail, chat and a hundred more channels, each by its URL; or JSON to a URL."""

from __future__ import annotations

import base64
import json
import logging
import re
import urllib.error
import urllib.request
import warnings
from collections.abc import Callable
from http.client import HTTPException
from importlib import import_module
from typing import Any
from urllib.parse import unquote, urlsplit

from loopline.errors import LooplineError

Reveal = Callable[[str], tuple[str, tuple[str, ...]]]
_STAMP = re.compile(r"^\S+ \S+ - (?:WARNING|ERROR|CRITICAL) - ")
_WAIT_S = 10.0
_CREDENTIALS = re.compile(r"(?<=://)[^/\s@]*@")


def tell(channel: str, *, title: str, text: str, reveal: Reveal) -> str | None:
    """None when the message was handed over, else the reason why not; it never raises, so that nothing fails for want of a chat.

    Parameters
    ----------
    channel
        An Apprise URL; it may refer to environment variables, as in ``mailtos://loop:${MAIL_PASSWORD}@example.com``.
    reveal
        From the channel to its URL with the references filled in, and the secrets in it, which no reason repeats
        (`loopline.access.secrets.reveal`).

    References
    ----------
    The channels and their URLs: https://github.com/caronc/apprise/wiki
    """
    try:
        url, secrets = reveal(channel)
    except LooplineError as error:
        return str(error)
    with warnings.catch_warnings():
        # Its plugins load one by one at the first use, and warn of what they import; that is no reason to lose a message.
        warnings.simplefilter("ignore")
        said = _send(url, title, text)
    return None if said is None else _reason(said, channel, url, secrets)


def hand_over(url: str, value: Any, *, reveal: Reveal) -> str | None:
    """None when the URL took the value as JSON, else the reason why not; it never raises.

    Parameters
    ----------
    url
        ``http://`` or ``https://``; it may refer to environment variables, as in ``https://loop:${PASSWORD}@example.com``.
    """
    try:
        place, secrets = reveal(url)
    except LooplineError as error:
        return str(error)
    try:
        parts = urlsplit(place)
        request = urllib.request.Request(parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl(), json.dumps(value).encode())
        request.add_header("Content-Type", "application/json")
        if parts.username is not None:
            said = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            request.add_header("Authorization", f"Basic {base64.b64encode(said.encode()).decode()}")
        with urllib.request.urlopen(request, timeout=_WAIT_S):
            return None
    except urllib.error.HTTPError as error:
        with error:
            said = error.read(500).decode(errors="replace")
        return _reason(" ".join(f"it answered {error.code} {error.reason} {said}".split()), url, place, secrets)
    except (OSError, ValueError, HTTPException) as error:
        return _reason(f"{type(error).__name__}: {error}", url, place, secrets)


def _send(url: str, title: str, text: str) -> str | None:
    """None, or what Apprise logged."""
    # Apprise takes a quarter of a second to load, and most runs have nothing to tell.
    apprise = import_module("apprise")
    # It logs whole URLs, and with them secrets: only the reason below, where they are hidden, leaves this module.
    logging.getLogger("apprise").propagate = False
    with apprise.LogCapture(level=logging.WARNING) as log:
        try:
            sender = apprise.Apprise()
            # Unless it is said that this is plain text, a mail takes it for HTML, in which lines run together.
            told = bool(sender.add(url)) and bool(sender.notify(title=title, body=text, body_format=apprise.NotifyFormat.TEXT))
        except Exception as error:  # a channel is a plugin that talks to a service: whatever it raises is a reason, not a crash
            return f"{type(error).__name__}: {error}"
        return None if told else str(log.getvalue())


def _reason(said: str, channel: str, url: str, secrets: tuple[str, ...]) -> str:
    """What went wrong, as one line without secrets."""
    lines = [_STAMP.sub("", line).strip() for line in said.splitlines()]
    line = next((line for line in lines if line), "the channel did not take the message")
    line = line.replace(url, channel)
    for secret in sorted(secrets, key=len, reverse=True):
        line = line.replace(secret, "***")
    return _CREDENTIALS.sub("***@", line)
