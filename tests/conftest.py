"""What every test can rely on: its own cache folder, seeded chance, the shared data, a browser."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes tells of the machine, where several tests and servers share its cores.
settings.register_profile("gala_viz", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("gala_viz")

# torchvision's wheels register operators that CPU builds of torch lack; without them timm and transformers import.
sys.modules.setdefault("torchvision._meta_registrations", types.ModuleType("torchvision._meta_registrations"))


def folder_apart(name: str) -> Path:
    """Return the folder of packages that ``make`` installs apart from the tests' others: timm, keras, pyarrow."""
    return Path(os.environ.get(f"GALA_VIZ_{name.upper()}") or Path(sys.prefix) / name)


# torchmetrics would import such a torchvision in every process if it stood among the tests' other packages.
TIMM_FOLDER = folder_apart("timm")
if TIMM_FOLDER.is_dir():
    sys.path.append(str(TIMM_FOLDER))

REPOSITORY = Path(__file__).resolve().parents[1]
BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)

KINDS = {
    "browser": "browser",
    "notebooks": "notebook",
    "training": "training",
    "golden": "golden",
    "commands": "integration",
    "batch": "integration",
    "evaluation/test_evaluate.py": "integration",
    "evaluation/test_cached_blocks.py": "integration",
    "evaluation/test_report.py": "integration",
    "engine/test_one_measurement.py": "integration",
    "experiment/test_observers.py": "integration",
    "store/test_moved.py": "integration",
    "store/test_compaction.py": "integration",
    "panels/test_network_pair.py": "integration",
    "networks/test_output_fingerprint.py": "integration",
    "evaluation/test_written.py": "integration",
    "records/test_upgrade.py": "integration",
    "experiment/test_handlers.py": "integration",
    "game/test_closed_loop.py": "integration",
    "game/test_kill.py": "integration",
    "game/test_load.py": "integration",
    "game/test_round_writer_faults.py": "integration",
    "game/test_server.py": "integration",
    "game/test_simulated_players.py": "integration",
    "jupyter/test_widgets.py": "integration",
    "live/test_edited_network.py": "integration",
    "live/test_live_maps.py": "integration",
    "networks/converters/test_gala_tpu.py": "integration",
    "networks/test_shipped.py": "integration",
    "panels/test_panel_patches.py": "integration",
    "panels/test_ended_sessions.py": "integration",
    "store/test_edited_network.py": "integration",
    "store/test_stored_maps.py": "integration",
    "test_benchmarks.py": "integration",
    "test_cli.py": "integration",
    "test_doctests.py": "integration",
}
"""Folder or file of tests -> the marker that all of its tests carry."""

# Read when torch, NumPy or SciPy start; tests that need none of them stay quick.
_WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
os.environ.setdefault("OMP_NUM_THREADS", str(max(1, min(os.cpu_count() or 1, 4) // _WORKERS)))


def pytest_xdist_auto_num_workers() -> int:
    """Return the number of workers: one more than cores, since many tests wait for a browser or a server; at most 4."""
    return min(4, (os.cpu_count() or 1) + 1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by their folder, so that a tier can leave whole kinds out."""
    for item in items:
        place = item.path.relative_to(REPOSITORY / "tests")
        for kind in {KINDS.get(place.as_posix()), KINDS.get(place.parts[0])} - {None}:
            item.add_marker(kind)


@pytest.fixture(scope="session", autouse=True)
def _session_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Session- and module-wide fixtures never touch the user's cache either."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GALA_VIZ_CACHE", str(tmp_path_factory.mktemp("session-cache")))
        patch.setenv("GALA_VIZ_DATA", str(tmp_path_factory.mktemp("session-data")))
        yield


@pytest.fixture(autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache of this test alone, empty at its start; GALA_VIZ_CACHE points to it."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("GALA_VIZ_CACHE", str(folder))
    return folder


@pytest.fixture(autouse=True)
def _seeded_torch() -> None:
    """Random weights are the same in every run and whatever ran before; torch is not imported for it."""
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(0)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def run_apart() -> Callable[..., str]:
    """Return a function that runs a script beside packages installed apart, in a process of its own: its output.

    It is called with the packages' folder (see ``folder_apart``), the arguments of Python, and seconds at most. Where
    the folder is not there, the test is skipped.
    """

    def run(name: str, *arguments: str | Path, timeout_s: float = 600) -> str:
        folder = folder_apart(name)
        if not folder.is_dir():
            pytest.skip(f"{name} is not installed apart: make test-long puts it into {folder}")
        others = [str(REPOSITORY), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
        path = os.pathsep.join([str(folder.resolve()), *filter(None, others)])
        command = [sys.executable, *map(str, arguments)]
        done = subprocess.run(
            command,
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    return run


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of development data beside the checkout, or where GALA_VIZ_SHARED_DATA says."""
    folder = Path(os.environ.get("GALA_VIZ_SHARED_DATA") or REPOSITORY.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip("the shared development data are not here; GALA_VIZ_SHARED_DATA may name their folder")
    return folder


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The executable of a Chromium or Chrome; without one the test is skipped, or fails where one is required."""
    path = _find_browser()
    if path is None:
        reason = "no Chromium or Chrome was found; install one, or name its executable in GALA_VIZ_CHROMIUM"
        if os.environ.get("GALA_VIZ_REQUIRE_BROWSER", "") not in ("", "0"):
            pytest.fail(f"{reason} (GALA_VIZ_REQUIRE_BROWSER asks for it)", pytrace=False)
        pytest.skip(reason)
    return path


@pytest.fixture(scope="session")
def chromium(chromium_path) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=list(FLAGS))
        yield browser
        browser.close()


def _find_browser() -> str | None:
    named = os.environ.get("GALA_VIZ_CHROMIUM")
    for candidate in (named,) if named else BROWSERS:
        if found := shutil.which(candidate):
            return found
    if named:
        return None
    return _playwright_browser()


def _playwright_browser() -> str | None:
    """The Chromium that ``playwright install`` brought, if it did."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        return None
    try:
        with sync_playwright() as playwright:
            path = playwright.chromium.executable_path
    except Error:
        return None
    return path if Path(path).is_file() else None
