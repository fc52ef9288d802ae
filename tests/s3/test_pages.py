"""A page of a listing says what botocore's own parse of it says, and fails where that fails."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import chain, islice, repeat
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.utils import parse_timestamp
from hypothesis import example, given, settings, strategies as st

from persidict_s3.client import Connection
from persidict_s3.faults import ForeignAnswer
from persidict_s3.pages import Page, pages
from persidict_s3.tuning import parsed_time
from tests.s3.canned import Answer, canned, clean_environment

S3 = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
KEPT = ("Key", "LastModified", "ETag", "Size")
Pair = tuple[list[Answer], Any, Any]


@pytest.fixture(scope="module")
def both() -> Iterator[Pair]:
    """A bare client and a connection's, which answer each request with what a list holds."""
    import boto3

    with pytest.MonkeyPatch.context() as monkeypatch:
        clean_environment(monkeypatch)
        answers: list[Answer] = []
        config = Config(retries={"max_attempts": 0})
        always = (answers[-1] for _ in repeat(None))
        bare = canned(boto3.session.Session().client("s3", config=config), always)
        yield answers, bare, canned(Connection(config=config).client, always)


def document(*parts: str, root: str = "ListBucketResult", attributes: str = S3) -> bytes:
    text = f'<?xml version="1.0" encoding="UTF-8"?><{root} {attributes}>{"".join(parts)}</{root}>'
    return text.encode()


def entry(**fields: str) -> str:
    whole = {
        "Key": "a.pkl",
        "LastModified": "2026-11-24T12:03:25.250Z",
        "ETag": "&quot;9dd4e461268c8034&quot;",
        "Size": "12",
        "StorageClass": "STANDARD",
        "Owner": "<ID>me</ID><DisplayName>Me</DisplayName>",
    } | fields
    inner = "".join(f"<{name}>{text}</{name}>" for name, text in whole.items())
    return f"<Contents>{inner}</Contents>"


def outcome(client: Any, read: Any) -> Any:
    """What is read from the answer to a listing, or the error."""
    try:
        return read(client.list_objects_v2(Bucket="bucket"))
    except Exception as error:
        return error


def read_bare(answer: dict[str, Any]) -> Any:
    """Like `read_ours`, from what botocore gives."""
    stats = [
        (one["Key"], one["Size"], one["LastModified"].timestamp(), one["ETag"].strip('"'))
        for one in answer.get("Contents", ())
    ]
    prefixes = [one["Prefix"] for one in answer.get("CommonPrefixes", ())]
    more = answer.get("IsTruncated", False)
    token = answer["NextContinuationToken"] if more else None
    return [one[0] for one in stats], stats, prefixes, token


def read_ours(answer: dict[str, Any]) -> Any:
    page = Page(answer)
    return list(page.keys()), [tuple(one) for one in page.stats()], [*page.prefixes()], page.token


def check_same(both: Pair, body: bytes) -> Any:
    """Both clients read the same of a page, or both fail; gives what ours reads."""
    answers, bare, ours = both
    answers.append(Answer(200, body, {"content-type": "application/xml"}))
    found, expected = outcome(ours, read_ours), outcome(bare, read_bare)
    if isinstance(expected, ClientError):
        assert isinstance(found, ClientError) and found.response == expected.response
    elif isinstance(expected, Exception):
        assert isinstance(found, ForeignAnswer), (found, expected)
    else:
        assert found == expected
    return found


texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=12).map(
    escape
)
odd_names = st.one_of(
    texts,
    st.sampled_from(["a/b.pkl", "a%2Fb", "a%252Fb", "%", "%2", "%zz", "a+b", "%2B", "%C3%A9"]),
    st.sampled_from(["%C3", "%00", "%2f", "&lt;&amp;", "&#233;", "%0A", "&#10;", " a ", ""]),
    st.lists(st.sampled_from(["%", "2", "F", "5", "+", "/", "2F", "%2F"]), max_size=8).map("".join),
)
odd_times = st.one_of(
    st.datetimes().map(lambda time: time.isoformat() + "Z"),
    st.sampled_from(["2026-11-24T12:03:25Z", "1700000000", "2026-11-24T12:03:25+02:00", "", "x"]),
    st.sampled_from(["Tue, 24 Nov 2026 12:03:25 GMT", "2026-13-24T12:03:25Z"]),
)
fields = st.fixed_dictionaries(
    {},
    optional={
        "Key": odd_names,
        "LastModified": odd_times,
        "ETag": st.sampled_from(["&quot;x&quot;", "x", "", "&quot;x-2&quot;"]),
        "Size": st.one_of(st.integers().map(str), st.sampled_from(["", " 7 ", "1_0", "0x1", "x"])),
        "StorageClass": texts,
        "ChecksumAlgorithm": texts,
    },
)
tops = st.lists(
    st.one_of(
        fields.map(lambda changed: entry(**changed)),
        fields.map(
            lambda some: (
                "<Contents>" + "".join(f"<{n}>{t}</{n}>" for n, t in some.items()) + "</Contents>"
            )
        ),
        odd_names.map(lambda name: f"<CommonPrefixes><Prefix>{name}</Prefix></CommonPrefixes>"),
        st.sampled_from(
            ["<CommonPrefixes/>", "<Contents/>", "<Name>b</Name>", "<!-- c -->", " x "]
        ),
        st.just("<More><Contents><Key>inner</Key></Contents></More>"),
    ),
    max_size=4,
)
ends = st.tuples(
    st.sampled_from(["", "<EncodingType>url</EncodingType>", "<EncodingType>x</EncodingType>"]),
    st.sampled_from(["", "true", "false", "TRUE", "1"]).map(
        lambda text: f"<IsTruncated>{text}</IsTruncated>"
    ),
    st.sampled_from(["", "<NextContinuationToken>t%2F+</NextContinuationToken>"]),
)
roots = st.sampled_from([S3, "", 'xmlns="other"', f'{S3} xmlns:xsi="x" xsi:type="y"'])


@settings(max_examples=200, deadline=None)
@given(tops, ends, roots)
@example([entry(Key="a%2Fb+c%252F")], ("<EncodingType>url</EncodingType>", "", ""), S3)
def test_a_page_is_read_as_botocore_reads_it(
    both: Pair, tops: list[str], ends: tuple[str, ...], attributes: str
) -> None:
    check_same(both, document(*tops, *ends, attributes=attributes))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_page_fails_as_it_fails_in_botocore(both: Pair, data: st.DataObject) -> None:
    whole = document(entry(), entry(Key="b"), "<EncodingType>url</EncodingType>")
    cut = data.draw(st.integers(1, len(whole) - 1))
    assert isinstance(check_same(both, whole[:cut]), ClientError)
    put = data.draw(st.binary(min_size=1, max_size=3))
    check_same(both, whole[:cut] + put + whole[cut:])


@pytest.mark.parametrize(
    "body",
    [
        b"not xml",
        b"\xff\xfe\x00",
        b"<!DOCTYPE x [<!ENTITY a 'b'>]><ListBucketResult><Name>&a;</Name></ListBucketResult>",
        b"<!DOCTYPE x [<!ENTITY a 'b'>]><ListBucketResult>&c;</ListBucketResult>",
        b"<!DOCTYPE x ["
        + b"<!ENTITY a0 'aaaaaaaaaa'>"
        + b"".join(b"<!ENTITY a%d '%s'>" % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 12))
        + b"]><ListBucketResult><Name>&a11;</Name></ListBucketResult>",
        b"<Error><Code>SlowDown</Code><Message>Please reduce.</Message></Error>",
        b'<?xml version="1.0" encoding="ISO-8859-1"?><ListBucketResult>\xe9</ListBucketResult>',
    ],
)
def test_hostile_pages_fail_as_they_fail_in_botocore(both: Pair, body: bytes) -> None:
    check_same(both, body)


@pytest.mark.parametrize("status", [403, 404, 500, 503])
def test_an_error_is_botocores(both: Pair, status: int) -> None:
    answers, bare, ours = both
    answers.append(Answer(status, document(entry()), {"content-type": "application/xml"}))
    errors = [outcome(client, dict) for client in (bare, ours)]
    assert all(isinstance(error, ClientError) for error in errors)
    assert errors[0].response == errors[1].response


@pytest.mark.parametrize(
    "body",
    [
        b"<html><body>Please log in</body></html>",
        b"",
        document(root="ListAllMyBucketsResult"),
        document("<IsTruncated>true</IsTruncated>"),
        document("<IsTruncated>true</IsTruncated><NextContinuationToken/>"),
    ],
)
def test_what_is_no_page_is_not_taken_for_an_empty_one(both: Pair, body: bytes) -> None:
    answers, _, ours = both
    answers.append(Answer(200, body, {"content-type": "text/html"}))
    with pytest.raises(ForeignAnswer):
        list(pages(ours, Bucket="bucket"))


