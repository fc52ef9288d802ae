"""A user's program, which type checkers read, and which is run, against what is installed."""

# The submodules of earlier versions have types, but no source where pyright looks for it.
# pyright: reportMissingModuleSource=false

import tempfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, assert_type

import persidict
from persidict import (
    DELETE_CURRENT,
    KEEP_CURRENT,
    FileDirDict,
    Info,
    MemoryBackend,
    OverlappingMultiDict,
    PersiDict,
    PersiDictError,
    SafeStrTuple,
    WriteOnceDict,
)
from persidict.file_dir_dict import FileDirDict as FormerFileDirDict
from persidict.jokers import KeepCurrent
from persidict.safe_chars import SAFE_CHARS_SET, SAFE_STRING_MAX_LENGTH
from persidict.safe_str_tuple_signing import sign_safe_str_tuple

folder = tempfile.mkdtemp()
settings: FileDirDict[dict[str, str]] = FileDirDict(folder, file_type="json")
settings["users", "alex"] = {"theme": "dark"}
assert_type(settings["users", "alex"], dict[str, str])
assert_type(settings.get("nobody"), dict[str, str] | None)
assert_type(iter(settings), Iterator[SafeStrTuple])
assert_type(settings.newest_keys(3), list[SafeStrTuple])
assert list(settings.keys()) == [("users", "alex")]

numbers: PersiDict[int] = PersiDict(MemoryBackend())
numbers.transform("word", lambda number: number + 1, default=0)
assert_type(numbers["word"], int)
assert numbers["word"] == 1
numbers["word"] = KEEP_CURRENT
numbers["word"] = KeepCurrent
numbers["word"] = DELETE_CURRENT
assert "word" not in numbers

assert_type(numbers.info(), Info)
assert_type(numbers.info().url, str | None)


@numbers.memoize
def area(width: int, height: int = 1) -> int:
    return width * height


@numbers.memoize(ignore=("verbose",))
def total(*several: int, verbose: bool = False) -> int:
    return sum(several)


class Model:
    size = 3

    @numbers.memoize(ignore=("self",))
    def fit(self, rounds: int) -> float:
        return rounds / 2


assert_type(area(3, height=4), int)
assert_type(area.key_of(3), SafeStrTuple)
assert_type(area.forget(3, 4), bool)
assert_type(total(1, 2, verbose=True), int)
assert_type(Model().fit(4), float)
assert_type(Model.fit.forget(Model(), rounds=4), bool)
assert_type(area.__wrapped__(3), int)
if TYPE_CHECKING:
    area("3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Model().fit()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]

opened = persidict.open("memory://shared")
assert_type(opened, PersiDict[Any])

once: WriteOnceDict[int] = WriteOnceDict(numbers)
once["first"] = 1
assert_type(once["first"], int)

formats = OverlappingMultiDict(FileDirDict, {"base_dir": folder}, json={}, pkl={})
assert_type(formats.json, PersiDict[Any])
assert formats.json["users", "alex"] == {"theme": "dark"}
assert_type(SAFE_CHARS_SET, set[str])
assert SAFE_STRING_MAX_LENGTH > 200
assert_type(sign_safe_str_tuple("a", 4), SafeStrTuple)
assert FormerFileDirDict is FileDirDict
assert issubclass(persidict.URLError, PersiDictError)
