"""Digests in names, against the plain way to compute them."""

import base64
import hashlib

import pytest
from hypothesis import given, strategies as st

from persidict_core.digests import (
    check_digest_len,
    detect,
    digest,
    is_signed,
    looks_signed,
    proven_lengths,
    sign,
    unsign,
)
from persidict_core.paths import SAFE_CHARS

parts = st.text(SAFE_CHARS, min_size=1, max_size=30)
lengths = st.integers(0, 26)


@given(st.text(max_size=20), st.integers(1, 26))
def test_the_digest_is_lower_case_base32_of_md5(text, length):
    plain = base64.b32encode(hashlib.md5(text.encode("utf-8", "surrogatepass")).digest())
    if text.isprintable():
        assert digest(text, length) == plain.decode().lower()[:length]


@given(parts, lengths)
def test_signing_is_undone_where_it_checks(part, length):
    signed = sign(part, length)
    assert sign(signed, length) == signed
    assert unsign(signed, length) in (part, unsign(part, length))
    if length:
        assert is_signed(signed, length)


@given(parts, st.integers(1, 26))
def test_a_foreign_tail_is_no_digest(part, length):
    wrong = "a" if digest(part, 1) != "a" else "b"
    assert unsign(f"{part}_{wrong * length}", length) == f"{part}_{wrong * length}"


@given(st.lists(parts.filter(lambda part: "_" not in part), min_size=1, unique=True), lengths)
def test_detection_finds_the_length_that_signed(names, length):
    found = detect(proven_lengths(sign(name, length) for name in names))
    assert found == (length or None)


def test_what_could_be_a_digest_is_told_by_its_letters_and_length():
    for part, length in (("a_btaxlooa", 8), ("b_btaxlooa", 8), ("a_b_btax", 4)):
        assert looks_signed(part, length)
        assert not looks_signed(part, length - 1) and not looks_signed(part, length + 1)
    for part in ("btaxlooa", "_btaxlooa", "a_btaxloo1", "a_btaxloOa", "a-btaxlooa", "a_b.axlooa"):
        assert not looks_signed(part, 8)


def test_an_alphabet_and_a_mark_make_no_digest():
    assert sign("a_aaaaaaaa", 8) == f"a_aaaaaaaa_{digest('a_aaaaaaaa', 8)}"


def test_each_length_that_is_proven_is_counted():
    names = [*(sign(name, 8) for name in "abc"), sign("d", 4), sign("e", 4), "f", "g_", "h_zz"]
    assert proven_lengths(names) == {8: 3, 4: 2, 0: 3}


def test_of_lengths_that_as_many_prove_the_longest_counts():
    assert detect(proven_lengths([sign("a", 3), sign("b", 5), sign("c", 5), sign("d", 3)])) == 5
    assert detect(proven_lengths([sign("a", 3), sign("b", 3), sign("c", 5)])) == 3
    assert detect(proven_lengths([sign("a", 3), "plain", "plain"])) == 3


def test_most_names_decide():
    names = [sign(name, 8) for name in ("a", "b", "c")] + [sign("d", 4), "plain"]
    assert detect(proven_lengths(names)) == 8


def test_short_digests_count_only_where_all_names_prove_them():
    assert detect(proven_lengths([sign("a", 1), sign("b", 1)])) == 1
    assert detect(proven_lengths([sign("a", 1), "plain"])) is None
    assert detect(proven_lengths([sign("a", 2), sign("b", 1)])) is None


@pytest.mark.parametrize("length", [0, 1, 26])
def test_possible_lengths_are_given_back(length):
    assert check_digest_len(length) == length


@pytest.mark.parametrize("bad", [-1, 27, 100])
def test_an_impossible_length_is_refused(bad):
    with pytest.raises(ValueError, match=f"^digest_len is 0 to 26, not {bad}$"):
        check_digest_len(bad)


@pytest.mark.parametrize("bad", ["8", 8.0, True, None])
def test_a_length_is_an_int(bad):
    with pytest.raises(TypeError, match=f"^digest_len is an int of 0 to 26, not {bad!r}$"):
        check_digest_len(bad)
