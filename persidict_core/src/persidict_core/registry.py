"""Finding plugins: backends by scheme, dictionaries by class name, serializers by file type.

A plugin is built in, registered in this process, or an entry point of an installed distribution. It
is imported only when its name is asked for, and a broken one harms no other. There are no locks to
hold over an import or a fork: what is installed is one value that is replaced as a whole, and
registering is one step of a dict.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from . import __version__, installed
from .errors import PluginError
from .installed import Plugin as Plugin

if TYPE_CHECKING:
    from .backend import BaseBackend
    from .persi_dict import PersiDict
    from .serializers import Serializer

T = TypeVar("T")
B = TypeVar("B", bound="BaseBackend")
D = TypeVar("D", bound="PersiDict[Any]")
S = TypeVar("S", bound="Serializer")

_CORE: Final = "persidict-core"


class Registry(Generic[T]):
    """The plugins of one group.

    Args:
        group: The entry points' group.
        noun: What a name of it is, for messages.
        base: The class that its plugins subclass, as ``module:class``.
        attributes: What a plugin has to say; the first is its name.
        valid: A pattern that names match wholly.
        builtin: Name to ``module:class``, found without reading any metadata.
        reserved: Name to the requirement that installs it; no other distribution may claim it.
    """

    def __init__(
        self,
        group: str,
        *,
        noun: str,
        base: str,
        attributes: tuple[str, ...],
        valid: str,
        builtin: Mapping[str, str],
        reserved: Mapping[str, str],
    ) -> None:
        self.group = group
        self.noun = noun
        self.base = base
        self.attributes = attributes
        self.valid = re.compile(valid)
        self.builtin = {
            name: Plugin(name, value, _CORE, __version__) for name, value in builtin.items()
        }
        self.reserved = reserved
        self.registered: dict[str, type[T]] = {}
        self._errors: dict[Plugin, str] = {}

    def get(self, name: str) -> type[T]:
        """The class of a name; only its own module is imported.

        Args:
            name: The scheme, class name or file type.

        Raises:
            PluginError: If nothing of that name is installed, more than one distribution claims
                it, or the plugin is broken.
        """
        if name in self.builtin:
            return self.load(self.builtin[name])
        if name in self.registered:
            return self.registered[name]
        # What is wrong may have been mended since the metadata was read.
        for fresh in (False, True):
            claims = self.claims(name, fresh=fresh)
            if len(claims) == 1:
                return self.load(claims[0])
        raise PluginError(self._contest(claims) if claims else self._unknown(name))

    def register(self, cls: type[T], *, replace: bool = False) -> None:
        """Put a class of this process before what is installed, under the name that it says.

        Args:
            cls: The class.
            replace: Whether it may take the place of another, or settle between distributions that
                claim one name.

        Raises:
            TypeError: If it is no class of the right kind.
            ValueError: If its name is missing or malformed.
            PluginError: If its name is taken, or is one of persidict's own.
        """
        if problem := self._wrong_kind(cls):
            raise TypeError(problem)
        name = getattr(cls, self.attributes[0])
        if problem := self._wrong_name(cls, name):
            raise ValueError(problem)
        if owner := self.owner(name):
            raise PluginError(
                f"the {self.noun} {name!r} of {cls.__qualname__} is reserved for {owner}: "
                "it cannot be registered, choose another"
            )
        if replace:
            self.registered[name] = cls
            return
        others = [claim for claim in self.claims(name) if not _is_own(cls, claim)]
        if others or self.registered.setdefault(name, cls) is not cls:
            holder = others[0] if others else _described(name, self.registered[name])
            raise PluginError(
                f"the {self.noun} {name!r} is taken by {holder}: register {cls.__qualname__} "
                "with replace=True to put it in that place"
            )

    def claims(self, name: str | None = None, *, fresh: bool = False) -> list[Plugin]:
        """What installed distributions may claim and do; nothing is imported.

        Args:
            name: Only this name; None for all.
            fresh: Read the metadata again, even if it was read before.
        """
        return [
            claim
            for claim in installed.read(fresh=fresh).claims[self.group]
            if name in (None, claim.name) and not self._refusal(claim)
        ]

    def plugins(self, *, load: bool = False) -> list[Plugin]:
        """All plugins by name, also those that cannot be used.

        Distributions whose entry points cannot be read are among them, without a name, as their
        plugins might be of any group.

        Args:
            load: Import each, to see whether it can be used. Otherwise a broken one shows its
                error only after something tried to use it.
        """
        found = installed.read(fresh=True)
        rows = [*self.builtin.values(), *found.claims[self.group]]
        rows = [row._replace(error=self._problem(row, load)) for row in rows]
        rows += [_described(name, cls) for name, cls in dict(self.registered).items()]
        return sorted(rows + found.unreadable, key=lambda row: (row.name, row.distribution))

    def load(self, plugin: Plugin) -> type[T]:
        """Import one plugin.

        Args:
            plugin: As `claims` gives it.

        Raises:
            PluginError: If it cannot be used, chained to the cause.
        """
        try:
            found = _resolve(plugin.value)
            if problem := self._wrong_kind(found):
                raise TypeError(problem)
            says = getattr(found, self.attributes[0])
            if says != plugin.name:
                raise ValueError(
                    f"the {self.attributes[0]} of {plugin.value} is {says!r}, not {plugin.name!r}"
                )
        except (Exception, SystemExit) as error:
            text = (
                f"the {self.noun} {plugin.name!r} ({plugin}) cannot be used: "
                f"{type(error).__name__}: {error}"
            )
            self._errors[plugin] = text
            raise PluginError(text) from error
        self._errors.pop(plugin, None)
        return found  # type: ignore[no-any-return]

    def owner(self, name: str) -> str:
        """The distribution of persidict itself that alone may bring a name, or an empty string.

        Args:
            name: The scheme, class name or file type.
        """
        return _CORE if name in self.builtin else self.reserved.get(name, "").partition("[")[0]

    def _refusal(self, claim: Plugin) -> str | None:
        owner = self.owner(claim.name)
        if owner and installed.normalized(claim.distribution) != owner:
            return f"the {self.noun} {claim.name!r} is reserved for {owner}"
        if not self.valid.fullmatch(claim.name):
            return f"{claim.name!r} is no {self.noun}: it has to match {self.valid.pattern}"
        return None

    def _problem(self, plugin: Plugin, load: bool) -> str | None:
        if problem := self._refusal(plugin):
            return problem
        if cls := self.registered.get(plugin.name):
            return f"{_described(plugin.name, cls)} was registered in its place"
        if len(claims := self.claims(plugin.name)) > 1:
            return self._contest(claims)
        if load:
            try:
                self.load(plugin)
            except PluginError as error:
                return str(error)
        return self._errors.get(plugin)

    def _wrong_kind(self, found: object) -> str:
        base = _resolve(self.base)
        if not isinstance(found, type):
            return f"{found!r} is no class"
        if not issubclass(found, base):
            return f"{found.__qualname__} is no subclass of {base.__name__}"
        for attribute in self.attributes[1:]:
            if not getattr(found, attribute, ""):
                return f"{found.__qualname__} has no {attribute}"
        return ""

    def _wrong_name(self, cls: type, name: object) -> str:
        if isinstance(name, str) and self.valid.fullmatch(name):
            return ""
        return (
            f"the {self.attributes[0]} of {cls.__qualname__} is {name!r}, "
            f"but a {self.noun} matches {self.valid.pattern}"
        )

    def _contest(self, claims: list[Plugin]) -> str:
        return (
            f"the {self.noun} {claims[0].name!r} is claimed by {' and by '.join(map(str, claims))}"
            ": uninstall one, or register the class that you want with replace=True"
        )

    def _unknown(self, name: str) -> str:
        import difflib

        known = sorted({*self.builtin, *self.registered, *(c.name for c in self.claims())})
        text = f"the {self.noun} {name!r} is not installed"
        if name in self.reserved:
            text += f': pip install "{self.reserved[name]}"'
        elif near := difflib.get_close_matches(name, known, 1):
            text += f": did you mean {near[0]!r}?"
        text += f" (installed: {', '.join(known) or 'none'})"
        for plugin in installed.read().unreadable:
            text += f"; {plugin.distribution} could not be read: {plugin.error}"
        return text


def _resolve(value: str) -> Any:
    module, _, path = value.partition("[")[0].partition(":")
    if not (module.strip() and path.strip()):
        raise ValueError(f"an entry point's value is written module:class, not {value!r}")
    found: Any = importlib.import_module(module.strip())
    for part in path.strip().split("."):
        found = getattr(found, part)
    return found


def _described(name: str, cls: type) -> Plugin:
    return Plugin(name, f"{cls.__module__}:{cls.__qualname__}")


def _is_own(cls: type, claim: Plugin) -> bool:
    """Whether a class that is registered is, or comes with, what its distribution installs."""
    return cls.__module__.partition(".")[0] == re.split(r"[.:]", claim.value)[0].strip()


backends: Final[Registry[BaseBackend]] = Registry(
    "persidict.backends",
    noun="scheme",
    base="persidict_core.backend:BaseBackend",
    attributes=("scheme",),
    valid=r"[a-z][a-z0-9+.\-]+",
    builtin={"memory": "persidict_core.memory:MemoryBackend"},
    reserved={"file": "persidict-file", "s3": "persidict-s3"},
)

dicts: Final[Registry[PersiDict[Any]]] = Registry(
    "persidict.dicts",
    noun="dictionary",
    base="persidict_core.persi_dict:PersiDict",
    attributes=("__name__", "scheme"),
    valid=r"[A-Za-z]\w*",
    builtin={},
    reserved={"FileDirDict": "persidict-file", "S3Dict": "persidict-s3"}
    | dict.fromkeys(("PersiDict", "WriteOnceDict", "OverlappingMultiDict"), _CORE),
)

serializers: Final[Registry[Serializer]] = Registry(
    "persidict.serializers",
    noun="file type",
    base="persidict_core.serializers:Serializer",
    attributes=("file_type",),
    valid=r"[A-Za-z0-9()_\-~=]+",
    builtin={
        "pkl": "persidict_core.serializers.pkl:PickleSerializer",
        "json": "persidict_core.serializers.json_text:JsonSerializer",
    },
    reserved={"npy": "persidict-core[numpy]", "parquet": "persidict-core[pandas]"},
)


def register_backend(cls: type[B], *, replace: bool = False) -> type[B]:
    """Register a backend in this process, under its ``scheme``; serves as a decorator.

    Args:
        cls: A subclass of ``BaseBackend``.
        replace: Whether it may take the place of another of that scheme.

    Returns:
        The class.

    Raises:
        TypeError: If it is no backend's class.
        ValueError: If its scheme is missing or malformed.
        PluginError: If the scheme is taken, or is one of persidict's own.

    Example:
        >>> from persidict_core import MemoryBackend
        >>> @register_backend
        ... class Scratch(MemoryBackend):
        ...     scheme = "scratch"
        >>> backends.get("scratch").__name__
        'Scratch'
    """
    backends.register(cls, replace=replace)
    return cls


def register_dict(cls: type[D], *, replace: bool = False) -> type[D]:
    """Register a dictionary in this process, under its class name; serves as a decorator.

    ``persidict.open`` makes it of each URL of its ``scheme``, unless that is one of persidict's
    own.

    Args:
        cls: A subclass of ``PersiDict`` with a ``scheme``.
        replace: Whether it may take the place of another of that name.

    Returns:
        The class.

    Raises:
        TypeError: If it is no dictionary's class, or has no scheme.
        PluginError: If the name is taken, or is one of persidict's own.

    Example:
        >>> from persidict_core import PersiDict, open
        >>> @register_dict
        ... class NoteDict(PersiDict):
        ...     scheme = "note"
        ...
        ...     def __init__(self, name: str) -> None:
        ...         super().__init__(f"memory://{name}", file_type="json")
        ...         self.name = name
        >>> open("note://today")
        NoteDict(name='today')
    """
    dicts.register(cls, replace=replace)
    return cls


def register_serializer(cls: type[S], *, replace: bool = False) -> type[S]:
    r"""Register a serializer in this process, under its ``file_type``; serves as a decorator.

    Args:
        cls: A subclass of ``Serializer``.
        replace: Whether it may take the place of another of that file type.

    Returns:
        The class.

    Raises:
        TypeError: If it is no serializer's class.
        ValueError: If its file type is empty, or holds a dot, a slash, or what a path may not hold.
        PluginError: If the file type is taken, or is one of persidict's own.

    Example:
        >>> from persidict_core import PersiDict, Serializer
        >>> @register_serializer
        ... class Hexadecimal(Serializer):
        ...     file_type = "hex"
        ...     value_type = bytes
        ...
        ...     def dumps(self, value):
        ...         return value.hex().encode()
        ...
        ...     def loads(self, data):
        ...         return bytes.fromhex(data.decode())
        >>> d = PersiDict("memory://", file_type="hex")
        >>> d["a"] = b"\x01\xff"
        >>> d.backend.read_bytes("a.hex"), d["a"]
        (b'01ff', b'\x01\xff')
    """
    serializers.register(cls, replace=replace)
    return cls
