"""``memory://``: what every backend keeps, and what is its own."""

from __future__ import annotations

import pytest

from persidict_core import MemoryBackend
from persidict_core.testing import BackendTests


class TestMemoryBackend(BackendTests):
    @pytest.fixture
    def backend(self) -> MemoryBackend:
        return MemoryBackend()
