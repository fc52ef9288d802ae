"""The command line ``persidict``: for people in a terminal, and for programs by ``--json``.

Each command is a module, imported when it is called. The command line wants the packages click and
rich, which the extra ``cli`` brings.
"""

from __future__ import annotations

import sys
from typing import Final

WANTED: Final = 'the command line wants click and rich: pip install "persidict-core[cli]"'


def main() -> int:
    """Run the command that the process's arguments say.

    Returns:
        The exit code: 0 fine, 1 the answer is no or something failed, 2 wrong usage, 130
        interrupted.
    """
    try:
        from .program import cli

        return cli.run()
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("click", "rich"):
            raise
        print(f"persidict: {WANTED}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
