"""Confidential client of an OpenID provider: authorization code flow with PKCE, state and nonce.

Sources: OpenID Connect Core 1.0 §3.1, Discovery 1.0, RFC 7636 (PKCE), RFC 9207 (the issuer in the response), RFC 9700
(best practice). joserfc checks signatures. This module requests the right data and trusts nothing else.
"""

import base64
import time
from collections.abc import Mapping
from hashlib import sha256
from http import HTTPStatus
from typing import Any, NamedTuple, Self, TypeVar
from urllib.parse import quote, urlencode

import httpx2
import msgspec
import structlog
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from msgspec import Struct

from gateway.openid.errors import ProviderUnavailable, TokenInvalid
from gateway.openid.pause import Pause
from gateway.openid.verified_email import Claims, settles, verified_email
from gateway.retry_after import RETRY_AFTER_STATUS, retry_after_seconds
from infrastructure.clock import now
from infrastructure.settings import Settings

T = TypeVar("T")

_log = structlog.get_logger(__name__)

_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA")
"""Signatures with a key of the provider. Never "none", and never a signature made with the client secret."""

_ANSWER_BYTES_MAX = 512 * 1024
_TIMEOUT_SECONDS = 10.0
_KEPT_SECONDS = 3_600.0
_KEYS_ASKED_SECONDS = 10.0
_LEEWAY_SECONDS = 60


