"""Access tokens."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import jwt

from benchmarks.peers.fastapi_sqlmodel.settings import settings

ALGORITHM = "HS256"


def create_access_token(user_id: UUID) -> str:
    """A token for a user, good for `ACCESS_TOKEN_EXPIRE_MINUTES`."""
    expires = datetime.now(UTC) + timedelta(minutes=settings.ACCESS_TOKEN_EXPIRE_MINUTES)
    return jwt.encode({"sub": str(user_id), "exp": expires}, settings.JWT_SECRET_KEY, ALGORITHM)
