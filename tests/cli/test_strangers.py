"""No command gives a terminal what strangers wrote, be it names, values, errors or plugins."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from persidict import FileDirDict
from persidict_core.cli.program import cli
from tests.cli.terminals import Terminal
from tests.plugins.distributions import install

NAME = "\x1b]0;t\x07\x1b[2J\r\x9b1m\u202e[bold red]<b>"
PROGRAM = """
import sys
from persidict_core import BackendError, Debris, MemoryBackend, register_backend
from persidict_core.cli.program import cli

NAME = {name!r}
store = MemoryBackend()

@register_backend
class Strange(MemoryBackend):
    scheme = "strange"

    def list_prefix(self, prefix=""):
        yield from super().list_prefix(prefix)
        yield from (prefix + NAME + ".json", prefix + "a/" + NAME + ".json", prefix + "b." + NAME)

    def sweep(self, *args, **params):
        yield Debris(NAME, 1, 2.0)

    def stat(self, path):
        return super().stat(path)._replace(etag=NAME)

    def read_bytes(self, path):
        if path == "broken.json":
            raise OSError(5, NAME)
        return super().read_bytes(path)

    def delete(self, path):
        raise BackendError(NAME)

for path in ("text.json", "broken.json", "below/a.json"):
    Strange("x").write_bytes(path, {value!r})
for number, args in enumerate({commands!r}):
    print(f"<{{number}}>", file=sys.stderr, flush=True)
    cli.run(args)
"""
