"""What is fsspec's own: URLs, secrets, errors."""

import pickle
import subprocess
import sys

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem
from persidict_fsspec import FsspecAzure, FsspecBackend, FsspecGoogle, FsspecLocal, FsspecMemory

import persidict
from persidict_core import BackendError, ObjectNotFound, PersiDict, URLError

SECRET = "hush-7f3a"


def options():
    return {"auto_mkdir": False}


class Failing(LocalFileSystem):
    """A filesystem whose server has gone."""

    protocol = "failing"

    def fail(self, *args, **params):
        raise RuntimeError("503 from the server")

    info = cat_file = pipe_file = rm_file = find = makedirs = fail


@pytest.fixture
def failing():
    fsspec.register_implementation("failing", Failing, clobber=True)
    return FsspecBackend("failing:///folder")


@pytest.mark.parametrize("name", ["plain", "a b#c?", "été"])
def test_a_dictionary_is_found_by_its_url(tmp_path, name):
    d = PersiDict(FsspecLocal(f"file://{tmp_path}/{name}"), file_type="json")
    d["users", "alex"] = 1
    assert d.url.startswith("fsspec+file:///") and (tmp_path / name / "users/alex.json").is_file()
    assert persidict.open(d.url)["users", "alex"] == 1
    assert persidict.open(f"fsspec+memory://{name.encode().hex()}?file_type=json") == {}


@pytest.mark.parametrize(
    ("cls", "root"), [(FsspecGoogle, "gs://bucket/f"), (FsspecAzure, "az://container")]
)
def test_urls_of_clouds_say_where(cls, root):
    backend = cls(root)
    assert backend.url == f"fsspec+{root}" and cls.from_url(backend.url) == backend
    assert type(PersiDict(backend.url).backend) is cls
    with pytest.raises(URLError, match="opens no file://"):
        _ = cls("file:///tmp").url


def test_options_are_secret():
    backend = FsspecGoogle("gs://bucket", storage_options={"token": SECRET})
    for text in (repr(backend), str(backend.get_params()), repr(PersiDict(backend))):
        assert SECRET not in text and "***" in text
    with pytest.raises(TypeError, match="storage_options"):
        pickle.dumps(backend)
    with pytest.raises(URLError, match="storage_options"):
        _ = backend.url


def test_a_function_that_gives_the_options_is_pickled(tmp_path):
    backend = FsspecLocal(f"file://{tmp_path}", storage_options=options)
    backend.write_bytes("a/b", b"x")
    assert pickle.loads(pickle.dumps(backend)).read_bytes("a/b") == b"x"


@pytest.mark.parametrize("root", ["folder", "simplecache::gs://bucket", ""])
def test_what_is_no_url_of_fsspec_is_refused(root):
    with pytest.raises(ValueError, match="fsspec"):
        FsspecBackend(root)


def test_a_failing_store_never_looks_empty(failing):
    verbs = {
        "read_bytes": lambda: failing.read_bytes("a"),
        "write_bytes": lambda: failing.write_bytes("a", b"x"),
        "delete": lambda: failing.delete("a"),
        "stat": lambda: failing.stat("a"),
        "list_stats": lambda: list(failing.list_prefix()),
    }
    for name, verb in verbs.items():
        with pytest.raises(BackendError, match="503") as caught:
            verb()
        assert caught.value.operation == name and not isinstance(caught.value, ObjectNotFound)


def test_an_unknown_filesystem_is_told():
    with pytest.raises(BackendError, match="nosuch"):
        FsspecBackend("nosuch://a").read_bytes("a")


def test_nowhere_to_write_is_no_missing_key(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(BackendError):
        FsspecLocal(f"file://{tmp_path}/file").write_bytes("a", b"x")


def test_a_failed_write_leaves_nothing(tmp_path):
    backend = FsspecLocal(f"file://{tmp_path}")
    backend.write_bytes("a/b", b"x")
    with pytest.raises(BackendError):
        backend.write_bytes("a", b"x")
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["b"]


def test_strangers_are_not_listed(tmp_path):
    backend = FsspecLocal(f"file://{tmp_path}")
    backend.write_bytes("a/b", b"x")
    (tmp_path / "a" / ",left").write_bytes(b"half")
    (tmp_path / "with a space").write_bytes(b"")
    assert list(backend.list_prefix()) == ["a/b"]


def test_memory_is_not_opened_in_another_process():
    data = pickle.dumps(FsspecMemory("memory://here"))
    program = f"import pickle; pickle.loads({data!r})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode and "lives in the process" in done.stderr
