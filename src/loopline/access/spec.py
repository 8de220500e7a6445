"""The pages as they are declared: where they are served, how long a session lasts, and who vouches for who signs in."""

from __future__ import annotations

import ipaddress
from datetime import timedelta
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from loopline.access.reach import is_loopback
from loopline.access.secrets import Reference
from loopline.declaration import Span, Spec


def _origin(text: str) -> str:
    """An address of the web without a path; the passwords and tokens that travel to it ask for https, but on this machine."""
    try:
        parts = urlsplit(text.rstrip("/"))
        host, port = parts.hostname, parts.port
    except ValueError:
        host = None
    if host is None or parts.scheme not in ("http", "https") or parts.path or parts.query or parts.fragment or parts.username:
        raise ValueError(f"{text!r} is no address of the web; write it as https://loop.example.com, without a path")
    # Browsers leave the usual port out, and what they send must equal this.
    usual = f":{port}" if port == {"http": 80, "https": 443}[parts.scheme] else ""
    return f"{parts.scheme}://{parts.netloc.lower().removesuffix(usual).removesuffix(':')}"


def _issuer(text: str) -> str:
    parts = urlsplit(text)
    if not parts.hostname or parts.query or parts.fragment or not (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname))):
        raise ValueError(f"{text!r} is no issuer; write its address as the provider has it, such as https://accounts.example.com")
    return text


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        raise ValueError(f"{text!r} is no address of a machine or a network; write it as 10.0.0.5 or 10.0.0.0/24") from None


class OidcSpec(Spec):
    """A provider of OpenID Connect that says who signs in.

    Parameters
    ----------
    issuer
        Its address; below it lies ``.well-known/openid-configuration``.
    client_secret
        A reference to it; none where the provider knows the pages as a public client.
    claim
        What names the person, as ``charter.stakeholders`` lists them. An e-mail address counts once the provider has verified it.
    """

    issuer: Annotated[str, AfterValidator(_issuer)]
    client_id: str = Field(min_length=1)
    client_secret: Reference | None = None
    claim: str = Field(default="email", min_length=1)


class PagesSpec(Spec):
    """Where the pages are served, and for how long who signs in stays signed in.

    Parameters
    ----------
    session, idle
        A session ends so long after it began, and after so long in which nothing was asked.
    public_url
        The address by which people reach the pages, where that is another than host and port: behind a proxy that speaks TLS.
    proxies
        The addresses of such proxies: what they say of who asks (``X-Forwarded-For``), and by https or not (``X-Forwarded-Proto``), is believed.
        By default this machine's own, where there is a ``public_url``.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=8379, ge=1, le=65535)
    session: Span = Field(default=timedelta(hours=12), gt=timedelta(), le=timedelta(days=90))
    idle: Span = Field(default=timedelta(hours=2), gt=timedelta(), le=timedelta(days=90))
    public_url: Annotated[str, AfterValidator(_origin)] | None = None
    proxies: tuple[Annotated[str, AfterValidator(_network)], ...] = ()
    oidc: OidcSpec | None = None

    @model_validator(mode="after")
    def _reached(self) -> Self:
        if self.oidc is not None and self.public_url is None:
            raise ValueError("oidc sends people back to the pages, and no public_url says where they are; add public_url: https://...")
        return self

    @property
    def is_proxied(self) -> bool:
        """Whether others reach the pages although they listen at this machine's own address."""
        return self.public_url is not None or bool(self.proxies)
