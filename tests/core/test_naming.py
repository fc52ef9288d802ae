"""Listed names back to keys: many at once gives what each by itself gives."""

import random
from itertools import count, islice

import pytest
from hypothesis import given, strategies as st

from persidict_core import PersiDict
from persidict_core.digests import digest, sign, unsigned
from persidict_core.naming import Naming
from persidict_core.paths import SAFE_CHARS, are_parts, is_part

LENGTHS = [1, 4, 7, 8, 15, 16, 24, 26]


def part_behind(name: str, length: int) -> str | None:
    """The plain way: a part is what has this name, and a name is what a part is stored under."""
    part = name[: -length - 1] if length else name
    found = is_part(part) and len(part) <= 253 and sign(part, length) == name
    return part if found else None


def key_behind(path: str, prefix: str, length: int) -> tuple[str, ...] | None:
    if not path.endswith(".pkl"):
        return None
    names = path.removeprefix(prefix).removesuffix(".pkl").split("/")
    parts = [part_behind(name, length) for name in names]
    return None if None in parts else tuple(part for part in parts if part)


def odd_names(length: int) -> list[str]:
    """Names that some check of all at once might let pass."""
    tail = "_" + digest("a", max(length, 1))
    return [
        "_" + digest("", max(length, 1)),
        "._" + digest(".", max(length, 1)),
        ".._" + digest("..", max(length, 1)),
        "a" + tail[:-1],
        "a" + tail[:-1] + "_",
        "a" + tail[:-1] + "1",
        "a" + tail.upper(),
        "a" + tail + tail,
        sign("a" + tail, max(length, 1)) + "_" + digest("a" + tail, max(length, 1)),
        "b" + tail,
        "a b_" + digest("a b", max(length, 1)),
        "é_" + digest("é", max(length, 1)),
        "\udc80_" + "a" * length,
        "a_" + "é" * length,
        "x" * 254 + "_" + digest("x" * 254, max(length, 1)),
        "plain",
    ]


@pytest.mark.parametrize("prefix", [(), ("top", "two")])
@pytest.mark.parametrize("length", [0, *LENGTHS])
def test_many_names_give_what_each_gives(length, prefix):
    naming = Naming(prefix, "pkl", length, None, None)
    chance = random.Random(length)
    found = 0
    for strangers in (0.0, 0.02, 0.3):
        for size in (1, 7, 8, 9, 600):
            paths = []
            for _ in range(size):
                parts = ["".join(chance.choices("aB_.=9", k=chance.randint(1, 9))) for _ in "12"]
                names = [
                    chance.choice(odd_names(length))
                    if chance.random() < strangers
                    else sign(part, length)
                    for part in parts[: chance.choice((1, 2, 2))]
                ]
                ending = ".json" if chance.random() < strangers else ".pkl"
                paths.append(naming.prefix + "/".join(names) + ending)
            pairs = [(key_behind(path, naming.prefix, length), path) for path in paths]
            wanted = [(strings, path) for strings, path in pairs if strings is not None]
            given = [(key.strings, path) for key, path in naming.keys_of(iter(paths))]
            assert given == wanted
            assert naming.count(iter(paths)) == len(wanted)
            found += len(wanted)
    assert found > 1000


def test_few_names_are_taken_before_the_first_key_is_given():
    taken = []
    naming = Naming((), "pkl", 8, None, None)

    def listing():
        for number in count():
            taken.append(number)
            yield sign(f"item{number}", 8) + ".pkl"

    assert [key.strings for key, _ in islice(naming.keys_of(listing()), 2)] == [
        ("item0",),
        ("item1",),
    ]
    assert len(taken) <= 8


def test_listing_again_needs_no_more_room_for_folders():
    naming = Naming((), "pkl", 0, None, None)
    paths = [f"folder{number}/a.pkl" for number in range(20_000)]
    assert naming.count(paths) == 20_000
    assert len(naming._folders) <= 8192


@given(
    st.lists(st.text(SAFE_CHARS, min_size=1, max_size=30), min_size=1),
    st.sampled_from(LENGTHS[:-1]),
)
def test_signed_names_are_proven_together(parts, length):
    names = [f"{part}_{digest(part, length)}" for part in parts]
    assert unsigned(names, length) == parts


@given(
    st.lists(st.text(SAFE_CHARS, min_size=1, max_size=9), min_size=1),
    st.sampled_from(LENGTHS),
    st.data(),
)
def test_one_changed_letter_disproves_all(parts, length, data):
    names = [f"{part}_{digest(part, length)}" for part in parts]
    which = data.draw(st.integers(0, len(names) - 1))
    place = data.draw(st.integers(0, length))
    letter = data.draw(st.sampled_from("ab27_-AZ019é+ "))
    name = names[which]
    at = len(name) - 1 - place
    names[which] = name[:at] + letter + name[at + 1 :]
    if names[which] != name:
        assert unsigned(names, length) is None


@pytest.mark.parametrize("length", LENGTHS[:-1])
def test_letters_of_one_digest_do_not_serve_another(length):
    first, second = digest("a", length), digest("b", length)
    assert unsigned([f"a_{first}", f"b_{second}"], length) == ["a", "b"]
    assert unsigned([f"a{first}{second[0]}", f"b__{second[1:]}"], length) is None


@pytest.mark.parametrize("length", LENGTHS)
def test_a_part_that_ends_in_its_digest_is_not_signed_again(length):
    naming = Naming((), "pkl", length, None, None)
    signed = sign("a", length)
    twice = f"{signed}_{digest(signed, length)}"
    paths = [f"{name}.pkl" for name in (signed, twice, sign("b", length))]
    assert [key.strings for key, _ in naming.keys_of(paths)] == [("a",), ("b",)]


@pytest.mark.parametrize("length", LENGTHS)
def test_a_line_in_a_digest_is_no_letter(length):
    part = next(text for text in map(str, count()) if "a" in digest(text, length))
    before, _, after = digest(part, length).rpartition("a")
    assert unsigned([f"{part}_{before}_{after}"], length) is None


@given(st.lists(st.one_of(st.text(SAFE_CHARS, max_size=4), st.text(max_size=3))))
def test_many_strings_are_parts_if_each_is(names):
    assert are_parts(names) == all(map(is_part, names))


def times_of(d):
    return {key: time for key, time in d.keys_and_timestamps()}


@pytest.mark.parametrize("latest", [5, 1000])
@pytest.mark.parametrize("number", [0, 1, 5, 40, 99, 100, 1000])
def test_the_first_by_time_are_keys_whatever_else_is_there(number, latest):
    d = PersiDict("memory://", file_type="txt", base_class_for_values=str, digest_len=4)
    store, chance = d.backend._store, random.Random(number)
    for place in range(100):
        d[f"group{place % 7}", f"item{place}"] = ""
        d.backend.write_bytes(f"stranger{place}.txt", b"")
        d.backend.write_bytes(f"other{place}_aaaa.pkl", b"")
    for path, (data, stat) in store.objects.items():
        store.objects[path] = data, stat._replace(modified=float(chance.randint(0, latest)))
    times = times_of(d)
    paths = dict(d._walk())
    by_time = sorted(times, key=lambda key: (times[key], paths[key]))
    assert d.oldest_keys(number) == by_time[:number]
    assert d.newest_keys(number) == by_time[::-1][:number]
    assert d.newest_keys() == by_time[::-1] and d.oldest_keys() == by_time
    assert len(times) == 100 == len(d)
