"""What commands take: URLs, keys, and the options that several share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click
from click.shell_completion import CompletionItem

from ..errors import URLError
from ..keys import HINT, SafeStrTuple
from ..urls import URL

F = TypeVar("F", bound=Callable[..., Any])

_MOST_COMPLETIONS: Final = 200


def _url(ctx: click.Context, param: click.Parameter, value: str) -> URL:
    """A URL, or a folder's name; what is refused is not echoed."""
    try:
        _refuse_lost_colon(value)
        return URL.parse(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from error


def _refuse_lost_colon(text: str) -> None:
    """Raise if it would be a folder, but begins as the URL of an installed backend, without ``:``.

    Raises:
        URLError: It does.
    """
    scheme, slashes, _ = text.partition("//")
    if slashes and not {":", "/"} & set(scheme):
        from ..registry import backends

        if scheme in {plugin.name for plugin in backends.plugins()}:
            raise URLError(
                f"'{scheme}//' without ':': a URL is written {scheme}://address; the name of a "
                "folder may begin with './'"
            )


def _key(ctx: click.Context, param: click.Parameter, value: str) -> tuple[str, ...]:
    try:
        return SafeStrTuple(value.split("/")).strings
    except ValueError as error:
        said = str(error).removesuffix(HINT)  # It names a function, which is not to be had here.
        raise click.BadParameter(f"{value!r} is no key: {said}", ctx, param) from error


def _prefix(ctx: click.Context, param: click.Parameter, value: str) -> tuple[str, ...]:
    """What keys begin with; it may end in ``/``, as `ls` shows it."""
    value = value.removesuffix("/")
    return _key(ctx, param, value) if value else ()


def _keys(
    ctx: click.Context, param: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[str, ...], ...]:
    return tuple(_prefix(ctx, param, value) for value in values)


def _folders(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Folders, which the shell itself completes."""
    return [CompletionItem(incomplete, type="dir")]


def _known_keys(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The keys of a folder; to ask a server whenever somebody presses Tab would take too long."""
    from .stores import open_store

    url = ctx.params.get("url")
    if not isinstance(url, URL) or url.scheme != "file":
        return []
    above, slash, _ = incomplete.rpartition("/")
    try:
        d = open_store(url, ctx.params.get("file_type"))
        below = d.get_subdict(_prefix(ctx, param, above))
        names = sorted(above + slash + name for name in below.children())
    except Exception:
        return []  # There is nobody to tell.
    fitting = [name for name in names if name.startswith(incomplete)]
    return [CompletionItem(name) for name in fitting[:_MOST_COMPLETIONS]]


def url_argument(name: str = "url", shown: str = "URL") -> Callable[[F], F]:
    """The argument that is a URL.

    Args:
        name: The parameter's name.
        shown: What users see.
    """
    return click.argument(name, metavar=shown, callback=_url, shell_complete=_folders)


key_argument: Final = click.argument("key", callback=_key, shell_complete=_known_keys)
prefix_argument: Final = click.argument(
    "prefix", default="", callback=_prefix, shell_complete=_known_keys
)
keys_argument: Final = click.argument(
    "keys", nargs=-1, metavar="KEY...", callback=_keys, shell_complete=_known_keys
)

file_type_option: Final = click.option(
    "--file-type",
    metavar="TYPE",
    help="The file type of the values, such as json. Default: what the URL says, else the one "
    "that lies there, else pkl.",
)
unpickle_option: Final = click.option(
    "--unpickle", is_flag=True, help="Read pickles, too. They can run any code: trust who wrote."
)
json_option: Final = click.option("--json", "as_json", is_flag=True, help="Write JSON.")
yes_option: Final = click.option("--yes", "-y", is_flag=True, help="Delete without asking.")
