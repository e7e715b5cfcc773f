"""Logs by structlog: JSON in production, readable in development, ours and every library's alike."""

import logging.config
from typing import Any

import structlog

# In this order for every line; what belongs to the request comes from the context variables.
SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.processors.StackInfoRenderer(),
]
# Without the frames' variables: they hold what people stored, and passwords.
TRACEBACKS = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))


def logging_config(log_format: str, level: str) -> dict[str, Any]:
    """The `LOGGING` setting: one handler, standard error, `json` or `console`."""
    json = log_format == "json"
    renderer: list[Any] = (
        [TRACEBACKS, structlog.processors.JSONRenderer(ensure_ascii=False)]
        if json
        else [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)]
    )
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": [*SHARED, structlog.stdlib.ExtraAdder(ALLOWED_EXTRA)],
        "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"structured": formatter},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Django has put handlers of its own on these two before it reads this.
            "django": {"handlers": [], "level": "INFO"},
            "django.server": {"handlers": [], "level": "ERROR", "propagate": True},
            # The request's own line says it already; only what Django can't answer is worth another.
            "django.request": {"level": "ERROR"},
            "gunicorn.error": {"level": level, "propagate": True, "handlers": []},
            "gunicorn.access": {"level": "CRITICAL"},
            # It warns of each HEAD request that the body, which it leaves out, was made.
            "gunicorn.http": {"level": "ERROR"},
            # Our jobs say themselves what they did.
            "procrastinate": {"level": "WARNING"},
        },
    }


# What libraries attach to their records can hold contents; only this is let through.
ALLOWED_EXTRA = {"status_code"}


def configure(config: dict[str, Any]) -> None:
    """`LOGGING_CONFIG`: standard logging by dict, and structlog on top of it."""
    logging.config.dictConfig(config)
    structlog.configure(
        processors=[*SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        # What isn't to be logged costs nothing: at this level those methods do nothing.
        wrapper_class=structlog.make_filtering_bound_logger(config["root"]["level"]),
        cache_logger_on_first_use=True,
    )
