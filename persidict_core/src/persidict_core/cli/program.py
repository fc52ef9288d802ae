"""The program: its commands, each imported when it is called, and how it ends."""

from __future__ import annotations

import difflib
import importlib
import sys
from typing import Any, Final, NoReturn

import click

from .. import __version__
from .failures import code_of, settle_output, told, warnings_in_one_line

_COMMANDS: Final = {
    "ls": "List keys.",
    "tree": "Show keys as a tree.",
    "get": "Print or save a value.",
    "put": "Store a value.",
    "rm": "Delete items.",
    "stat": "Tell size, time and etag of an item.",
    "info": "Describe a dictionary and its store.",
    "cp": "Copy all items to another dictionary.",
    "sync": "Copy, and delete what the source has not.",
    "check": "Tell whether a store is fit, and what lies in it.",
    "backends": "List the installed backends.",
    "serializers": "List the installed file types.",
    "new-backend": "Write a new backend's distribution.",
}


class Program(click.Group):
    """A group of commands, of which each is imported when it is called.

    Args:
        does: Each command with what it does. ``some-command`` is ``some_command`` of the module
            ``some_command`` beside this one.
        **params: What a group takes.
    """

    def __init__(self, does: dict[str, str], **params: Any) -> None:
        super().__init__(**params)
        self.does = does
        self.debug = False

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.does)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.does:
            return None
        name = cmd_name.replace("-", "_")
        found: click.Command = getattr(importlib.import_module(f"{__package__}.{name}"), name)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        # The inherited one asks each command what it does, and so would import them all.
        with formatter.section("Commands"):
            formatter.write_dl(list(self.does.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the arguments name; one that there is not is told with the nearest."""
        if args[0] not in self.does and not args[0].startswith("-") and not ctx.resilient_parsing:
            self._refuse(ctx, args[0])
        return super().resolve_command(ctx, args)

    def _refuse(self, ctx: click.Context, name: str) -> NoReturn:
        if "://" in name:
            ctx.fail("a URL stands after a command, as in: persidict ls URL")
        near = difflib.get_close_matches(name, self.does, 1, 0.5)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        ctx.fail(f"there is no command {name!r}{hint}")

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # Who reads has had enough, as `head` has.
            settle_output()
            ctx.exit(0)

    def main(self, *args: Any, **params: Any) -> NoReturn:
        """Run a command and end the process, as click's own method does."""
        params.pop("standalone_mode", None)
        sys.exit(self.run(*args, **params))

    def run(self, args: list[str] | None = None, **params: Any) -> int:
        """Run a command; tell in one line if it fails.

        Args:
            args: The arguments; None: those of the process.
            **params: What click's ``main`` takes.

        Returns:
            The exit code.
        """
        self.debug = False
        params["prog_name"] = "persidict"
        try:
            with warnings_in_one_line():
                code = super().main(args, standalone_mode=False, **params)
            if sys.stdout is not None:
                sys.stdout.flush()  # A full disk shows here, while its error can be told.
            return code if isinstance(code, int) else 0
        except BrokenPipeError:
            return 0
        except (Exception, KeyboardInterrupt) as error:
            if self.debug:
                import traceback

                traceback.print_exception(error)
            if line := told(error):
                click.echo(line, err=True)
            return code_of(error)
        finally:
            settle_output()


@click.command(
    cls=Program,
    does=_COMMANDS,
    invoke_without_command=True,
    subcommand_metavar="COMMAND [ARGS]...",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 fine; 1 the answer is no, or something failed; 2 wrong usage; "
    "130 interrupted. Nothing is unpickled unless --unpickle is given.",
)
@click.version_option(__version__, prog_name="persidict")
@click.option("--debug", is_flag=True, help="Show where in the source an error was raised.")
@click.pass_context
def cli(ctx: click.Context, debug: bool) -> None:
    """Look into persistent dictionaries, and change, copy and check them.

    URL is a folder, or such as s3://bucket/prefix?file_type=json. KEY is the parts of a key with /
    between, such as users/alex.
    """
    assert isinstance(ctx.command, Program)
    ctx.command.debug = debug
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help(), err=True)
        ctx.exit(2)
