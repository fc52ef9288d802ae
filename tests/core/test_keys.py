"""Keys: safe, flat, immutable, and equal to the strings they are made of."""

import pickle

import pytest
from hypothesis import given, strategies as st

from persidict_core.keys import (
    MAX_PART_LENGTH,
    SafeStrTuple,
    as_part,
    get_safe_chars,
    hashable,
    replace_unsafe_chars,
)
from persidict_core.paths import SAFE_CHARS

parts = st.text(SAFE_CHARS, min_size=1, max_size=20).filter(lambda part: part not in (".", ".."))
keys = st.lists(parts, min_size=1, max_size=4).map(tuple)


@given(keys)
def test_a_key_equals_and_hashes_like_its_strings(strings):
    key = SafeStrTuple(strings)
    plain = strings[0] if len(strings) == 1 else strings
    assert key == plain and plain == key and hash(key) == hash(plain)
    assert {plain: 1}[key] == {key: 1}[plain] == 1
    assert (key != plain) is False


@given(keys, keys)
def test_keys_sort_like_tuples(first, second):
    a, b = SafeStrTuple(first), SafeStrTuple(second)
    assert (a < b, a <= b, a == b, a >= b) == (
        first < second,
        first <= second,
        first == second,
        first >= second,
    )


@given(keys, keys)
def test_nested_sequences_are_flattened(first, second):
    assert SafeStrTuple([first, [second]]).strings == first + second
    assert SafeStrTuple(first, SafeStrTuple(second)) == SafeStrTuple(first) + second
    assert first + SafeStrTuple(second) == SafeStrTuple(first, second)


@given(keys)
def test_a_key_survives_pickling_and_its_repr(strings):
    key = SafeStrTuple(strings)
    assert pickle.loads(pickle.dumps(key)) == key
    assert eval(repr(key)) == key
    assert str(key) == "/".join(strings)


def test_the_hash_is_never_pickled():
    fresh, used = SafeStrTuple("a", "b"), SafeStrTuple("a", "b")
    hash(used)
    assert pickle.dumps(fresh) == pickle.dumps(used)


def test_a_key_is_a_sequence_of_its_strings():
    key = SafeStrTuple("a", "b", "c")
    assert (len(key), key[0], key[-1], list(key), "b" in key) == (
        3,
        "a",
        "c",
        ["a", "b", "c"],
        True,
    )
    assert key[1:] == ("b", "c") and isinstance(key[1:], SafeStrTuple)
    assert key.index("b") == 1 and key.count("a") == 1


@pytest.mark.parametrize("change", ["strings", "_hash", "other"])
def test_a_key_is_immutable(change):
    key = SafeStrTuple("a")
    with pytest.raises(AttributeError, match=f"immutable: cannot set '{change}'"):
        setattr(key, change, ("b",))
    with pytest.raises(AttributeError, match="immutable: cannot delete 'strings'"):
        delattr(key, "strings")
    assert key == "a"


@pytest.mark.parametrize("other", [1, None, b"a", ["a"], ("a",), {"a"}, object()])
def test_a_key_equals_nothing_else(other):
    assert SafeStrTuple("a") != other
    assert (SafeStrTuple("a") == other) is False


@pytest.mark.parametrize("bad", ["", ".", "..", "a/b", "a b", "é", "a\0", "a\n", "\\", "a" * 254])
def test_unsafe_strings_are_refused(bad):
    for key in (bad, ("ok", bad), ["ok", [bad]]):
        with pytest.raises(ValueError):
            SafeStrTuple(key)


@pytest.mark.parametrize("bad", [1, None, b"a", 1.5, {"a"}, {"a": 1}, ("a", 1), [["a", b"b"]]])
def test_what_is_no_string_is_refused(bad):
    with pytest.raises(TypeError):
        SafeStrTuple(bad)


def test_a_key_is_not_empty():
    for empty in ((), [], [[]]):
        with pytest.raises(ValueError, match="at least one"):
            SafeStrTuple(empty)


def test_253_characters_are_allowed():
    assert len(SafeStrTuple("a" * MAX_PART_LENGTH)[0]) == 253


ALPHABET = "A-Z a-z 0-9 ( ) _ - ~ . = (replace_unsafe_chars helps)"


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("", "a key may hold no empty string"),
        (".", "a key may not hold '.', which means a folder"),
        ("..", "a key may not hold '..', which means a folder"),
        (
            "a" * 254,
            f"a string in a key has at most 253 characters, not 254: '{'a' * 40}'...",
        ),
        ("a b/c", f"'a b/c' holds ' ', '/', but the strings of a key may hold only {ALPHABET}"),
        (
            "/" + "a" * 252,
            f"'/{'a' * 252}' holds '/', but the strings of a key may hold only {ALPHABET}",
        ),
    ],
    ids=["empty", "dot", "dots", "long", "characters", "as long as it may be"],
)
def test_the_message_says_what_is_wrong(bad, message):
    with pytest.raises(ValueError) as raised:
        SafeStrTuple(bad)
    assert str(raised.value) == message


def test_the_message_names_the_wrong_kind():
    with pytest.raises(TypeError, match="string or a \\(nested\\) sequence of strings, not int"):
        SafeStrTuple("a", [1])


def test_subclasses_of_str_become_plain_strings():
    class Name(str):
        pass

    assert type(SafeStrTuple(Name("a"))[0]) is str


@given(st.text(max_size=30))
def test_replace_unsafe_chars_leaves_safe_ones_only(text):
    assert set(replace_unsafe_chars(text, "_")) <= get_safe_chars()
    assert len(replace_unsafe_chars(text, "_")) == len(text)


def test_replace_unsafe_chars_replaces_no_other():
    assert replace_unsafe_chars("user name/1", "_") == "user_name_1"


def test_what_no_dict_can_hold_becomes_a_key_that_it_can():
    assert hashable("a") == "a" and hashable(("a", "b")) == ("a", "b")
    assert type(hashable(("a", "b"))) is tuple
    assert hashable(["a", ["b"]]) == SafeStrTuple("a", "b")
    assert isinstance(hashable(["a", ["b"]]), SafeStrTuple)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("outer.inner", "outer.inner"),
        ("<lambda>", "_lambda_~11659e6b6d4ab4dd"),
        ("a" * 150, "a" * 150),
        ("a" * 151, f"{'a' * 100}~fdcd84c4143286f6"),
        ("\udc80", "_~a71b9b6eee299c20"),
    ],
)
def test_any_text_has_its_part(text, part):
    assert as_part(text) == part == as_part(part)
    SafeStrTuple(as_part(text))
