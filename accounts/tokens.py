"""Tokens of a session: a short-lived access token for requests, a refresh token good for one exchange."""

from typing import Any, cast
from uuid import UUID

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import AuthenticationFailed as SimpleJWTAuthenticationFailed
from rest_framework_simplejwt.exceptions import ExpiredTokenError, TokenError
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, Token

from accounts.identity import become_auditor, bind_user
from accounts.models import Session, User

SESSION_CLAIM = "sid"


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


def session_of(request: Request) -> UUID:
    """The session that a request's access token belongs to."""
    return _uuid(cast(Token, request.auth), SESSION_CLAIM)


class SessionAuthentication(JWTAuthentication):
    """A bearer token counts as long as its session does: sign-out and deactivation work at once.

    Binds the user to all of the request's statements from the look-up on.
    """

    def authenticate(self, request: Request) -> Any:
        """simplejwt's refusals hold a dictionary where a problem has its detail and its code."""
        try:
            authenticated = super().authenticate(request)
        except SimpleJWTAuthenticationFailed as exc:
            told = cast(dict[str, Any], exc.detail)
            raise AuthenticationFailed(str(told["detail"]), str(told["code"])) from exc
        for_auditors = getattr(request.parser_context["view"], "for_auditors", False)
        if for_auditors and authenticated and cast(User, authenticated[0]).is_staff:
            become_auditor()
        return authenticated

    def get_validated_token(self, raw_token: bytes) -> Token:
        """An access token of ours; one that has expired says so, for it is everybody's daily 401."""
        try:
            return AccessToken(raw_token)  # type: ignore[arg-type]
        except ExpiredTokenError as exc:
            told = "This access token has expired; /api/v1/auth/token/refresh gives a new pair."
            raise AuthenticationFailed(told, "token_expired") from exc
        except TokenError as exc:
            raise AuthenticationFailed("This isn't an access token of ours.", "token_not_valid") from exc

    def get_user(self, validated_token: Token) -> User:  # type: ignore[override]
        """The session's owner. One statement."""
        try:
            owner_id, session_id = _uuid(validated_token, "sub"), _uuid(validated_token, SESSION_CLAIM)
        except TokenError as exc:
            raise AuthenticationFailed(str(exc), "token_not_valid") from exc
        bind_user(owner_id)
        session = Session.objects.active().select_related("owner").filter(pk=session_id).first()
        if session is None:
            raise AuthenticationFailed("This session has ended.", "session_ended")
        return session.owner


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How OpenAPI describes the bearer token."""

    target_class = SessionAuthentication
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """RFC 6750."""
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
