"""Account endpoints."""

from typing import cast

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import services
from accounts.models import User
from accounts.serializers import (
    RefreshSerializer,
    RegisterSerializer,
    SignInSerializer,
    TokensSerializer,
    UserSerializer,
)
from accounts.tokens import session_of
from web.refusals import refusal
from web.views import StrictView

WRONG = refusal(
    401,
    "No active account has this address and this password.",
    services.SignInRefused.default_code,
    services.SignInRefused.default_detail,
)
SPENT = refusal(
    401,
    "The refresh token isn't ours, has expired or was used, or its session has ended.",
    "token_not_valid",
    "This refresh token isn't valid.",
)
TAKEN = refusal(
    409,
    "The address has an account already.",
    "email_taken",
    "This e-mail address has an account already.",
)


class OpenView(StrictView):
    """For callers who have no token yet, or a stale one: the header isn't looked at."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def get_authenticate_header(self, request: Request) -> str:
        """Without an authenticator DRF would answer 403 where 401 is meant."""
        return 'Bearer realm="api"'


class RegisterView(OpenView):
    """Sign up."""

    noun = "user"

    @extend_schema(
        request=RegisterSerializer,
        responses={201: UserSerializer, 409: TAKEN},
        operation_id="auth_register",
        summary="Sign up",
    )
    def post(self, request: Request) -> Response:
        """Make an account. 409 if the address has one."""
        user = services.register(**RegisterSerializer.read(request.data))
        return Response(UserSerializer(user).data, status.HTTP_201_CREATED)


class TokenView(OpenView):
    """Sign in."""

    noun = "session"

    @extend_schema(
        request=SignInSerializer,
        responses={200: TokensSerializer, 401: WRONG},
        operation_id="auth_token",
        summary="Sign in",
    )
    def post(self, request: Request) -> Response:
        """Begin a session. 401 if the address or the password is wrong."""
        return Response(services.sign_in(**SignInSerializer.read(request.data)))


class RefreshView(OpenView):
    """Stay signed in."""

    noun = "session"

    @extend_schema(
        request=RefreshSerializer,
        responses={200: TokensSerializer, 401: SPENT},
        operation_id="auth_token_refresh",
        summary="Stay signed in",
    )
    def post(self, request: Request) -> Response:
        """Exchange the refresh token for a new pair. 401 if it was used before."""
        return Response(services.refresh(token=RefreshSerializer.read(request.data)["refresh"]))


class LogoutView(StrictView):
    """Sign out."""

    noun = "session"

    @extend_schema(request=None, responses={204: None}, operation_id="auth_logout", summary="Sign out")
    def post(self, request: Request) -> Response:
        """End the session that the access token belongs to."""
        services.sign_out(session_id=session_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class MeView(StrictView):
    """Who am I?"""

    noun = "user"

    @extend_schema(responses=UserSerializer, operation_id="me", summary="Who am I?", tags=["auth"])
    def get(self, request: Request) -> Response:
        """The signed-in user."""
        return Response(UserSerializer(cast(User, request.user)).data)
