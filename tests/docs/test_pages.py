"""What the pages of the docs show runs, and answers what stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
RUNNER = Path(__file__).with_name("run_page.py")
# Pages that want packages of their own, or are tried more closely, by the tests that name them.
TRIED_ELSEWHERE = {
    "recipes/dask.md": "tests/clusters/test_dask.py",
    "recipes/encryption.md": "tests/core/test_recipes.py",
    "recipes/joblib.md": "tests/core/test_joblib_store.py",
    "recipes/memoize.md": "tests/core/test_memoizing.py",
    "recipes/progress.md": "tests/core/test_progress.py",
}
RUNNABLE = re.compile(r"^```(python|pycon)$|^<!-- run -->$", re.MULTILINE)


def names_of_pages() -> list[str]:
    """All pages that show something to run."""
    pages = (page for page in sorted(DOCS.rglob("*.md")) if "_build" not in page.parts)
    names = [str(page.relative_to(DOCS)) for page in pages if RUNNABLE.search(page.read_text())]
    return [name for name in names if name not in TRIED_ELSEWHERE]


def run(page: Path, folder: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(RUNNER), str(page)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", **env},
    )


@pytest.mark.parametrize("name", names_of_pages())
def test_page_runs(name: str, tmp_path: Path, server_of_s3: dict[str, str]) -> None:
    done = run(DOCS / name, tmp_path, server_of_s3)
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout.splitlines()[-1]) > 0


@pytest.mark.parametrize("name", TRIED_ELSEWHERE)
def test_page_is_tried_elsewhere(name: str) -> None:
    assert f"docs/{name}" in (DOCS.parent / TRIED_ELSEWHERE[name]).read_text()


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ("```python\nassert 1 == 2\n```", "line 4, in <module>\n    assert 1 == 2"),
        ("```pycon\n>>> 1 + 1\n3\n```", "Expected:\n    3\nGot:\n    2"),
        ("<!-- run -->\n```bash\nfalse | cat\n```", "CalledProcessError"),
    ],
)
def test_what_fails_is_told(block: str, said: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# A page\n\n{block}\n")
    done = run(page, tmp_path, {})
    assert done.returncode != 0
    assert said in done.stdout + done.stderr


def test_one_namespace_and_what_is_not_run(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "```python\na = 1\n```\n\n```pycon\n>>> b = a + 1\n```\n\n"
        "<!-- not run: it would stop -->\n```python\nraise SystemExit\n```\n\n"
        "```{code-block} text\n:caption: c.txt\n\nhello\n```\n\n"
        "```bash\nexit 1\n```\n\n"
        "```python\nassert b == 2 and open('c.txt').read() == 'hello\\n'\n```\n"
    )
    done = run(page, tmp_path, {})
    assert (done.returncode, done.stdout) == (0, "3\n"), done.stderr
