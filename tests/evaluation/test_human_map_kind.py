"""An evaluation by another kind of human maps is that of a collection which has this kind alone."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gala_viz.cache import ArrayCache
from gala_viz.commands.evaluate import Arguments
from gala_viz.engine.results.human_maps import HumanMaps, images_with_maps
from gala_viz.evaluation.evaluate import evaluate
from gala_viz.evaluation.export import evaluation_json, write_evaluation
from gala_viz.evaluation.markdown import markdown
from gala_viz.evaluation.report_page import report_page
from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.registry import UnknownNameError
from gala_viz.schema import labelled_map
from tests.evaluation.fakes import PEOPLE, Shapes, network
from tests.evaluation.test_evaluate import SPEC

SENTENCES = {"fixations": "Drawn fixations.", "mouse": "Drawn movements of a mouse."}


class TwoKinds(Shapes):
    """Fixations of all images, and mouse maps of other places on two images of three."""

    name, title, fingerprint = "two-kinds", "Two kinds", "two-kinds-1"
    map_kinds = SENTENCES
    regions = None

    def participant_maps(self, image, kind=None):
        if (kind or next(iter(self.map_kinds))) != "mouse":
            return super().participant_maps(image)
        if image.endswith("-01"):
            return None
        chance = self._chance(f"mouse {image}")
        maps = np.stack([self._blob(image, chance.normal(8, 6)) + chance.random((48, 48)) / 4 for _ in PEOPLE])
        return labelled_map(
            maps.astype(np.float32), name="human_map", leading={"participant": list(PEOPLE)}, attrs={"kind": "mouse"}
        )

    def human_map(self, image, kind=None, participant=None):
        maps = self.participant_maps(image, kind)
        if maps is None:
            return None
        one = maps.mean("participant") if participant is None else maps.sel(participant=participant, drop=True)
        return one.assign_attrs(maps.attrs)


class MouseAlone(TwoKinds):
    """The same photographs and mouse maps, without any fixation."""

    name, fingerprint = "mouse-alone", "mouse-alone-1"
    map_kinds = {"mouse": SENTENCES["mouse"]}  # noqa: RUF012

    def has_human_map(self, image):
        return not image.endswith("-01")


@pytest.fixture(scope="module")
def nets():
    return {"resnet": network("resnet", 1, gala=False), "gala": network("gala", 2)}


@pytest.fixture(scope="module")
def by_mouse(nets, tmp_path_factory):
    folder = tmp_path_factory.mktemp("by-mouse")
    found = evaluate(nets, TwoKinds(), replace(SPEC, human_map="mouse"))
    write_evaluation(found, folder)
    return found, folder


def facts(found):
    return [(one.who.removeprefix("simulated "), one.key, one.interval, one.participants, one.note) for one in found]


def test_all_numbers_are_those_of_a_collection_with_this_kind_alone(by_mouse, nets):
    found, alone = by_mouse[0], evaluate(nets, MouseAlone(), SPEC)
    assert facts(found.estimates) == facts(alone.estimates)
    assert {key.metric for _, key, *_ in facts(found.estimates)} >= {
        "rho_smoothgrad", "ceiling", "floor_same_category", "fraction_of_ceiling_attention", "corrected_rho_attention"
    }  # fmt: skip
    assert found.comparisons == alone.comparisons
    for name in nets:
        np.testing.assert_array_equal(
            found.image_metrics[name]["rho_smoothgrad"], alone.image_metrics[name]["rho_smoothgrad"]
        )
    assert np.isfinite(found.image_metrics["gala"]["rho_smoothgrad"]).sum() == 8
    assert [one.replace("mouse-alone", "two-kinds") for one in alone.notes] == list(found.notes)


@pytest.mark.slow
def test_another_kind_gives_other_numbers_and_the_first_one_by_name_gives_the_default_from_the_same_blocks(
    by_mouse, nets, tmp_path
):
    cache, files = ArrayCache(tmp_path), lambda: {path for path in Path(tmp_path).rglob("*") if path.is_file()}
    default = evaluate(nets, TwoKinds(), SPEC, cache=cache)
    blocks = files()
    named = evaluate(nets, TwoKinds(), replace(SPEC, human_map="fixations"), cache=cache)
    assert facts(named.estimates) == facts(default.estimates)
    assert files() == blocks, "the same keys"
    other = evaluate(nets, TwoKinds(), replace(SPEC, human_map="mouse"), cache=cache)
    assert facts(other.estimates) == facts(by_mouse[0].estimates) != facts(default.estimates)
    assert len(files() - blocks) == 2 * 3 + 2, "blocks of networks, and of the 8 images that have such maps"
    again = evaluate(nets, TwoKinds(), SPEC, cache=cache)
    assert facts(again.estimates) == facts(default.estimates)


def test_partner_images_are_drawn_among_those_with_the_chosen_kind_on_pages_as_in_an_evaluation():
    class FewFixations(TwoKinds):
        def has_human_map(self, image):
            return image.endswith("-00")

    def partners(collection, kind=None, images=None):
        human = HumanMaps(collection, Preprocessing(short_px=16, crop_px=16), images, kind=kind)
        of = human.partners.orders
        return {
            image: {name: list(order) for name, order in of(image, collection.category(image)).items()}
            for image in collection.images
        }

    few = FewFixations()
    on_page = partners(few, "mouse")
    assert on_page == partners(MouseAlone()) == partners(few, "mouse", images_with_maps(few, few.images, "mouse"))
    drawn = {other for orders in on_page.values() for order in orders.values() for other in order}
    assert drawn == set(images_with_maps(few, few.images, "mouse"))
    assert any(image.endswith("-02") for image in drawn), "it has no fixations"


def test_everything_that_is_written_says_which_kind(by_mouse):
    found, folder = by_mouse
    told = json.loads((folder / "results.json").read_text())
    assert told["settings"]["human_map"] == told["collection"]["human_maps"]["kind"] == "mouse"
    assert told["collection"]["human_maps"]["made"] == SENTENCES["mouse"]
    for name in ("table.csv", "tests.csv", "images.csv"):
        with (folder / name).open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        of_people = [row for row in rows if "error" not in row.get("quantity", "")]
        assert {row["human_map"] for row in of_people} == {"mouse"}, name
        assert all(row["human_map"] == "" for row in rows if "error" in row.get("quantity", "")), name
    for page in (markdown(found), report_page(found, evaluation_json(found)).replace("&#39;", "'")):
        assert f"Human maps of the kind 'mouse': {SENTENCES['mouse']}" in page
    assert "human maps: mouse" in report_page(found, evaluation_json(found))


def test_by_default_no_file_has_a_word_more(nets, tmp_path):
    found = evaluate(nets, TwoKinds(), SPEC)
    for path in write_evaluation(found, tmp_path):
        text = path.read_text(encoding="utf-8")
        assert 'human_map"' not in text, path.name
        assert "human_map," not in text, path.name
        assert "of the kind" not in text, path.name


def test_a_kind_that_no_image_of_the_split_has_is_told(nets):
    class NoMouse(TwoKinds):
        def human_map(self, image, kind=None, participant=None):
            return None if kind == "mouse" else super().human_map(image, kind, participant)

    found = evaluate(nets, NoMouse(), replace(SPEC, human_map="mouse"))
    assert any("has no human maps of the kind 'mouse' of these images" in note for note in found.notes)
    assert found.collection["human_maps"] is None
    assert found.spec.smoothgrad is None, "there is nothing to compare it with"


def test_an_unknown_kind_is_answered_with_the_nearest(nets):
    with pytest.raises(UnknownNameError, match=r"of two-kinds called 'mous'\. Did you mean 'mouse'"):
        evaluate(nets, TwoKinds(), replace(SPEC, human_map="mous"))
    asked = Arguments(collection="c", networks=("n",), out=Path("o"), human_map="mouse")
    assert asked.evaluation_spec().human_map == "mouse"
