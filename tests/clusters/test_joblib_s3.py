"""``joblib.Memory`` on a real S3 server: what is tested on files, there."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.core.test_joblib_store import (
    registered,
    test_a_damaged_result_is_computed_again,
    test_a_function_that_changed_is_computed_anew,
    test_a_result_is_computed_once,
    test_a_result_that_cannot_be_kept_is_given_all_the_same,
    test_arrays_and_compression,
    test_clearing,
    test_names_that_no_path_may_hold,
    test_shelving,
    test_validation,
)

__all__ = [
    "registered",
    "test_a_damaged_result_is_computed_again",
    "test_a_function_that_changed_is_computed_anew",
    "test_a_result_is_computed_once",
    "test_a_result_that_cannot_be_kept_is_given_all_the_same",
    "test_arrays_and_compression",
    "test_clearing",
    "test_names_that_no_path_may_hold",
    "test_shelving",
    "test_validation",
]

pytestmark = pytest.mark.s3


@pytest.fixture
def url(shared_bucket: str) -> str:
    return f"s3://{shared_bucket}/{uuid4().hex}"


def test_the_number_of_results_is_reduced(url: str) -> None:
    import joblib

    memory = joblib.Memory(url, backend="persidict", verbose=0)
    function = memory.cache(len)
    for text in ("", "a", "ab", "abc"):
        function(text)
    memory.reduce_size(items_limit=1)
    assert len(memory.store_backend.get_items()) == 1
    memory.reduce_size(bytes_limit=1)
    assert memory.store_backend.get_items() == []
