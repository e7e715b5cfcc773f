"""System checks: settings under which the identity could not travel, and models that forgot a wall."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar, cast

from django.apps import AppConfig, apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections, models
from django.db.models.base import ModelBase

from accounts.ownership import Isolated, OwnedReference
from audit.rules import SchemaRule
from audit.triggers import Audited

Model = type[models.Model]
Rule = TypeVar("Rule", bound=SchemaRule)

# Models of ours whose writes leave no event, and why.
UNAUDITED = {
    "knowledge.VectorChunk": "Made from its document, whose writes are on record: also that it got passages.",
    "knowledge.ChunkVector": "Made from its chunk.",
    "knowledge.DiscardedFile": "A file that is no document's; the documents' files are on record with them.",
    "knowledge.IndexingRun": "How far the worker has come with a document, whose writes are on record.",
    "knowledge.Corpus": "Counted from the chunks, by a trigger.",
    "knowledge.Posting": "Made from the chunks, by a trigger.",
    "resources.Deletion": "Written by a trigger, for a deletion that is on record itself.",
    "resources.IdempotencyKey": "What a request was answered, whose work is on record itself.",
}
# The record isn't put on record.
RECORD = "audit"


@register()
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


@register(Tags.models)
def check_models(*, app_configs: Sequence[AppConfig] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """What belongs to somebody is isolated, its references have the owner in them, and what is ours is audited."""
    configs = apps.get_app_configs() if app_configs is None else app_configs
    found = chain.from_iterable(config.get_models(include_auto_created=True) for config in configs)
    return list(chain.from_iterable(_errors(model) for model in found if not model._meta.proxy))


def _errors(model: Model) -> Iterator[CheckMessage]:
    if _is_owned(model) and not any(_rules(model, Isolated)):
        hint = "Derive it from Owned, or add Isolated(…) to its Meta.constraints."
        yield Error("The rows have an owner, but no row-level security.", hint=hint, obj=model, id="accounts.E003")
    bound = {rule.field for rule in _rules(model, OwnedReference)}
    for field in model._meta.local_fields:
        if _is_owned(field.related_model) and not (field.name in bound and not field.db_constraint):  # type: ignore[attr-defined]
            hint = "Give it db_constraint=False, and add OwnedReference(…) to the model's Meta.constraints."
            yield Error("The foreign key leaves the owner out.", hint=hint, obj=field, id="accounts.E004")
    if _is_ours(model) and model._meta.label not in UNAUDITED and not any(_rules(model, Audited)):
        hint = "Add Audited(…) to its Meta.constraints, or say in UNAUDITED why its writes need no record."
        yield Error("Writes to the model leave no event.", hint=hint, obj=model, id="accounts.E005")


def _rules(model: Model, kind: type[Rule]) -> Iterable[Rule]:
    return (rule for rule in model._meta.constraints if isinstance(rule, kind))


def _is_owned(model: Any) -> bool:
    # A field's `related_model` is None if it refers to nothing, and a name if that isn't loaded.
    return isinstance(model, ModelBase) and any(field.name == "owner" for field in cast(Model, model)._meta.fields)


def _is_ours(model: Model) -> bool:
    """Django's own join tables are its fields' business, not ours."""
    home = Path(model._meta.app_config.path).parent
    return home == settings.BASE_DIR and model._meta.app_label != RECORD and not model._meta.auto_created
