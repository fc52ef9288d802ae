"""The published package, 0.309, reads what is written here, and the reverse, in one folder."""

import pytest
from compat_values import difference, make_key, make_values

from persidict_file import FileDirDict

VALUES = make_values()
LENGTHS = [0, 1, 4, 8]
# The published package translates the newlines of text when it reads, no matter who wrote them.
LOST_THERE = {"txt": {"newlines"}, "json": set(), "pkl": set()}
# Its jsonpickle writes the dtypes of frames in codes that differ from process to process.
FRAMES = {"frame", "frame of words", "frame in a dict"}


def open_folder(folder, file_type, digest_len):
    base = None if file_type in ("pkl", "json") else str
    return FileDirDict(
        folder, file_type=file_type, digest_len=digest_len, base_class_for_values=base
    )


def write_all(folder, file_type, digest_len):
    d = open_folder(folder, file_type, digest_len)
    for name, value in VALUES[file_type].items():
        d[make_key(name)] = value


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("digest_len", LENGTHS)
@pytest.mark.parametrize("file_type", VALUES)
def test_it_reads_what_we_write(published, tmp_path, file_type, digest_len):
    write_all(tmp_path, file_type, digest_len)
    names = list(VALUES[file_type])
    answer = published.ask("read", tmp_path, file_type, digest_len, names=names)
    lost = {name for name, differs in answer.items() if differs is not None}
    assert lost == LOST_THERE[file_type], answer
    keys = published.ask("keys", tmp_path, file_type, digest_len)
    assert keys == sorted(list(make_key(name)) for name in names)


@pytest.mark.parametrize("digest_len", LENGTHS)
@pytest.mark.parametrize("file_type", VALUES)
def test_we_read_what_it_writes(published, tmp_path, file_type, digest_len):
    names = list(VALUES[file_type])
    published.ask("write", tmp_path, file_type, digest_len, names=names)
    # The digests are found in the names; that there are none must be said.
    d = open_folder(tmp_path, file_type, None if digest_len else 0)
    assert {tuple(key) for key in d} == {make_key(name) for name in names}
    for name, value in VALUES[file_type].items():
        assert difference(value, d[make_key(name)]) is None, name


@pytest.mark.parametrize("digest_len", LENGTHS)
@pytest.mark.parametrize("file_type", ["json", "txt"])
def test_both_write_the_same_names_and_bytes(published, tmp_path, file_type, digest_len):
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    write_all(ours, file_type, digest_len)
    names = list(VALUES[file_type])
    published.ask("write", theirs, file_type, digest_len, names=names)
    for folder in (ours, theirs):
        for name in FRAMES & set(names):
            del open_folder(folder, file_type, digest_len)[make_key(name)]
    assert contents(ours) == contents(theirs)


@pytest.mark.parametrize("file_type", VALUES)
def test_each_replaces_what_the_other_wrote(published, tmp_path, file_type):
    first, second = list(VALUES[file_type])[:2]
    published.ask("write", tmp_path, file_type, 4, names=[first])
    d = open_folder(tmp_path, file_type, None)
    d[make_key(first)] = VALUES[file_type][first]
    d[make_key(second)] = VALUES[file_type][second]
    assert len(contents(tmp_path)) == 2
    published.ask("write", tmp_path, file_type, 4, names=[second])
    assert len(contents(tmp_path)) == len(d) == 2
    assert difference(VALUES[file_type][second], d[make_key(second)]) is None


def test_names_of_pickles_are_the_same(published, tmp_path):
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    write_all(ours, "pkl", 8)
    published.ask("write", theirs, "pkl", 8, names=list(VALUES["pkl"]))
    assert contents(ours).keys() == contents(theirs).keys()
