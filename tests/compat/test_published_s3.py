"""In one bucket: what 0.36 wrote is read; 0.309 reads what is written here, and the reverse."""

from uuid import uuid4

import pytest
from compat_values import difference, make_key, make_values

from persidict_s3 import S3Dict
from tests.compat.conftest import Published, find_python
from tests.compat.test_golden import EXPECTED, GOLDEN
from tests.compat.test_published import FRAMES, LOST_THERE
from tests.s3.conftest import endpoint, s3_client, shared_bucket

__all__ = ["endpoint", "s3_client", "shared_bucket"]

pytestmark = pytest.mark.s3
VALUES = make_values()


@pytest.fixture(scope="module")
def published_s3(endpoint):
    asked = Published(find_python())
    yield asked
    asked.close()


@pytest.fixture
def place(shared_bucket):
    return f"s3://{shared_bucket}/{uuid4().hex}"


def open_place(place, file_type, **params):
    bucket, prefix = place.removeprefix("s3://").split("/")
    base = None if file_type in ("pkl", "json") else str
    return S3Dict(
        bucket, root_prefix=prefix, file_type=file_type, base_class_for_values=base, **params
    )


def contents(client, place):
    bucket, prefix = place.removeprefix("s3://").split("/")
    listed = client.list_objects_v2(Bucket=bucket, Prefix=prefix + "/")["Contents"]
    return {
        entry["Key"].removeprefix(prefix): client.get_object(Bucket=bucket, Key=entry["Key"])
        for entry in listed
    }


@pytest.mark.parametrize("file_type", EXPECTED)
def test_what_0_36_wrote_is_a_dictionary(s3_client, place, file_type):
    bucket, prefix = place.removeprefix("s3://").split("/")
    for path in (GOLDEN / "s3").rglob("*"):
        if path.is_file():
            name = f"{prefix}/{path.relative_to(GOLDEN / 's3' / 'root' / 'p')}"
            s3_client.put_object(Bucket=bucket, Key=name, Body=path.read_bytes())
    d = open_place(place, file_type)
    assert {tuple(key) for key in d} == set(EXPECTED[file_type])
    for key, value in EXPECTED[file_type].items():
        assert difference(value, d[key]) is None


@pytest.mark.parametrize("cached", [False, True])
@pytest.mark.parametrize("file_type", VALUES)
def test_it_reads_what_we_write(published_s3, place, tmp_path, file_type, cached):
    open_place(place, file_type).update(
        {make_key(name): value for name, value in VALUES[file_type].items()}
    )
    names = list(VALUES[file_type])
    more = {"copies": str(tmp_path)} if cached else {}
    answer = published_s3.ask("read", place, file_type, 8, names=names, **more)
    assert set(answer.values()) == {None}, answer
    keys = published_s3.ask("keys", place, file_type, 8, **more)
    assert keys == sorted(list(make_key(name)) for name in names)


@pytest.mark.parametrize("file_type", VALUES)
def test_we_read_what_it_writes(published_s3, place, tmp_path, file_type):
    names = list(VALUES[file_type])
    # Its copies and ours may lie in one folder.
    published_s3.ask("write", place, file_type, 8, names=names, copies=str(tmp_path))
    d = open_place(place, file_type, base_dir=tmp_path)
    assert {tuple(key) for key in d} == {make_key(name) for name in names}
    for _ in range(2):
        for name, value in VALUES[file_type].items():
            assert difference(value, d[make_key(name)]) is None, name
    answer = published_s3.ask("read", place, file_type, 8, names=names, copies=str(tmp_path))
    lost = {name for name, differs in answer.items() if differs is not None}
    # From the bucket it takes newlines as they are, from its copies it does not.
    assert lost == LOST_THERE[file_type], answer


@pytest.mark.parametrize("file_type", VALUES)
def test_both_write_the_same_names_bytes_and_content_types(
    published_s3, s3_client, shared_bucket, file_type
):
    ours, theirs = (f"s3://{shared_bucket}/{uuid4().hex}" for _ in range(2))
    names = [name for name in VALUES[file_type] if name not in FRAMES]
    open_place(ours, file_type).update({make_key(name): VALUES[file_type][name] for name in names})
    published_s3.ask("write", theirs, file_type, 8, names=names)
    here, there = contents(s3_client, ours), contents(s3_client, theirs)
    assert here.keys() == there.keys()
    for name, answer in here.items():
        kind, former = answer["ContentType"], there[name]["ContentType"]
        assert kind == former or (kind, former) == ("text/plain; charset=utf-8", "text/plain")
        if file_type != "pkl":
            assert answer["Body"].read() == there[name]["Body"].read(), name
