"""Each wheel holds what its distribution promises, and nothing of another's."""

from __future__ import annotations

from zipfile import ZipFile


def contents(wheel: str) -> set[str]:
    with ZipFile(wheel) as archive:
        return set(archive.namelist())


def top_level(names: set[str]) -> set[str]:
    return {name.partition("/")[0] for name in names if ".dist-info/" not in name}


def test_core_holds_the_facade_and_its_types(wheels: dict[str, str]) -> None:
    names = contents(wheels["persidict-core"])
    assert top_level(names) == {"persidict.py", "persidict-stubs", "persidict_core"}
    assert {
        "persidict-stubs/__init__.pyi",
        "persidict-stubs/jokers.pyi",
        "persidict_core/py.typed",
        "persidict_core/former/jokers.py",
        "persidict_core/serializers/__init__.py",
        "persidict_core/testing/__init__.py",
    } <= names


def test_file_holds_its_package(wheels: dict[str, str]) -> None:
    names = contents(wheels["persidict-file"])
    assert top_level(names) == {"persidict_file"}
    assert {"persidict_file/py.typed", "persidict_file/__init__.py"} <= names


def test_s3_holds_its_package(wheels: dict[str, str]) -> None:
    names = contents(wheels["persidict-s3"])
    assert top_level(names) == {"persidict_s3"}
    assert {"persidict_s3/py.typed", "persidict_s3/__init__.py"} <= names


def test_whole_holds_no_code(wheels: dict[str, str]) -> None:
    assert top_level(contents(wheels["persidict"])) == set()


def test_every_wheel_carries_the_license(wheels: dict[str, str]) -> None:
    for wheel in wheels.values():
        assert any(name.endswith("licenses/LICENSE") for name in contents(wheel)), wheel
