"""Who reads what of the record: users what concerns them, auditors every event, and nobody what undoes the masks."""

from uuid import UUID

import pytest
from django.db import ProgrammingError, connection, transaction

from accounts.identity import AUDITOR_ROLE, NOBODY, ROLE, Identity, acting, acting_for
from accounts.models import User
from audit.models import Event, Leaf

# What PostgreSQL grants to a role in our schema: (table, column or "*", privilege).
GRANTS = """
    SELECT relname, '*', privilege_type FROM pg_class, aclexplode(relacl)
    WHERE relnamespace = 'public'::regnamespace AND grantee IN (0, %(role)s::regrole)
    UNION ALL
    SELECT relname, attname, privilege_type
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid, aclexplode(attacl)
    WHERE relnamespace = 'public'::regnamespace AND grantee IN (0, %(role)s::regrole)
"""
RECORD = {
    ("audit_event", "*", "SELECT"),
    ("audit_leaf", "index", "SELECT"),
    ("audit_leaf", "hash", "SELECT"),
    ("audit_node", "*", "SELECT"),
    ("audit_checkpoint", "*", "SELECT"),
}


def auditor(user_id: UUID | None = None) -> Identity:
    return Identity(confined=True, user_id=user_id, role=AUDITOR_ROLE)


def granted(role: str) -> set[tuple[str, str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(GRANTS, {"role": role})
        return set(cursor.fetchall())


def leaf_of(event: Event) -> int | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT audit_leaf_of(%s)", [event.pk])
        index: int | None = cursor.fetchone()[0]
    return index


@pytest.mark.django_db
def test_an_auditor_is_granted_the_record_and_nothing_else() -> None:
    assert granted(AUDITOR_ROLE) == RECORD


@pytest.mark.django_db
def test_a_user_is_granted_no_more_of_the_record_than_an_auditor() -> None:
    assert {grant for grant in granted(ROLE) if grant[0].startswith("audit_")} == RECORD


def test_an_auditor_reads_every_event_and_a_user_their_own(owner: User, peer: User) -> None:
    total = Event.objects.count()

    with acting(auditor()):
        assert Event.objects.count() == total >= 2
    with acting_for(owner.pk):
        assert {event.owner_id for event in Event.objects.all()} == {owner.pk}
    with acting(NOBODY):
        assert not Event.objects.exists()


@pytest.mark.parametrize("role", [ROLE, AUDITOR_ROLE])
@pytest.mark.parametrize(
    "query",
    [
        "SELECT event_id FROM audit_leaf",
        "SELECT * FROM audit_leaf",
        "SELECT * FROM audit_saltkey",
        "SELECT * FROM audit_purge",
        "SELECT * FROM audit_event_other",
        "SELECT count(*) FROM audit_event_{month}",
        "INSERT INTO audit_event (actor) VALUES ('somebody else')",
        "INSERT INTO audit_leaf (index, event_id, hash) VALUES (0, uuidv7(), '')",
        "SELECT audit_add_partition('2000-01-01')",
    ],
)
def test_a_request_reads_no_partition_no_salt_key_and_no_leafs_event(query: str, role: str, owner: User) -> None:
    month = f"{Event.objects.latest('pk').occurred_at:%Y_%m}"

    with (
        acting(Identity(confined=True, user_id=owner.pk, role=role)),
        connection.cursor() as cursor,
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction.atomic(),
    ):
        cursor.execute(query.format(month=month))


@pytest.mark.parametrize("table", ["tasks_task", "accounts_user", "knowledge_knowledgedoc", "auth_group"])
def test_an_auditor_reads_nothing_but_the_record(table: str, owner: User) -> None:
    with (
        acting(auditor(owner.pk)),
        connection.cursor() as cursor,
        pytest.raises(ProgrammingError, match=f"permission denied for table {table}"),
        transaction.atomic(),
    ):
        cursor.execute(f"SELECT FROM {table}")


def test_which_leaf_is_an_events_is_told_to_who_may_see_the_event(owner: User, peer: User) -> None:
    event = Event.objects.get(owner_id=owner.pk)
    Leaf.objects.create(index=7, event_id=event.pk, hash=bytes(32))

    with acting_for(owner.pk):
        assert leaf_of(event) == 7
    with acting(auditor()):
        assert leaf_of(event) == 7
    with acting_for(peer.pk):
        assert leaf_of(event) is None
    with acting(NOBODY):
        assert leaf_of(event) is None


@pytest.mark.django_db
@pytest.mark.parametrize("role", [ROLE, AUDITOR_ROLE])
def test_of_the_functions_that_act_with_their_owners_rights_a_request_may_call_these(role: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef "
            "AND proname ~ '^audit_' AND has_function_privilege(%s, oid, 'EXECUTE')",
            [role],
        )
        assert {name for (name,) in cursor.fetchall()} == {"audit_record", "audit_leaf_of", "audit_salts_of"}
