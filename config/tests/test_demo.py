"""The demo user and the documentation, in the cases that a first and a second start don't meet."""

import json
import stat
from pathlib import Path

import pytest
from django.contrib.auth import authenticate
from pytest_django import Settings

from config import demo
from knowledge.models import KnowledgeDoc

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_place(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    settings.BASE_DIR = tmp_path
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text("# Daybook\n\nKeeps things.\n")
    (tmp_path / "docs" / "untitled.md").write_text("No heading.\n")


def test_demo_user_whose_credentials_were_lost_gets_new_ones() -> None:
    first, generated = demo.demo_user()
    assert demo.demo_user() == (first, None)
    demo.credentials_file().unlink()

    again, renewed = demo.demo_user()

    kept = json.loads(demo.credentials_file().read_text())
    assert again == first and renewed not in (None, generated)
    assert kept == {"email": demo.EMAIL, "password": renewed}
    assert authenticate(username=kept["email"], password=kept["password"]) == first
    assert first.is_superuser


def test_credentials_replace_what_an_interrupted_start_left(tmp_path: Path) -> None:
    (tmp_path / "demo.draft").write_text("{")

    _, password = demo.demo_user()

    assert json.loads(demo.credentials_file().read_text())["password"] == password
    assert stat.S_IMODE(demo.credentials_file().stat().st_mode) == 0o600
    assert not (tmp_path / "demo.draft").exists()


def loaded() -> list[tuple[str, dict[str, str], int]]:
    """Title, metadata and revision of each document."""
    return list(KnowledgeDoc.objects.order_by("title").values_list("title", "metadata", "revision"))


def test_documentation_that_changed_is_brought_up_to_date_and_the_rest_left_alone(tmp_path: Path) -> None:
    user, _ = demo.demo_user()
    demo.load_documentation(user)
    assert loaded() == [("Daybook", {"path": "README.md"}, 1), ("untitled", {"path": "docs/untitled.md"}, 1)]

    (tmp_path / "README.md").write_text("# Day book\n\nKeeps more things.\n")
    demo.load_documentation(user)

    assert loaded() == [("Day book", {"path": "README.md"}, 2), ("untitled", {"path": "docs/untitled.md"}, 1)]
    assert KnowledgeDoc.objects.get(title="Day book").content == "# Day book\n\nKeeps more things.\n"
    assert demo.unfinished(user) == 2
