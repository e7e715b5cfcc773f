"""Signing up, in, on and out."""

from typing import Any
from uuid import UUID

from django.contrib.auth import authenticate
from rest_framework.exceptions import AuthenticationFailed

from accounts.identity import bind_user, unconfined
from accounts.models import Session, User, UserManager
from accounts.tokens import issue, read_refresh


def register(*, email: str, password: str) -> User:
    """Make an account. Raises `IntegrityError` (409) if the address has one."""
    with unconfined():
        return User.objects.create_user(email, password)


class SignInRefused(AuthenticationFailed):
    """No active account has this address and password. `concerning` is the account that has the address, if any."""

    default_detail = "No active account has this e-mail address and password."
    default_code = "invalid_credentials"

    def __init__(self, email: str) -> None:
        super().__init__()
        with unconfined():
            self.concerning = account_of(email)


def account_of(email: str) -> UUID | None:
    """The id of the account with an address, in whatever case it is written."""
    known = User.objects.filter(email=UserManager.normalize_email(email))
    return known.values_list("pk", flat=True).first()


def sign_in(*, email: str, password: str) -> dict[str, Any]:
    """Begin a session and return its tokens. Raises `SignInRefused`, which doesn't say what was wrong."""
    with unconfined():
        user = authenticate(username=email, password=password)
    if user is None:
        raise SignInRefused(email)
    bind_user(user.pk)
    return issue(Session.objects.create(owner_id=user.pk))


def refresh(*, token: str) -> dict[str, Any]:
    """Exchange a refresh token for a new pair. Each is good once, however many try at the same moment."""
    owner_id, session_id, refresh_id = read_refresh(token)
    bind_user(owner_id)
    fresh = Session.objects.rotate(session_id=session_id, refresh_id=refresh_id)
    if fresh is None:
        raise AuthenticationFailed("This refresh token was used already, or its session has ended.", "session_ended")
    return issue(Session(pk=session_id, owner_id=owner_id, refresh_id=fresh))


def sign_out(*, session_id: UUID) -> None:
    """End a session: its tokens are refused from the next request on."""
    Session.objects.filter(pk=session_id).delete()
