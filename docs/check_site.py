"""Checks a built site: every link within it leads somewhere, and it asks nobody else for anything.

python docs/check_site.py docs/_build/html
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADS = {("script", "src"), ("img", "src"), ("link", "href"), ("iframe", "src"), ("source", "src")}


class Page(HTMLParser):
    """What a page links to, and what can be linked to in it.

    Attributes:
        links: Each link, and whether it loads what it names.
        anchors: The places in the page.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[tuple[str, bool]] = []
        self.anchors: set[str] = {"", "top"}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.anchors.update(value for name, value in attrs if name in ("id", "name") and value)
        for name in ("href", "src"):
            link = found.get(name)
            if link is not None and found.get("rel") not in ("canonical", "search"):
                self.links.append((link, (tag, name) in LOADS))


def problems(site: Path) -> Iterator[str]:
    """What is wrong with a site, in words.

    Args:
        site: The folder of the built pages.
    """
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    if not pages:
        yield f"there is no page in {site}"
    for path, page in pages.items():
        for link, loads in page.links:
            split = urlsplit(link)
            if split.scheme == "data":
                continue
            if split.scheme or split.netloc:
                if loads:
                    yield f"{path.relative_to(site)} loads {link} from elsewhere"
                continue
            target = (path.parent / unquote(split.path)).resolve() if split.path else path.resolve()
            if target.is_dir():
                target /= "index.html"
            if not target.exists():
                yield f"{path.relative_to(site)} links to {link}, which is not there"
            elif target in pages and unquote(split.fragment) not in pages[target].anchors:
                yield f"{path.relative_to(site)} links to {link}: there is no such place"


if __name__ == "__main__":
    found = list(problems(Path(sys.argv[1]).resolve()))
    print("\n".join(found) or "all links lead somewhere")
    sys.exit(bool(found))
