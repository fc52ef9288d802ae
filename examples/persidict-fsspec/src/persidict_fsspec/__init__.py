"""Any filesystem of fsspec as a backend of persidict."""

from .backend import FsspecAzure, FsspecBackend, FsspecGoogle, FsspecLocal, FsspecMemory, FsspecSFTP

__all__ = [
    "FsspecAzure",
    "FsspecBackend",
    "FsspecGoogle",
    "FsspecLocal",
    "FsspecMemory",
    "FsspecSFTP",
]
