"""The second wall: with every ORM filter gone the database still keeps everybody's rows apart."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest
from django.apps import apps
from django.db import IntegrityError, NotSupportedError, ProgrammingError, connection, transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from psycopg.sql import SQL
from rest_framework.test import APIClient

from accounts import identity
from accounts.identity import NOBODY, ROLE, SYSTEM, Identity, acting, acting_for, confine_process, unconfined
from accounts.middleware import IdentityMiddleware
from accounts.models import Session, User
from accounts.ownership import Owned, OwnedQuerySet
from audit.models import Event
from knowledge import indexing
from knowledge.embeddings import embed
from knowledge.models import ChunkVector, KnowledgeDoc, VectorChunk
from tasks.models import Label, Task


def everything_of(user: User) -> dict[type[Model], UUID]:
    """One row of each owned table; its key."""
    mine = {"owner": user}
    task = Task.objects.create(title="Mine", **mine)
    label = Label.objects.create(name="Mine", **mine)
    document = KnowledgeDoc.objects.create(title="Mine", content="My own words.", **mine)
    chunk = VectorChunk.objects.create(
        document=document,
        ordinal=0,
        content="My own words.",
        char_start=0,
        char_end=13,
        token_count=4,
        **mine,
    )
    vector = ChunkVector.objects.create(chunk=chunk, document=document, embedding=embed(["My own words."])[0], **mine)
    session = Session.objects.create(**mine)
    rows: list[Model] = [user, task, label, document, chunk, vector, session]
    return {type(row): row.pk for row in rows}


def owned_models() -> list[type[Model]]:
    return [User, Task, Label, KnowledgeDoc, VectorChunk, ChunkVector, Session]


@pytest.mark.parametrize("model", owned_models())
def test_without_a_filter_the_peer_sees_and_changes_nothing(model: type[Model], owner: User, peer: User) -> None:
    key = everything_of(owner)[model]

    with acting_for(peer.pk):
        assert not model._default_manager.filter(pk=key).exists()
        if model is not User:
            assert model._default_manager.filter(pk=key).update(owner=peer) == 0
            assert model._default_manager.filter(pk=key).delete()[0] == 0
    with acting_for(owner.pk):
        assert model._default_manager.filter(pk=key).exists()


@pytest.mark.parametrize("model", [*owned_models(), Event])
def test_without_a_bound_user_a_statement_finds_nothing(model: type[Model], owner: User) -> None:
    everything_of(owner)

    with acting(NOBODY):
        assert not model._default_manager.exists()


def test_an_insert_for_somebody_else_is_refused(owner: User, peer: User) -> None:
    with (
        acting_for(peer.pk),
        pytest.raises(ProgrammingError, match="row-level security"),
        transaction.atomic(),
    ):
        Task.objects.create(owner=owner, title="Planted")

    assert not Task.objects.exists()


def test_a_planted_row_is_refused_even_if_it_is_not_read_back(owner: User, peer: User) -> None:
    insert = "INSERT INTO tasks_task (owner_id, title, description, completed) VALUES (%s, 'x', '', false)"

    with acting_for(peer.pk), connection.cursor() as cursor:
        cursor.execute(insert, [peer.pk])
        with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
            cursor.execute(insert, [owner.pk])


def test_a_row_cannot_be_handed_to_somebody_else(owner: User, peer: User) -> None:
    task = Task.objects.create(owner=owner, title="Mine")

    with (
        acting_for(owner.pk),
        pytest.raises(ProgrammingError, match="row-level security"),
        transaction.atomic(),
    ):
        Task.objects.filter(pk=task.pk).update(owner=peer)


@pytest.mark.parametrize("exists", [True, False])
def test_a_chunk_cannot_hang_on_somebody_elses_document(exists: bool, owner: User, peer: User) -> None:
    """And the error is the same whether the document exists or not."""
    document_id = everything_of(owner)[KnowledgeDoc] if exists else uuid4()
    chunk = VectorChunk(
        owner=peer, document_id=document_id, ordinal=0, content="x", char_start=0, char_end=1, token_count=1
    )

    with (
        acting_for(peer.pk),
        pytest.raises(IntegrityError, match="knowledge_vectorchunk_document"),
        transaction.atomic(),
    ):
        chunk.save()


@pytest.mark.parametrize("table", ["accounts_user", "audit_event", "django_session", "procrastinate_jobs"])
def test_an_api_statement_cannot_write_what_belongs_to_the_service(table: str, owner: User) -> None:
    with (
        acting_for(owner.pk),
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction.atomic(),
    ):
        connection.cursor().execute(f"DELETE FROM {table}")


@pytest.mark.parametrize("path", ["tasks", "knowledge/documents", "audit/events"])
def test_api_lists_leak_nothing_when_their_filter_is_forgotten(
    path: str, owner: User, peer: User, peer_client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with acting_for(owner.pk):
        everything_of_owner = {str(Task.objects.create(owner=owner, title="Mine").pk)}
        everything_of_owner.add(str(KnowledgeDoc.objects.create(owner=owner, title="Mine", content="x").pk))
    monkeypatch.setattr(OwnedQuerySet, "for_user", lambda self, user_id: self)
    monkeypatch.setattr("audit.views.EventViewSet.get_queryset", lambda self: Event.objects.all())

    response = peer_client.get(f"/api/v1/{path}")

    assert response.status_code == 200
    assert not any(key in response.content.decode() for key in everything_of_owner)


@pytest.mark.parametrize("verb", ["get", "patch", "delete", "post"])
def test_api_task_of_somebody_else_is_404_when_the_filter_is_forgotten(
    verb: str, owner: User, peer_client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = Task.objects.create(owner=owner, title="Mine")
    monkeypatch.setattr(OwnedQuerySet, "for_user", lambda self, user_id: self)
    path = f"/api/v1/tasks/{task.pk}" + ("/toggle" if verb == "post" else "")

    response = getattr(peer_client, verb)(path, {"title": "Stolen"} if verb == "patch" else None)

    assert response.status_code == 404
    task.refresh_from_db()
    assert (task.title, task.completed) == ("Mine", False)


@pytest.mark.django_db(transaction=True)
def test_nothing_stays_on_the_connection_after_a_request_or_an_exception(sign_in: object) -> None:
    owner = User.objects.create_user("owner@example.com", "correct horse battery")
    client = sign_in(owner)  # type: ignore[operator]
    assert client.get("/api/v1/tasks").status_code == 200
    assert session_settings() == SETTLED

    with pytest.raises(ProgrammingError), acting_for(owner.pk):
        connection.cursor().execute("SELECT no_such_column")
    assert session_settings() == SETTLED

    with pytest.raises(ZeroDivisionError), acting_for(owner.pk), transaction.atomic():
        raise ZeroDivisionError(Task.objects.create(owner=owner, title="Undone"))
    assert session_settings() == SETTLED
    assert not Task.objects.exists()


SETTLED = ("daybook", "", "", "", "")


def session_settings() -> tuple[str, ...]:
    """Read past the wrapper, as whoever uses the connection next would find it."""
    assert connection.connection is not None
    names = ("user_id", "actor", "request_id", "address")
    columns = ", ".join(f"coalesce(current_setting('daybook.{name}', true), '')" for name in names)
    row: tuple[str, ...] = connection.connection.execute(f"SELECT current_user::text, {columns}").fetchone()
    return row


@pytest.mark.django_db
def test_within_one_transaction_each_statement_is_made_for_whoever_acts(owner: User, peer: User) -> None:
    with transaction.atomic():
        with acting_for(owner.pk):
            Task.objects.create(owner=owner, title="Mine")
        with acting_for(peer.pk):
            assert not Task.objects.exists()
            with unconfined():
                assert Task.objects.count() == 1
            assert not Task.objects.exists()
        assert Task.objects.count() == 1


def test_a_failed_savepoint_leaves_the_identity_as_it_was(owner: User, peer: User) -> None:
    with acting_for(owner.pk):
        with pytest.raises(ProgrammingError), transaction.atomic():
            connection.cursor().execute("SELECT no_such_column")
        Task.objects.create(owner=owner, title="Mine")
    with acting_for(peer.pk):
        assert not Task.objects.exists()


def test_percent_signs_reach_the_database_as_they_are(owner: User) -> None:
    with (
        acting(Identity(confined=True, user_id=owner.pk, actor="100% sure", request_id="%s")),
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT '50%', current_setting('daybook.request_id')")
        assert cursor.fetchone() == ("50%", "%s")
        cursor.execute("SELECT '50%%', %s, current_setting('daybook.actor')", ["a"])
        assert cursor.fetchone() == ("50%", "a", "100% sure")


HOSTILE = [
    "', true), set_config('role', 'none', true); --\\",
    "', true), set_config('role', 'none",
    "a\\",
    "'",
    "–",
    "a\nb",
]


@pytest.mark.parametrize("conforming", ["on", "off"])
@pytest.mark.parametrize("value", HOSTILE)
def test_a_value_cannot_break_out_of_the_prefix(value: str, conforming: str, owner: User) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('standard_conforming_strings', %s, true)", [conforming])
        with acting(Identity(confined=True, user_id=owner.pk, actor=value, user_agent=value)):
            cursor.execute(
                "SELECT current_user::text, current_setting('daybook.actor'), current_setting('daybook.user_agent')"
            )
            assert cursor.fetchone() == ("daybook_app", value, value)


def test_composed_sql_carries_the_identity_too(owner: User) -> None:
    with acting_for(owner.pk), connection.cursor() as cursor:
        cursor.execute(SQL("SELECT current_user::text"))
        assert cursor.fetchone() == ("daybook_app",)


def test_whatever_way_a_statement_takes_it_carries_the_identity(owner: User) -> None:
    with acting_for(owner.pk), connection.cursor() as cursor:
        cursor.callproc("current_setting", ["role"])
        assert cursor.fetchone() == ("daybook_app",)
        assert connection.connection.execute("SELECT current_user::text").fetchone() == ("daybook_app",)


def test_a_statement_that_only_begins_like_a_savepoint_carries_it_too(owner: User) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        with acting_for(owner.pk):
            cursor.execute('SAVEPOINT "x"; SELECT current_user::text')
        while cursor.description is None:
            cursor.nextset()
        assert cursor.fetchone() == ("daybook_app",)


@pytest.mark.parametrize(
    ("method", "arguments"),
    [("executemany", ["SELECT %s", [(1,)]]), ("copy", ["COPY tasks_task TO STDOUT"]), ("stream", ["SELECT 1"])],
)
def test_a_way_that_cannot_carry_it_is_refused(method: str, arguments: list[object], owner: User) -> None:
    with acting_for(owner.pk), connection.cursor() as cursor, pytest.raises(NotSupportedError):
        getattr(cursor, method)(*arguments)


@pytest.mark.django_db
def test_ways_that_cannot_carry_an_identity_are_there_for_commands() -> None:
    with connection.cursor() as cursor:
        cursor.executemany("SELECT %s", [(1,), (2,)])
        assert list(cursor.stream("SELECT 1")) == [(1,)]
        with cursor.copy("COPY (SELECT 1) TO STDOUT") as copy:
            assert b"".join(map(bytes, copy)) == b"1\n"


@pytest.mark.django_db(transaction=True)
def test_a_thread_of_a_web_process_is_nobody_unless_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    User.objects.create_user("owner@example.com")
    monkeypatch.setattr(identity, "_default", None)

    def count() -> int:
        try:
            return User.objects.count()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(count).result() == 1
        confine_process()
        assert pool.submit(count).result() == 0


def test_a_queryset_iterator_is_confined_too(owner: User, peer: User) -> None:
    Task.objects.create(owner=owner, title="Mine")

    with acting_for(peer.pk):
        rows: QuerySet[Task] = Task.objects.all()
        assert list(rows.iterator(chunk_size=1)) == []


@pytest.mark.django_db
def test_every_owned_model_is_isolated_by_the_database() -> None:
    """A new model without its wall fails here."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace "
            "AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = pg_class.oid AND attname = 'owner_id') "
            "AND NOT (relrowsecurity AND (EXISTS (SELECT FROM pg_policy WHERE polrelid = pg_class.oid) "
            f"OR NOT has_any_column_privilege('{ROLE}', oid, 'SELECT, INSERT, UPDATE, REFERENCES')))"
        )
        assert cursor.fetchall() == []
    assert {model for model in apps.get_models() if issubclass(model, Owned)} <= set(owned_models())


