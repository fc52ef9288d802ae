"""Plugins of installed distributions: found by name, imported when asked for, and blamed."""

from __future__ import annotations

import pytest

from tests.plugins.distributions import (
    ACME,
    ACME_ENTRY_POINTS,
    BACKEND,
    answer,
    install,
    install_acme,
    install_backend,
)


def test_a_plugin_of_each_kind_is_found_by_its_name(tmp_path):
    code = """
kinds = [backends.get("acme"), dicts.get("AcmeDict"), serializers.get("acme")]
answer = [f"{kind.__module__}.{kind.__name__}" for kind in kinds]
"""
    assert answer(code, install_acme(tmp_path)) == [
        "acme_plugin.AcmeBackend",
        "acme_plugin.AcmeDict",
        "acme_plugin.AcmeSerializer",
    ]


def test_a_plugin_is_listed_with_its_distribution_and_version(tmp_path):
    install_backend(tmp_path, "acme-plugin", "acme", version="2.5")
    found = answer("answer = rows(backends)", tmp_path)
    assert ["acme", "acme_plugin:Plugged", "acme-plugin", "2.5", None] in found
    builtin = next(row for row in found if row[0] == "memory")
    assert builtin[1:3] == ["persidict_core.memory:MemoryBackend", "persidict-core"]


def test_a_plugin_is_imported_only_when_its_name_is_asked_for(tmp_path):
    install_backend(tmp_path, "acme-plugin", "acme")
    install_backend(tmp_path, "other-plugin", "other")
    code = """
def imported():
    return sorted({"acme_plugin", "other_plugin"} & sys.modules.keys())

rows(backends)
failure(backends.get, "nothing")
listed = imported()
backends.get("acme")
answer = [listed, imported()]
"""
    assert answer(code, tmp_path) == [[], ["acme_plugin"]]


def test_builtin_names_are_found_without_reading_metadata(tmp_path):
    code = """
import persidict_core
backends.get("memory"), serializers.get("pkl"), serializers.get("json")
persidict_core.open("memory://?file_type=json")
answer = "importlib.metadata" in sys.modules
"""
    assert answer(code, tmp_path) is False


BROKEN = {
    "an import that fails": ("acme:Plugged", "import no_such_module", "ModuleNotFoundError"),
    "a syntax error": ("acme:Plugged", "def (", "SyntaxError"),
    "an exit": ("acme:Plugged", "raise SystemExit('bye')", "bye"),
    "no module": ("no_such_acme:Plugged", "", "no_such_acme"),
    "no attribute": ("acme:Nothing", BACKEND.format("acme"), "Nothing"),
    "no class": ("acme:Plugged", "Plugged = 'text'", "'text' is no class"),
    "another kind of class": ("acme:Plugged", "class Plugged: scheme = 'acme'", "BaseBackend"),
    "another scheme": ("acme:Plugged", BACKEND.format("else"), "'else', not 'acme'"),
    "no colon": ("acme.Plugged", BACKEND.format("acme"), "module:class"),
    "no value's end": ("acme:", BACKEND.format("acme"), "module:class"),
    "two colons": ("acme:Plugged:Plugged", BACKEND.format("acme"), "Plugged:Plugged"),
}


