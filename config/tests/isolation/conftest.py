"""How long the machine runs."""

import pytest
from hypothesis import settings

pytest.register_assert_rewrite("config.tests.isolation.machine")
settings.register_profile("slow", max_examples=2_000)
