"""A real JupyterLab in a real browser: notebooks run, widgets compute, controls act, linked cells follow."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator

import pytest

from tests.notebooks.jupyter_servers import Jupyter, OpenNotebook
from tests.notebooks.notebook_runs import FOLDER, kernel_environment

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

WIDTH, HEIGHT = 1440, 1000


@pytest.fixture(scope="module")
def lab(chromium_path, repository, tmp_path_factory) -> Iterator[Jupyter]:
    root, folder = tmp_path_factory.mktemp("notebooks"), tmp_path_factory.mktemp("lab")
    for path in FOLDER.glob("*.ipynb"):
        shutil.copy(path, root)
    with kernel_environment(folder):
        server = Jupyter("lab", root, folder, repository)
        yield server
        server.close()


@pytest.fixture
def notebook(lab, chromium) -> Iterator[OpenNotebook]:
    page = OpenNotebook(chromium, WIDTH, HEIGHT)
    yield page
    page.close()
    assert page.errors == []
    assert page.hosts <= {"127.0.0.1"}, "a widget asked another host"


@pytest.mark.slow
def test_the_comparison_computes_its_sliders_act_and_linked_layers_follow(lab, notebook):
    notebook.start(lab, "02_networks_and_attention.ipynb").run_all()
    assert notebook.failed() == []
    notebook.page.get_by_text(re.compile("n = 20 of 20 .* done in")).wait_for()  # what the last cell asked for
    notebook.until("[data-painted]", "found.length > 0", "the maps are drawn")
    maps, norms = notebook.holds("source/a"), notebook.changed("layers/source/1/5", [0], apart="source/a")
    assert (len(maps), len(norms)) == (224 * 224, 14 * 14)
    notebook.page.get_by_role("button", name="More").click()
    slider = notebook.page.get_by_role("slider", name="Smoothing, px")
    slider.focus()
    slider.press("ArrowRight")
    notebook.smoother("source/a", maps)

    chosen = notebook.page.locator("[data-gallery] .tile").nth(5)
    chosen.click()
    notebook.changed("layers/source/1/5", norms, apart="source/a")
    image = chosen.get_attribute("data-image")
    selector = notebook.page.get_by_label("Photograph", exact=True)
    notebook.page.wait_for_function("([input, value]) => input.value === value", arg=[selector.element_handle(), image])


@pytest.mark.slow
def test_all_images_stand_as_points_and_what_code_selects_stands_in_the_gallery(lab, notebook):
    notebook.start(lab, "06_batch_and_store.ipynb").run_all()
    assert notebook.failed() == []
    notebook.until(".tile img", "found.length === 5", "the five images that code selected")
    notebook.until(".tile[aria-selected=true]", "found.length === 1", "one of them is in view")
    notebook.page.get_by_role("button", name="Show all").click()
    notebook.until(".tile img", "found.length === 24", "all images are back")

    cloud = notebook.page.locator(".bk-Figure").first
    cloud.scroll_into_view_if_needed()
    box, mouse = cloud.bounding_box(), notebook.page.mouse
    mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 0.2 * box["height"])
    mouse.down()
    mouse.move(box["x"] + 0.9 * box["width"], box["y"] + 0.8 * box["height"], steps=6)
    mouse.up()
    chosen = notebook.until(".tile img", "found.length < 24 && found.length", "the images within the box")

    notebook.reloaded()
    notebook.until(".tile img", f"found.length === {chosen}", "the kernel's widget is shown as it was")
    notebook.page.get_by_role("button", name="Show all").click()
    notebook.until(".tile img", "found.length === 24", "it still answers")
