"""A server for one session of tests or measurements, by the scripts beside this file."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
ENDPOINT = "AWS_ENDPOINT_URL_S3"
START_SECONDS = 1200  # With the packages, which may have to be installed.
STOP_SECONDS = 60


@contextmanager
def s3_environment(folder: Path) -> Iterator[dict[str, str]]:
    """What to add to the environment so that clients find the server.

    Nothing, where AWS_ENDPOINT_URL_S3 names a server already; else one is started, and stopped in
    the end.

    Args:
        folder: An empty folder for the state of the server.

    Raises:
        RuntimeError: If it cannot be started; with what the script said.
    """
    if os.environ.get(ENDPOINT):
        yield {}
        return
    state = {"PERSIDICT_S3_PORT": str(free_port()), "PERSIDICT_S3_STATE": str(folder / "state")}
    environment = os.environ | state
    started = subprocess.run(
        [HERE / "start"], env=environment, capture_output=True, text=True, timeout=START_SECONDS
    )
    if started.returncode:
        raise RuntimeError(f"no S3 server could be started:\n{started.stderr}")
    try:
        words = started.stdout.removeprefix("export ").split()
        yield {
            **dict(word.split("=", 1) for word in words),
            # Neither a profile of the user's nor a cloud's own credentials may come in between.
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
    finally:
        subprocess.run([HERE / "stop"], env=environment, check=True, timeout=STOP_SECONDS)


def free_port() -> int:
    """A port that is free, and so is the next one."""
    for _ in range(100):
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            try:
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port
    raise RuntimeError("no two free ports side by side on 127.0.0.1")
