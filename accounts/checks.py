"""System checks: settings under which the identity could not travel with the statement."""

from typing import Any

from django.core.checks import CheckMessage, Error
from django.db import connections


def check_connection_settings(**kwargs: Any) -> list[CheckMessage]:
    """Two PostgreSQL options of Django send statements in a form that the identity prefix can't join."""
    errors: list[CheckMessage] = []
    for alias in connections:
        database = connections[alias].settings_dict
        if database["OPTIONS"].get("server_side_binding"):
            hint = "Remove server_side_binding from OPTIONS: the identity and the statement share one message."
            errors.append(Error("Server-side binding is on.", hint=hint, obj=alias, id="accounts.E001"))
        if not database["DISABLE_SERVER_SIDE_CURSORS"]:
            hint = "Set DISABLE_SERVER_SIDE_CURSORS: a named cursor would be declared without an identity."
            errors.append(Error("Server-side cursors are on.", hint=hint, obj=alias, id="accounts.E002"))
    return errors