@pytest.fixture
def _the_databases_wall_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each statement runs as the tables' owner, whoever acts."""
    monkeypatch.setattr(Identity, "prefix", SYSTEM.prefix)


@pytest.mark.usefixtures("_the_databases_wall_is_down")
def test_the_first_wall_stands_alone(owner: User, peer: User, peer_client: APIClient) -> None:
    keys = everything_of(owner)
    paths = [
        f"tasks/{keys[Task]}",
        f"knowledge/documents/{keys[KnowledgeDoc]}",
        f"knowledge/documents/{keys[KnowledgeDoc]}/chunks",
        f"audit/events/{Event.objects.filter(owner_id=owner.pk).latest('pk').pk}",
    ]

    assert [peer_client.get(f"/api/v1/{path}").status_code for path in paths] == [404] * 4
    assert peer_client.get("/api/v1/tasks").json()["results"] == []
    assert peer_client.get("/api/v1/knowledge/documents").json()["results"] == []
    document = KnowledgeDoc.objects.create(owner=peer, title="Theirs", content="Something else altogether.")
    indexing.index(owner_id=peer.pk, document_id=document.pk)
    question = {"query": "My own words.", "max_num_results": 1}
    hits = peer_client.post("/api/v1/knowledge/search", question).json()["results"]
    assert [hit["title"] for hit in hits] == ["Theirs"]
    owners = {event["object_id"] for event in peer_client.get("/api/v1/audit/events").json()["results"]}
    assert not owners & {str(key) for key in keys.values()}


def test_a_request_is_nobodys_until_its_user_is_known(rf: RequestFactory) -> None:
    seen: list[Identity | None] = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(identity.current())
        return HttpResponse()

    request = rf.get("/")
    request.id = "r"  # type: ignore[attr-defined]
    IdentityMiddleware(view)(request)

    assert seen == [Identity(confined=True, actor="anonymous", request_id="r", address="127.0.0.1")]
    assert identity.current() is None
