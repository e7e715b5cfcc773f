"""What a newcomer finds: a demo user, and the project's own documentation as that user's knowledge."""

import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from accounts.identity import acting_for
from accounts.models import User
from knowledge import services
from knowledge.models import KnowledgeDoc

EMAIL = "demo@example.com"


def credentials_file() -> Path:
    """Holds e-mail address and password as the body that `/auth/token` takes; readable by its owner only."""
    path: Path = settings.DATA_DIR / "demo.json"
    return path


def demo_user() -> tuple[User, str | None]:
    """The demo user, who may use the admin, too; and the password if it was generated just now."""
    user = User.objects.filter(email=EMAIL).first()
    if user and credentials_file().exists():
        return user, None
    password = secrets.token_urlsafe(12)
    if user is None:
        user = User.objects.create_superuser(EMAIL, password)
    else:
        user.set_password(password)
        user.save(update_fields=["password"])
    _keep({"email": EMAIL, "password": password})
    return user, password


def _keep(credentials: dict[str, str]) -> None:
    # Renamed last: a start that is interrupted leaves no half of it, which the next would take for the whole.
    draft = credentials_file().with_suffix(".draft")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(credentials, file)
    draft.replace(credentials_file())


def load_documentation(user: User) -> None:
    """Bring the user's copy of the documentation up to date. What is unchanged isn't touched."""
    with acting_for(user.pk):
        mine = KnowledgeDoc.objects.for_user(user.pk)
        known = {document.metadata.get("path"): document for document in mine}
        for path, title, content in documentation():
            document = known.get(path)
            if document is None:
                services.create_document(owner_id=user.pk, title=title, content=content, metadata={"path": path})
            elif document.content != content:
                services.update_document(document=document, title=title, content=content)


def documentation() -> Iterator[tuple[str, str, str]]:
    """Path, title and content of each page."""
    root: Path = settings.BASE_DIR
    for page in [root / "README.md", *sorted((root / "docs").rglob("*.md"))]:
        content = page.read_text(encoding="utf-8")
        title = next((line.removeprefix("# ") for line in content.splitlines() if line.startswith("# ")), page.stem)
        yield str(page.relative_to(root)), title, content


def unfinished(user: User) -> int:
    """How many of the user's documents wait for the index."""
    waiting = KnowledgeDoc.objects.for_user(user.pk).filter(status=KnowledgeDoc.Status.IN_PROGRESS)
    return waiting.count()
