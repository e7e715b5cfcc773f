"""Shapes of the account endpoints."""

from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from rest_framework import serializers

from accounts.models import User, UserManager
from web.serializers import StrictSerializer

MAX_PASSWORD = 128


class UserSerializer(serializers.ModelSerializer[User]):
    """An account as its owner sees it."""

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

    email = serializers.CharField(max_length=254)
    password = serializers.CharField(max_length=MAX_PASSWORD, trim_whitespace=False, write_only=True)


class RefreshSerializer(StrictSerializer):
    """A refresh token."""

    refresh = serializers.CharField(max_length=4096, write_only=True)


class TokensSerializer(serializers.Serializer[Any]):
    """A session's tokens."""

    access = serializers.CharField(help_text="Send it as `Authorization: Bearer …`.")
    refresh = serializers.CharField(help_text="Good for one exchange at `/auth/token/refresh`.")
    token_type = serializers.CharField()
    expires_in = serializers.IntegerField(help_text="Seconds until the access token expires.")
