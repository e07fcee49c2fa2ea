"""The house's own rules that no linter knows: that the import contracts hold something, dependencies, files, words."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

FOLDERS = {".ci", ".github", "apps", "benchmarks", "docs", "gala_viz", "models", "notebooks", "tests"}
STAGES = {
    "alignment", "attribution", "batch", "collections", "commands", "engine", "evaluation", "experiment", "fetch",
    "game", "jupyter", "live", "networks", "panels", "participant_texts", "plots", "records", "store", "training",
}  # fmt: skip
HEAVY = {"bokeh", "captum", "holoviews", "lightning", "numpy", "panel", "torch", "tyro", "xarray"}
LARGEST_FILE_BYTES = 25 * 2**20
LINT_IMPORTS = [
    sys.executable,
    "-c",
    "from importlinter.cli import lint_imports_command as lint; lint()",
    "--no-cache",
    "--no-logo",
]


@pytest.fixture(scope="session")
def project(repository: Path) -> dict:
    return tomllib.loads((repository / "pyproject.toml").read_text())


@pytest.fixture(scope="session")
def tracked(repository: Path) -> list[Path]:
    """Files under version control, relative to the repository."""
    if shutil.which("git") is None or not (repository / ".git").exists():
        pytest.skip("this is no git checkout; the rules about its files are not checked")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=repository, capture_output=True, text=True, check=True)
    return [Path(name) for name in listed.stdout.split("\0") if name and (repository / name).exists()]


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def imported_names(statement: ast.AST) -> list[str]:
    if isinstance(statement, ast.Import):
        return [alias.name for alias in statement.names]
    return [statement.module] if isinstance(statement, ast.ImportFrom) and statement.module else []


@pytest.mark.parametrize(
    ("module", "statement"),
    [
        ("gala_viz/plots/trespass.py", "import torch"),
        ("gala_viz/panels/trespass.py", "from gala_viz.live import LiveMaps"),
        ("gala_viz/alignment/trespass.py", "import gala_viz.networks"),
        ("gala_viz/networks/trespass.py", "import gala_viz.collections"),
        ("gala_viz/attribution/trespass.py", "import panel"),
    ],
)
def test_an_import_uphill_is_caught(repository, tmp_path, module, statement):
    shutil.copytree(repository / "gala_viz", tmp_path / "gala_viz", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(repository / "pyproject.toml", tmp_path)
    (tmp_path / module).write_text(f"{statement}\n")
    result = run(LINT_IMPORTS, tmp_path)
    assert result.returncode == 1
    assert Path(module).with_suffix("").as_posix().replace("/", ".") in result.stdout


@pytest.mark.parametrize("module", ["gala_viz", "gala_viz.cli", "gala_viz.registry"])
def test_importing_the_surface_imports_nothing_heavy(repository, module):
    code = f"import sys, {module}; print(*sorted({HEAVY!r} & sys.modules.keys()))"
    result = run([sys.executable, "-c", code], repository)
    assert (result.returncode, result.stdout.split()) == (0, []), result.stderr


def test_environment_yml_repeats_the_dependencies_of_pyproject(repository, project):
    environment = yaml.safe_load((repository / "environment.yml").read_text())
    conda = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    (pip,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    about = project["project"]
    assert environment["name"] == about["name"]
    assert conda == [f"python{about['requires-python']}", "pip"]
    assert pip == [*about["dependencies"], *about["optional-dependencies"]["test"], "--editable ."]


def test_torch_stays_below_the_release_that_pulls_other_builds(project):
    (torch,) = [entry for entry in project["project"]["dependencies"] if re.match(r"torch\b", entry)]
    assert torch.endswith("<2.14")


def test_every_import_of_the_package_is_a_declared_dependency(repository, project):
    about = project["project"]
    imported = {
        name.split(".")[0]
        for path in (repository / "gala_viz").rglob("*.py")
        for statement in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in imported_names(statement)
    }
    names = {"PIL": "pillow", "markdown_it": "markdown_it_py", "cv2": "opencv_contrib_python_headless"}
    declared = {re.match(r"[\w.-]+", entry)[0].replace("-", "_").lower() for entry in about["dependencies"]}
    third_party = imported - set(sys.stdlib_module_names) - {"gala_viz"}
    undeclared = {name for name in third_party if names.get(name, name).lower() not in declared}
    assert undeclared <= {"pyviz_comms", "param", "tornado"}, "declare them in pyproject.toml, or do without"


def test_folders_are_those_of_the_house(tracked):
    assert {path.parts[0] for path in tracked if len(path.parts) > 1} <= FOLDERS
    assert {path.parts[1] for path in tracked if path.parts[0] == "gala_viz" and len(path.parts) > 2} <= STAGES
    assert not [path for path in tracked if path.name in ("utils.py", "helpers.py")]


def test_every_stage_is_a_package_that_a_wheel_takes_along(repository):
    folders = {path.parent for path in (repository / "gala_viz").rglob("*.py")}
    assert not [str(folder.relative_to(repository)) for folder in folders if not (folder / "__init__.py").exists()]


def test_no_file_is_too_large_for_a_repository(repository, tracked):
    assert not [str(path) for path in tracked if (repository / path).stat().st_size > LARGEST_FILE_BYTES]


def test_nothing_names_a_folder_of_one_machine(repository, tracked):
    folders = [b"ho" + b"me", b"ro" + b"ot", b"Us" + b"ers", b"wo" + b"rk"]  # in pieces: this file is searched too
    private = re.compile(rb"(?<![\w.-])/(?:" + b"|".join(folders) + rb")/\w")
    found = []
    for path in tracked:
        content = (repository / path).read_bytes()
        if b"\0" not in content[:1024] and (hit := private.search(content)):
            found.append(f"{path}: {hit[0].decode()}")
    assert not found


def test_modules_and_packages_say_what_they_are_for(repository):
    silent = [
        str(path.relative_to(repository))
        for folder in ("gala_viz", "apps", "benchmarks")
        for path in (repository / folder).rglob("*.py")
        if not re.match(r'\s*(#!.*\n)?"""\S', path.read_text(encoding="utf-8"))
    ]
    assert not silent
