"""Fresh environments, and programs that run in them outside the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Environment:
    """A virtual environment in a folder of its own.

    Args:
        folder: Where it is.
    """

    folder: Path

    @classmethod
    def make(cls, folder: Path, *requirements: str) -> Environment:
        """Make one with requirements installed."""
        uv("venv", "--quiet", "--python", sys.executable, str(folder / "venv"))
        made = cls(folder)
        made.install(*requirements)
        return made

    @property
    def python(self) -> str:
        return str(self.folder / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python")

    @property
    def site_packages(self) -> Path:
        return Path(self.answer("import sysconfig; print(sysconfig.get_path('purelib'))"))

    def install(self, *requirements: str) -> None:
        uv("pip", "install", "--quiet", "--python", self.python, *requirements)

    def pip(self, *arguments: str) -> str:
        """Run the environment's own pip, which has to be installed in it."""
        return checked(self.python, "-m", "pip", *arguments, cwd=self.folder)

    def run(self, code: str) -> subprocess.CompletedProcess[str]:
        """Run a program with nothing but the environment on its path."""
        return subprocess.run(
            [self.python, "-I", "-c", code],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def answer(self, code: str) -> str:
        """What a program prints; it has to succeed."""
        done = self.run(code)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def error(self, code: str) -> str:
        """What a program that fails prints last."""
        done = self.run(code)
        assert done.returncode != 0, done.stdout
        return done.stderr.strip().splitlines()[-1]


def uv(*arguments: str) -> None:
    checked(sys.executable, "-m", "uv", *arguments)


def checked(*command: str, cwd: Path | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout
