"""Runs what a page of the docs shows, in the current folder: python run_page.py PAGE.

All blocks of a page run in one namespace, in their order:

- ``python``: a program;
- ``pycon``: a session of the interpreter, whose answers have to be those that stand there;
- ``{code-block}`` with a ``:caption:``: a file of that name, which is written;
- ``bash`` below ``<!-- run -->``: a shell that stops at the first failure.

What stands below ``<!-- not run: REASON -->`` is passed over, and so is all else.
"""

from __future__ import annotations

import doctest
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

FENCE = re.compile(
    r"^(?:<!-- (?P<note>run|not run: .+) -->\n)?"
    r"(?P<fence>`{3,})(?P<language>\{code-block\} \w+|\w+)\n"
    r"(?::caption: (?P<caption>\S+)\n\n?)?"
    r"(?P<text>.*?)^(?P=fence)$",
    re.MULTILINE | re.DOTALL,
)
DO_NOTHING, WRITE, RUN, COMPARE, SHELL = range(5)


class Block(NamedTuple):
    """A fenced block.

    Attributes:
        what: What is to be done with it.
        text: What stands in it.
        line: How many lines of the page stand before its text.
        caption: The name of the file that it is; empty for none.
    """

    what: int
    text: str
    line: int
    caption: str


def blocks_of(page: str) -> Iterator[Block]:
    for found in FENCE.finditer(page):
        language, note, caption = found["language"], found["note"] or "", found["caption"] or ""
        what = {"python": RUN, "pycon": COMPARE}.get(language, DO_NOTHING)
        if caption:
            what = WRITE
        if language == "bash" and note == "run":
            what = SHELL
        if note.startswith("not run"):
            what = DO_NOTHING
        yield Block(what, found["text"], page.count("\n", 0, found.start("text")), caption)


def run(page: Path) -> int:
    """Run a page; how many blocks were run."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    session = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    count = 0
    for block in blocks_of(page.read_text(encoding="utf-8")):
        if block.what == WRITE:
            Path(block.caption).write_text(block.text, encoding="utf-8")
        elif block.what == RUN:
            # Empty lines before it, so that an error names the line of the page.
            exec(compile("\n" * block.line + block.text, page, "exec"), namespace)
        elif block.what == COMPARE:
            parse = doctest.DocTestParser().get_doctest
            test = parse(block.text, namespace, page.name, str(page), block.line)
            test.globs = namespace
            session.run(test, clear_globs=False)
        elif block.what == SHELL:
            subprocess.run(["bash", "-euo", "pipefail", "-c", block.text], check=True, timeout=60)
        count += block.what not in (DO_NOTHING, WRITE)
    if session.summarize(verbose=False).failed:
        raise SystemExit(f"{page.name}: a session does not answer what stands there")
    return count


if __name__ == "__main__":
    print(run(Path(sys.argv[1])))
