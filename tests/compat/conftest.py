"""The published package, in an interpreter of its own."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import venv
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PATIENCE = 120
WANTED = ("persidict==0.309.*", "numpy", "pandas", "pyarrow")

sys.path.insert(0, str(HERE))  # For compat_values, which the other interpreter imports as well.


class Published:
    """Asks `published.py`, which runs in the other interpreter."""

    def __init__(self, python):
        self._process = subprocess.Popen(
            [str(python), "-E", str(HERE / "published.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, do, folder, file_type, digest_len, **more):
        request = {"do": do, "folder": str(folder), "file_type": file_type}
        line = json.dumps(request | {"digest_len": digest_len} | more)
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        # It tries for a long time to read what it cannot.
        overdue = threading.Timer(PATIENCE, self._process.kill)
        overdue.start()
        answer = self._process.stdout.readline()
        overdue.cancel()
        assert answer, f"the published package failed on {line}, or took {PATIENCE} seconds"
        return json.loads(answer)

    def close(self):
        self._process.stdin.close()
        self._process.stdout.close()
        try:
            self._process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise


def find_python():
    """An interpreter with the published package, pandas and pyarrow: named, or made once."""
    named = os.environ.get("PERSIDICT_PUBLISHED_PYTHON")
    if named:
        return named
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    parent = ROOT / ".nox"
    if not os.access(parent if parent.exists() else ROOT, os.W_OK):
        parent = Path(tempfile.gettempdir())
    folder = parent / f"published-0.309-py{version}"
    python = folder / "bin" / "python"
    ready = folder / "ready"
    if not ready.exists():
        venv.create(folder, clear=True, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *WANTED], check=True)
        ready.touch()
    return python


@pytest.fixture(scope="session")
def published():
    asked = Published(find_python())
    yield asked
    asked.close()
