"""A process that is forked while another thread first writes many at once writes many, too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

# The import is slow, and the fork comes in its middle.
_PROGRAM = """
import os, signal, sys, threading, time
from persidict_file import FileBackend

begun = threading.Event()
class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == "ctypes":
            begun.set()
            time.sleep(0.3)
sys.meta_path.insert(0, Slow())

def write(name):
    items = [(f"{name}/{number}", b"1") for number in range(20)]
    assert all(isinstance(result, str) for _, result in backend.write_many(items))

backend = FileBackend(sys.argv[1])
assert "ctypes" not in sys.modules
thread = threading.Thread(target=write, args=("parent",))
thread.start()
assert begun.wait(20)
child = os.fork()
if child == 0:
    signal.alarm(15)
    write("child")
    os._exit(0)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
thread.join()
write("again")
"""


def test_it_does_not_wait_for_the_import(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, tmp_path],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, "0\n"), done.stderr
    for name in ("parent", "child", "again"):
        assert len(list((tmp_path / name).iterdir())) == 20
