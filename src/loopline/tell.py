"""One message to one role, through Apprise: mail, chat and a hundred more channels, each by its URL."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Callable
from importlib import import_module

from loopline.errors import LooplineError

Reveal = Callable[[str], tuple[str, tuple[str, ...]]]
_STAMP = re.compile(r"^\S+ \S+ - (?:WARNING|ERROR|CRITICAL) - ")
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


def _send(url: str, title: str, text: str) -> str | None:
    """None, or what Apprise logged."""
    # Apprise takes a quarter of a second to load, and most runs have nothing to tell.
    apprise = import_module("apprise")
    # It logs whole URLs, and with them secrets: only the reason below, where they are hidden, leaves this module.
    logging.getLogger("apprise").propagate = False
    with apprise.LogCapture(level=logging.WARNING) as log:
        try:
            sender = apprise.Apprise()
            told = bool(sender.add(url)) and bool(sender.notify(title=title, body=text))
        except Exception as error:  # a channel is a plugin that talks to a service: whatever it raises is a reason, not a crash
            return f"{type(error).__name__}: {error}"
        return None if told else str(log.getvalue())


def _reason(said: str, channel: str, url: str, secrets: tuple[str, ...]) -> str:
    """What Apprise logged, as one line without secrets."""
    lines = [_STAMP.sub("", line).strip() for line in said.splitlines()]
    line = next((line for line in lines if line), "the channel did not take the message")
    line = line.replace(url, channel)
    for secret in sorted(secrets, key=len, reverse=True):
        line = line.replace(secret, "***")
    return _CREDENTIALS.sub("***@", line)
