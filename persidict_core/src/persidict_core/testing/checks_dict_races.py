"""Checks of a dictionary that many change at once, in threads and processes, as is claimed."""

from __future__ import annotations

from typing import Any

from ..backend import ABSENT, Scope
from ..errors import ImmutableItemError, NotSupported, PreconditionFailed
from ..keys import SafeStrTuple
from ..persi_dict import PersiDict
from .checks_changes import claims_conditions
from .checks_items import reopened
from .checks_mapping import MakeDict
from .expecting import raised
from .racing import shared_among, teams

_A_RUN = 10


def set_default(d: PersiDict[Any], index: int, key: str) -> Any:
    """What ``setdefault`` gives to one of many."""
    return d.setdefault(key, index)


def insert(d: PersiDict[Any], index: int, key: str) -> bool:
    """Whether this one inserted an immutable item."""
    try:
        if index % 2:
            d[key] = index
        else:
            d.set_if(key, index, ABSENT)
    except (ImmutableItemError, PreconditionFailed):
        return False
    return True


def take(d: PersiDict[Any], index: int, key: str) -> Any:
    """What ``pop`` gives to one of many."""
    return d.pop(key, None)


def add_one(value: int) -> int:
    """The next number."""
    return value + 1


def count_up(d: PersiDict[Any], index: int, key: str, times: int, busy: bool) -> None:
    """Raise one number; if others are busy, every third writes and deletes beside it instead."""
    for number in range(times):
        if busy and index % 3 == 2:
            d[f"beside{index % 2}"] = number
            d.pop(f"beside{index % 2}", None)
        else:
            d.transform(key, add_one, default=0)


def append_or_replace(d: PersiDict[Any], index: int, key: str, delete: bool) -> None:
    """The first writes or deletes plainly, the others append to whatever there is."""
    if index:
        d.transform(key, lambda value: [*value, index], default=["new"])
    elif delete:
        d.delete_if_exists(key)
    else:
        d[key] = ["plain"]


def fill_and_walk(d: PersiDict[Any], index: int, times: int) -> int:
    """Write items of one's own, and walk over all; give how many were one's own."""
    for number in range(times):
        d["shared", f"of{index}", f"n{number}"] = [index, number] * 20
        for key, value in d.items():
            _, who, which = SafeStrTuple(key).strings
            assert value == [int(who[2:]), int(which[1:])] * 20, f"{key!r} holds {value!r}"
    return len(d.get_subdict(("shared", f"of{index}")))


def check_one_default_is_set(
    make_dict: MakeDict, scope: Scope | None = None, rounds: int = 200, creators: int = 16
) -> None:
    """Of many who call ``setdefault`` one sets, and all get its value.

    To mend: ``write_if(ABSENT)`` in one step; without the claim it is done in two, and may differ.
    """
    d = make_dict()
    claimed = d.backend.capabilities.if_absent
    among = claimed or shared_among(d.backend, scope)
    for number, team in enumerate(teams(d, creators, among)):
        for turn in range(rounds if claimed else 5):
            key = f"s{number}-{turn}"
            got = team.run(set_default, key)
            stored = d[key]
            if claimed is Scope.NONE:
                assert stored in got, f"round {turn}: {stored!r} is stored, given were {got}"
            else:
                assert got == [stored] * creators, (
                    f"round {turn}: {stored!r} is stored, but setdefault gave {sorted(set(got))}"
                )


def check_one_immutable_is_inserted(
    make_dict: MakeDict, rounds: int = 200, creators: int = 16
) -> None:
    """Of many who insert one immutable item one does, and the others are told.

    To mend: ``write_if(ABSENT)`` in one step.
    """
    plain = make_dict()
    scope = plain.backend.capabilities.if_absent
    if scope is Scope.NONE:

        def insert_one() -> None:
            make_dict(immutable_items=True)["a"] = 1

        raised(NotSupported, "immutable_items without if_absent", insert_one)
        return
    d = reopened(plain, immutable_items=True)
    for number, team in enumerate(teams(d, creators, scope)):
        for turn in range(rounds):
            key = f"i{number}-{turn}"
            won = team.run(insert, key)
            assert sum(won) == 1, f"round {turn}: {sum(won)} of {creators} inserted one item"
            assert d[key] == won.index(True), f"round {turn}: a loser's value is stored"


def check_one_takes_out(
    make_dict: MakeDict, scope: Scope | None = None, rounds: int = 200, creators: int = 16
) -> None:
    """Of many who ``pop`` one item one gets its value.

    To mend: ``delete_if`` in one step; without the claim it is done in two, and several may get it.
    """
    d = make_dict()
    claimed = d.backend.capabilities.delete_if
    among = claimed or shared_among(d.backend, scope)
    for number, team in enumerate(teams(d, creators, among)):
        for turn in range(rounds if claimed else 5):
            key = f"p{number}-{turn}"
            d[key] = "value"
            got = team.run(take, key)
            count = got.count("value")
            assert count == 1 or (count and not claimed), f"round {turn}: {count} got the value"
            assert got.count(None) == creators - count and key not in d, f"round {turn}: {got}"


def check_transforms_are_exact(
    make_dict: MakeDict, workers: int = 8, increments: int = 100
) -> None:
    """Many who raise one number by ``transform`` lose none, also with writers beside them.

    To mend: ``write_if(etag)`` in one step, and a new etag for every write.
    """
    d = make_dict()
    if not claims_conditions(d):
        raised(NotSupported, "transform, not claimed,", d.transform, "a", add_one, 0)
        return
    can = d.backend.capabilities
    for number, team in enumerate(teams(d, workers, min(can.if_absent, can.if_match))):
        for busy in (False, True):
            key = f"counter{number}{busy}"
            for done in range(0, increments, _A_RUN):
                team.run(count_up, key, min(_A_RUN, increments - done), busy)
            counting = sum(not busy or index % 3 != 2 for index in range(workers))
            wanted = counting * increments
            assert d[key] == wanted, f"{wanted} increments gave {d[key]}"


def check_transforms_among_plain_writers(
    make_dict: MakeDict, rounds: int = 200, creators: int = 16
) -> None:
    """A plain write, or delete, of the very item that others ``transform`` is not lost.

    To mend: plain writes and deletes take part in whatever makes ``write_if`` one step.
    """
    d = make_dict()
    if not claims_conditions(d):
        raised(NotSupported, "transform, not claimed,", d.transform, "a", add_one, 0)
        return
    can = d.backend.capabilities
    size = creators // 4 + 1
    for number, team in enumerate(teams(d, size, min(can.if_absent, can.if_match))):
        for turn in range(rounds // 2):
            for delete in (False, True):
                key = f"t{number}-{turn}-{delete}"
                d[key] = ["old"]
                team.run(append_or_replace, key, delete)
                found = d.get(key, [])
                if delete:
                    assert "old" not in found, f"the deleted value is back: {found}"
                else:
                    assert found[0] == "plain", f"the plain write was lost: {found}"


def check_many_share_a_dictionary(
    make_dict: MakeDict, scope: Scope | None = None, workers: int = 8
) -> None:
    """Many write items and walk over those of all at once; every value read is whole.

    To mend: see the backend's checks of sharing.
    """
    d = make_dict()
    for team in teams(d, workers, shared_among(d.backend, scope)):
        d.clear()
        own = team.run(fill_and_walk, 6)
        assert own == [6] * workers, f"of 6 items each the writers found {own}"
        assert len(d) == 6 * workers, f"there are {len(d)} items, written were {6 * workers}"
