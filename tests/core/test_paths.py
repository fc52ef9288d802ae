"""Paths: their alphabet, against the plain way to say it, and the words for what is none."""

import pytest
from hypothesis import example, given, strategies as st

from persidict_core.paths import SAFE_CHARS, are_parts, check_path, check_prefix, is_part

texts = st.text(st.sampled_from(SAFE_CHARS[::7] + "././ é\n\0"), max_size=8)


def plainly(part: str) -> bool:
    return bool(part) and part not in (".", "..") and all(char in SAFE_CHARS for char in part)


@given(texts)
def test_a_part_is_what_it_is_said_to_be(text):
    assert bool(is_part(text)) == plainly(text)


@given(st.lists(texts, max_size=4))
@example(["ab", "."])
@example(["abc", "..", "abc"])
@example(["ab", "c d"])
@example(["", "abc"])
def test_many_are_parts_if_each_is(texts):
    assert are_parts(texts) == all(map(plainly, texts))


@given(texts)
def test_a_path_is_one_or_more_parts(text):
    if all(map(plainly, text.split("/"))):
        assert check_path(text) == text
    else:
        with pytest.raises(ValueError, match="is no path: it wants parts of"):
            check_path(text)


@given(texts)
def test_a_prefix_is_empty_or_a_path_and_a_slash(text):
    if not text or (text[-1] == "/" and all(map(plainly, text[:-1].split("/")))):
        assert check_prefix(text) == text
    else:
        with pytest.raises(ValueError):
            check_prefix(text)


def test_the_message_says_what_is_wrong():
    with pytest.raises(ValueError) as raised:
        check_path("a//b")
    assert str(raised.value) == (
        "'a//b' is no path: it wants parts of A-Za-z0-9()_-~.= joined by '/', "
        "none of them empty, '.' or '..'"
    )
    with pytest.raises(ValueError, match=r"^the prefix 'a' must be empty or end in '/'$"):
        check_prefix("a")
    with pytest.raises(TypeError, match=r"^a path is a str, not bytes: b'a'$"):
        check_path(b"a")
