"""What the names that earlier versions exported are today, for those who ask for one."""

from __future__ import annotations

from typing import Final

_FOUND_OUT: Final = "what set_if, delete_if and transform give or raise"

TODAY: Final[dict[str, str | None]] = {
    "BasicS3Dict": "S3Dict, without base_dir",
    "S3Dict_FileDirCached": 'S3Dict(..., base_dir="cache")',
    "AppendOnlyDictCached": "cache= of FileDirDict and PersiDict, and base_dir= of S3Dict",
    "MutableDictCached": "cache= of FileDirDict and PersiDict, and base_dir= of S3Dict",
    "LocalDict": 'PersiDict("memory://")',
    "EmptyDict": None,
    "MutationPolicyError": "ImmutableItemError",
    "ConcurrencyConflictError": "ConcurrencyConflict",
    "NonEmptySafeStrTuple": "SafeStrTuple",
    "NonEmptyPersiDictKey": "PersiDictKey",
    "ETAG_IS_THE_SAME": "set_if(key, value, etag), and delete_if(key, etag)",
    "ETAG_HAS_CHANGED": "the etag that get_with_etag gives, for you to compare",
    "ANY_ETAG": "d[key] = value, where no condition is wanted",
    "ITEM_NOT_AVAILABLE": "ABSENT, as in set_if(key, value, ABSENT)",
    "VALUE_NOT_RETRIEVED": None,
    "ALWAYS_RETRIEVE": None,
    "NEVER_RETRIEVE": None,
    "IF_ETAG_CHANGED": None,
    "OperationResult": _FOUND_OUT,
    "ConditionalOperationResult": _FOUND_OUT,
    "ETagValue": "str",
    "ETagIfExists": "str",
}
"""None: it has no successor."""


def explanation(name: str) -> str | None:
    """What to say of a name that is not there; None where earlier versions had none such.

    Args:
        name: What was asked for.

    Example:
        >>> print(explanation("LocalDict"))
        persidict has no LocalDict; today it is PersiDict("memory://")
    """
    if name not in TODAY:
        return None
    today = TODAY[name]
    return f"persidict has no {name}" + (f"; today it is {today}" if today else " any more")
