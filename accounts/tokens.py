"""Tokens of a session: a short-lived access token for requests, a refresh token good for one exchange."""

import time
from functools import lru_cache
from typing import Any, NamedTuple, cast
from uuid import UUID

from django.utils.functional import SimpleLazyObject
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import AuthenticationFailed as SimpleJWTAuthenticationFailed
from rest_framework_simplejwt.exceptions import ExpiredTokenError, TokenError
from rest_framework_simplejwt.state import token_backend
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, Token

from accounts.identity import become_auditor, bind_user, prove_session
from accounts.models import Session, User

SESSION_CLAIM = "sid"
# How many access tokens a process knows again: a thousandth of a second's work each, and a kilobyte.
REMEMBERED = 4_096


class Claims(NamedTuple):
    """What an access token of ours says. expires_at: in seconds since 1970."""

    owner_id: UUID
    session_id: UUID
    expires_at: int


class Caller(SimpleLazyObject):
    """The signed-in user, known by id. Whatever else is asked for is read with the whole row, in one statement."""

    is_authenticated = is_active = True
    is_anonymous = False

    def __init__(self, pk: UUID) -> None:
        super().__init__(lambda: User.objects.get(pk=pk))
        self.__dict__["pk"] = self.__dict__["id"] = pk

    def __bool__(self) -> bool:
        return True


def issue(session: Session) -> dict[str, Any]:
    """A pair of tokens. `expires_in` is the access token's life in seconds."""
    refresh = RefreshToken()
    refresh["sub"] = str(session.owner_id)
    refresh[SESSION_CLAIM] = str(session.pk)
    refresh["jti"] = str(session.refresh_id)
    access = refresh.access_token
    return {
        "access": str(access),
        "refresh": str(refresh),
        "token_type": "Bearer",
        "expires_in": int(access.lifetime.total_seconds()),
    }


def read_refresh(raw: str) -> tuple[UUID, UUID, UUID]:
    """Owner, session and refresh id of a refresh token that we signed and that hasn't expired.

    Raises `AuthenticationFailed` for anything else.
    """
    try:
        token = RefreshToken(raw)  # type: ignore[arg-type]
        return _uuid(token, "sub"), _uuid(token, SESSION_CLAIM), _uuid(token, "jti")
    except TokenError as exc:
        raise AuthenticationFailed("This refresh token isn't valid.", "token_not_valid") from exc


def _uuid(token: Token, claim: str) -> UUID:
    try:
        return UUID(token[claim])
    except (KeyError, ValueError, AttributeError, TypeError) as exc:
        raise TokenError(f"The claim {claim} is missing or malformed.") from exc


@lru_cache(REMEMBERED)
def _verified(raw: bytes, key: str) -> Claims:
    """The claims of an access token that `key` signed, of which only that it expires can change.

    Raises `TokenError` for anything else, and remembers no failure.
    """
    token = AccessToken(raw)  # type: ignore[arg-type]
    return Claims(_uuid(token, "sub"), _uuid(token, SESSION_CLAIM), token["exp"])


def session_of(request: Request) -> UUID:
    """The session that a request's access token belongs to."""
    return cast(Claims, request.auth).session_id


class SessionAuthentication(JWTAuthentication):
    """A bearer token counts as long as its session does: sign-out and deactivation work at once.

    Binds the user and the session to all of the request's statements; the first to be made proves the session. A view
    that can be relied on to ask before it answers is let go on till then.
    """

    def authenticate(self, request: Request) -> Any:
        """simplejwt's refusals hold a dictionary where a problem has its detail and its code."""
        try:
            authenticated = super().authenticate(request)
        except SimpleJWTAuthenticationFailed as exc:
            told = cast(dict[str, Any], exc.detail)
            raise AuthenticationFailed(str(told["detail"]), str(told["code"])) from exc
        if authenticated:
            self._admit(cast(Caller, authenticated[0]), request.parser_context["view"])
        return authenticated

    def _admit(self, caller: Caller, view: Any) -> None:
        if hasattr(view, "confirm"):
            view.confirm = prove_session
        else:
            prove_session()
        if getattr(view, "for_auditors", False) and caller.is_staff:
            become_auditor()

    def get_validated_token(self, raw_token: bytes) -> Claims:  # type: ignore[override]
        """An access token of ours; one that has expired says so, for it is everybody's daily 401."""
        try:
            claims = _verified(raw_token, token_backend.signing_key)
            if claims.expires_at <= time.time():
                raise ExpiredTokenError
        except ExpiredTokenError as exc:
            told = "This access token has expired; /api/v1/auth/token/refresh gives a new pair."
            raise AuthenticationFailed(told, "token_expired") from exc
        except TokenError as exc:
            raise AuthenticationFailed("This isn't an access token of ours.", "token_not_valid") from exc
        return claims

    def get_user(self, validated_token: Claims) -> Caller:  # type: ignore[override]
        """The session's owner. No statement."""
        bind_user(validated_token.owner_id, session_id=validated_token.session_id)
        return Caller(validated_token.owner_id)


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How OpenAPI describes the bearer token."""

    target_class = SessionAuthentication
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """RFC 6750."""
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