class Metadata(Struct, frozen=True):
    """The fields of the discovery document that this client needs."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class _Tokens(Struct, frozen=True):
    id_token: str
    access_token: str = ""


class _IdToken(Claims, frozen=True):
    nonce: str | None = None
    azp: str | None = None


class Flow(Struct, frozen=True):
    """State of a sign-in between the redirect to the provider and the return, sealed and kept in the browser.

    `ends_at` is in seconds since 1970.
    """

    state: str
    nonce: str
    verifier: str
    ends_at: float


class Identity(NamedTuple):
    subject: str
    email: str


class Provider:
    """A provider, to be opened with `async with`. Its metadata and its keys are cached for an hour.

    Keys are fetched earlier if one is missing. After a 429 or 503 with `Retry-After`, no request is sent before that
    time; sign-ins fail in the meantime.
    """

    def __init__(self, settings: Settings, redirect_uri: str) -> None:
        self._settings = settings
        self._redirect_uri = redirect_uri
        self._http = httpx2.AsyncClient(timeout=_TIMEOUT_SECONDS, follow_redirects=False, trust_env=False)
        self._metadata: tuple[float, Metadata] | None = None
        self._keys: tuple[float, KeySet] | None = None
        self._pause = Pause()
        self._pause_of_userinfo = Pause()
        """For responses that a sign-in does not need: if these are refused, other requests are still sent."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    @property
    def issuer(self) -> str:
        return self._settings.oidc_issuer

    @property
    def name(self) -> str:
        """Return the name that users see."""
        return self._settings.oidc_name or httpx2.URL(self.issuer).host

    async def authorization_url(self, flow: Flow) -> str:
        """Return the URL to redirect the browser to. Raise during a pause, when the code could not be exchanged."""
        self._refuse_during(self._pause)
        metadata = await self._described()
        challenge = base64.urlsafe_b64encode(sha256(flow.verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": self._settings.oidc_client_id,
            "redirect_uri": self._redirect_uri,
            "scope": self._settings.oidc_scopes,
            "state": flow.state,
            "nonce": flow.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        separator = "&" if "?" in metadata.authorization_endpoint else "?"
        return f"{metadata.authorization_endpoint}{separator}{urlencode(query)}"

    async def identity(self, code: str, flow: Flow) -> Identity:
        """Exchange the code for the user's verified identity. Raise an `OpenIdError`."""
        metadata = await self._described()
        tokens = await self._exchanged(metadata, code, flow.verifier)
        claims = await self._checked(metadata, tokens.id_token, flow.nonce)
        info: Claims | None = None
        if not settles(claims) and metadata.userinfo_endpoint is not None and tokens.access_token:
            headers = {"Authorization": f"Bearer {tokens.access_token}"}
            # If the address in the ID token is trusted, userinfo can only confirm it.
            dispensable = self._settings.oidc_trust_email and bool(claims.email)
            pause = self._pause_of_userinfo if dispensable else self._pause
            try:
                info = await self._request("GET", metadata.userinfo_endpoint, Claims, headers=headers, pause=pause)
            except ProviderUnavailable:
                if not dispensable:
                    raise
                _log.warning("openid_userinfo_failed", exc_info=True)
        return Identity(claims.sub, verified_email(claims, info, trusted=self._settings.oidc_trust_email))

    async def _described(self) -> Metadata:
        if self._metadata is None or time.monotonic() - self._metadata[0] > _KEPT_SECONDS:
            url = self.issuer.rstrip("/") + "/.well-known/openid-configuration"
            metadata = await self._request("GET", url, Metadata)
            if metadata.issuer != self.issuer:
                raise ProviderUnavailable(f"it calls itself {metadata.issuer}")
            self._metadata = (time.monotonic(), metadata)
        return self._metadata[1]

    async def _exchanged(self, metadata: Metadata, code: str, verifier: str) -> _Tokens:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "code_verifier": verifier,
        }
        headers: dict[str, str] = {}
        if "client_secret_basic" in metadata.token_endpoint_auth_methods_supported:
            # Each part is form-encoded first (RFC 6749 §2.3.1).
            pair = (
                f"{quote(self._settings.oidc_client_id, safe='')}:{quote(self._settings.oidc_client_secret, safe='')}"
            )
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        else:
            form |= {"client_id": self._settings.oidc_client_id, "client_secret": self._settings.oidc_client_secret}
        return await self._request("POST", metadata.token_endpoint, _Tokens, headers=headers, form=form)

    async def _checked(self, metadata: Metadata, token: str, nonce: str) -> _IdToken:
        """Return the claims of an ID token after validating it (Core §3.1.3.7)."""
        rules = jwt.JWTClaimsRegistry(
            leeway=_LEEWAY_SECONDS,
            iss={"essential": True, "value": metadata.issuer},
            aud={"essential": True, "value": self._settings.oidc_client_id},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            decoded = await self._decoded(metadata, token)
            rules.validate(decoded.claims)
            claims = msgspec.convert(decoded.claims, _IdToken)
        except (JoseError, ValueError, msgspec.ValidationError) as error:
            raise TokenInvalid(type(error).__name__) from error
        if claims.azp not in {None, self._settings.oidc_client_id}:
            raise TokenInvalid("it was made for another client")
        return claims

    async def _decoded(self, metadata: Metadata, token: str) -> jwt.Token:
        """Decode an ID token. Providers replace keys, so an unknown key is fetched, but not by every sign-in."""
        try:
            return jwt.decode(token, await self._key_set(metadata, _KEPT_SECONDS), algorithms=_ALGORITHMS)
        except (JoseError, ValueError):
            return jwt.decode(token, await self._key_set(metadata, _KEYS_ASKED_SECONDS), algorithms=_ALGORITHMS)

    async def _key_set(self, metadata: Metadata, kept_seconds: float) -> KeySet:
        if self._keys is None or time.monotonic() - self._keys[0] > kept_seconds:
            found: dict[str, Any] = await self._request("GET", metadata.jwks_uri, dict[str, Any])
            try:
                keys = KeySet.import_key_set({"keys": found["keys"]})
            except (JoseError, KeyError, TypeError, ValueError) as error:
                raise ProviderUnavailable("its keys cannot be read") from error
            self._keys = (time.monotonic(), keys)
        return self._keys[1]

    async def _request(
        self,
        method: str,
        url: str,
        kind: type[T],
        *,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        pause: Pause | None = None,
    ) -> T:
        """Return the JSON of a response with status 200 and at most `_ANSWER_BYTES_MAX` bytes.

        `pause`: the pause that starts if the provider refuses temporarily. By default, that of the whole provider.
        """
        pause = pause or self._pause
        self._refuse_during(self._pause)
        self._refuse_during(pause)
        try:
            async with self._http.stream(
                method,
                url,
                headers={"Accept": "application/json", **(headers or {})},
                data=dict(form) if form else None,
            ) as response:
                if response.status_code in RETRY_AFTER_STATUS:
                    requested = retry_after_seconds(response.headers.raw, now())
                    if requested is not None:
                        pause.start(requested)
                    raise ProviderUnavailable(f"status {response.status_code}", pause.seconds_left())
                content = b""
                async for part in response.aiter_bytes():
                    content += part
                    if len(content) > _ANSWER_BYTES_MAX:
                        raise ProviderUnavailable("its answer is too long")
            if method == "POST" and response.status_code in {400, 401}:
                raise TokenInvalid("the code was refused")
            if response.status_code != HTTPStatus.OK:
                raise ProviderUnavailable(f"status {response.status_code}")
            return msgspec.json.decode(content, type=kind)
        except (httpx2.HTTPError, httpx2.InvalidURL, msgspec.DecodeError) as error:
            raise ProviderUnavailable(type(error).__name__) from error

    @staticmethod
    def _refuse_during(pause: Pause) -> None:
        left = pause.seconds_left()
        if left is not None:
            raise ProviderUnavailable("it requested a pause", left)
