"""The core of persidict: keys, values, the mapping, and the protocol that backends follow.

Users import from ``persidict``, authors of backends and serializers from here. Every public name is
resolved on first use, so that importing the package loads none of its parts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .lazy import lazy_names

if TYPE_CHECKING:
    from .addressed import Addressed as Addressed
    from .backend import (
        ABSENT as ABSENT,
        ANY as ANY,
        UNCHANGED as UNCHANGED,
        AdaptedBackend as AdaptedBackend,
        Backend as Backend,
        BaseBackend as BaseBackend,
        Capabilities as Capabilities,
        Debris as Debris,
        ETags as ETags,
        Expect as Expect,
        Marker as Marker,
        ObjectStat as ObjectStat,
        Scope as Scope,
        check_etag as check_etag,
        check_expect as check_expect,
    )
    from .checking import Findings as Findings, check as check
    from .configuration import check_flag as check_flag
    from .copying import Copied as Copied
    from .describing import Info as Info
    from .errors import (
        BackendError as BackendError,
        BulkError as BulkError,
        ConcurrencyConflict as ConcurrencyConflict,
        ImmutableItemError as ImmutableItemError,
        NotSupported as NotSupported,
        ObjectNotFound as ObjectNotFound,
        PersiDictError as PersiDictError,
        PluginError as PluginError,
        PreconditionFailed as PreconditionFailed,
        SerializationError as SerializationError,
        SignatureError as SignatureError,
        URLError as URLError,
    )
    from .fitness import (
        Fitness as Fitness,
        Promise as Promise,
        Verdict as Verdict,
        examine as examine,
    )
    from .joblib_store import register_joblib_backend as register_joblib_backend
    from .jokers import (
        DELETE_CURRENT as DELETE_CURRENT,
        KEEP_CURRENT as KEEP_CURRENT,
        DeleteCurrentFlag as DeleteCurrentFlag,
        Joker as Joker,
        KeepCurrentFlag as KeepCurrentFlag,
    )
    from .keys import (
        PersiDictKey as PersiDictKey,
        SafeStrTuple as SafeStrTuple,
        get_safe_chars as get_safe_chars,
        replace_unsafe_chars as replace_unsafe_chars,
    )
    from .layers import (
        CachedBackend as CachedBackend,
        CompressedBackend as CompressedBackend,
        CountingBackend as CountingBackend,
        FailingBackend as FailingBackend,
        HashedNames as HashedNames,
        LatencyBackend as LatencyBackend,
        Layer as Layer,
        ObservingLayer as ObservingLayer,
        PrefixBackend as PrefixBackend,
        ReadOnlyBackend as ReadOnlyBackend,
        SignedBackend as SignedBackend,
        TransformLayer as TransformLayer,
    )
    from .memoizing import Memoized as Memoized
    from .memory import MemoryBackend as MemoryBackend
    from .opening import open as open
    from .overlapping import OverlappingMultiDict as OverlappingMultiDict
    from .paths import check_path as check_path, check_prefix as check_prefix
    from .persi_dict import PersiDict as PersiDict
    from .progress import Progress as Progress
    from .registry import (
        Plugin as Plugin,
        register_backend as register_backend,
        register_dict as register_dict,
        register_serializer as register_serializer,
    )
    from .serializers import Serializer as Serializer
    from .urls import URL as URL
    from .write_once import WriteOnceDict as WriteOnceDict

_MODULES = {
    "addressed": "Addressed",
    "backend": (
        "ABSENT ANY UNCHANGED AdaptedBackend Backend BaseBackend Capabilities Debris ETags Expect "
        "Marker ObjectStat Scope check_etag check_expect"
    ),
    "checking": "Findings check",
    "configuration": "check_flag",
    "copying": "Copied",
    "describing": "Info",
    "errors": (
        "BackendError BulkError ConcurrencyConflict ImmutableItemError NotSupported ObjectNotFound "
        "PersiDictError PluginError PreconditionFailed SerializationError SignatureError URLError"
    ),
    "joblib_store": "register_joblib_backend",
    "fitness": "Fitness Promise Verdict examine",
    "jokers": "DELETE_CURRENT KEEP_CURRENT DeleteCurrentFlag Joker KeepCurrentFlag",
    "keys": "PersiDictKey SafeStrTuple get_safe_chars replace_unsafe_chars",
    "layers": (
        "CachedBackend CompressedBackend CountingBackend FailingBackend HashedNames "
        "LatencyBackend Layer ObservingLayer PrefixBackend ReadOnlyBackend SignedBackend "
        "TransformLayer"
    ),
    "memoizing": "Memoized",
    "memory": "MemoryBackend",
    "opening": "open",
    "overlapping": "OverlappingMultiDict",
    "paths": "check_path check_prefix",
    "persi_dict": "PersiDict",
    "progress": "Progress",
    "registry": "Plugin register_backend register_dict register_serializer",
    "serializers": "Serializer",
    "urls": "URL",
    "write_once": "WriteOnceDict",
}

__version__ = "1.0.0"
__getattr__, __dir__, __all__ = lazy_names(__name__, _MODULES)
__all__.remove("open")  # It would shadow the built-in one.
