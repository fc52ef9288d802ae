"""Installed distributions, made by hand in a folder, and processes that have them on their path."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ACME = """
from persidict_core import MemoryBackend, PersiDict
from persidict_core.serializers import Serializer

class AcmeBackend(MemoryBackend):
    scheme = "acme"

class AcmeDict(PersiDict):
    scheme = "acme"

    def __init__(self, name=None, *, file_type="pkl"):
        self.name = name
        super().__init__(AcmeBackend(name), file_type=file_type)

class AcmeSerializer(Serializer):
    file_type = "acme"

    def dumps(self, value):
        return value.encode()

    def loads(self, data):
        return data.decode()
"""

ACME_ENTRY_POINTS = """
[persidict.backends]
acme = acme_plugin:AcmeBackend
[persidict.dicts]
AcmeDict = acme_plugin:AcmeDict
[persidict.serializers]
acme = acme_plugin:AcmeSerializer
"""

BACKEND = """
from persidict_core import MemoryBackend

class Plugged(MemoryBackend):
    scheme = {!r}
"""


def install(
    folder: Path,
    name: str,
    entry_points: str | bytes,
    modules: Mapping[str, str] | None = None,
    *,
    version: str = "1.0",
    metadata: str | None = "Metadata-Version: 2.1\nName: {}\nVersion: {}\n",
) -> Path:
    """Install a distribution into a folder, as pip would lay it out; give the folder."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    if isinstance(entry_points, str):
        entry_points = entry_points.encode()
    (info / "entry_points.txt").write_bytes(entry_points)
    if metadata is not None:
        (info / "METADATA").write_text(metadata.format(name, version))
    for module, source in (modules or {}).items():
        (folder / f"{module}.py").write_text(source)
    return folder


def install_acme(folder: Path) -> Path:
    return install(folder, "acme-plugin", ACME_ENTRY_POINTS, {"acme_plugin": ACME})


def install_backend(folder: Path, name: str, scheme: str, **more: Any) -> Path:
    """Install a distribution that brings one backend, in a module named like it."""
    module = name.replace("-", "_")
    entry_points = f"[persidict.backends]\n{scheme} = {module}:Plugged\n"
    return install(folder, name, entry_points, {module: BACKEND.format(scheme)}, **more)


BEGINNING = """
import json, sys
from persidict_core import PluginError, registry
from persidict_core.registry import backends, dicts, serializers

def failure(call, *args, **params):
    try:
        call(*args, **params)
    except PluginError as error:
        return str(error)
    raise AssertionError("no PluginError")

def rows(group, **params):
    return [list(row) for row in group.plugins(**params)]

"""


def answer(code: str, *folders: Path) -> Any:
    """What code gives as ``answer`` in a new process that has the folders on its path."""
    path = [*map(str, folders), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, "-c", f"{BEGINNING}{code}\nprint(json.dumps(answer))"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path))},
        cwd=folders[0],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
