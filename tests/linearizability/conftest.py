"""The eight processes that race in these tests, started once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from persidict_core.testing import racing
from persidict_core.testing.racing import ProcessTeam, Team
from tests.linearizability.workload import SIZE, operations_wanted

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="session", autouse=True)
def example() -> Iterator[None]:
    """The example of a backend can be imported, by processes that are started, too."""
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(str(EXAMPLES / "persidict-sqlite" / "src"))
        yield


@pytest.fixture(scope="session")
def team(example: None) -> Iterator[Team]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(racing, "MOST_SECONDS", max(racing.MOST_SECONDS, operations_wanted() / 20))
        with ProcessTeam(None, SIZE) as team:
            yield team
