"""Users, and the rules as Django's migrations see them."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.checks import run_checks
from django.db import IntegrityError, connection, connections, models, transaction
from django.db.migrations.writer import MigrationWriter

from accounts.models import Session, User
from accounts.ownership import Isolated, OwnedReference, Stamped
from audit.triggers import Audited
from knowledge.models import VectorChunk
from resources.tracking import Tracked
from tasks.models import Label, Task
from tasks.rules import Derived, Labelled, Tree, Unlabelling


@pytest.mark.django_db
def test_an_address_in_upper_case_is_refused_by_the_database() -> None:
    user = User(email="Owner@example.com")

    with pytest.raises(IntegrityError, match="accounts_user_email_lower"):
        user.save()


def test_a_user_is_found_whatever_the_case(owner: User) -> None:
    assert User.objects.get_by_natural_key(" OWNER@example.com") == owner
    assert str(owner) == "owner@example.com"


@pytest.mark.django_db
def test_a_superuser_may_use_the_admin() -> None:
    user = User.objects.create_superuser("root@example.com", "correct horse battery")

    assert user.is_staff
    assert user.is_superuser


def test_a_session_says_which_it_is(owner: User) -> None:
    session = Session.objects.create(owner=owner)

    assert str(session) == f"session {session.pk}"


RULES: list[models.BaseConstraint] = [
    Isolated(name="a", owner="id", grants=["SELECT"]),
    OwnedReference(name="a", field="b"),
    Stamped(name="a"),
    Audited(name="a", noun="b", owner="id", masked=["c"], omitted=["d"]),
    Tracked(name="a", noun="b"),
    *(rule(name="a") for rule in (Derived, Labelled, Tree, Unlabelling)),
]


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_survives_a_migration_file(rule: models.BaseConstraint) -> None:
    text, imports = MigrationWriter.serialize(rule)
    namespace: dict[str, object] = {}
    exec("\n".join(imports), namespace)

    assert eval(text, namespace) == rule
    assert rule.clone() == rule
    assert len({rule, rule.clone()}) == 1
    assert rule != models.Q()


@pytest.mark.parametrize(
    ("model", "rule"),
    [
        (model, rule)
        for model in (Task, Label, VectorChunk)
        for rule in model._meta.constraints
        if hasattr(rule, "removal")
    ],
)
@pytest.mark.django_db
def test_a_rule_can_be_taken_away_and_put_back(model: type[models.Model], rule: models.BaseConstraint) -> None:
    with connection.schema_editor() as editor:
        editor.remove_constraint(model, rule)
        editor.add_constraint(model, rule)


def test_settings_that_part_identity_and_statement_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    database = connections["default"].settings_dict
    assert not [error.id for error in run_checks()]
    monkeypatch.setitem(database, "DISABLE_SERVER_SIDE_CURSORS", False)
    monkeypatch.setitem(database["OPTIONS"], "server_side_binding", True)

    assert [error.id for error in run_checks()] == ["accounts.E001", "accounts.E002"]


@pytest.mark.django_db(transaction=True)
def test_a_refresh_that_waited_for_another_finds_its_token_used() -> None:
    """Deterministic: the second attempt reads the row before the first has committed, and writes after."""
    session = Session.objects.create(owner=User.objects.create_user("owner@example.com"))
    token = {"session_id": session.pk, "refresh_id": session.refresh_id}

    def attempt() -> object:
        try:
            return Session.objects.rotate(**token)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            assert Session.objects.rotate(**token)
            second = pool.submit(attempt)
            deadline = time.monotonic() + 10
            while not waiting_for_a_lock() and time.monotonic() < deadline:
                time.sleep(0.01)
        assert second.result() is None


def waiting_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])
