"""`examples/notebook.ipynb` runs in a kernel of its own, and shows what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.core.test_describing import Text

NOTEBOOK = Path(__file__).parents[2] / "examples/notebook.ipynb"


def executed(folder: Path) -> list[Any]:
    """The cells with code, after they have run."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    place = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources=place).execute()
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs(cells: list[Any], kind: str) -> list[str]:
    found = [output.get("data", {}) for cell in cells for output in cell.outputs]
    return [data[kind] for data in found if kind in data]


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Any], list[Any]]:
    """Those of a first run, and of a second in the same folder."""
    folder = tmp_path_factory.mktemp("notebook")
    return executed(folder), executed(folder)


def test_what_lies_in_the_repository_has_no_output() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert all(
        not cell.get("outputs") and not cell.get("execution_count") for cell in notebook.cells
    )


def test_dictionaries_are_shown_as_boxes(cells: tuple[list[Any], list[Any]]) -> None:
    html = [text for text in outputs(cells[0], "text/html") if "persidict-info" in text]
    filled, results, away = [Text(text).rows for text in html]
    assert filled["items"] == "3" and "users/alex" in filled["first keys"]
    assert results["first keys"].startswith("__main__/collatz_steps/")
    assert away["error"] == "BackendError: no route to the store" and "items" not in away


def test_the_second_run_computes_nothing(cells: tuple[list[Any], list[Any]]) -> None:
    said = [[output.get("text", "") for cell in run for output in cell.outputs] for run in cells]
    assert "computing 27\n" in said[0] and "computing 27\n" not in said[1]
    assert all("(111, 111)" in outputs(run, "text/plain") for run in cells)
