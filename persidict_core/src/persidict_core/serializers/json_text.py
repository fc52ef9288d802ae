"""JSON as jsonpickle writes it: any value with a state, in text that people can read.

Lists, dicts, strings, numbers, truth and None are plain JSON. Anything else is a dict with a key
that begins with ``py/``, as jsonpickle defines it (https://jsonpickle.github.io); this module then
leaves it to jsonpickle, and to nobody else does it load it.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from json.encoder import encode_basestring_ascii
from typing import Any, Final, NoReturn

from ..errors import SerializationError
from .base import Serializer
from .sameness import difference

_TAG: Final = "py/"
# A tag as it may hide behind escapes, which JSON allows for any character.
_HIDDEN: Final = re.compile(r'"(?:p|\\u0070)(?:y|\\u0079)(?:/|\\/|\\u002[fF])')
_KINDS: Final[dict[str, type]] = {
    "py/b64": str,
    "py/b85": str,
    "py/function": str,
    "py/id": int,
    "py/iterator": list,
    "py/mod": str,
    "py/object": str,
    "py/reduce": list,
    "py/seq": list,
    "py/set": list,
    "py/tuple": list,
    "py/type": str,
}
_ADVICE: Final = "file_type='pkl' may keep it"


class JsonSerializer(Serializer):
    """Turns values into the text that ``jsonpickle.encode(value, indent=4)`` gives, and back.

    A value that is not plain JSON is read back before it is accepted: what jsonpickle would change
    is refused. With ``allow_pickle=False`` only plain JSON is taken and given, since a ``py/`` key
    can make any class.

    Args:
        allow_pickle: Whether values that are not plain JSON are taken and given.
        max_value_bytes: The most bytes that a value may have when it is read.

    Example:
        >>> serializer = JsonSerializer()
        >>> print(serializer.dumps({"a": (1, 2)}).decode())
        {
            "a": {
                "py/tuple": [
                    1,
                    2
                ]
            }
        }
        >>> serializer.dumps({1: 2})
        Traceback (most recent call last):
        ...
        persidict_core.errors.SerializationError: file type 'json': a dict has the key 1, an int, \
