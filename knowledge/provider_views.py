"""The embedding provider, for staff."""

from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ErrorDetail, PermissionDenied, ValidationError
from rest_framework.permissions import IsAdminUser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.ownership import requester
from knowledge import providers
from knowledge.embedding_errors import KeyFault
from knowledge.provider_serializers import NewKeySerializer, ProviderSerializer
from web.errors import Conflict
from web.refusals import refusal
from web.views import StrictView

RULED = "The key comes from HUGGING_FACE_API_KEY; change it there."
NOT_STAFF = refusal(403, "Only staff may do this.", PermissionDenied.default_code, PermissionDenied.default_detail)
FROM_ENVIRONMENT = refusal(409, "The environment's key comes first.", "key_from_environment", RULED)
NO_KEY = refusal(409, "There is no key that could be checked.", "embedding_key_missing", "There is no key.")


class StaffView(StrictView):
    """Refuses everybody but staff."""

    noun = "provider"
    permission_classes = [IsAdminUser]


class ProviderView(StaffView):
    """The provider and its key."""

    @extend_schema(
        responses={200: ProviderSerializer, 403: NOT_STAFF},
        operation_id="embedding_provider_retrieve",
        summary="Get the embedding provider",
    )
    def get(self, request: Request) -> Response:
        """Who embeds texts, and what the last check of the key found. For staff."""
        return _told(providers.status())

    @extend_schema(
        request=NewKeySerializer,
        responses={200: ProviderSerializer, 403: NOT_STAFF, 409: FROM_ENVIRONMENT},
        operation_id="embedding_provider_update",
        summary="Replace the provider's key",
    )
    def put(self, request: Request) -> Response:
        """Try a key by one call, and store it encrypted. For staff.

        A key that the provider refuses is a 422, and what was stored stays. If the provider can't be asked, the key is
        stored and `valid` is null. Documents that couldn't be embedded are put back once a key is valid.
        """
        text = NewKeySerializer.read(request.data)["api_key"]
        try:
            return _told(providers.set_key(text=text, user_id=requester(request)))
        except providers.KeyFromEnvironmentError as exc:
            raise Conflict(RULED, "key_from_environment") from exc
        except KeyFault as exc:
            raise ValidationError({"api_key": [ErrorDetail(str(exc), exc.code)]}) from exc

    @extend_schema(
        responses={204: None, 403: NOT_STAFF, 409: FROM_ENVIRONMENT},
        operation_id="embedding_provider_destroy",
        summary="Delete the provider's key",
    )
    def delete(self, request: Request) -> Response:
        """Delete the stored key, if there is one. For staff."""
        try:
            providers.remove_key()
        except providers.KeyFromEnvironmentError as exc:
            raise Conflict(RULED, "key_from_environment") from exc
        return Response(status=204)


class ProviderCheckView(StaffView):
    """Is the key good?"""

    @extend_schema(
        request=None,
        responses={200: ProviderSerializer, 403: NOT_STAFF, 409: NO_KEY},
        operation_id="embedding_provider_check",
        summary="Check the provider's key",
    )
    def post(self, request: Request) -> Response:
        """Try the present key by one call, and tell what came of it. For staff."""
        try:
            return _told(providers.check())
        except KeyFault as exc:
            raise Conflict(str(exc), exc.code) from exc


def _told(found: providers.Status) -> Response:
    return Response(ProviderSerializer(found).data)
