"""Shapes of the account endpoints."""

from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from rest_framework import serializers

from accounts.models import User, UserManager
from web.serializers import StrictSerializer

MAX_PASSWORD = 128
MAX_TOKEN = 4096
# Three parts in base64url: what it is, what it says, its signature.
JWT = r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$"
SIGNED = "header.claims.signature"


class UserSerializer(serializers.ModelSerializer[User]):
    """An account as its owner sees it."""

    example = {
        "id": "0198c5a2-7b1e-7d3f-9a44-5e0b8c1d2f30",
        "email": "ada@example.com",
        "created_at": "2026-01-05T08:30:00.120394Z",
    }

    class Meta:
        model = User
        fields = ["id", "email", "created_at"]
        read_only_fields = fields


class AddressField(serializers.EmailField):
    """An e-mail address in the form in which it is stored, which is what its length is counted in."""

    def to_internal_value(self, data: Any) -> str:
        """Lower case: it can be longer than what it is made from."""
        return UserManager.normalize_email(super().to_internal_value(data))


class RegisterSerializer(StrictSerializer):
    """What it takes to sign up."""

    example = {"email": "ada@example.com", "password": "correct horse battery"}

    email = AddressField(max_length=254)
    password = serializers.CharField(max_length=MAX_PASSWORD, trim_whitespace=False, write_only=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """The password rules see the address, too: a password that resembles it is refused."""
        try:
            validate_password(attrs["password"], User(email=attrs["email"]))
        except ValidationError as exc:
            raise serializers.ValidationError({"password": serializers.as_serializer_error(exc)}) from exc
        return attrs


class SignInSerializer(StrictSerializer):
    """What it takes to sign in."""

    example = RegisterSerializer.example

    email = serializers.CharField(max_length=254)
    password = serializers.CharField(max_length=MAX_PASSWORD, trim_whitespace=False, write_only=True)


class RefreshSerializer(StrictSerializer):
    """A refresh token."""

    example = {"refresh": SIGNED}

    refresh = serializers.CharField(max_length=MAX_TOKEN, write_only=True)


class TokensSerializer(serializers.Serializer[Any]):
    """A session's tokens."""

    example = {"access": SIGNED, "refresh": SIGNED, "token_type": "Bearer", "expires_in": 900}

    access = serializers.RegexField(JWT, max_length=MAX_TOKEN, help_text="Send it as `Authorization: Bearer …`.")
    refresh = serializers.RegexField(
        JWT, max_length=MAX_TOKEN, help_text="Good for one exchange at `/auth/token/refresh`."
    )
    token_type = serializers.ChoiceField(["Bearer"])
    expires_in = serializers.IntegerField(
        min_value=1, max_value=86_400, help_text="Seconds until the access token expires."
    )
