"""A session is proven by the request's first statement, and costs none of its own."""

from uuid import uuid4

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.http import HttpResponse
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries
from rest_framework.request import Request
from rest_framework.test import APIClient
from rest_framework.views import APIView

from accounts.identity import (
    AUDITOR_ROLE,
    NOBODY,
    ROLE,
    Identity,
    Proof,
    SessionEnded,
    acting,
    acting_for,
    bind_user,
    prove_session,
)
from accounts.models import Session, User
from accounts.tokens import SessionAuthentication, issue
from tasks.models import Task

TASKS = "/api/v1/tasks"
ME = "/api/v1/me"

# Where a statement that fails may not take the test's own transaction with it.
committed = pytest.mark.django_db(transaction=True)


@committed
def test_code_that_catches_the_refusal_gets_no_further_with_it(owner: User) -> None:
    with acting(NOBODY):
        bind_user(owner.pk, session_id=uuid4())
        for _ in range(2):
            with pytest.raises(SessionEnded):
                Task.objects.exists()


@committed
def test_a_view_that_does_not_promise_to_ask_is_not_reached(owner: User) -> None:
    class Careless(APIView):
        authentication_classes = (SessionAuthentication,)

        def get(self, request: Request) -> HttpResponse:
            return HttpResponse("reached")

    token = issue(Session.objects.create(owner=owner))["access"]

    def ask() -> int:
        with acting(NOBODY):
            request = RequestFactory().get("/", headers={"Authorization": f"Bearer {token}"})
            status: int = Careless.as_view()(request).status_code
            return status

    assert ask() == 200
    User.objects.update(is_active=False)
    assert ask() == 401


# What it costs


def test_a_session_costs_no_statement_of_its_own(
    owner: User, owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    task = Task.objects.create(owner=owner, title="x")

    for address in (ME, TASKS, f"{TASKS}/{task.pk}"):
        with django_assert_num_queries(1):
            assert owner_client.get(address).status_code == 200


def test_where_no_statement_is_made_one_asks(
    owner_client: APIClient, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        assert owner_client.put(TASKS).status_code == 405


def test_a_violated_constraint_has_shown_that_the_session_counts(owner: User) -> None:
    proof = Proof(Session.objects.create(owner=owner).pk, owner.pk)
    insert = "INSERT INTO tasks_task (owner_id, title, description, completed) VALUES (%s, ' ', '', false)"

    with acting(Identity(confined=True, user_id=owner.pk, proof=proof)):
        with pytest.raises(IntegrityError, match="tasks_task_title_trimmed"), transaction.atomic():
            connection.cursor().execute(insert, [owner.pk])
        with CaptureQueriesContext(connection) as statements:
            prove_session()

    assert proof.given
    assert len(statements) == 0


def test_a_statement_that_fails_by_itself_has_shown_nothing(owner: User) -> None:
    proof = Proof(Session.objects.create(owner=owner).pk, owner.pk)

    with acting(Identity(confined=True, user_id=owner.pk, proof=proof)):
        for text in ("SELECT FROM FRUM WHERE", "SELECT no_such_column"):
            with pytest.raises(ProgrammingError), transaction.atomic():
                connection.cursor().execute(text)
            assert not proof.given
        prove_session()

    assert proof.given


def test_a_job_has_no_session(owner: User) -> None:
    with acting_for(owner.pk):
        Task.objects.create(owner=owner, title="x")
        prove_session()


# The function


@pytest.mark.parametrize(("role", "may"), [(ROLE, True), (AUDITOR_ROLE, True), ("public", False)])
@pytest.mark.django_db
def test_who_may_ask_the_database_for_a_session(role: str, may: bool) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT has_function_privilege(%s, 'accounts_prove_session(uuid, uuid)', 'EXECUTE'), prosecdef, "
            "proconfig = '{search_path=public\\, pg_temp}' FROM pg_proc WHERE proname = 'accounts_prove_session'",
            [role],
        )
        assert cursor.fetchone() == (may, True, True)
