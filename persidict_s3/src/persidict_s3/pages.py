"""Listings, page by page: what one answer to ListObjectsV2 says.

botocore parses each page twice, and each time in it by ``dateutil``: nine tenths of the work of a
listing. A client that `read_pages_once` has prepared parses a page once, by ``ElementTree``, and
takes from it only what is asked for. What is no well-formed listing is left to botocore, which
tries again, and raises what it always does. Format:
https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_plus

from persidict_core import ObjectStat

from .faults import ForeignAnswer
from .tuning import parsed_time

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_ROOT: Final = "persidict.ListBucketResult"


def read_pages_once(client: Any) -> None:
    """Prepare a client for `pages`.

    The answers of its ``list_objects_v2`` hold what `Page` reads, in place of ``Contents``.

    Args:
        client: An S3 client; only it is changed, not the session that made it.
    """
    # By this name it comes before botocore's own look into the body, which is a whole parse.
    client.meta.events.register_first("before-parse.*.ListObjectsV2", _parse)


def _parse(
    response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any
) -> None:
    from xml.etree.ElementTree import ParseError, XMLParser

    if response_dict["status_code"] != 200:
        return
    try:
        parser = XMLParser(encoding="utf-8")
        parser.feed(response_dict["body"])
        root = parser.close()
    except ParseError:
        return
    if _bare(root.tag) == "ListBucketResult":
        customized_response_dict[_ROOT] = root
        response_dict["body"] = b""


class Page:
    """One page of a listing.

    Args:
        answer: What a client gave for one ListObjectsV2; see `read_pages_once`.

    Raises:
        ForeignAnswer: If it is no page of a listing.
    """

    def __init__(self, answer: dict[str, Any]) -> None:
        root: Element | None = answer.get(_ROOT)
        if root is None:
            raise ForeignAnswer("it is no listing")
        self._objects: list[Element] = []
        self._prefixes: list[Element] = []
        fields: dict[str, str] = {}
        for child in root:
            name = _bare(child.tag)
            if name == "Contents":
                self._objects.append(child)
            elif name == "CommonPrefixes":
                self._prefixes.append(child)
            else:
                fields[name] = child.text or ""
        self._encoded = fields.get("EncodingType") == "url"
        self.token = fields.get("NextContinuationToken")
        """What the next page is asked for by; None after the last."""
        if fields.get("IsTruncated") != "true":
            self.token = None
        elif not self.token:
            raise ForeignAnswer("it is not the last page, and does not say how to go on")

    def keys(self) -> Iterator[str]:
        """The name of each object, whole."""
        return self._names(self._objects, "Key")

    def prefixes(self) -> Iterator[str]:
        """The common prefixes, whole, each ending in the delimiter."""
        return self._names(self._prefixes, "Prefix")

    def stats(self) -> Iterator[ObjectStat]:
        """The name of each object, whole, with its size, time and etag."""
        for entry in self._objects:
            fields = {_bare(child.tag): child.text or "" for child in reversed(entry)}
            try:
                modified = _seconds(fields["LastModified"])
                etag = fields["ETag"].strip('"')
                yield ObjectStat(self._name(fields["Key"]), int(fields["Size"]), modified, etag)
            except (KeyError, ValueError) as error:
                raise ForeignAnswer(f"an object in it has no proper {error}") from None

    def _names(self, entries: list[Element], tag: str) -> Iterator[str]:
        for entry in entries:
            for child in entry:
                if _bare(child.tag) == tag:
                    yield self._name(child.text or "")
                    break
            else:
                raise ForeignAnswer(f"one of its {_bare(entry.tag)} has no {tag}")

    def _name(self, text: str) -> str:
        if not self._encoded:
            return text
        text = text.replace("%2F", "/")  # Some servers write each slash so, and nothing else.
        return unquote_plus(text) if "%" in text or "+" in text else text


def pages(client: Any, **request: Any) -> Iterator[Page]:
    """The pages of a listing, each asked for when it is taken.

    Args:
        client: A connection's client.
        **request: The parameters of ListObjectsV2: ``Bucket``, ``Prefix``, ``Delimiter``,
            ``MaxKeys``, ``StartAfter``.

    Raises:
        ForeignAnswer: If an answer is not S3's, or a page leads back to itself.
    """
    token: str | None = None
    while True:
        page = Page(client.list_objects_v2(**request))
        yield page
        if page.token is None:
            return
        if page.token == token:
            raise ForeignAnswer("a page leads to itself")
        token = request["ContinuationToken"] = page.token


def _bare(tag: str) -> str:
    return tag.rpartition("}")[2]


def _seconds(text: str) -> float:
    time: datetime | None = parsed_time(text)
    if time is None:
        from botocore.utils import parse_timestamp

        time = parse_timestamp(text)
    return time.timestamp()