@pytest.mark.parametrize(("value", "source", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_broken_plugin_is_blamed_and_harms_no_other(tmp_path, value, source, reason):
    install(tmp_path, "acme-plugin", f"[persidict.backends]\nacme = {value}\n", {"acme": source})
    install_backend(tmp_path, "good-plugin", "good")
    code = """
def error():
    [row] = [row for row in backends.plugins() if row.name == "acme"]
    return row.error

before = error()
backends.get("good")
try:
    backends.get("acme")
except PluginError as raised:
    text, cause = str(raised), raised.__cause__ is not None
after = error()
answer = [before, text, cause, after]
"""
    before, text, cause, after = answer(code, tmp_path)
    assert before is None
    assert cause
    assert after == text
    for part in ("'acme'", value, "acme-plugin 1.0", reason):
        assert part in text
    code = "answer = {row.name: row.error for row in backends.plugins(load=True)}"
    errors = answer(code, tmp_path)
    assert errors["acme"] == text
    assert errors["good"] is errors["memory"] is None


def test_a_plugin_that_was_mended_is_broken_no_more(tmp_path):
    install(tmp_path, "acme-plugin", "[persidict.backends]\nacme = acme:Plugged\n", {"acme": ""})
    code = f"""
from pathlib import Path
failure(backends.get, "acme")
del sys.modules["acme"]
Path("acme.py").write_text({BACKEND.format("acme")!r})
backends.get("acme")
answer = [row.error for row in backends.plugins() if row.name == "acme"]
"""
    assert answer(code, tmp_path) == [None]


def test_a_value_may_name_an_extra_and_a_nested_class(tmp_path):
    source = f"class Holder:\n{BACKEND.format('acme')}".replace("\n", "\n    ")
    install(
        tmp_path,
        "acme-plugin",
        "[persidict.backends]\nacme = acme : Holder.Plugged [fast]\n",
        {"acme": source},
    )
    assert answer("answer = backends.get('acme').__qualname__", tmp_path) == "Holder.Plugged"


class TestClaimedTwice:
    CODE = """
import two_plugin
text = failure(backends.get, "acme")
unsettled = [row.error for row in backends.plugins() if row.name == "acme"]
refused = failure(registry.register_backend, two_plugin.Plugged)
registry.register_backend(two_plugin.Plugged, replace=True)
settled = backends.get("acme").__module__
listed = [row[2:] for row in rows(backends) if row[0] == "acme"]
answer = [text, unsettled, refused, settled, listed]
"""

    def test_by_two_distributions_names_both_and_is_settled_by_replacing(self, tmp_path):
        install_backend(tmp_path, "one-plugin", "acme", version="1.1")
        install_backend(tmp_path, "two-plugin", "acme", version="2.2")
        install_backend(tmp_path, "good-plugin", "good")
        text, unsettled, refused, settled, listed = answer(self.CODE, tmp_path)
        for part in ("'acme'", "one_plugin:Plugged", "one-plugin 1.1", "two-plugin 2.2", "replace"):
            assert part in text
        assert unsettled == [text, text]
        assert "one-plugin 1.1" in refused
        assert settled == "two_plugin"
        instead = "two_plugin:Plugged of this process was registered in its place"
        assert listed == [
            ["", "", None],
            ["one-plugin", "1.1", instead],
            ["two-plugin", "2.2", instead],
        ]

    def test_by_one_distribution(self, tmp_path):
        entry_points = "[persidict.backends]\nacme = one:Plugged\nacme = two:Plugged\n"
        install(tmp_path, "acme-plugin", entry_points)
        text = answer("answer = failure(backends.get, 'acme')", tmp_path)
        assert "one:Plugged of acme-plugin" in text
        assert "two:Plugged of acme-plugin" in text

    def test_by_the_same_line_twice_is_no_conflict(self, tmp_path):
        entry_points = "[persidict.backends]\nacme = one:Plugged\nacme = one:Plugged\n"
        install(tmp_path, "acme-plugin", entry_points, {"one": BACKEND.format("acme")})
        assert answer("answer = backends.get('acme').scheme", tmp_path) == "acme"

    def test_a_file_type(self, tmp_path):
        for name in ("one-plugin", "two-plugin"):
            install(tmp_path, name, f"[persidict.serializers]\ncsv = {name[:3]}:Csv\n")
        text = answer("answer = failure(serializers.get, 'csv')", tmp_path)
        assert "one-plugin" in text
        assert "two-plugin" in text


class TestReservedNames:
    ROGUE = """
[persidict.backends]
memory = rogue:Anything
file = rogue:Anything
s3 = rogue:Anything
rogue = rogue:Plugged
[persidict.dicts]
FileDirDict = rogue:Anything
PersiDict = rogue:Anything
[persidict.serializers]
pkl = rogue:Anything
json = rogue:Anything
npy = rogue:Anything
"""

    def test_others_claims_are_listed_and_never_used(self, tmp_path):
        install(tmp_path, "rogue-plugin", self.ROGUE, {"rogue": BACKEND.format("rogue")})
        code = """
backends.get("memory"), serializers.get("pkl"), serializers.get("json")
for group, name in (backends, "file"), (backends, "s3"), (dicts, "PersiDict"), (serializers, "npy"):
    try:
        group.get(name)
    except PluginError:
        pass
imported = "rogue" in sys.modules
listed = {
    row.name: row.error
    for group in (backends, dicts, serializers)
    for row in group.plugins(load=True)
    if row.distribution == "rogue-plugin"
}
answer = [imported, listed, backends.get("memory").__module__, "rogue" in sys.modules]
"""
        imported, listed, memory, later = answer(code, tmp_path)
        assert not imported
        assert listed.pop("rogue") is None
        assert {name: error.rpartition(" ")[2] for name, error in listed.items()} == {
            "memory": "persidict-core",
            "file": "persidict-file",
            "s3": "persidict-s3",
            "FileDirDict": "persidict-file",
            "PersiDict": "persidict-core",
            "pkl": "persidict-core",
            "json": "persidict-core",
            "npy": "persidict-core",
        }
        assert all("is reserved for" in error for error in listed.values())
        assert memory == "persidict_core.memory"
        assert later

    def test_the_distribution_that_owns_a_name_is_used_in_spite_of_another(self, tmp_path):
        install_backend(tmp_path, "rogue-plugin", "s3")
        install_backend(tmp_path, "Persidict.S3", "s3")
        code = "answer = backends.get('s3').__module__"
        (tmp_path / "owner_of_s3.py").write_text(BACKEND.format("s3"))
        info = tmp_path / "Persidict.S3-1.0.dist-info"
        (info / "entry_points.txt").write_text("[persidict.backends]\ns3 = owner_of_s3:Plugged\n")
        assert answer(code, tmp_path) == "owner_of_s3"

    def test_a_name_that_no_url_can_say_is_listed_as_such(self, tmp_path):
        install_backend(tmp_path, "loud-plugin", "FILE")
        [row] = [r for r in answer("answer = rows(backends)", tmp_path) if r[0] == "FILE"]
        assert "is no scheme" in row[4]


MALFORMED = {
    "no equals sign": b"[persidict.backends]\nbad\n",
    "no section": b"bad = bad_plugin:Plugged\n",
    "no name": b"[persidict.backends]\n= bad_plugin:Plugged\n",
    "no value": b"[persidict.backends]\nbad =\n",
    "a section that does not end": b"[persidict.backends\nbad = bad_plugin:Plugged\n",
    "binary garbage": b"\x89PNG\r\n\x1a\n\xff\xfe\x00\x80",
    "zeros": bytes(64),
    "another group's line": b"[console_scripts]\nbad\n[persidict.backends]\nbad = b:Plugged\n",
}


@pytest.mark.parametrize("content", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_file_harms_no_other_and_is_listed(tmp_path, content):
    install(tmp_path, "bad-plugin", content, version="0.1")
    install_acme(tmp_path)
    code = """
names = [backends.get("acme").scheme, dicts.get("AcmeDict").scheme]
unreadable = [row for row in rows(backends, load=True) if row[2] == "bad-plugin"]
answer = [names, unreadable, failure(backends.get, "bad")]
"""
    names, unreadable, text = answer(code, tmp_path)
    assert names == ["acme", "acme"]
    [[name, _, _, version, error]] = unreadable
    assert (name, version) == ("", "0.1")
    assert error
    assert f"bad-plugin could not be read: {error}" in text


@pytest.mark.parametrize("metadata", [None, "", "Version: 1\n", "\x00"], ids=repr)
def test_a_distribution_without_metadata_harms_no_other_and_is_listed(tmp_path, metadata):
    install(tmp_path, "bad-plugin", "[persidict.backends]\nbad = bad:Plugged\n", metadata=metadata)
    install_acme(tmp_path)
    code = "answer = [backends.get('acme').scheme, rows(backends), failure(backends.get, 'bad')]"
    scheme, listed, text = answer(code, tmp_path)
    assert scheme == "acme"
    [row] = [row for row in listed if "bad_plugin-1.0.dist-info" in row[2]]
    assert "METADATA" in row[4]
    assert row[4] in text


def test_files_of_other_groups_comments_and_odd_spaces_are_read(tmp_path):
    entry_points = (
        "# a comment\n; another\n\n[console_scripts]\nrun=a:b\n"
        "  [ persidict.backends ]  \n\t acme=acme_plugin:Plugged\r\n[empty]\n"
    )
    install(tmp_path, "acme-plugin", entry_points, {"acme_plugin": BACKEND.format("acme")})
    code = "answer = [backends.get('acme').scheme, [r for r in rows(backends) if not r[0]]]"
    assert answer(code, tmp_path) == ["acme", []]


def test_a_plugin_installed_while_the_process_runs_is_found(tmp_path):
    site, staged = tmp_path / "site", tmp_path / "staged"
    site.mkdir()
    install_acme(staged)
    code = f"""
import os, shutil
import persidict_core
failures = [failure(backends.get, "acme"), failure(persidict_core.open, "acme://x")]
seen = os.stat({str(site)!r})
shutil.copytree({str(staged)!r}, {str(site)!r}, dirs_exist_ok=True)
os.utime({str(site)!r}, ns=(seen.st_atime_ns, seen.st_mtime_ns))
front = type(persidict_core.open("acme://x")).__name__
answer = [len(failures), front, backends.get("acme").scheme]
"""
    assert answer(code, site) == [2, "AcmeDict", "acme"]


class TestOneDistributionTwiceOnThePath:
    def test_counts_once_and_the_first_wins(self, tmp_path):
        first, second = tmp_path / "first", tmp_path / "second"
        install_backend(first, "acme-plugin", "acme", version="2.0")
        entry_points = "[persidict.backends]\nacme = elsewhere:Plugged\n"
        install(second, "Acme_Plugin", entry_points, {"elsewhere": ""}, version="1.0")
        code = """
listed = [row for row in rows(backends) if row[0] == "acme"]
answer = [backends.get("acme").__module__, listed]
"""
        assert answer(code, first, second) == [
            "acme_plugin",
            [["acme", "acme_plugin:Plugged", "acme-plugin", "2.0", None]],
        ]

    def test_what_only_the_second_claims_does_not_count(self, tmp_path):
        first, second = tmp_path / "first", tmp_path / "second"
        install(first, "acme-plugin", "", version="2.0")
        install_backend(second, "acme-plugin", "acme", version="1.0")
        assert "not installed" in answer("answer = failure(backends.get, 'acme')", first, second)


class TestFronts:
    def test_open_gives_the_class_of_the_scheme(self, tmp_path):
        code = """
import persidict_core
d = persidict_core.open("acme://shelf?file_type=json", )
answer = [type(d).__name__, d.file_type, d.backend.name, d.url]
"""
        found = answer(code, install_acme(tmp_path))
        assert found == ["AcmeDict", "json", "shelf", "acme://shelf?file_type=json"]

    def test_open_gives_a_plain_persidict_where_the_scheme_has_no_class(self, tmp_path):
        install_backend(tmp_path, "acme-plugin", "acme")
        code = """
import persidict_core
d = persidict_core.open("acme://shelf", file_type="json")
answer = [type(d).__name__, type(d.backend).__name__, d.backend.name, d.file_type]
"""
        assert answer(code, tmp_path) == ["PersiDict", "Plugged", "shelf", "json"]

    def test_opening_imports_no_other_distribution(self, tmp_path):
        install_acme(tmp_path)
        install(tmp_path, "spy-plugin", "[persidict.dicts]\nSpyDict = spy:SpyDict\n", {"spy": ""})
        code = """
import persidict_core
persidict_core.open("acme://shelf")
answer = ["acme_plugin" in sys.modules, "spy" in sys.modules]
"""
        assert answer(code, tmp_path) == [True, False]

    def test_a_broken_class_is_told_and_not_passed_over(self, tmp_path):
        source = ACME.replace("class AcmeDict(PersiDict)", "class AcmeDict")
        install(tmp_path, "acme-plugin", ACME_ENTRY_POINTS, {"acme_plugin": source})
        code = """
import persidict_core
answer = failure(persidict_core.open, "acme://shelf")
"""
        assert "AcmeDict is no subclass of PersiDict" in answer(code, tmp_path)

    def test_the_base_of_two_classes_of_a_scheme_is_the_one(self, tmp_path):
        source = f"{ACME}\nclass AbleDict(AcmeDict):\n    pass\n"
        entry_points = ACME_ENTRY_POINTS.replace(
            "[persidict.dicts]", "[persidict.dicts]\nAbleDict = acme_plugin:AbleDict"
        )
        install(tmp_path, "acme-plugin", entry_points, {"acme_plugin": source})
        code = """
import persidict_core
answer = type(persidict_core.open("acme://shelf")).__name__
"""
        assert answer(code, tmp_path) == "AcmeDict"

    def test_two_classes_of_a_scheme_are_an_error(self, tmp_path):
        source = f"{ACME}\nclass AbleDict(PersiDict):\n    scheme = 'acme'\n"
        entry_points = ACME_ENTRY_POINTS.replace(
            "[persidict.dicts]", "[persidict.dicts]\nAbleDict = acme_plugin:AbleDict"
        )
        install(tmp_path, "acme-plugin", entry_points, {"acme_plugin": source})
        code = """
import persidict_core
answer = failure(persidict_core.open, "acme://shelf")
"""
        text = answer(code, tmp_path)
        assert "acme_plugin:AbleDict" in text
        assert "acme_plugin:AcmeDict" in text


def test_threads_that_ask_at_once_all_get_the_class(tmp_path):
    source = f"import time\ntime.sleep(0.05)\n{BACKEND.format('acme')}"
    entry_points = "[persidict.backends]\nacme = acme_plugin:Plugged\n"
    install(tmp_path, "acme-plugin", entry_points, {"acme_plugin": source})
    code = """
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
barrier = Barrier(8)

def ask(_):
    barrier.wait(30)
    return backends.get("acme")

with ThreadPoolExecutor(8) as pool:
    found = list(pool.map(ask, range(8)))
answer = [len(found), len(set(found))]
"""
    assert answer(code, tmp_path) == [8, 1]
