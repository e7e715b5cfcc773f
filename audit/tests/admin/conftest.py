"""Staff, as the admin knows them."""

import pytest
from django.test import Client

from accounts.models import User


@pytest.fixture
def temp_client(db: None) -> Client:
    """Staff, too, but without any right."""
    client = Client()
    client.force_login(User.objects.create_user("temp@example.com", is_staff=True))
    return client
