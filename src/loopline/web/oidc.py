"""A provider of OpenID Connect says who signs in: authorization code, PKCE and nonce; what it says counts once its signature and issuer are right.

References
----------
Sakimura et al., "OpenID Connect Core 1.0", 2014; Lodderstedt et al., "Best Current Practice for OAuth 2.0 Security", RFC 9700, 2025.
"""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Mapping
from typing import Any

import httpx2
from authlib.integrations.starlette_client import OAuth, OAuthError
from joserfc.errors import JoseError
from starlette.requests import Request
from starlette.responses import Response

from loopline.access.people import person
from loopline.access.secrets import resolve
from loopline.access.spec import OidcSpec
from loopline.errors import CheckFailed, Fault, LooplineError, Mistake

_SIGNED = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"})
"""Signatures by a key of the provider alone: what a shared secret signs, or nobody, is no word of the provider's."""
_ALGORITHMS = "id_token_signing_alg_values_supported"
_WAIT_S = 10.0
_WRONG = (OAuthError, JoseError, httpx2.HTTPError, httpx2.InvalidURL, ValueError, KeyError, RuntimeError)
"""What Authlib and what it is made of raise for an answer that cannot be used."""
_NO = {"access_denied": "the provider has not let you in", "mismatching_state": "this sign-in was not begun in this browser, or took too long"}
"""What a person can do something about, by the error's name."""
_said = logging.getLogger("loopline")


class Provider:
    """The provider that a declaration names.

    Raises
    ------
    Mistake
        When the variable with its secret is not set.
    """

    def __init__(self, spec: OidcSpec, public_url: str, path: str) -> None:
        self.spec = spec
        self._back = f"{public_url}{path}"
        secret = None if spec.client_secret is None else resolve(spec.client_secret, where="pages.oidc.client_secret")
        asked = {"scope": "openid email profile", "code_challenge_method": "S256", "timeout": _WAIT_S}
        if secret is None:
            asked["token_endpoint_auth_method"] = "none"
        self._client: Any = OAuth().register(
            "provider",
            client_id=spec.client_id,
            client_secret=secret,
            server_metadata_url=f"{spec.issuer.rstrip('/')}/.well-known/openid-configuration",
            client_kwargs=asked,
        )

    async def begin(self, request: Request) -> Response:
        """The way to the provider, which sends the browser back here; the request's session keeps what only this browser can bring back.

        Raises
        ------
        Fault
            When the provider does not answer.
        """
        try:
            await self._learn()
            answer: Response = await self._client.authorize_redirect(request, self._back)
        except _WRONG as error:
            raise self._away(error) from None
        return answer

    async def name(self, request: Request) -> str:
        """Who came back, as the charter lists them.

        Raises
        ------
        Mistake
            When this browser did not begin here, or the provider's word names nobody who may be believed.
        Fault
            When the provider does not answer as it should.
        """
        try:
            await self._learn()
            token = await self._client.authorize_access_token(request)
        except _WRONG as error:
            what = _NO.get(getattr(error, "error", ""))
            if what is None:
                raise self._away(error) from None
            raise Mistake(what, remedy="begin again at the sign-in page") from None
        return named(token.get("userinfo") or {}, self.spec.claim)

    async def _learn(self) -> None:
        """Take in what the provider says of itself, once, and hold it to what was declared."""
        known: dict[str, Any] = await self._client.load_server_metadata()
        if str(known.get("issuer", "")).rstrip("/") != self.spec.issuer.rstrip("/"):
            known.pop("_loaded_at", None)
            raise ValueError("the provider gives itself another name than pages.oidc.issuer")
        known[_ALGORITHMS] = [one for one in known.get(_ALGORITHMS) or ["RS256"] if one in _SIGNED]

    def _away(self, error: Exception) -> LooplineError:
        _said.warning("the provider %s cannot be used: %s: %r", self.spec.issuer, type(error).__name__, str(error))
        remedy = "try again; if it stays so, whoever runs the pages finds in their log what is wrong"
        return Fault("the provider that says who signs in does not answer as it should", remedy=remedy, retry=True)


def named(claims: Mapping[str, Any], claim: str) -> str:
    """The name in a provider's claims.

    Raises
    ------
    Mistake
        When there is none, it is an e-mail address that the provider has not verified, or it is written so that it equals another one.
    CheckFailed
        When the provider's word holds no claims.
    """
    if not claims:
        raise CheckFailed("the provider says not who you are", remedy="whoever runs the pages asks it for the scope openid")
    name = claims.get(claim)
    if not isinstance(name, str) or not name.strip():
        raise Mistake(f"the provider says nothing as {claim!r} of you", remedy="ask whoever runs the pages which claim names people: pages.oidc.claim")
    # Anybody may enter anybody's address where a provider does not ask for proof.
    if claim == "email" and claims.get("email_verified") is not True:
        raise Mistake("the provider has not verified your e-mail address", remedy="verify it there, then begin again")
    if name.casefold() != name.lower() or unicodedata.normalize("NFKC", name) != name:
        # A Kelvin sign is no k, and a long s no s; written so, somebody's name would be taken for another one's.
        raise Mistake("the provider names you with letters that are taken for others", remedy="ask whoever runs the provider to write the name plainly")
    return person(name).name
