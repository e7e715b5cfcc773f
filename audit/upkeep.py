"""What the record needs now and again: to be sealed, to lose what is too old, to have room for the next months."""

from collections.abc import Callable
from typing import Any

import structlog

from audit.retention import RetentionError, ensure_partitions, purge
from audit.sealing import SealError, seal

log = structlog.get_logger(__name__)


def keep(*, rarely: bool = True) -> bool:
    """Seal, and `rarely` purge and make partitions, too; whether all went well.

    What goes wrong is logged, and keeps neither the other steps nor the next round from being done.
    """
    steps = (seal, purge, ensure_partitions) if rarely else (seal,)
    kept = [_tried(step) for step in steps]
    return all(kept)


def _tried(step: Callable[[], Any]) -> bool:
    try:
        step()
    except (SealError, RetentionError) as exc:
        log.error("record_not_kept", step=step.__name__, error=str(exc))
        return False
    except Exception:
        log.exception("record_not_kept", step=step.__name__)
        return False
    return True