def test_a_page_that_leads_to_itself_ends(both: Pair) -> None:
    answers, _, ours = both
    more = "<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>"
    answers.append(Answer(200, document(entry(), more)))
    with pytest.raises(ForeignAnswer, match="itself"):
        list(islice(pages(ours, Bucket="bucket"), 9))


def test_pages_are_asked_for_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    clean_environment(monkeypatch)
    more = "<IsTruncated>true</IsTruncated><NextContinuationToken>1/+</NextContinuationToken>"
    bodies = [document(entry(Key="a"), more), document(entry(Key="b"))]
    client = canned(Connection().client, (Answer(200, body) for body in bodies))
    asked: list[dict[str, Any]] = []
    client.meta.events.register(
        "provide-client-params.s3", lambda params, **_: asked.append(dict(params))
    )
    found = pages(client, Bucket="bucket", Prefix="p/")
    assert list(next(found).keys()) == ["a"]
    assert asked == [{"Bucket": "bucket", "Prefix": "p/"}]
    assert [key for page in found for key in page.keys()] == ["b"]  # noqa: SIM118
    assert asked[1:] == [{"Bucket": "bucket", "Prefix": "p/", "ContinuationToken": "1/+"}]


def test_a_damaged_page_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    clean_environment(monkeypatch)
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda seconds: None)
    whole = document(entry())
    answers = iter([Answer(200, whole[:-5]), Answer(200, whole)])
    client = canned(Connection().client, answers)
    assert [key for page in pages(client, Bucket="bucket") for key in page.keys()] == ["a.pkl"]  # noqa: SIM118


def test_a_page_is_parsed_once(both: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    answers, bare, ours = both
    answers.append(Answer(200, document(entry())))
    parsed: list[object] = []
    real = ElementTree.XMLParser

    def counted(*args: Any, **kwargs: Any) -> Any:
        parsed.append(None)
        return real(*args, **kwargs)

    monkeypatch.setattr(ElementTree, "XMLParser", counted)
    found = outcome(ours, read_ours)
    assert len(parsed) == 1, "and not by botocore, before or after"
    assert found == outcome(bare, read_bare)


def test_a_huge_page_takes_time_in_proportion(both: Pair) -> None:
    answers, _, ours = both

    def seconds(count: int) -> float:
        body = document(
            "<EncodingType>url</EncodingType>", *(entry(Key=f"k%2B{n}") for n in range(count))
        )
        answers.append(Answer(200, body))
        best = 9.0
        for _ in range(2):
            start = time.process_time()
            keys, stats, _, _ = outcome(ours, read_ours)
            best = min(best, time.process_time() - start)
        assert len(keys) == len(stats) == count and keys[-1] == f"k+{count - 1}"
        return best

    assert seconds(10_000) < 100 * seconds(500)


days = st.datetimes().map(lambda time: time.replace(microsecond=0))
written = st.one_of(
    st.datetimes().map(lambda time: time.isoformat() + "Z"),
    days.map(lambda time: time.strftime("%a, %d %b %Y %H:%M:%S GMT")),
    st.from_regex(
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?Z", fullmatch=True
    ),
    st.from_regex(
        r"(Mon|Xxx), [0-9]{2} (Feb|Jun) [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT", fullmatch=True
    ),
    st.sampled_from(["2026-W47-2T12:03:25Z", "2026-11-24T12:03Z", "20261124T120325Z", "now", ""]),
)


@settings(max_examples=200, deadline=None)
@given(written)
def test_a_time_is_the_one_that_botocore_reads(text: str) -> None:
    found = parsed_time(text)
    if found is not None:
        assert (
            found == parse_timestamp(text)
            and found.utcoffset() == parse_timestamp(text).utcoffset()
        )


def test_the_times_of_s3_are_read_fast() -> None:
    texts = chain(
        ["2026-11-24T12:03:25.000Z", "2026-11-24T12:03:25Z"], ["Tue, 24 Nov 2026 12:03:25 GMT"]
    )
    assert {parsed_time(text) for text in texts} == {parse_timestamp("2026-11-24T12:03:25Z")}
