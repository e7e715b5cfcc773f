"""What a route asks for: a session, and who is signed in."""

from collections.abc import AsyncIterator
from typing import Annotated

import jwt
from fastapi import Depends, HTTPException, status
from fastapi.security import OAuth2PasswordBearer
from pydantic import ValidationError
from sqlmodel.ext.asyncio.session import AsyncSession

from benchmarks.peers.fastapi_sqlmodel.database import engine
from benchmarks.peers.fastapi_sqlmodel.models import TokenPayload, User
from benchmarks.peers.fastapi_sqlmodel.security import ALGORITHM
from benchmarks.peers.fastapi_sqlmodel.settings import settings

bearer = OAuth2PasswordBearer(tokenUrl=f"{settings.API_V1_STR}/auth/token")


async def get_session() -> AsyncIterator[AsyncSession]:
    """One a request. What a commit would expire could not be read again without an await."""
    async with AsyncSession(engine, expire_on_commit=False) as session:
        yield session


SessionDep = Annotated[AsyncSession, Depends(get_session)]
TokenDep = Annotated[str, Depends(bearer)]


async def get_current_user(session: SessionDep, token: TokenDep) -> User:
    """The token's user."""
    try:
        payload = TokenPayload(**jwt.decode(token, settings.JWT_SECRET_KEY, algorithms=[ALGORITHM]))
    except (jwt.InvalidTokenError, ValidationError) as exc:
        raise HTTPException(status.HTTP_401_UNAUTHORIZED, "Could not validate credentials") from exc
    user = await session.get(User, payload.sub)
    if user is None or not user.is_active:
        raise HTTPException(status.HTTP_401_UNAUTHORIZED, "No such user")
    return user


CurrentUser = Annotated[User, Depends(get_current_user)]
