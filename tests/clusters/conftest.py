"""Where the workers' shared dictionaries lie: in a folder, and in a bucket of a real server."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from tests.s3.conftest import endpoint, s3_client, shared_bucket

__all__ = ["endpoint", "s3_client", "shared_bucket"]


@pytest.fixture(params=["file", pytest.param("s3", marks=pytest.mark.s3)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty place that processes share."""
    if request.param == "file":
        return f"file://{tmp_path}/shared?fsync=false"
    return f"s3://{request.getfixturevalue('shared_bucket')}/{uuid4().hex}"
