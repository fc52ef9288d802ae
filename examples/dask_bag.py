"""A bag of Dask over the keys of a dictionary: each worker reads the values it is given.

python3 examples/dask_bag.py                       in a fresh folder
python3 examples/dask_bag.py s3://my-bucket/texts  in S3
python3 examples/dask_bag.py memory://texts        in memory, by threads instead of processes

It wants Dask: pip install "dask[distributed]". The dictionary travels to the workers by its
configuration, not with its values; they open it for themselves.
"""

import argparse
import importlib
import inspect
import re
import tempfile
from typing import Any

import dask.bag
from distributed import Client, LocalCluster

import persidict
from persidict import URL, PersiDict, PersiDictError, SafeStrTuple

MODULES = ["argparse", "csv", "heapq", "json", "logging", "pathlib", "pickle", "shelve", "textwrap"]
WORKERS = 2


def fill(texts: PersiDict[str]) -> None:
    """What the documentation of some modules says of each function and class."""
    found = {}
    for module in MODULES:
        for name, member in vars(importlib.import_module(module)).items():
            if not name.startswith("_") and callable(member) and inspect.getdoc(member):
                found[module, name] = str(inspect.getdoc(member))
    texts.update(found)


def words(key: SafeStrTuple, texts: PersiDict[str]) -> list[str]:
    return re.findall(r"[a-z]{5,}", texts[key].lower())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("url", nargs="?", help="a folder, or a URL such as s3://my-bucket/texts")
    options = parser.parse_args()
    try:
        url = URL.parse(options.url or tempfile.mkdtemp(prefix="texts-"))
        texts: PersiDict[Any] = persidict.open(url, file_type="txt", base_class_for_values=str)
    except (PersiDictError, ValueError) as error:
        parser.error(str(error))
    fill(texts)
    keys = dask.bag.from_sequence(texts.keys(), npartitions=2 * WORKERS)
    most = keys.map(words, texts=texts).flatten().frequencies().topk(8, key=1)
    if url.scheme == "memory":
        counts = most.compute(scheduler="threads")
    else:
        with (
            LocalCluster(
                n_workers=WORKERS, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
            ) as cluster,
            Client(cluster),
        ):
            counts = most.compute()
    print(f"{len(texts)} texts were read by {WORKERS} workers. The words they have most:")
    for word, count in counts:
        print(f"{count:7} {word}")


if __name__ == "__main__":
    main()
