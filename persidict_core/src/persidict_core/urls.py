"""URLs: where a store is and how it is used, as one immutable value with one parser.

``scheme://address?name=value&name=value``. The address is all between ``://`` and ``?``,
percent-decoded; it fills the first parameter of a constructor, and the query the others, converted
by their annotations. A string without a scheme, or a path object, is a folder.
"""

from __future__ import annotations

import builtins
import difflib
import inspect
import os
import re
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

from .configuration import constructor_params, is_default
from .errors import URLError

_HAS_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]+)://(.*)", re.DOTALL).fullmatch
_SEEMS_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]+):(?!\\)").match
_SEEMS_URL = re.compile(r"[^/\\]*://").match
_SEEMS_QUERY = re.compile(r"\?[A-Za-z_]\w*=").search
_CONTROL = re.compile(r"[\x00-\x1f\x7f]").search
_SECRET = re.compile(
    r"pass|passwd|.*password.*|pwd|.*secret.*|.*token.*|.*credential.*|.*accesskey.*|.*apikey.*"
    r"|.*privatekey.*|key|user|username|login|auth|sas|sig|signature"
).fullmatch


@dataclass(frozen=True, slots=True)
class URL:
    """Where a store is, and how it is used.

    Attributes:
        scheme: The name under which the backend is registered, in lower case.
        address: All between ``://`` and ``?``, decoded.
        query: The parameters as text, decoded.

    Example:
        >>> URL.parse("memory://results?file_type=json")
        URL('memory://results?file_type=json')
        >>> URL.parse("my folder").address
        'my folder'
    """

    scheme: str
    address: str
    query: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        query = {_canonical(name): _canonical(text) for name, text in self.query.items()}
        object.__setattr__(self, "address", _canonical(self.address))
        object.__setattr__(self, "query", types.MappingProxyType(query))

    def __reduce__(self) -> tuple[Any, ...]:
        return URL, (self.scheme, self.address, dict(self.query))

    @classmethod
    def parse(cls, source: str | os.PathLike[str] | URL) -> URL:
        """Read a URL, a folder's name, or a path object.

        Args:
            source: What to read; a URL is given back as it is.

        Raises:
            URLError: If it is malformed or holds a secret. The text is not echoed.
            TypeError: If it is none of the three.
        """
        if isinstance(source, URL):
            return source
        if isinstance(source, os.PathLike):
            return cls("file", os.fsdecode(source))
        if not isinstance(source, str):
            raise TypeError(
                f"a URL, a folder's name or a path object is wanted, not {type(source).__name__}"
            )
        match = _HAS_SCHEME(source)
        if match is None:
            return cls("file", _folder(source))
        scheme, rest = match[1].lower(), match[2]
        if _CONTROL(rest):
            raise URLError(f"a control character in a {scheme}: URL; write it as %0A or the like")
        if "#" in rest:
            raise URLError(f"a '#' in a {scheme}: URL, which has no fragments; write it as %23")
        address, _, text = rest.partition("?")
        if "@" in address.partition("/")[0]:
            raise URLError(
                f"a user or password in a {scheme}: URL is refused: leave credentials to the "
                "store's own chain (environment, profile); write an '@' in a name as %40"
            )
        text = _canonical(text)
        try:
            pairs = parse_qsl(
                text, keep_blank_values=True, strict_parsing=bool(text), errors="surrogateescape"
            )
        except ValueError:
            raise URLError(
                f"the part after '?' of a {scheme}: URL wants name=value, joined by '&'"
            ) from None
        query = dict(pairs)
        if len(query) < len(pairs):
            raise URLError(f"a parameter stands twice in a {scheme}: URL")
        refuse_secrets(scheme, query)
        return cls(scheme, unquote(address, errors="surrogateescape"), query)

    def with_query(self, query: Mapping[str, str]) -> URL:
        """The same address with other parameters."""
        return URL(self.scheme, self.address, query)

    def __str__(self) -> str:
        address = quote(self.address, safe="/:~()=+,!$&'*;", errors="surrogateescape")
        query = urlencode(self.query, quote_via=quote, safe="/()", errors="surrogateescape")
        return f"{self.scheme}://{address}{'?' if query else ''}{query}"

    def __repr__(self) -> str:
        return f"URL({str(self)!r})"


def _canonical(text: str) -> str:
    """The text that its own bytes decode to: escaped bytes (see PEP 383) as characters."""
    try:
        return text.encode(errors="surrogateescape").decode(errors="surrogateescape")
    except UnicodeEncodeError:
        raise URLError("a lone surrogate in a URL or a folder's name: it is no text") from None


def _folder(text: str) -> str:
    if not text:
        raise URLError("an empty string is neither a URL nor a folder's name")
    if _SEEMS_URL(text):
        raise URLError(
            "what stands before '://' is no scheme, which is letters and digits; a folder of such "
            "a name is written './...' or as a pathlib.Path"
        )
    if seems := _SEEMS_SCHEME(text):
        raise URLError(
            f"'{seems[1]}:' without '//': a URL is written {seems[1]}://address, and a folder of "
            f"such a name './{seems[1]}:...' or as a pathlib.Path"
        )
    if _SEEMS_QUERY(text):
        raise URLError(
            "parameters after a '?' want a URL, such as file:///folder?file_type=json, or "
            "keywords; give a folder with a '?' in its name as a pathlib.Path"
        )
    return text


