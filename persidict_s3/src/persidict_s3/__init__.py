"""Dictionaries and objects in S3, shared by many machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from persidict_core.lazy import lazy_names

if TYPE_CHECKING:
    from .backend import S3Backend as S3Backend
    from .s3_dict import S3Dict as S3Dict

__getattr__, __dir__, __all__ = lazy_names(__name__, {"backend": "S3Backend", "s3_dict": "S3Dict"})
