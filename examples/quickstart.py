"""Python's standard library in a persistent dictionary, filled by several processes at once.

python3 examples/quickstart.py                     in a fresh folder
python3 examples/quickstart.py my_folder           in this one; a second run is welcome
python3 examples/quickstart.py memory://library    in memory, by threads instead of processes
"""

import argparse
import ast
import heapq
import sys
import sysconfig
import tempfile
import tokenize
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import persidict
from persidict import URL, PersiDict, PersiDictError, replace_unsafe_chars

STDLIB = Path(sysconfig.get_paths()["stdlib"])
LEFT_OUT = {"site-packages", "test", "tests"}
WORKERS, BATCH, RAISES = 4, 20, 100


def key_of(path: Path) -> tuple[str, str]:
    """json/decoder.py is ("json", "decoder"); argparse.py, in no package, is in "(top)"."""
    *packages, name = path.relative_to(STDLIB).with_suffix("").parts
    package, *rest = packages or ["(top)"]
    return replace_unsafe_chars(package, "_"), replace_unsafe_chars(".".join([*rest, name]), "_")


def read_module(path: Path) -> dict[str, Any]:
    with tokenize.open(path) as file:
        source = file.read()
    nodes = list(ast.walk(ast.parse(source)))
    imports = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imports |= {node.module or "." for node in nodes if isinstance(node, ast.ImportFrom)}
    return {"source": source, "lines": source.count("\n"), "imports": sorted(imports)}


def store_modules(library: PersiDict[Any], paths: list[Path]) -> int:
    """One worker's share: read some modules, and write them all in one go."""
    modules = {}
    for path in paths:
        try:
            modules[key_of(path)] = read_module(path)
        except (SyntaxError, ValueError):
            continue  # A few files are there to show what is no Python.
    library.update(modules)
    return len(paths)


def raise_counter(store: PersiDict[Any]) -> None:
    """Add to a number to which all the others are adding, too."""
    for _ in range(RAISES):
        store.transform("counter", lambda count: count + 1, default=0)


def fill(store: PersiDict[Any], paths: list[Path], pool: Executor) -> None:
    library = store.get_subdict("library")
    batches = [paths[start : start + BATCH] for start in range(0, len(paths), BATCH)]
    done = 0
    for job in as_completed([pool.submit(store_modules, library, batch) for batch in batches]):
        done += job.result()
        show_progress(done, len(paths))
    before = store.get("counter", 0)
    list(pool.map(raise_counter, [store] * WORKERS))
    after = store["counter"]
    assert after == before + WORKERS * RAISES, "additions were lost"
    print(f"{WORKERS} workers added {RAISES} each to one counter: from {before} to {after}")


def show_progress(done: int, total: int) -> None:
    terminal = sys.stderr.isatty()
    if terminal or done == total or done % 200 < BATCH:
        bar = "#" * (40 * done // total)
        end = "\r" if terminal and done < total else "\n"
        print(f"[{bar:40}] {done} of {total} modules", end=end, file=sys.stderr)


def query(library: PersiDict[Any]) -> None:
    print(f"This {type(library).__name__} holds {len(library)} modules. The largest:")
    for key, module in heapq.nlargest(5, library.items(), lambda item: item[1]["lines"]):
        print(f"{module['lines']:7} lines, {len(module['imports']):3} imports: {key}")
    print("Written last:", *library.newest_keys(4))
    sizes = {package: len(modules) for package, modules in library.subdicts().items()}
    largest = sorted(sizes, key=sizes.__getitem__, reverse=True)[:4]
    print("The packages with the most:", *(f"{package} ({sizes[package]})" for package in largest))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("url", nargs="?", help="a folder, or a URL such as memory://library")
    parser.add_argument("--packages", help="only these, such as json,email")
    options = parser.parse_args()
    paths = [path for path in sorted(STDLIB.rglob("*.py")) if LEFT_OUT.isdisjoint(path.parts)]
    if options.packages is not None:
        paths = [path for path in paths if key_of(path)[0] in options.packages.split(",")]
        if not paths:
            parser.error(f"there is no package {options.packages!r} in {STDLIB}")
    try:
        url = URL.parse(options.url or tempfile.mkdtemp(prefix="library-"))
        store: PersiDict[Any] = persidict.open(url)
    except (PersiDictError, ValueError) as error:
        parser.error(str(error))
    in_memory = url.scheme == "memory"  # Which threads share, but not processes.
    if in_memory and not url.address:
        parser.error("what is in memory wants a name to be found again, as in memory://library")
    with (ThreadPoolExecutor if in_memory else ProcessPoolExecutor)(WORKERS) as pool:
        fill(store, paths, pool)
    query(persidict.open(url).get_subdict("library"))
    if not in_memory:
        where = repr(store.base_dir or options.url)
        print(f"Look again, from anywhere: persidict.open({where}).get_subdict('library')")


if __name__ == "__main__":
    main()
