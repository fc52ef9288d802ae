"""What each operation costs, counted on the wire: exactly what docs/requests.md says."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from persidict_core import ABSENT
from persidict_s3 import S3Dict
from tests.s3.conftest import remove_bucket
from tests.s3.proxy import Proxy

pytestmark = pytest.mark.s3
DOCUMENT = Path(__file__).parents[2] / "docs" / "requests.md"
MANY = 1001
"""One more than a page of names, or one DeleteObjects, has."""

Costs = Callable[..., AbstractContextManager[None]]


def promises() -> dict[str, str]:
    """What the document says of each test's operation."""
    rows = re.findall(r"^\| .* \| (.*) \| `(test_\w+)` \|$", DOCUMENT.read_text(), re.MULTILINE)
    assert len({test for _, test in rows}) == len(rows)
    return {test: said for said, test in rows}


def counts_of(promise: str, n: int) -> dict[str, int]:
    """The requests by operation that a promise allows for n items."""
    pages = -(-n // 1000)
    numbers = {"n": n, "n/1000": pages, "2 n/1000": 2 * pages}
    found = re.findall(r"((?:\d+ )?n/1000|n|\d+) ([A-Z]\w+)", promise)
    return {operation: numbers.get(number) or int(number) for number, operation in found}


@pytest.fixture
def costs(request: pytest.FixtureRequest, proxy: Proxy) -> Costs:
    """A context in which exactly the requests are made that the document promises."""
    promise = promises()[request.node.originalname or request.node.name]

    @contextmanager
    def counted(n: int = 1) -> Iterator[None]:
        with proxy.counting() as counts:
            yield
        assert dict(counts) == counts_of(promise, n)

    return counted


@pytest.fixture
def make(proxy: Proxy, bucket: str, s3_client: Any) -> Callable[..., S3Dict[Any]]:
    """Makes dictionaries of one bucket, which is there; no condition wants a probe."""
    s3_client.create_bucket(Bucket=bucket)

    def made(**params: Any) -> S3Dict[Any]:
        declared = {"conditional_writes": True, "conditional_deletes": False}
        return S3Dict(bucket, **{"endpoint_url": proxy.url, **declared, **params})

    return made


@pytest.fixture
def d(make: Callable[..., S3Dict[Any]]) -> S3Dict[Any]:
    d = make()
    d["there"] = 1
    return d


@pytest.fixture(scope="module")
def filled(endpoint: str, s3_client: Any) -> Iterator[str]:
    """A bucket with many items; no test changes it."""
    name = f"persidict-test-{uuid4().hex}"
    S3Dict(name).update({(f"part{number}", "item"): number for number in range(MANY)})
    yield name
    remove_bucket(s3_client, name)


@pytest.fixture
def many(filled: str, proxy: Proxy) -> S3Dict[Any]:
    return S3Dict(filled, endpoint_url=proxy.url)


def test_opening(make: Callable[..., S3Dict[Any]], costs: Costs) -> None:
    with costs():
        d = make(root_prefix="some/where", immutable_items=True)
        assert d.get_subdict("a").get_subdict(("b", "c")).url
        assert repr(pickle.loads(pickle.dumps(d))) == repr(d)
        assert d.get_params() and d.base_url


def test_get(d: S3Dict[Any], costs: Costs) -> None:
    with costs():
        assert d["there"] == 1
    with costs():
        assert d.get("absent") is None
    with costs(), pytest.raises(KeyError):
        d["absent"]


def test_get_bounded(make: Callable[..., S3Dict[Any]], costs: Costs) -> None:
    d = make(max_value_bytes=10_000)
    d["there"] = 1
    with costs():
        assert d["there"] == 1
    with costs():
        assert d.get("there") == 1
    with costs():
        assert d.get_with_etag("there")[0] == 1
    with costs():
        assert d.setdefault("there", 2) == 1


def test_get_cached(
    make: Callable[..., S3Dict[Any]], costs: Costs, tmp_path: Path, proxy: Proxy
) -> None:
    d = make(base_dir=str(tmp_path / "cache"))
    d["there"] = 1
    assert make(base_dir=str(tmp_path / "cache"))["there"] == 1
    for _ in range(2):
        with costs():
            assert d["there"] == 1
        assert proxy.requests[-1].is_conditional and proxy.requests[-1].status == 304


def test_get_cached_immutable(
    make: Callable[..., S3Dict[Any]], costs: Costs, tmp_path: Path
) -> None:
    d = make(base_dir=str(tmp_path / "cache"), immutable_items=True)
    d["there"] = 1
    assert d["there"] == 1
    with costs():
        assert d["there"] == 1


def test_set(d: S3Dict[Any], costs: Costs) -> None:
    with costs():
        d["new"] = 1
    with costs():
        d["new"] = 2


def test_look(d: S3Dict[Any], costs: Costs) -> None:
    with costs():
        assert "there" in d
    with costs():
        assert "absent" not in d
    with costs():
        assert d.timestamp("there") > 0


def test_get_with_etag(d: S3Dict[Any], costs: Costs) -> None:
    with costs():
        assert d.get_with_etag("there")[0] == 1
    with costs():
        assert d.get_with_etag("absent") == (None, ABSENT)


def test_set_if(d: S3Dict[Any], costs: Costs) -> None:
    with costs():
        etag = d.set_if("new", 1, ABSENT)
    with costs():
        d.set_if("new", 2, etag)


def test_set_immutable(make: Callable[..., S3Dict[Any]], costs: Costs) -> None:
    d = make(immutable_items=True)
    with costs():
        d["new"] = 1


def test_setdefault_present(d: S3Dict[Any], costs: Costs) -> None:
    with costs():
        assert d.setdefault("there", 2) == 1


def test_setdefault_absent(d: S3Dict[Any], costs: Costs) -> None:
    with costs():
        assert d.setdefault("absent", 2) == 2


def test_transform(d: S3Dict[Any], costs: Costs) -> None:
    with costs():
        assert d.transform("there", lambda value: value + 1) == 2
    with costs():
        assert d.transform("absent", lambda value: value + 1, default=0) == 1


@pytest.mark.parametrize("conditional", [False, True])
def test_delete(make: Callable[..., S3Dict[Any]], costs: Costs, conditional: bool) -> None:
    d = make(conditional_deletes=conditional)
    d["a"] = d["b"] = 1
    with costs():
        del d["a"]
    with costs():
        assert d.delete_if_exists("b")


def test_pop(make: Callable[..., S3Dict[Any]], costs: Costs, proxy: Proxy) -> None:
    d = make(conditional_deletes=True)
    d["a"] = 1
    with costs():
        assert d.pop("a") == 1
    assert proxy.requests[-1].is_conditional


def test_pop_in_two_steps(d: S3Dict[Any], costs: Costs) -> None:
    with costs():
        assert d.pop("there") == 1


def test_bool(d: S3Dict[Any], costs: Costs) -> None:
    with costs():
        assert d
    with costs():
        assert not d.get_subdict("nothing")


def test_len(many: S3Dict[Any], costs: Costs) -> None:
    with costs(MANY):
        assert len(many) == MANY


def test_keys(many: S3Dict[Any], costs: Costs) -> None:
    with costs(MANY):
        assert sum(1 for _ in many) == MANY
    with costs(MANY):
        assert sum(1 for _ in many.keys()) == MANY  # noqa: SIM118


def test_newest_keys(many: S3Dict[Any], costs: Costs) -> None:
    with costs(MANY):
        assert len(many.newest_keys(10)) == 10
    with costs(MANY):
        assert len(many.oldest_keys()) == MANY
    with costs(MANY):
        assert sum(1 for _ in many.keys_and_timestamps()) == MANY


def test_list(many: S3Dict[Any], costs: Costs) -> None:
    with costs(MANY):
        assert len(list(many)) == MANY


def test_values(many: S3Dict[Any], costs: Costs) -> None:
    with costs(MANY):
        assert {value for value in many.values()} == set(range(MANY))
    with costs(MANY):
        assert sum(value for _, value in many.items()) == sum(range(MANY))


def test_subdicts(many: S3Dict[Any], costs: Costs) -> None:
    with costs(MANY):
        assert len(many.subdicts()) == MANY


def test_get_many(many: S3Dict[Any], costs: Costs) -> None:
    keys = [(f"part{number}", "item") for number in range(100)]
    with costs(100):
        assert [value for _, value in many.get_many(keys)] == list(range(100))


def test_get_many_bounded(make: Callable[..., S3Dict[Any]], costs: Costs, proxy: Proxy) -> None:
    d = make(max_value_bytes=10_000)
    d.update({f"key{number}": number for number in range(10)})
    with costs(10):
        assert len(dict(d.get_many([f"key{number}" for number in range(10)]))) == 10
    kinds = [request.operation for request in proxy.requests[-20:]]
    assert kinds == ["HeadObject", "GetObject"] * 10


def test_set_many(d: S3Dict[Any], costs: Costs) -> None:
    with costs(100):
        d.set_many({f"key{number}": number for number in range(100)})
    with costs(100):
        d.update({f"key{number}": number for number in range(100)})


def test_delete_many(d: S3Dict[Any], costs: Costs) -> None:
    keys = [f"key{number}" for number in range(MANY)]
    d.update(dict.fromkeys(keys[:10], 1))
    with costs(MANY):
        d.delete_many(keys)
    assert len(d) == 1


def test_clear(make: Callable[..., S3Dict[Any]], costs: Costs) -> None:
    d = make(root_prefix="many")
    d.update({f"key{number}": number for number in range(MANY)})
    with costs(MANY):
        d.clear()
    assert not d


def test_copy(
    many: S3Dict[Any], d: S3Dict[Any], costs: Costs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two buckets; each object is copied by the server, and no value comes here."""
    monkeypatch.setattr("persidict_core.copying.JOURNAL_SECONDS", 3600.0)
    with costs(MANY):
        many.copy_to(d)
    assert d["part7", "item"] == 7


def test_copy_again(many: S3Dict[Any], make: Callable[..., S3Dict[Any]], costs: Costs) -> None:
    d = make(root_prefix="copy")
    many.copy_to(d)
    with costs(MANY):
        assert many.copy_to(d).unchanged == MANY


def test_first_write(proxy: Proxy, bucket: str, costs: Costs) -> None:
    d: S3Dict[int] = S3Dict(bucket, endpoint_url=proxy.url)
    assert not d and "a" not in d and list(d.newest_keys()) == []
    with costs():
        d["a"] = 1
    assert d["a"] == 1


def test_probe(proxy: Proxy, bucket: str) -> None:
    d: S3Dict[int] = S3Dict(bucket, endpoint_url=proxy.url)
    d["there"] = 1
    with proxy.counting() as counts:
        d.set_if("new", 1, ABSENT)
    assert counts["PutObject"] - 1 == counts_of(promises()["test_probe"], 1)["PutObject"]
    assert 1 <= counts["DeleteObject"] <= 3
    assert counts.total() == counts["PutObject"] + counts["DeleteObject"]
    with proxy.counting() as counts:
        S3Dict[int](bucket, endpoint_url=proxy.url).set_if("another", 1, ABSENT)
    assert dict(counts) == {"PutObject": 1}


def test_every_line_has_its_test_and_every_test_its_line() -> None:
    of_the_document = {
        "test_every_line_has_its_test_and_every_test_its_line",
        "test_every_promise_is_understood",
    }
    tests = {name for name in globals() if name.startswith("test_")}
    assert set(promises()) == tests - of_the_document


def test_every_promise_is_understood() -> None:
    for test, promise in promises().items():
        found = counts_of(promise, 1)
        assert bool(found) != promise.startswith("none"), test
        assert len(found) == promise.count("+") + 1 or not found
