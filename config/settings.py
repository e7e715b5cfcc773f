"""Django's settings. Everything that differs between deployments comes from `config.env`."""

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from corsheaders.defaults import default_headers

from config.env import PROJECT_ROOT, Environment
from config.env_source import environment
from config.logging import logging_config
from config.version import VERSION

env = Environment.load(environment(PROJECT_ROOT)).with_development_secrets()

BASE_DIR = PROJECT_ROOT
DATA_DIR = env.data_dir
PRODUCTION = env.is_production
PORT = env.PORT
LOG_LEVEL = env.LOG_LEVEL
DEBUG = env.is_development
SECRET_KEY = env.DJANGO_SECRET_KEY
ALLOWED_HOSTS = env.allowed_hosts
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

INSTALLED_APPS = [
    "config",
    "audit",
    "accounts",
    "resources",
    "tasks",
    "knowledge",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "corsheaders",
    "django_filters",
    "drf_spectacular",
    "procrastinate.contrib.django",
    "rest_framework",
]

MIDDLEWARE = [
    "web.middleware.RequestMiddleware",
    # Around the session's middleware, which writes when the response is on its way out.
    "accounts.middleware.IdentityMiddleware",
    "accounts.middleware.RefusalMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "web.pages.OtherOrigins",
    "web.pages.PageSessions",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "web.pages.PageUsers",
    "web.pages.PageMessages",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# Database

EMBEDDED: dict[str, Any] = {
    "ENGINE": "config.embedded",
    "NAME": "daybook",
    "OPTIONS": {"data_dir": env.data_dir, "durable": not env.is_test},
    "CONN_MAX_AGE": 600,
    "CONN_HEALTH_CHECKS": True,
    "DISABLE_SERVER_SIDE_CURSORS": True,
}
DATABASES = {"default": env.database() or EMBEDDED}
# Where no user acts the record names the program: `system:migrate`, `system:worker`.
INVOKED = Path(sys.argv[0])
PROGRAM = INVOKED.parent.name if INVOKED.stem == "__main__" else INVOKED.stem
if INVOKED.name == "manage.py":
    PROGRAM = " ".join(sys.argv[1:2])
DATABASES["default"]["OPTIONS"]["application_name"] = f"daybook:{PROGRAM}"[:63]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Who may sign in

AUTH_USER_MODEL = "accounts.User"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
if env.is_test:
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
SIMPLE_JWT = {
    "SIGNING_KEY": env.JWT_SECRET_KEY,
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=15),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=7),
    "USER_ID_CLAIM": "sub",
    "ISSUER": "daybook",
    "AUDIENCE": "daybook",
}

# The API

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.tokens.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["web.parsers.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "web.lists.NewestFirst",
    "DEFAULT_FILTER_BACKENDS": ["web.lists.TypedFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "web.schema.OperationSchema",
    "EXCEPTION_HANDLER": "web.errors.exception_handler",
    # `?format=` is an unknown parameter like any other; what a client wants it says with Accept.
    "URL_FORMAT_OVERRIDE": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Daybook",
    "DESCRIPTION": "Tasks, knowledge and an append-only audit log.",
    "VERSION": VERSION,
    "OAS_VERSION": "3.1.0",
    "CONTACT": {"name": "Whoever runs this instance"},
    "LICENSE": {"name": "All rights reserved"},
    "SERVERS": [
        {
            "url": "/",
            "description": "The instance that this description comes from, local or in production.",
            "x-internal": False,
        }
    ],
    "TAGS": [
        {"name": "auth", "description": "Accounts and their sessions."},
        {"name": "tasks", "description": "What is to be done."},
        {"name": "labels", "description": "What tasks are sorted by."},
        {"name": "changes", "description": "What was changed or deleted since."},
        {"name": "knowledge", "description": "Documents, and search by meaning in their passages."},
        {"name": "audit", "description": "What happened, and the proof that nobody rewrote it."},
    ],
    "APPEND_COMPONENTS": {
        "securitySchemes": {
            "bearer": {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "JWT",
                "description": "The `access` of `/auth/token`: a JSON Web Token, made and read as RFC8725 asks.",
            }
        }
    },
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "DocumentStatus": "knowledge.models.KnowledgeDoc.Status",
        "CreateOp": ["create"],
        "UpdateOp": ["update"],
        "DeleteOp": ["delete"],
    },
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "web.bounds.complete"],
    # Swagger UI and ReDoc from this service, and not from their makers' hosts.
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "validatorUrl": None},
    "REDOC_DIST": "SIDECAR",
}
API_DOCS = not env.is_production
if API_DOCS:
    INSTALLED_APPS.append("drf_spectacular_sidecar")
# A document of a million characters, each of which JSON may escape with up to 12 bytes.
DATA_UPLOAD_MAX_MEMORY_SIZE = 13 * 2**20
CORS_ALLOWED_ORIGINS = list(env.CORS_ALLOWED_ORIGINS)
CORS_URLS_REGEX = r"^/api/"
CORS_ALLOW_HEADERS = [*default_headers, "idempotency-key", "if-match", "if-none-match", "prefer", "x-request-id"]
CORS_EXPOSE_HEADERS = [
    *("Content-Disposition", "ETag", "Idempotency-Replayed", "Location", "Preference-Applied"),
    *("Retry-After", "X-Request-ID"),
]

# The record

AUDIT_ORIGIN = env.AUDIT_ORIGIN
AUDIT_SIGNING_KEY = env.AUDIT_SIGNING_KEY
AUDIT_TRUSTED_KEYS = env.AUDIT_TRUSTED_KEYS
AUDIT_SEAL_SECONDS = env.AUDIT_SEAL_SECONDS
AUDIT_CHECKPOINT_DIR = env.audit_checkpoint_dir
AUDIT_RETENTION_DAYS = env.AUDIT_RETENTION_DAYS
AUDIT_SEARCH_TEXT = env.AUDIT_SEARCH_TEXT

# Embeddings

EMBEDDING_PROVIDER = env.EMBEDDING_PROVIDER
HUGGING_FACE_API_KEY = env.HUGGING_FACE_API_KEY
HUGGING_FACE_BASE_URL = env.HUGGING_FACE_BASE_URL
ENCRYPTION_KEYS = env.encryption_keys

# Jobs

PROCRASTINATE_AUTODISCOVER_MODULE_NAME = "jobs"

# Files

STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "documents": env.document_storage(),
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
if env.is_production:
    STORAGES["staticfiles"] = {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}
UPLOAD_MAX_BYTES = env.UPLOAD_MAX_BYTES
# Files are kept where nobody thought of the disk's end.
STORAGE_UNSETTLED = env.is_production and not (env.STORAGE_DIR or env.STORAGE_S3_BUCKET)

# Pages

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
WHITENOISE_USE_FINDERS = not env.is_production
APPEND_SLASH = False
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True

# Transport

CSRF_TRUSTED_ORIGINS = list(env.CSRF_TRUSTED_ORIGINS)
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = int(timedelta(hours=12).total_seconds())
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "web.errors.csrf_failure"
if env.is_production:
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    SECURE_SSL_REDIRECT = True
    # The platform's proxy ends TLS and sets this header, whatever the client sent in it.
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    # A platform's health check comes by plain HTTP from inside, and must get a 200.
    SECURE_REDIRECT_EXEMPT = [r"^health$"]
    SECURE_HSTS_SECONDS = int(timedelta(days=365).total_seconds())
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True

LOGGING_CONFIG = "config.logging.configure"
LOGGING = logging_config(env.log_format, env.LOG_LEVEL)
