"""What every view checks before its own work."""

import pytest
from django.http import HttpResponse
from django.urls import path
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.test import APIClient

from audit.exports import JSONLinesRenderer
from web.views import StrictView

TASKS = "/api/v1/tasks"


@pytest.mark.parametrize("name", ["completed", "cursor", "limit"])
def test_an_empty_parameter_is_a_422(name: str, owner_client: APIClient) -> None:
    response = owner_client.get(f"{TASKS}?{name}=")

    assert response.status_code == 422
    assert [error["location"] for error in response.json()["errors"]] == [f"query.{name}"]


@pytest.mark.parametrize("method", ["TRACE", "PUT", "PURGE"])
def test_a_method_that_is_not_there_is_a_405_whatever_the_parameters(method: str, owner_client: APIClient) -> None:
    response = owner_client.generic(method, f"{TASKS}?nothing=1")

    assert response.status_code == 405
    assert response["Allow"] == "GET, POST, HEAD, OPTIONS"


def test_a_stranger_learns_no_methods(stranger_client: APIClient) -> None:
    assert stranger_client.generic("TRACE", TASKS).status_code == 401


def test_a_problem_names_its_instance_as_a_uri(stranger_client: APIClient) -> None:
    assert stranger_client.get("/api/v1/café au lait").json()["instance"] == "/api/v1/caf%C3%A9%20au%20lait"


@pytest.mark.parametrize(
    "accepted",
    [None, "*/*", "application/json", "application/*", "text/html, application/json;q=0.1", "text/html, */*"],
)
def test_whoever_takes_json_gets_it(accepted: str | None, owner_client: APIClient) -> None:
    response = owner_client.get(TASKS, headers={"Accept": accepted} if accepted else {})

    assert (response.status_code, response["Content-Type"]) == (200, "application/json")


@pytest.mark.parametrize("accepted", ["text/html", "application/jsonl", "application/json2", "application/json,"])
def test_whoever_takes_no_json_gets_a_406(accepted: str, owner_client: APIClient) -> None:
    status = owner_client.get(TASKS, headers={"Accept": accepted}).status_code

    assert status == (200 if accepted.endswith(",") else 406)


@pytest.mark.parametrize(
    ("accepted", "media_type"), [("*/*", "application/json"), ("application/jsonl", "application/jsonl")]
)
def test_a_choice_of_media_types_is_negotiated(accepted: str, media_type: str, owner_client: APIClient) -> None:
    """The export's errors, for the export itself is JSON lines to whoever asks."""
    response = owner_client.get("/api/v1/audit/events/export?x=1", headers={"Accept": accepted})

    assert response.status_code == 422
    assert response.accepted_media_type == media_type  # type: ignore[attr-defined]
    assert response["Vary"] == "Accept, origin"


class Bytes(StrictView):
    def get(self, request: Request) -> HttpResponse:
        return HttpResponse(b'{"results": []}', content_type="application/json", headers={"ETag": '"7"'})


urlpatterns = [path("bytes", Bytes.as_view())]


@pytest.mark.urls(__name__)
def test_a_view_may_answer_with_bytes_of_its_own(owner_client: APIClient) -> None:
    response = owner_client.get("/bytes")

    assert (response.status_code, response.json(), response["ETag"]) == (200, {"results": []}, '"7"')
    assert response["Allow"] == "GET, HEAD, OPTIONS"
    assert response["Content-Length"] == "15"


def test_a_view_has_its_own_of_what_others_share() -> None:
    class Lines(StrictView):
        renderer_classes = (JSONRenderer, JSONLinesRenderer)

    shared = StrictView().get_renderers()

    assert shared == StrictView().get_renderers()
    assert [type(each) for each in Lines().get_renderers()] == [JSONRenderer, JSONLinesRenderer]
    assert [type(each) for each in shared] == [JSONRenderer]
