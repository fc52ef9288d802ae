"""Checks of a dictionary's verbs on many items."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from ..backend import ETags
from ..errors import BulkError, SerializationError
from ..persi_dict import PersiDict
from .checks_mapping import MakeDict, filled, same
from .expecting import raised

_TAKEN_AHEAD: Final = 2_500


def check_get_many(make_dict: MakeDict) -> None:
    """``get_many`` gives keys as given with their values, in order; absent ones are left out.

    To mend: ``read_many`` gives results in the order of the paths.
    """
    d, model = filled(make_dict)
    keys: list[Any] = ["zero", "missing", ("a", "b"), "b", ["x", "y", "z"], "zero"]
    found = list(d.get_many(keys))
    model["missing"] = d
    values = [(key, model[tuple(key) if isinstance(key, list) else key]) for key in keys]
    wanted = [(key, value) for key, value in values if value is not d]
    assert found == wanted, f"get_many gave {found}"
    assert list(d.get_many([])) == [], "get_many of nothing"


def check_get_many_is_lazy(make_dict: MakeDict) -> None:
    """``get_many`` takes of a million keys only what is needed for ten values.

    To mend: ``read_many`` must be lazy.
    """
    d = make_dict()
    d["k"] = 1
    taken = 0

    def keys() -> Iterator[str]:
        nonlocal taken
        for _ in range(1_000_000):
            taken += 1
            yield "k"

    values = d.get_many(keys())
    for _ in range(10):
        next(values)
    del values
    assert taken <= _TAKEN_AHEAD, f"get_many took {taken} keys for ten values"


def check_set_many(make_dict: MakeDict, many: int = 1500) -> None:
    """``set_many`` writes more than a batch; of a key given twice the last counts.

    To mend: ``write_many`` and ``delete_many`` for more than a thousand.
    """
    d = make_dict()
    d.set_many((f"k{number}", number) for number in range(many))
    assert dict(d) == {f"k{number}": number for number in range(many)}, "set_many lost some"
    d.set_many([("k0", "first"), (("k0",), "last"), ("k1", 5)])
    assert d["k0"] == "last" and d["k1"] == 5, f"of a key given twice {d['k0']!r} counted"
    d.delete_many(["missing", ["a", "list"], *(f"k{number}" for number in range(many))])
    same(d, {}, "delete_many of all and of a missing one")
    d.set_many({})
    d.delete_many([])


def check_bulk_failures_are_told(make_dict: MakeDict) -> None:
    """What cannot be written of many is told by key in a ``BulkError``; the rest is written.

    To mend: errors as results in ``write_many``.
    """
    d = make_dict()
    d["kept"] = "old"
    items: dict[Any, Any] = {"a": 1, "kept": lambda: 1, ("b", "c"): 2, "bad": lambda: 2, "d": 3}
    for write in (d.set_many, d.update):
        error = raised(BulkError, "writing many of which two do not pickle", write, items)
        assert set(error.failures) == {"kept", "bad"}, f"failures: {error.failures}"
        for key, failure in error.failures.items():
            assert isinstance(failure, SerializationError), f"{key!r} failed by {failure!r}"
        assert "2" in str(error), f"the error says {error}"
        same(d, {"kept": "old", "a": 1, ("b", "c"): 2, "d": 3}, "an update of which two failed")
        d.delete_many(["a", ("b", "c"), "d"])


def check_copies(make_dict: MakeDict) -> None:
    """``copy_to`` gives the other all items; a second copy moves only what was written since.

    To mend: ``list_stats``, ``read_versioned``, and the etags that writing gives.
    """
    d, model = filled(make_dict)
    memory: PersiDict[Any] = PersiDict("memory://")
    back = make_dict()
    for source, target in ((d, memory), (memory, back)):
        done = source.copy_to(target)
        assert (done.copied, done.unchanged) == (len(model), 0), f"the first copy: {done}"
        same(target, model, "a copy")
        assert not source.copy_to(target, dry_run=True, delete=True).deleted, "the copy has more"
    memory["zero"] = "another"
    del memory["b"]
    assert memory.copy_to(back)[:2] == (1, len(model) - 2), "a copy after one value was written"
    if back.backend.capabilities.etags is not ETags.NONE:
        back["zero"] = "a third"  # Where etags name no versions, that is not seen.
    memory.copy_to(back, delete=True)
    same(back, dict(memory), "a copy that deletes what the source has not")


def check_bad_keys_among_many(make_dict: MakeDict) -> None:
    """A bad key or a value of a wrong class among many is an error before its batch is written.

    To mend: nothing in a backend.
    """
    d = make_dict(base_class_for_values=int)
    d["kept"] = 1
    for pairs in ([("a", 1), ("b c", 2)], [("a", 1), ("b", "text")], [("a", 1), (5, 5)]):
        raised((TypeError, ValueError), f"set_many({pairs})", d.set_many, pairs)
        same(d, {"kept": 1}, f"set_many({pairs})")
    raised((TypeError, ValueError), "delete_many", d.delete_many, [""])
    same(d, {"kept": 1}, "a refused delete_many")
