"""A parameter sweep: eight processes fill one dictionary, and its items become a pandas table.

python3 examples/sweep.py                       in a fresh folder
python3 examples/sweep.py s3://my-bucket/sweep  in S3: start it on as many machines as you like
python3 examples/sweep.py memory://sweep        in memory, by threads instead of processes

What is there already is not computed again: a sweep that was stopped goes on.
"""

import argparse
import random
import statistics
import tempfile
from itertools import product
from multiprocessing.pool import Pool, ThreadPool
from typing import Any

import pandas as pd

import persidict
from persidict import URL, PersiDict, PersiDictError

WORKERS = 8
GROWTHS = [f"{2.8 + step / 20:.2f}" for step in range(24)]
SEEDS = [str(seed) for seed in range(5)]


def simulate(growth: float, seed: int) -> dict[str, float]:
    """Animals of a year, as a part of those that could live: the logistic map (May, 1976)."""
    share = random.Random(seed).random()
    seen = []
    for year in range(3000):
        share = growth * share * (1 - share)
        if year >= 2000:
            seen.append(round(share, 6))
    return {"mean": statistics.mean(seen), "states": len(set(seen))}


def run(job: tuple[PersiDict[Any], str, str]) -> bool:
    """One worker's job; whether it was still to do."""
    results, growth, seed = job
    key = f"growth={growth}", f"seed={seed}"
    if key in results:
        return False
    results[key] = simulate(float(growth), int(seed))
    return True


def as_table(results: PersiDict[Any]) -> pd.DataFrame:
    rows = []
    for key, result in results.items():
        parameters = dict(part.split("=") for part in str(key).split("/"))
        rows.append({name: float(text) for name, text in parameters.items()} | result)
    return pd.DataFrame(rows).sort_values(["growth", "seed"], ignore_index=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("url", nargs="?", help="a folder, or a URL such as s3://my-bucket/sweep")
    options = parser.parse_args()
    try:
        url = URL.parse(options.url or tempfile.mkdtemp(prefix="sweep-"))
        results = persidict.open(url, file_type="json")
    except (PersiDictError, ValueError) as error:
        parser.error(str(error))
    jobs = [(results, growth, seed) for growth, seed in product(GROWTHS, SEEDS)]
    random.shuffle(jobs)  # So that several machines seldom do the same.
    with (ThreadPool if url.scheme == "memory" else Pool)(WORKERS) as pool:
        done = sum(pool.imap_unordered(run, jobs, chunksize=5))
    print(f"{done} of {len(jobs)} were computed, {len(jobs) - done} were there")
    table = as_table(results)
    print(table.groupby("growth")[["mean", "states"]].agg({"mean": "mean", "states": "max"}))
    if url.scheme != "memory":
        print(f"Look again, from anywhere: persidict.open({results.url!r})")


if __name__ == "__main__":
    main()
