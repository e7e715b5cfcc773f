"""The engine."""

from sqlalchemy.ext.asyncio import create_async_engine

from benchmarks.peers.fastapi_sqlmodel.settings import settings

engine = create_async_engine(settings.database, pool_size=settings.POOL_SIZE)
