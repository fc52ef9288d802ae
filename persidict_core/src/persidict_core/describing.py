"""What a dictionary is, at a glance: for people, in a notebook or on a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from .backend import BaseBackend, Capabilities, ETags, ObjectStat
from .configuration import constructor_params, is_default
from .keys import SafeStrTuple
from .printable import printable

if TYPE_CHECKING:
    from .persi_dict import PersiDict

PAGE: Final = 1000
"""So many names are looked at: one page of a listing of S3."""

_SHOWN: Final = 10
_LABEL: Final = 12
_WIDTH: Final = 80
_LONGEST: Final = 1000
_SETTINGS: Final = (
    "immutable_items",
    "base_class_for_values",
    "allow_pickle",
    "max_value_bytes",
    "read_only",
)

# JupyterLab's own colours, which follow its theme; elsewhere what the page has.
_BOX: Final = (
    "border:1px solid var(--jp-border-color2,#8886);border-radius:3px;padding:6px 10px;"
    "display:inline-block;max-width:100%;color:var(--jp-content-font-color1,inherit)"
)
_HEAD: Final = "font-weight:600;padding-bottom:4px"
_TABLE: Final = "border-collapse:collapse;margin:0;background:none"
_NAME: Final = (
    "text-align:left;vertical-align:top;padding:1px 14px 1px 0;font-weight:normal;"
    "background:none;color:var(--jp-content-font-color2,inherit)"
)
_TEXT: Final = "text-align:left;padding:1px 0;background:none;overflow-wrap:anywhere"
_ERROR: Final = "color:var(--jp-error-color1,#c62828)"


class Info(NamedTuple):
    """What `PersiDict.info` tells. As a string it is a table of 80 columns, in a notebook a box.

    Attributes:
        kind: The dictionary's class.
        url: What opens it again; None where no URL says it.
        backend: The store below all layers, as its ``repr``, without secrets.
        layers: What stands between the dictionary and the store, the outermost first.
        file_type: The format of the values.
        prefix: The strings that all keys begin with in the store.
        digest_len: How many characters of digest each string has in the names.
        settings: Those parameters that say what is allowed, where they are not the default.
        conditions: What the store promises; None: to know it may take a request.
        looked_at: How many items were seen.
        is_all: Whether these are all there are.
        first_keys: The first of them, in the store's own order.
        size: Their bytes together, as they are stored; None: the store tells sizes one by one.
        error: Why the store could not be looked at; None: it could.

    Example:
        >>> from persidict_core import PersiDict
        >>> d = PersiDict("memory://", file_type="json")
        >>> d["users", "alex"] = {"theme": "dark"}
        >>> info = d.info()
        >>> info.looked_at, info.is_all, info.size
        (1, True, 23)
    """

    kind: str
    url: str | None
    backend: str
    layers: tuple[str, ...]
    file_type: str
    prefix: tuple[str, ...]
    digest_len: int
    settings: dict[str, str]
    conditions: Capabilities | None
    looked_at: int = 0
    is_all: bool = False
    first_keys: tuple[SafeStrTuple, ...] = ()
    size: int | None = None
    error: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """The same in plain types, as JSON has them."""
        conditions = self.conditions and {
            **{name: scope.name.lower() for name, scope in self.conditions._asdict().items()},
            "etags": self.conditions.etags.value,
        }
        return self._asdict() | {
            "layers": list(self.layers),
            "prefix": list(self.prefix),
            "settings": dict(self.settings),
            "conditions": conditions,
            "first_keys": [list(key) for key in self.first_keys],
        }

    def __str__(self) -> str:
        import textwrap

        lines = [printable(self.kind)]
        for name, text in self._rows():
            wrapped = textwrap.wrap(text, _WIDTH - _LABEL - 2, break_on_hyphens=False) or [""]
            lines += [
                f"  {label:{_LABEL}}{line}"
                for label, line in zip([name, *[""] * len(wrapped)], wrapped, strict=False)
            ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><th style="{_NAME}">{escape(name)}</th>'
            f'<td style="{_TEXT}{";" + _ERROR if name == "error" else ""}">{escape(text)}</td></tr>'
            for name, text in self._rows()
        )
        return (
            f'<div class="persidict-info" style="{_BOX}"><div style="{_HEAD}">'
            f'{escape(printable(self.kind))}</div><table style="{_TABLE}">{rows}</table></div>'
        )

    def _rows(self) -> Iterator[tuple[str, str]]:
        """A name and a text for each line, fit to be looked at."""
        yield "URL", _short(self.url or "none: a URL cannot say it")
        yield "backend", _short(self.backend)
        if self.layers:
            yield "layers", _short(", ".join(self.layers))
        if self.prefix:
            yield "prefix", _short("/".join(self.prefix))
        digests = f", {self.digest_len} characters of digest" if self.digest_len else ""
        yield "values", _short(f"{self.file_type}{digests}")
        if self.settings:
            yield "settings", _short(", ".join(f"{n}={text}" for n, text in self.settings.items()))
        yield "conditions", self._conditions_in_words()
        if self.error is not None:
            yield "error", _short(self.error)
            return
        yield "items", self._items_in_words()
        if self.size is not None and self.looked_at:
            of_which = "" if self.is_all else f", the {self.looked_at:,} that were looked at"
            yield "size", f"{_bytes(self.size)}{of_which}"
        if self.first_keys:
            more = ", ..." if len(self.first_keys) < self.looked_at or not self.is_all else ""
            yield "first keys", _short(", ".join(map(str, self.first_keys)) + more)

    def _items_in_words(self) -> str:
        if self.is_all:
            return f"{self.looked_at:,}"
        if self.looked_at:
            return f"{self.looked_at:,} or more"
        return f"none among the first {PAGE:,} names in the store"

    def _conditions_in_words(self) -> str:
        can = self.conditions
        if can is None:
            return "not asked for: that may take a request"
        told = []
        for scope in sorted(set(can[:3]), reverse=True):
            names = ", ".join(name for name in can._fields[:3] if getattr(can, name) is scope)
            told.append(f"{names} among {scope.name.lower()}" if scope else f"no {names}")
        told.append("no etags" if can.etags is ETags.NONE else f"etags {can.etags.value}")
        return "; ".join(told)


def info(d: PersiDict[Any]) -> Info:
    """Look at a dictionary; what `PersiDict.info` does.

    One page of a listing is asked for, and no value. A store that cannot be looked at is told in
    `Info.error`.

    Args:
        d: The dictionary.

    Example:
        >>> from persidict_core import PersiDict
        >>> print(info(PersiDict("memory://empty")))
        PersiDict
          URL         memory://empty
          backend     MemoryBackend(name='empty')
          values      pkl
          conditions  if_absent, if_match, delete_if among threads; etags per write
          items       0
    """
    chain = list(_chain(d._layered))
    defaults = constructor_params(type(d))
    found = Info(
        kind=type(d).__name__,
        url=_url(d),
        backend=repr(chain[-1]),
        layers=tuple(type(each).__name__ for each in chain[:-1]),
        file_type=d.file_type,
        prefix=tuple(d.prefix),
        digest_len=d._paths.digest_len,
        settings={
            name: _shown(getattr(d, name))
            for name in _SETTINGS
            if name in defaults and not is_default(getattr(d, name), defaults[name].default)
        },
        conditions=None,
    )
    try:
        if not chain[-1].probes:
            found = found._replace(conditions=d._layered.capabilities)
        return _looked_at(found, d, chain)
    except Exception as error:  # A plugin's backend may raise anything, and this only describes.
        return found._replace(error=f"{type(error).__name__}: {error}")


def _looked_at(found: Info, d: PersiDict[Any], chain: list[BaseBackend]) -> Info:
    """The same, with what one page of a listing shows."""
    prefix = d._paths.prefix
    stats: list[ObjectStat] | None = None
    if all(type(each).list_stats is not BaseBackend.list_stats for each in chain):
        stats = list(islice(d._layered.list_stats(prefix), PAGE))
        paths = [stat.path for stat in stats]
    else:  # It would ask for each by itself.
        paths = d._layered.list_some(prefix, PAGE)
    keys = list(d._paths.keys_of(paths))
    ours = {path for _, path in keys}
    return found._replace(
        looked_at=len(keys),
        is_all=len(paths) < PAGE,
        first_keys=tuple(key for key, _ in keys[:_SHOWN]),
        size=None if stats is None else sum(stat.size for stat in stats if stat.path in ours),
    )


def _chain(backend: BaseBackend) -> Iterator[BaseBackend]:
    """A backend and what is below it, the store last."""
    yield backend
    while isinstance(below := getattr(backend, "wrapped", None), BaseBackend):
        backend = below
        yield backend


def _url(d: PersiDict[Any]) -> str | None:
    try:
        return d.url
    except Exception:  # URLError, as a rule; but a plugin's may raise anything.
        return None


def _shown(value: object) -> str:
    return value.__name__ if isinstance(value, type) else repr(value)


def _short(text: str) -> str:
    text = printable(text)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "..."


def _bytes(number: int) -> str:
    size = float(number)
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if size < 1000 or unit == "TB":
            break
        size /= 1000
    return f"{number:,} bytes" if unit == "bytes" else f"{size:,.1f} {unit}"
