"""Value to bytes and back: one class a file type.

``pkl`` and ``json`` are built in, ``npy`` and ``parquet`` come as extras, any other type is found
by its entry point. Importing this package loads none of them.
"""

from .base import Serializer

__all__ = ["Serializer"]
