"""A real kernel, interrupted while cells run and while widgets compute in threads, and a browser made of messages."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from jupyter_client import KernelManager

from tests.notebooks.notebook_runs import kernel_environment

BEGIN = """
import threading, time
import torch
import gala_viz as gv
from tests.panels.fake_source import FakeSource
photos = gv.open_collection("photos")
network = gv.load_network("lite0-gala-vanilla")
part = list(network.module.parameters())[3]
part.requires_grad_(True)
network.module.train()
def found():
    modules = list(network.module.modules())
    hooks = sum(len(one._forward_hooks) + len(one._backward_hooks) for one in modules)
    trains, asks = [one.training for one in modules], [one.requires_grad for one in network.module.parameters()]
    return trains, asks, hooks
gv.smoothgrad(network, photos, gv.SmoothGradSpec(n_samples=2), photos.images[:1])
gv.Compare, gv.explore  # all is imported by now: a module interrupted half way would not come back
before = found()
"""


LOOKS = (
    "next(m.data.id for m in {}.document.models "
    "if 'render_count' in getattr(getattr(m, 'data', None), 'properties', set)())"
)


class Kernel:
    """A kernel and its client; ``run`` gives what a cell printed, ``start`` does not wait for it."""

    def __init__(self) -> None:
        self.manager = KernelManager(kernel_name="python3")
        self.manager.start_kernel()
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=120)

    def start(self, code: str) -> str:
        return self.client.execute(code, stop_on_error=False)

    def printed_until(self, text: str, seconds: float = 90) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            message = self.client.get_iopub_msg(timeout=seconds)
            if text in str(message["content"].get("text", "")):
                return
        pytest.fail(f"{text!r} was not printed within {seconds} s")

    def reply(self, asked: str, seconds: float = 120) -> dict:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            message = self.client.get_shell_msg(timeout=seconds)
            if message["parent_header"].get("msg_id") == asked:
                return message["content"]
        pytest.fail(f"the cell was not done within {seconds} s")

    def run(self, code: str) -> str:
        """The value of the last expression, as its repr."""
        told: list[str] = []

        def hear(message: dict) -> None:
            if message["msg_type"] == "execute_result":
                told.append(message["content"]["data"]["text/plain"])

        answer = self.client.execute_interactive(code, timeout=120, output_hook=hear)
        assert answer["content"]["status"] == "ok", answer["content"].get("traceback")
        return told[0] if told else ""

    def until(self, code: str, wanted: str, seconds: float = 60) -> None:
        """Ask again and again; the kernel is idle between two askings."""
        end = time.monotonic() + seconds
        while (found := self.run(code)) != wanted:
            assert time.monotonic() < end, f"{code}: {found}, not {wanted}, for {seconds} s"
            time.sleep(0.2)

    def shown(self, *names: str) -> None:
        """What a browser says of widgets once it has built their cells, in the words that it would send."""
        for name in names:
            model_id, part = eval(self.run(f"{name}.cell.model_id, {LOOKS.format(name)}"))
            change = {"kind": "ModelChanged", "model": {"id": part}, "attr": "render_count", "new": 1}
            change["event"] = "jsevent"
            content = {"comm_id": model_id, "data": {"method": "custom", "content": change}}
            self.client.shell_channel.send(self.client.session.msg("comm_msg", content))

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture(scope="module")
def kernel(tmp_path_factory) -> Iterator[Kernel]:
    with kernel_environment(tmp_path_factory.mktemp("jupyter")):
        kernel = Kernel()
        try:
            kernel.run(BEGIN)
            yield kernel
        finally:
            kernel.close()


def test_an_interrupted_smoothgrad_leaves_the_network_as_it_was_and_the_next_call_works(kernel):
    spec = "gv.SmoothGradSpec(n_samples={}), photos.images[:1]"
    asked = kernel.start(f"print('be' + 'gun', flush=True); gv.smoothgrad(network, photos, {spec.format(100_000)})")
    kernel.printed_until("begun")
    time.sleep(1.5)
    kernel.manager.interrupt_kernel()
    answer = kernel.reply(asked)
    assert (answer["status"], answer["ename"]) == ("error", "KeyboardInterrupt")
    assert kernel.run("found() == before") == "True"
    assert kernel.run(f"gv.smoothgrad(network, photos, {spec.format(2)}).n.values.tolist()") == "[2]"
    assert kernel.run("found() == before") == "True"


def test_news_comes_in_the_kernels_own_thread_and_linked_widgets_follow(kernel):
    kernel.run(
        "seen = gv.Compare(FakeSource(delay_s=0.05)); following = gv.layers(seen)\n"
        "threads, line = set(), seen.view.progress.bar\n"
        "main = lambda: threading.current_thread() is threading.main_thread()\n"
        "line.param.watch(lambda _: threads.add(main()), 'text')\n"
        "display(seen, following)"
    )
    kernel.shown("seen", "following")
    kernel.until("'done' in line.text", "True")
    assert kernel.run("threads") == "{True}"
    kernel.run("seen.image = 'photo 00005'")
    kernel.until("following.image, following.forward_results is not None", "('photo 00005', True)")


def test_interrupting_an_idle_kernel_cancels_what_widgets_compute_and_says_so(kernel):
    kernel.run("endless = FakeSource(delay_s=3); busy = gv.Compare(endless); points = gv.explore(endless)")
    kernel.run("display(busy, points); busy.view.scoring.start(); points.score()")
    kernel.shown("busy", "points")
    kernel.until("endless.asked['survey'] == 2 and endless.asked['maps photo 00000'] == 1", "True")
    time.sleep(0.5)
    kernel.manager.interrupt_kernel()
    kernel.until("busy.view.progress.bar.text.startswith('Cancelled')", "True")
    assert kernel.run("busy.view.scoring.bar.text, points.scoring.bar.text") == str(
        ("Cancelled; what was scored stays.",) * 2
    )
    kernel.until("endless.cancelled_jobs", "1")
    assert kernel.run("busy.view.progress.bar.busy or busy.view.scoring.bar.busy or points.scoring.bar.busy") == "False"


def test_a_running_cell_is_still_interrupted_and_the_idle_kernel_still_hears(kernel):
    asked = kernel.start("print('wait' + 'ing', flush=True)\nwhile True: time.sleep(0.05)")
    kernel.printed_until("waiting")
    kernel.manager.interrupt_kernel()
    assert kernel.reply(asked)["ename"] == "KeyboardInterrupt"
    kernel.run("busy.image = 'photo 00007'")
    kernel.until("endless.asked['maps photo 00007']", "1")
    time.sleep(0.3)
    kernel.manager.interrupt_kernel()
    kernel.until("busy.view.progress.bar.text.startswith('Cancelled')", "True")


def test_a_closed_widget_has_no_threads_and_says_that_it_is_closed(kernel):
    kernel.run("[one.close() for one in (busy, points, seen, following)]; busy.close()")
    names = "[t.name for t in threading.enumerate() if t.name.startswith('gala-viz')]"
    kernel.until(f"{names}", "[]")
    code = "try:\n    busy.cell\nexcept RuntimeError as error:\n    told = str(error)\ntold"
    assert "closed" in kernel.run(code)
