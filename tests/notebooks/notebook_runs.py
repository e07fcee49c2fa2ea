"""Running a notebook as its reader would, in a kernel of its own and a folder of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

REPOSITORY = Path(__file__).resolve().parents[2]
FOLDER = REPOSITORY / "notebooks"
NAMES = tuple(sorted(path.stem for path in FOLDER.glob("*.ipynb")))
LIMIT_S = 240


@contextmanager
def kernel_environment(folder: Path) -> Iterator[dict[str, str]]:
    """What kernels and servers of the tests see: this checkout first, and Jupyter's folders within ``folder``."""
    own = {
        "IPYTHONDIR": folder / "ipython",
        "JUPYTER_CONFIG_DIR": folder / "config",
        "JUPYTER_DATA_DIR": folder / "data",
        "JUPYTER_RUNTIME_DIR": folder / "runtime",
        "PYTHONPATH": REPOSITORY,
        "PYTHONWARNINGS": "ignore",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in own.items():
            patch.setenv(name, str(value))
        yield dict(os.environ)


def execute(name: str, folder: Path) -> nbformat.NotebookNode:
    """The notebook with its outputs; a cell that fails fails the test. It runs in ``folder``/here."""
    here = folder / "here"
    here.mkdir()
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    with kernel_environment(folder):
        client = NotebookClient(
            notebook, timeout=LIMIT_S, kernel_name="python3", resources={"metadata": {"path": str(here)}}
        )
        client.execute()
    return notebook


def all_output(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """The outputs of all cells."""
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def check_executed(name: str, folder: Path) -> None:
    """Run it: it draws something, warns of nothing, and leaves nothing in the folder in which it ran."""
    outputs = all_output(execute(name, folder))
    kinds = {kind for output in outputs for kind in output.get("data", {})}
    assert kinds & {"image/png", "application/vnd.jupyter.widget-view+json"}
    assert [output.text for output in outputs if output.get("name") == "stderr"] == []
    assert list((folder / "here").iterdir()) == []
