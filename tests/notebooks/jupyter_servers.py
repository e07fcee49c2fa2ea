"""A real JupyterLab or Notebook 7 on a free port, in folders of its own, and its notebooks in a browser."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from tests.browser.conftest import DEEP, Watched, free_port, wait_for_server

SETTINGS = {
    "@jupyterlab/apputils-extension/notification.jupyterlab-settings": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/notebook-extension/tracker.jupyterlab-settings": {"windowingMode": "none"},
}


class Jupyter:
    """A server of notebooks in ``root``; ``app`` is "lab" or "notebook". Kernels see this checkout first."""

    def __init__(self, app: str, root: Path, folder: Path, repository: Path) -> None:
        self.app, self.port, self.token = app, free_port(), secrets.token_hex(16)
        settings = folder / "settings"
        for name, values in SETTINGS.items():
            file = settings / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(values))
        own = {
            "JUPYTER_CONFIG_DIR": folder / "config",
            "JUPYTER_DATA_DIR": folder / "data",
            "JUPYTER_RUNTIME_DIR": folder / "runtime",
            "IPYTHONDIR": folder / "ipython",
            "JUPYTERLAB_SETTINGS_DIR": settings,
            "PYTHONPATH": repository,
        }
        command = [
            sys.executable, "-m", "jupyterlab" if app == "lab" else "notebook", "--no-browser", "--allow-root",
            f"--port={self.port}", "--port-retries=0", "--ip=127.0.0.1", f"--IdentityProvider.token={self.token}",
            f"--ServerApp.root_dir={root}",
            "--LabApp.expose_app_in_browser=True", "--JupyterNotebookApp.expose_app_in_browser=True",
        ]  # fmt: skip
        self._log = (folder / "log.txt").open("w")
        self.process = subprocess.Popen(
            command,
            env={**os.environ, **{name: str(value) for name, value in own.items()}},
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        wait_for_server(f"http://127.0.0.1:{self.port}/api?token={self.token}", self.process, 90)

    def address(self, notebook: str) -> str:
        """Where ``notebook`` is opened; in JupyterLab in a workspace of its own, without those opened before."""
        workspace = notebook.partition(".")[0]
        path = f"lab/workspaces/{workspace}/tree/{notebook}" if self.app == "lab" else f"notebooks/{notebook}"
        return f"http://127.0.0.1:{self.port}/{path}?token={self.token}"

    def close(self) -> None:
        """End the server and its kernels."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(20)
        self._log.close()


class OpenNotebook(Watched):
    """A notebook in a browser: run it, see its widgets, work them."""

    def start(self, server: Jupyter, notebook: str) -> OpenNotebook:
        """Open it and wait until its kernel is idle."""
        self.page.goto(server.address(notebook))
        self.page.locator(".jp-Notebook .jp-Cell").first.wait_for()
        self.page.wait_for_function(f"() => {{ {STATUS} return status() === 'idle' }}")
        return self

    def reloaded(self) -> OpenNotebook:
        """Save the notebook and open it anew in the browser, beside the kernel that it had."""
        self.page.evaluate("() => (window.jupyterapp ?? window.jupyterlab).commands.execute('docmanager:save')")
        self.page.reload()
        self.page.locator(".jp-Notebook .jp-Cell").first.wait_for()
        return self

    def run_all(self, seconds: float = 240) -> OpenNotebook:
        """Run every cell and wait until none waits."""
        self.page.evaluate("() => (window.jupyterapp ?? window.jupyterlab).commands.execute('notebook:run-all-cells')")
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.page.wait_for_timeout(300)
            prompts = self.page.evaluate(PROMPTS)
            if prompts and all(prompt not in ("[ ]:", "[*]:") for prompt in prompts):
                return self
        raise AssertionError(f"not all cells ran within {seconds} s: {prompts}")

    def outputs(self) -> str:
        """All text of the outputs."""
        return self.page.evaluate(
            "() => [...document.querySelectorAll('.jp-OutputArea-output')].map(e => e.innerText).join('\\n')"
        )

    def failed(self) -> list[str]:
        """Errors in outputs."""
        return self.page.evaluate(
            '() => [...document.querySelectorAll(\'[data-mime-type="application/vnd.jupyter.error"], '
            '[data-mime-type="application/vnd.jupyter.stderr"]\')].map(e => e.innerText)'
        )

    def deep(self, css: str, code: str) -> Any:
        """``code`` over ``found``, all elements that ``css`` finds through shadow roots."""
        return self.page.evaluate(
            f"([css, code]) => {{ {DEEP} return new Function('found', 'return ' + code)(deep(document, css)) }}",
            [css, code],
        )

    def until(self, css: str, code: str, what: str, seconds: float = 60) -> Any:
        """Wait until ``deep`` gives something true, and give it."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = self.deep(css, code)
            if found:
                return found
            self.page.wait_for_timeout(100)
        raise AssertionError(f"{what}: not within {seconds} s; errors {self.errors}")

    def holds(self, name: str, apart: str = "") -> list[float]:
        """The array of the data source whose name ends in ``name``, flat; empty where there is none.

        Of several widgets with such a source the first whose document has no model that ends in ``apart``.
        """
        return self.page.evaluate(ARRAY, [name, apart])

    def smoother(self, name: str, before: list[float], seconds: float = 180) -> None:
        """Wait until the map is smoother than ``before``: the first of its samples alone are rougher."""
        end = time.monotonic() + seconds
        while roughness(self.changed(name, before, seconds=seconds)) >= roughness(before):
            assert time.monotonic() < end, f"{name} did not become smoother within {seconds} s"
            self.page.wait_for_timeout(200)

    def changed(self, name: str, before: list[float], apart: str = "", seconds: float = 60) -> list[float]:
        """The array once it differs from ``before``."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = self.holds(name, apart)
            if found and found != before:
                return found
            self.page.wait_for_timeout(100)
        raise AssertionError(f"{name} did not change within {seconds} s; errors {self.errors}")


def roughness(values: list[float]) -> float:
    """The mean difference of neighbours along a row of a map of 224 x 224 pixels."""
    return float(np.abs(np.diff(np.reshape(values, (224, 224)), axis=1)).mean())


ARRAY = """([name, apart]) => {
  for (const document of new Set([...Bokeh.index.roots].map((view) => view.model.document))) {
    const models = [...document._all_models.values()]
    const named = (end) => models.find((one) => typeof one.name === "string" && one.name.endsWith(`/${end}`))
    const source = named(name)
    if (source != null && (apart === "" || named(apart) == null)) {
      return Array.from(source.get_column("image")[0], (value) => Number.isFinite(value) ? value : 0)
    }
  }
  return []
}"""
STATUS = (
    "const app = window.jupyterapp ?? window.jupyterlab; "
    "const status = () => app?.shell?.currentWidget?.sessionContext?.session?.kernel?.status;"
)
PROMPTS = "() => [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')].map(e => e.textContent.trim())"
