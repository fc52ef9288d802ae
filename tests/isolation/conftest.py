"""The wheels under test; the session `isolation` builds them and names them in WHEELS."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(scope="session")
def wheels() -> dict[str, str]:
    """The path of each distribution's wheel."""
    named = os.environ.get("WHEELS")
    if not named:
        pytest.fail("these tests want wheels: run them by `nox -s isolation`")
    paths = named.split(os.pathsep)
    return {os.path.basename(path).partition("-")[0].replace("_", "-"): path for path in paths}
