"""How long the machine runs."""

import pytest
from hypothesis import settings

pytest.register_assert_rewrite(
    *(
        f"config.tests.isolation.{module}"
        for module in ("asking", "document_rules", "feed_rules", "machine", "task_rules")
    )
)
settings.register_profile("slow", max_examples=2_000)
