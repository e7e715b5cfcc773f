"""Every environment variable Daybook reads, declared once; settings read them here and nowhere else."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from itertools import combinations
from pathlib import Path
from typing import Any, Self

from config.env_audit import SIGNING_KEY_MEND, log_name_faults, signing_key_faults, trusted_key_faults
from config.env_database import DATABASE_MEND, database_faults, database_settings
from config.env_providers import HUGGING_FACE, access_token_faults, provider_url_faults
from config.env_secrets import GENERATED, SECRET_MEND, development_secrets, secret_faults
from config.env_source import RAILWAY_MARKERS, present, resolved_environment
from config.env_storage import (
    access_key_faults,
    bucket_faults,
    endpoint_faults,
    local_storage,
    region_faults,
    s3_storage,
    storage_faults,
)
from config.env_values import (
    DEVELOPMENT,
    ENVIRONMENTS,
    PRODUCTION,
    TEST,
    ConfigurationError,
    Problem,
    Variable,
    host_faults,
    origin_faults,
    variable,
)

PROJECT_ROOT = Path(__file__).resolve().parent.parent
RAILWAY_HEALTH_CHECK_HOST = "healthcheck.railway.app"


@dataclass(frozen=True, kw_only=True)
class Environment:
    """The configuration of one process; its fields are the declaration of the variables."""

    DAYBOOK_ENV: str = variable(
        "What kind of instance this is. If absent it is detected: production if one of Railway's own "
        "variables is present, test under pytest, else development.",
        choices=ENVIRONMENTS,
    )
    DJANGO_SECRET_KEY: str | None = variable(
        "Signs the admin's sessions and forms. Another value signs staff out.",
        required_in_production=True,
        secret=True,
        check=secret_faults,
        mend=SECRET_MEND,
        without="one is generated and kept in DAYBOOK_DATA_DIR, outside production",
    )
    JWT_SECRET_KEY: str | None = variable(
        "Signs the API's access tokens (HS256). Another value refuses every token issued before.",
        required_in_production=True,
        secret=True,
        check=secret_faults,
        mend=SECRET_MEND,
        without="one is generated and kept in DAYBOOK_DATA_DIR, outside production",
    )
    BETTER_AUTH_SECRET: str | None = variable(
        "The secret shared with the front end's Better Auth server. At present it is validated only; "
        "nothing reads it yet.",
        secret=True,
        check=secret_faults,
        mend=SECRET_MEND,
        without="no sign-in with the tokens of a Better Auth front end",
    )
    DATABASE_URL: str | None = variable(
        "The PostgreSQL database, as a connection URI. User name and password are percent-encoded. In "
        "production the connection to a public host is encrypted: sslmode=require is added if the URL has "
        "no sslmode.",
        required_in_production=True,
        hidden=True,
        check=database_faults,
        mend=DATABASE_MEND,
        example="postgresql://<user>:<password>@<host>/<database>?sslmode=require",
        without="the embedded PostgreSQL, outside production",
    )
    DAYBOOK_DATA_DIR: Path = variable(
        "Where the embedded database, the generated secrets and the demo credentials are kept; relative to "
        "the project's root. Production doesn't use it.",
        default=Path(".daybook"),
        test_default=Path(".daybook/test"),
    )
    ALLOWED_HOSTS: tuple[str, ...] = variable(
        "The host names the instance is reached by, separated by commas. RAILWAY_PUBLIC_DOMAIN is added to "
        "them, and on Railway the host of its health check.",
        default=("localhost", "127.0.0.1", "[::1]"),
        required_in_production=True,
        stand_in="RAILWAY_PUBLIC_DOMAIN",
        check=host_faults,
        mend="list the host names the instance is reached by, such as api.example.com",
        example="api.example.com",
    )
    CORS_ALLOWED_ORIGINS: tuple[str, ...] = variable(
        "The exact origins whose pages may call the API, separated by commas; in production https only.",
        default=(),
        check=origin_faults,
        example="https://app.example.com",
        without="no calls from a browser on another origin",
    )
    CSRF_TRUSTED_ORIGINS: tuple[str, ...] = variable(
        "The exact origins whose forms the admin accepts besides its own, for a proxy that changes the host "
        "name; separated by commas, in production https only.",
        default=(),
        check=origin_faults,
        example="https://admin.example.com",
        without="no admin behind a proxy that changes the host name",
    )
    AUDIT_SIGNING_KEY: str | None = variable(
        "The Ed25519 key that seals the audit record: 32 bytes in base64url. Keep it where the database's "
        "owner can't read it.",
        required_in_production=True,
        secret=True,
        check=signing_key_faults,
        mend=SIGNING_KEY_MEND,
        without="one is generated and kept in DAYBOOK_DATA_DIR, outside production",
    )
    AUDIT_TRUSTED_KEYS: tuple[str, ...] = variable(
        "The public keys of former AUDIT_SIGNING_KEYs, separated by commas, as `manage.py audit_key` prints "
        "them: what they sealed stays valid.",
        default=(),
        check=trusted_key_faults,
        example="<name>+<key id>+<public key>",
        without="only the present key's seals are trusted",
    )
    AUDIT_ORIGIN: str = variable(
        "The name of this instance's audit log, first line of each checkpoint. Unique among your instances, "
        "and never changed.",
        default="daybook",
        check=log_name_faults,
        example="daybook.example.com",
    )
    AUDIT_SEAL_SECONDS: int = variable(
        "How often what has happened is sealed, in seconds.", default=10, between=(1, 3600)
    )
    AUDIT_CHECKPOINT_DIR: Path | None = variable(
        "Where each checkpoint is also written to as a file, relative to the project's root. Best a place "
        "that the database's owner can't write to.",
        without="checkpoints leave the database in the log only",
        example="/mnt/checkpoints",
    )
    AUDIT_RETENTION_DAYS: int = variable(
        "For how many days events are kept; then whole months are purged. The default is six years.",
        default=2192,
        between=(31, 36500),
    )
    AUDIT_SEARCH_TEXT: str = variable(
        "Whether the words of a search are on record, or only that there was one, and a commitment to them.",
        default="withheld",
        choices=("withheld", "recorded"),
    )
    EMBEDDING_PROVIDER: str = variable(
        "Who embeds texts: a model in this process, or Hugging Face's inference providers. The model is the "
        "same, so nothing has to be embedded anew after a change.",
        default="local",
        choices=("local", "huggingface"),
    )
    HUGGING_FACE_API_KEY: str | None = variable(
        "The access token by which Hugging Face is asked to embed; it needs the permission to call inference "
        "providers. It comes before the one that staff store by the API or the admin.",
        secret=True,
        check=access_token_faults,
        mend="copy the token as Hugging Face shows it when it is made",
        without="the one that staff store, kept encrypted in the database",
    )
    HUGGING_FACE_BASE_URL: str = variable(
        "Where Hugging Face's inference is asked, up to `/models/`. In production https only.",
        default=HUGGING_FACE,
        test_default="http://127.0.0.1:9",
        check=provider_url_faults,
    )
    ENCRYPTION_KEY: str | None = variable(
        "Encrypts the keys of providers that are kept in the database.",
        secret=True,
        check=secret_faults,
        mend=SECRET_MEND,
        without="a key that is derived from DJANGO_SECRET_KEY does",
    )
    ENCRYPTION_KEY_PREVIOUS: str | None = variable(
        "The former ENCRYPTION_KEY, or the former DJANGO_SECRET_KEY if there was none: what it encrypted can be "
        "read, and a check of the provider's key encrypts that anew.",
        secret=True,
        check=secret_faults,
        mend=SECRET_MEND,
        without="only what the present keys encrypted can be read",
    )
    UPLOAD_MAX_BYTES: int = variable(
        "How large a file may be that is uploaded, in bytes. The default is 50 MiB.",
        default=50 * 2**20,
        between=(1, 2**30),
    )
    STORAGE_DIR: Path | None = variable(
        "Where the files of documents are kept without a bucket, relative to the project's root. A disk that outlives "
        "a deployment, and that the web process and the worker share.",
        without="`documents` in DAYBOOK_DATA_DIR",
        example="/mnt/documents",
    )
    STORAGE_S3_BUCKET: str | None = variable(
        "The bucket that keeps the files of documents, of S3 or of a service that speaks its language. Let nobody "
        "else read it.",
        check=bucket_faults,
        example="daybook-documents",
        without="files are kept in STORAGE_DIR",
    )
    STORAGE_S3_ENDPOINT_URL: str | None = variable(
        "The address of a service other than Amazon's; in production https only.",
        check=endpoint_faults,
        example="https://s3.example.com",
        without="Amazon's",
    )
    STORAGE_S3_REGION: str | None = variable(
        "The bucket's region.", check=region_faults, example="eu-central-1", without="what boto3 finds by itself"
    )
    STORAGE_S3_ACCESS_KEY_ID: str | None = variable(
        "The name of the key that may read, write and delete in the bucket.",
        hidden=True,
        without="what boto3 finds by itself",
    )
    STORAGE_S3_SECRET_ACCESS_KEY: str | None = variable(
        "The key itself.",
        secret=True,
        check=access_key_faults,
        without="what boto3 finds by itself",
    )
    LOG_LEVEL: str = variable(
        "The least severe level that is logged.",
        default="INFO",
        choices=("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"),
    )
    LOG_FORMAT: str = variable(
        "How log lines look; auto is json in production and console elsewhere.",
        default="auto",
        choices=("auto", "json", "console"),
    )
    PORT: int = variable("The port the web server listens on.", default=8000, between=(1, 65535))
    WEB_CONCURRENCY: int = variable("How many web worker processes run.", default=2, between=(1, 64))
    WEB_THREADS: int = variable("How many threads each web worker runs.", default=4, between=(1, 64))
    RAILWAY_PUBLIC_DOMAIN: str | None = variable(
        "The instance's public host name; it counts as one of ALLOWED_HOSTS.",
        set_by="Railway",
        check=lambda host, production: host_faults((host,), production),
    )
    RAILWAY_ENVIRONMENT_NAME: str | None = variable("Its presence means production.", set_by="Railway")
    RAILWAY_ENVIRONMENT_ID: str | None = variable("Its presence means production.", set_by="Railway")
    RAILWAY_PROJECT_ID: str | None = variable("Its presence means production.", set_by="Railway")
    RAILWAY_ENVIRONMENT: str | None = variable("Its presence means production (older name).", set_by="Railway")
    PYTEST_VERSION: str | None = variable("Its presence means test, unless Railway's are present.", set_by="pytest")

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> Self:
        """Read and validate all variables; nothing but the mapping is read. An empty value counts as absent.

        Raises `ConfigurationError` with every problem, judged for the environment these variables make.
        """
        given = present(environ)
        given["DAYBOOK_ENV"], problems = resolved_environment(given)
        values: dict[str, Any] = {}
        for each in fields(cls):
            values[each.name], faults = DECLARED[each.name].value(each.name, each.type, given)
            problems += [Problem(each.name, *fault) for fault in faults]
        problems += [*_shared_secrets(given), *storage_faults(given), *_misspelt(given)]
        if problems:
            raise ConfigurationError(problems)
        return cls(**values)

    @property
    def is_production(self) -> bool:
        """A deployed instance."""
        return self.DAYBOOK_ENV == PRODUCTION

    @property
    def is_test(self) -> bool:
        """A run of the test suite."""
        return self.DAYBOOK_ENV == TEST

    @property
    def is_development(self) -> bool:
        """A developer's own instance."""
        return self.DAYBOOK_ENV == DEVELOPMENT

    @property
    def is_railway(self) -> bool:
        """Whether Railway runs this process."""
        return any(getattr(self, marker) for marker in RAILWAY_MARKERS)

    @property
    def data_dir(self) -> Path:
        """The absolute path of `DAYBOOK_DATA_DIR`."""
        return PROJECT_ROOT / self.DAYBOOK_DATA_DIR.expanduser()

    @property
    def allowed_hosts(self) -> list[str]:
        """`ALLOWED_HOSTS`, and on Railway the public domain and the host name its health check uses."""
        hosts = [
            *self.ALLOWED_HOSTS,
            self.RAILWAY_PUBLIC_DOMAIN,
            self.is_railway and RAILWAY_HEALTH_CHECK_HOST,
        ]
        return list(dict.fromkeys(host for host in hosts if host))

    @property
    def log_format(self) -> str:
        """`json` or `console`."""
        return self.LOG_FORMAT if self.LOG_FORMAT != "auto" else "json" if self.is_production else "console"

    @property
    def encryption_keys(self) -> list[str]:
        """What stored keys are encrypted with, the present one first."""
        keys = [self.ENCRYPTION_KEY, self.DJANGO_SECRET_KEY, self.ENCRYPTION_KEY_PREVIOUS]
        return [key for key in keys if key]

    @property
    def audit_checkpoint_dir(self) -> Path | None:
        """The absolute path of `AUDIT_CHECKPOINT_DIR`."""
        return PROJECT_ROOT / self.AUDIT_CHECKPOINT_DIR.expanduser() if self.AUDIT_CHECKPOINT_DIR else None

    @property
    def storage_dir(self) -> Path:
        """The absolute path of `STORAGE_DIR`."""
        return PROJECT_ROOT / self.STORAGE_DIR.expanduser() if self.STORAGE_DIR else self.data_dir / "documents"

    def document_storage(self) -> dict[str, Any]:
        """Return Django's `STORAGES["documents"]`."""
        if not self.STORAGE_S3_BUCKET:
            return local_storage(self.storage_dir)
        return s3_storage(
            self.STORAGE_S3_BUCKET,
            endpoint_url=self.STORAGE_S3_ENDPOINT_URL,
            region_name=self.STORAGE_S3_REGION,
            access_key=self.STORAGE_S3_ACCESS_KEY_ID,
            secret_key=self.STORAGE_S3_SECRET_ACCESS_KEY,
        )

    def database(self) -> dict[str, Any]:
        """Return Django's `DATABASES["default"]` for `DATABASE_URL`, empty without one."""
        return database_settings(self.DATABASE_URL, self.is_production) if self.DATABASE_URL else {}

    def with_development_secrets(self) -> Self:
        """Return this environment with the secrets it lacks outside production, kept in `data_dir`."""
        if self.is_production:
            return self
        generated = development_secrets(self.data_dir)
        lacking: dict[str, Any] = {name: generated[name] for name in GENERATED if not getattr(self, name)}
        return replace(self, **lacking)


DECLARED: dict[str, Variable] = {each.name: each.metadata["variable"] for each in fields(Environment)}
_SECRETS = [name for name, declared in DECLARED.items() if declared.secret]


def _shared_secrets(given: Mapping[str, str]) -> Iterator[Problem]:
    """Two purposes never share a secret: who learns one would hold the other."""
    for first, second in combinations(_SECRETS, 2):
        if first in given and given[first].strip() == given.get(second, "").strip():
            yield Problem(second, f"is the same secret as {first}", DECLARED[second].mend)


def _misspelt(given: Mapping[str, str]) -> Iterator[Problem]:
    """A variable with Daybook's own prefix that nothing reads is a mistake, and else a silent one."""
    for name in sorted(given.keys() - DECLARED.keys()):
        if name.startswith("DAYBOOK_"):
            closest = difflib.get_close_matches(name, DECLARED, n=1, cutoff=0)[0]
            yield Problem(
                name,
                "isn't a variable Daybook knows",
                f"rename it to {closest} if that is meant, or remove it",
            )