which would come back as a str; file_type='pkl' may keep it
    """

    file_type = "json"

    def dumps(self, value: Any) -> bytes:
        parts: list[str] = []
        beyond = None
        try:
            _write(value, "\n", parts.append, set())
        except _NotPlainError as error:
            beyond = str(error)
        if beyond is not None:
            return self._by_jsonpickle(value, beyond).encode("ascii")
        text = "".join(parts)
        if "\\ud" in text:  # Two surrogates in a row would come back as one character.
            self._prove(value, json.loads(text))
        return text.encode("ascii")

    def loads(self, data: bytes) -> Any:
        self.check_size(data)
        try:
            text = data.decode()
            if '"py/' not in text and not ("\\" in text and _HIDDEN.search(text)):
                return json.loads(text)
            tags = _Tags(self)
            plain = json.loads(text, object_pairs_hook=tags.take)
        except (ValueError, RecursionError) as error:
            raise self.error(f"the bytes are no JSON: {error}") from error
        if not tags.found:
            return plain
        tags.import_classes()
        _register_handlers()
        return self._restore(plain)

    def _by_jsonpickle(self, value: Any, beyond: str) -> str:
        self._check_containers(value)
        if not self.allow_pickle:
            raise self.error(
                f"{beyond}, which JSON can say only by a key 'py/...' that makes objects on "
                "reading: allow_pickle=False refuses it"
            )
        from jsonpickle.pickler import Pickler

        _register_handlers()
        try:
            text = json.dumps(Pickler(keys=False).flatten(value), indent=4)
        except Exception as error:
            raise self.error(
                f"jsonpickle cannot write the value: {type(error).__name__}: {error}; {_ADVICE}"
            ) from error
        try:
            back = self._restore(json.loads(text))
        except SerializationError as error:
            raise self.error(f"it would not come back: {error.problem}; {_ADVICE}") from error
        self._prove(value, back)
        return text

    def _restore(self, plain: Any) -> Any:
        from jsonpickle.unpickler import Unpickler

        try:
            return Unpickler(keys=False, safe=True, on_missing=self._miss).restore(plain)
        except SerializationError:
            raise
        except Exception as error:
            raise self.error(
                f"jsonpickle cannot make the value: {type(error).__name__}: {error}"
            ) from error

    def _miss(self, name: str) -> NoReturn:
        raise self.error(f"the value's class {name} cannot be imported, or not be made")

    def _prove(self, value: Any, back: Any) -> None:
        changed = difference(value, back)
        if changed:
            raise self.error(f"{changed}; {_ADVICE}")

    def _check_containers(self, value: Any) -> None:
        """Refuse keys that JSON changes or jsonpickle takes for its own, and what it would exhaust.

        Only containers are looked into; what objects hold is proven by reading back.
        """
        seen: dict[int, Any] = {}
        left = [value]
        while left:
            item = left.pop()
            kind = type(item)
            if isinstance(item, Iterator):
                raise self.error(f"the value holds {_a(item)}, which reading would exhaust")
            if kind not in (dict, list, tuple, set, frozenset) or id(item) in seen:
                continue
            seen[id(item)] = item
            left.extend(item.values() if kind is dict else item)
            for key in item if kind is dict else ():
                if type(key) is not str:
                    raise self.error(
                        f"a dict has the key {key!r:.60}, {_a(key)}, which would come back as a "
                        f"str; {_ADVICE}"
                    )
                if key.startswith(_TAG):
                    raise self.error(
                        f"a dict has the key {key!r:.60}, and keys that begin with {_TAG!r} are "
                        f"jsonpickle's own; {_ADVICE}"
                    )


class _NotPlainError(Exception):
    """A value is more than plain JSON."""


def _write(value: Any, newline: str, put: Callable[[str], object], seen: set[int]) -> None:
    """Put the text that ``json.dumps(value, indent=4)`` gives, if the value is plain JSON.

    Args:
        value: The value; only lists, dicts, strings, numbers, truth and None, each by itself.
        newline: A newline and the indentation where the value stands.
        put: Takes the pieces.
        seen: The containers so far: jsonpickle writes the second mention of one as a reference.
    """
    kind = type(value)
    if kind is str:
        put(encode_basestring_ascii(value))
    elif kind is int:
        put(int.__repr__(value))
    elif value is None or kind is bool:
        put("null" if value is None else "true" if value else "false")
    elif kind is float:
        put(float.__repr__(value) if value - value == 0 else json.dumps(value))  # NaN, Infinity
    elif kind is dict or kind is list:
        if id(value) in seen:
            raise _NotPlainError(f"the same {kind.__name__} stands twice in the value")
        seen.add(id(value))
        first, last = "{}" if kind is dict else "[]"
        before, inner = first, newline + "    "
        if kind is list:
            for item in value:
                put(before + inner)
                _write(item, inner, put, seen)
                before = ","
        else:
            for key, item in value.items():
                if type(key) is not str or key.startswith(_TAG):
                    raise _NotPlainError(f"a dict has the key {key!r:.60}")
                put(f"{before}{inner}{encode_basestring_ascii(key)}: ")
                _write(item, inner, put, seen)
                before = ","
        put(newline + last if value else first + last)
    else:
        raise _NotPlainError(f"the value holds {_a(value)}")


def _a(value: object) -> str:
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiouAEIO' else 'a'} {name}"


class _Tags:
    """The ``py/`` keys of a text, taken from each dict while it is parsed.

    jsonpickle packs a numpy array by zlib; where sizes are limited, what that expands to counts.

    Args:
        serializer: Says what is allowed, and makes the errors.
    """

    def __init__(self, serializer: JsonSerializer) -> None:
        self.found = False
        self._serializer = serializer
        self._classes: set[str] = set()
        self._needed: set[str] = set()
        self._expanded = 0

    def take(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        """One dict of the text; its tags must hold what jsonpickle puts there."""
        for key, value in pairs:
            if not key.startswith(_TAG):
                continue
            self.found = True
            if not self._serializer.allow_pickle:
                raise self._serializer.error(
                    f"the value has the key {key!r:.60}, which makes objects: "
                    "allow_pickle=False refuses it"
                )
            if type(value) is not _KINDS.get(key, type(value)):
                raise self._serializer.error(f"the bytes are damaged: {key!r} holds {_a(value)}")
            if key == "py/object":
                self._classes.add(str(value))
            elif key == "py/type" or key == "py/function":
                self._needed.add(str(value))
        found = dict(pairs)
        if "py/object" in found and type(found.get("values")) is str:
            self._check_expanded(found["values"])
        return found

    def _check_expanded(self, packed: str) -> None:
        """Refuse what expands, with all before it, to more than ``max_value_bytes``."""
        limit = self._serializer.max_value_bytes
        if limit is None:
            return
        import zlib
        from base64 import b64decode

        try:
            most = limit - self._expanded + 1
            self._expanded += len(zlib.decompressobj().decompress(b64decode(packed), most))
        except (ValueError, zlib.error):
            return  # A text of another kind.
        if self._expanded > limit:
            raise self._serializer.error(
                f"the value's arrays expand to more than max_value_bytes={limit}"
            )

    def import_classes(self) -> None:
        """Load what is named, so that the handlers for it can be registered.

        Of a type or function that leads to nothing jsonpickle would make a dict or None: that is an
        error here. It tells of a missing class itself.
        """
        from jsonpickle.unpickler import loadclass

        for name in self._classes | self._needed:
            if loadclass(name) is not None:
                continue
            package = name.partition(".")[0]
            if package in ("numpy", "pandas") and not sys.modules.get(package):
                raise self._serializer.error(
                    f"the value needs {package}, which is not installed: "
                    f'pip install "persidict-core[{package}]"'
                )
            if name in self._needed:
                raise self._serializer.error(f"{name} cannot be imported")


def _register_handlers() -> None:
    """Have jsonpickle know the types of numpy and pandas, where there can be values of them."""
    if sys.modules.get("numpy"):
        from . import json_numpy

        json_numpy.register()
    if sys.modules.get("pandas"):
        from . import json_pandas

        json_pandas.register()
