"""Settings from the environment, which is the measured instance's own."""

from pydantic_settings import BaseSettings
from sqlalchemy import URL, make_url

DATABASE = "peer"


class Settings(BaseSettings):
    """The same server and the same key as the product's; a database of its own."""

    DATABASE_URL: str
    JWT_SECRET_KEY: str
    API_V1_STR: str = "/api/v1"
    ACCESS_TOKEN_EXPIRE_MINUTES: int = 15
    # A worker may be given all clients of a benchmark; what overflows a pool is closed after its request.
    POOL_SIZE: int = 16

    @property
    def database(self) -> URL:
        """Beside the product's database."""
        return make_url(self.DATABASE_URL).set(drivername="postgresql+asyncpg", database=DATABASE)


settings = Settings()  # type: ignore[call-arg]
