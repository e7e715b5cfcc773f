"""The settings of a process that a test starts: the product's, blind to the developer's `.env`."""

import os
from pathlib import Path

from config import env_source


def _process_only(root: Path) -> dict[str, str]:
    return env_source.present(os.environ)


env_source.environment = _process_only

from config.settings import *  # noqa: E402, F403 - only now do they find what is put in place above