def refuse_secrets(scheme: str, names: Iterable[str], declared: Iterable[str] = ()) -> None:
    """Raise if a parameter of a URL would be a secret.

    Args:
        scheme: For the message.
        names: The names of the parameters.
        declared: Further names that are secret.

    Raises:
        URLError: Naming the parameter, never its value.
    """
    declared = set(declared)
    for name in names:
        if name in declared or _SECRET(re.sub(r"[^a-z]", "", name.lower())):
            raise URLError(
                f"the parameter {name!r} of a {scheme}: URL would be a secret, and URLs are "
                "logged: leave credentials to the store's own chain, or give it as a keyword"
            )


def merged(said: Mapping[str, Any], keywords: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a URL and keywords together.

    A keyword wins, but for ``allow_pickle=False``, which wins wherever it is said.
    """
    together = {**said, **keywords}
    if said.get("allow_pickle") is False:
        together["allow_pickle"] = False
    return together


def check_known(scheme: str, given: Iterable[str], known: Sequence[str]) -> None:
    """Raise if a name is none of those known.

    Raises:
        URLError: With the names that are known, the nearest first.
    """
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise URLError(
                f"{scheme}:// has no parameter {name!r}{hint} (known: {', '.join(known)})"
            )


def from_text(cls: type, query: Mapping[str, str]) -> dict[str, Any]:
    """Convert a query's texts by the annotations of a constructor.

    Raises:
        URLError: If a text does not fit.
    """
    return {name: _convert(name, text, _hint(cls, name)) for name, text in query.items()}


def _hint(cls: type, name: str) -> Any:
    constructor = inspect.unwrap(cls.__init__)  # type: ignore[misc]
    annotation = constructor.__annotations__.get(name, str)
    # One at a time: another's may name what is imported for type checkers only.
    alone = types.SimpleNamespace(__annotations__={name: annotation})
    try:
        return typing.get_type_hints(alone, getattr(constructor, "__globals__", {}))[name]
    except (NameError, AttributeError, TypeError):
        raise URLError(
            f"the parameter {name!r} wants {annotation}, which a URL cannot say: give it as a "
            "keyword"
        ) from None


def _convert(name: str, text: str, hint: Any) -> Any:
    options = typing.get_args(hint) if _is_union(hint) else (hint,)
    lower = text.lower()
    if types.NoneType in options and str not in options and lower == "none":
        return None
    if bool in options and lower in ("true", "1", "yes", "false", "0", "no"):
        return lower in ("true", "1", "yes")
    for option in options:
        if option in (int, float):
            try:
                return option(text)
            except ValueError:
                continue
        if isinstance(option, type) and issubclass(option, Enum):
            for member in option:
                if member.name.lower() == lower:
                    return member
        elif option is type or typing.get_origin(option) is type:
            found = getattr(builtins, text, None)
            if isinstance(found, type):
                return found
    if str in options:
        return text
    wanted = " or ".join(
        "a built-in type's name" if option is type else str(getattr(option, "__name__", option))
        for option in options
        if option is not types.NoneType
    )
    raise URLError(f"the parameter {name!r} wants {wanted}, not {text!r}")


def _is_union(hint: Any) -> bool:
    return typing.get_origin(hint) in (typing.Union, types.UnionType)


def to_text(owner: object, params: Mapping[str, Any]) -> dict[str, str]:
    """The query that says parameters; those that have their default are left out.

    Args:
        owner: The configured object, whose constructor knows the defaults.
        params: Its parameters.

    Raises:
        URLError: If a URL cannot say one.
    """
    known = constructor_params(type(owner))
    query = {
        name: _text(owner, name, value)
        for name, value in params.items()
        if name not in known or not is_default(value, known[name].default)
    }
    for name, found in from_text(type(owner), query).items():
        # The constructor itself takes apart the text of a sequence, and opens a URL.
        as_text = _is_sequence(params[name]) or _has_url(params[name])
        if found != (query[name] if as_text else params[name]):
            raise unsaid(owner, name, params[name])
    return query


def _text(owner: object, name: str, value: Any) -> str:
    if isinstance(value, Enum):
        return value.name.lower()
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    if isinstance(value, int | float | str):
        return str(value)
    if isinstance(value, type):
        name_of_class: str = value.__name__
        if getattr(builtins, name_of_class, None) is value:
            return name_of_class
    if _is_sequence(value):
        return "/".join(value)
    if _has_url(value):
        return str(value.url)
    raise unsaid(owner, name, value)


def _has_url(value: object) -> bool:
    """Whether it is a backend, say, which its own URL makes again."""
    return isinstance(getattr(type(value), "url", None), property)


def _is_sequence(value: object) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(part, str) for part in value)


def unsaid(owner: object, name: str, value: object) -> URLError:
    """The error to raise where a URL cannot say a parameter."""
    return URLError(
        f"{type(owner).__name__} has no URL: a URL cannot say its {name}, a {type(value).__name__}"
    )
