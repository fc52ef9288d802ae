"""CPython's own tests of what every mapping must do, on dictionaries in S3."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from uuid import uuid4

import pytest

from persidict_s3 import S3Dict
from tests.core.test_cpython_mapping import check_mapping


@pytest.mark.parametrize("cached", [False, True])
def test_a_dictionary_in_s3_is_a_mapping_to_cpython(
    moto_endpoint: str, tmp_path: Path, cached: bool
) -> None:
    bucket = f"mapping-{uuid4().hex}"
    numbers = count()
    check_mapping(
        lambda: S3Dict(
            bucket,
            root_prefix=str(next(numbers)),
            base_dir=tmp_path / "cache" if cached else None,
            endpoint_url=moto_endpoint,
        )
    )
