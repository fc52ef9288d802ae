"""No command gives a terminal what strangers wrote, be it names, values, errors or plugins."""

from __future__ import annotations

import json
import re
import sys

import pytest

from persidict import FileDirDict
from persidict_core.cli.program import cli
from tests.cli.terminals import Terminal
from tests.plugins.distributions import install

NAME = "\x1b]0;t\x07\x1b[2J\r\x9b1m\u202e[red]<b>"
PLUGIN = NAME.replace("\r", "")
"""Metadata of a distribution are read by lines."""
STYLES = re.compile(r"\x1b\[\??[0-9;]*[mKAhl]")
"""Colours, and what moves a bar: of all this the names above hold nothing."""

URL = "strange://x?file_type=json"
SHOWING = {
    "ls": ["ls", "-l", URL],
    "get a value": ["get", URL, "text", "--text"],
    "get what fails": ["get", URL, "broken"],
    "get from a folder that is missing": ["get", NAME, "a"],
    "get another's key": ["get", URL, NAME],
    "put to another's key": ["put", URL, NAME, "1"],
    "rm what fails": ["rm", "--yes", URL, "text"],
    "rm another's key": ["rm", "--yes", URL, NAME],
    "stat": ["stat", URL, "text"],
    "info": ["info", "file/" + NAME],
    "cp what fails": ["cp", URL, "copy"],
    "cp from a missing folder": ["cp", NAME, "copy"],
    "sync what fails": ["sync", "--yes", URL, "copy"],
    "check": ["check", "--only", "survey", "--values", URL],
    "backends": ["backends"],
    "serializers": ["serializers"],
    "new-backend of a name": ["new-backend", NAME],
    "new-backend": ["new-backend", "acme", "--into", "file/" + NAME],
    "no command": [NAME],
    "no option": ["ls", URL, "--" + NAME],
    "no file type": ["ls", URL, "--file-type", NAME],
}
"""Commands that have something of strangers to show."""
QUIET = {
    "sync from an empty one": ["sync", "--yes", "strange://" + NAME, "copy"],
    "put no JSON": ["put", URL, "a", NAME],
    "ls -R": ["ls", "-R", URL],
    "ls of files": ["ls", "-lR", "file/" + NAME],
    "tree": ["tree", URL],
    "tree of files": ["tree", "file/" + NAME],
    "tree of another's prefix": ["tree", URL, NAME],
    "check of files": ["check", "--only", "survey", "file/" + NAME],
}
"""And those that pass them over."""
COMMANDS = SHOWING | QUIET
PROGRAM = """
import io, sys
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

    def list_stats(self, prefix=""):
        return (self.stat(path) for path in super().list_prefix(prefix))

    def read_bytes(self, path):
        if path == "broken.json":
            raise OSError(5, NAME)
        return super().read_bytes(path)

    def read_versioned(self, path, unless=None):
        return self.read_bytes(path), self.stat(path)

    def read_file(self, path):
        return io.BytesIO(self.read_bytes(path))

    def delete(self, path):
        raise BackendError(NAME)

for path in ("text.json", "broken.json", "below/a.json"):
    Strange("x").write_bytes(path, {value!r})
for number, args in enumerate({commands!r}):
    print(f"<{{number}}>", file=sys.stderr, flush=True)
    cli.run(args)
"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What each command gave to a terminal, on which one process ran them all."""
    folder = tmp_path_factory.mktemp("strangers")
    install(
        folder,
        PLUGIN,
        f"[persidict.backends]\n{PLUGIN} = {PLUGIN}:A\n[persidict.serializers]\nabc = {PLUGIN}:A\n",
    )
    files = folder / "file" / NAME
    d: FileDirDict[int] = FileDirDict(str(files), "json")
    d["a"] = 1
    for name in (NAME, f"{NAME}.json", f"a.{NAME}", f"+{NAME}"):
        (files / name).write_text(NAME)
    program = PROGRAM.format(
        name=NAME, value=json.dumps(NAME).encode(), commands=[*COMMANDS.values()]
    )
    terminal = Terminal(program=[sys.executable, "-c", program], columns=200, cwd=folder)
    assert terminal.end() == 0, terminal.seen
    parts = re.split(r"<\d+>\n", terminal.seen)[1:]
    return dict(zip(COMMANDS, parts, strict=True))


def test_every_command_is_tried() -> None:
    assert {args[0] for args in COMMANDS.values()} >= set(cli.does)


@pytest.mark.parametrize("name", COMMANDS)
def test_nothing_is_obeyed(name: str, seen: dict[str, str]) -> None:
    text = STYLES.sub("", seen[name]).replace("\r", "")
    assert all(line.isprintable() for line in text.split("\n")), text
    shown = re.sub(r"\s", "", text)
    assert shown, "nothing was shown at all"
    if name in SHOWING:
        assert r"\x1b" in shown, text
        # What looks like markup is none; in `ls -l` an etag is cut before it.
        assert shown.count(r"\x1b]0") == shown.count("[red]") + shown.count("…"), text
