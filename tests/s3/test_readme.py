"""What the README shows of S3 runs as it stands, with nothing but AWS_* in the environment."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.s3.conftest import remove_bucket

README = Path(__file__).parents[2] / "README.md"
BUCKET = "my-app-config-bucket"


@pytest.mark.s3
def test_the_example_of_s3_runs_as_written(s3_client: Any, tmp_path: Path) -> None:
    (block,) = [
        text
        for text in re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
        if "S3Dict" in text
    ]
    program = tmp_path / "program.py"
    program.write_text(block)
    try:
        done = subprocess.run(
            [sys.executable, str(program)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        names = {item["Key"] for item in s3_client.list_objects_v2(Bucket=BUCKET)["Contents"]}
        assert names == {"theme.json", "users/alex.json"}
    finally:
        remove_bucket(s3_client, BUCKET)
