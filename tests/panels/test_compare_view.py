"""The view as Python objects, with a source that counts what it is asked and no document: answers arrive at once."""

import html
import io
import json
import re
import threading
import time
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from gala_viz.collections.photo_files import UPLOAD_LIMITS
from gala_viz.panels.address_bar import AddressSync
from gala_viz.panels.compare import photograph_upload
from gala_viz.panels.compare.compare_view import CompareView
from gala_viz.panels.compare.main_row_content import main_row_content
from gala_viz.panels.compare.photograph_upload import PhotographUpload
from gala_viz.panels.figure_download import figure_zip
from gala_viz.panels.gallery.collection_index import CollectionIndex
from gala_viz.panels.gallery.selection_filter import SelectionFilter
from gala_viz.panels.link_parameters import compare_link_parameters
from gala_viz.panels.markup import delta_heading
from gala_viz.panels.page_state import PageState
from gala_viz.panels.presenting.presentation import Presentation
from gala_viz.panels.progress_view import format_duration, map_progress_text, standard_error_percent
from gala_viz.panels.source_client import read_scores
from gala_viz.panels.view_state import ATTRIBUTION_SETTINGS, AttributionSettings
from gala_viz.specs import MapRequest, SmoothGradSpec
from tests.panels.fake_source import LAYERS, FakeSource
from tests.panels.script import SCRIPT, until


@pytest.fixture
def source():
    return FakeSource(count=12)


@pytest.fixture
def view(source):
    yield from opened(source)


@pytest.fixture(scope="module")
def standing():
    """A view for tests that ask it nothing."""
    yield from opened(FakeSource(count=12))


def opened(source):
    view = CompareView(source, CollectionIndex(source), SCRIPT)
    view.open()
    until(lambda: finished(view))
    yield view
    view.close()


def finished(view):
    return view.results.map_update is not None and view.results.map_update.done and view.score_view._all is not None


def drawn(view, panel):
    return np.asarray(view.row.sources[panel].data["image"][0])


def test_moving_the_image_selector_asks_the_source_once(view, source):
    image = source.images[1]
    view.current.image = image
    until(lambda: source.asked[f"maps {image}"] and finished(view))
    assert source.asked[f"maps {image}"] == 1
    view.current.image = source.images[0]
    until(lambda: finished(view))
    view.current.image = image
    until(lambda: finished(view))
    assert source.asked[f"maps {image}"] == 1, "finished maps are taken from the source's cache"


def test_the_panels_hold_the_sources_arrays(view, source):
    update = source.cached(source.images[0], MapRequest())
    np.testing.assert_array_equal(drawn(view, "a"), update.maps[0])
    np.testing.assert_array_equal(drawn(view, "b"), update.maps[1])
    np.testing.assert_array_equal(drawn(view, "delta"), update.delta)
    np.testing.assert_array_equal(drawn(view, "human"), source.human_map(source.images[0]))
    assert drawn(view, "a").dtype == np.float32


@pytest.mark.parametrize(
    "change",
    [{"n_samples": 10}, {"noise_fraction": 0.3}, {"target": "label"}, {"method": "saliency"}, {"smoothing_px": 2}],
)
def test_every_setting_asks_again_and_the_photograph_is_not_sent_twice(view, source, change):
    image, before = source.images[0], view.row.sources["photo"].data["image"][0]
    view.settings.param.update(**change)
    until(lambda: source.asked[f"maps {image}"] == 2 and finished(view))
    assert view.row.sources["photo"].data["image"][0] is before


@pytest.mark.parametrize("change", [{"opacity": 0.1}, {"threshold": 50}, {"palette": "Fire"}, {"scale": "raw"}])
def test_looks_never_ask(standing, change):
    before = dict(standing.source.asked)
    standing.display_settings.param.update(**change)
    SCRIPT.run_pending()
    assert dict(standing.source.asked) == before


def test_settings_say_everything_that_a_request_holds():
    settings = AttributionSettings(
        target="chosen",
        category=7,
        n_samples=9,
        noise_fraction=0.2,
        reduction="signed",
        smoothing_px=3,
        normalise="sum",
    )
    request = settings.to_request()
    assert (request.target, request.reduction, request.smoothing_px, request.normalise) == (7, "signed", 3, "sum")
    assert (request.smoothgrad.n_samples, request.smoothgrad.noise_fraction) == (9, 0.2)
    assert AttributionSettings().to_request() == MapRequest()
    assert AttributionSettings(target="label").to_request().target == "label"
    assert len(ATTRIBUTION_SETTINGS) == 14
    other = MapRequest(target=3, smoothgrad=SmoothGradSpec(n_samples=7, seed=5), normalise="sum")
    assert AttributionSettings.from_request(other).to_request() == other


def answer(view):
    return html.unescape(re.sub("<[^>]+>", "", view.score_view.closeness.verdict.object))


def test_the_answer_is_of_the_settings_in_view_and_of_no_others(view, source):
    of_smoothgrad = answer(view)
    assert of_smoothgrad.startswith(f"{source.networks[1].title} is nearer")
    source.delay_s = 0.02
    view.settings.method = "gradient"
    assert answer(view) == "", "nothing is said before scores of this method are there"
    until(lambda: answer(view) != "")
    assert "second minus first -0.156 rho" in answer(view)
    of_gradient = answer(view)
    view._on_scores(read_scores(source, source.request))
    assert answer(view) == of_gradient, "scores of other settings that come late are dropped"
    view.cancel()
    view.settings.method = "smoothgrad"
    until(lambda: answer(view) == of_smoothgrad)


def test_ceiling_and_answer_are_of_the_kind_of_human_map_in_view(view):
    assert "0.700" in view.score_view.closeness.panes["human"].object
    view.current.kind = "mouse"
    until(lambda: "0.400" in view.score_view.closeness.panes["human"].object)


def test_a_layer_beside_a_network_without_layers_is_shown_alone(source):
    networks = (source.networks[0], replace(source.networks[1], layers=()))
    content = main_row_content(networks, source.forward(source.images[0]), None, 1)
    assert content.maps["a"] is not None
    assert content.maps["b"] is content.maps["delta"] is None
    assert content.captions == {"a": LAYERS[1], "b": "no attention blocks"}
    assert content.titles["delta"] == "No delta: one network has no attention"


def test_a_new_photograph_cancels_the_maps_of_the_one_before(source):
    source.delay_s = 0.02
    view = CompareView(source, CollectionIndex(source), SCRIPT)
    view.open()
    until(lambda: source.asked[f"maps {source.images[0]}"])
    view.move(1)
    until(lambda: finished(view))
    assert source.cancelled_jobs == 1
    assert source.cached(source.images[0], MapRequest()) is None
    np.testing.assert_array_equal(drawn(view, "a"), source.cached(source.images[1], MapRequest()).maps[0])
    view.close()


def test_cancel_stops_within_a_chunk_and_keeps_what_is_there(source):
    source.delay_s = 0.4
    view = CompareView(source, CollectionIndex(source), SCRIPT)
    view.open()
    until(lambda: "standard error" in view.progress.bar.text)
    time.sleep(0.1)  # now the source works on its next chunk
    view.cancel()
    until(lambda: source.cancelled_jobs == 1)
    n = view.results.map_update.n
    assert n == 5
    assert np.isfinite(drawn(view, "a")).all()
    assert f"Cancelled at n = {n} of 50" in view.progress.bar.text
    assert not view.progress.bar.busy
    view.close()


def test_closing_a_session_ends_its_threads_and_lets_go_of_its_arrays(source):
    source.delay_s = 0.05
    view = CompareView(source, CollectionIndex(source), SCRIPT)
    view.open()
    until(lambda: view.results.map_update is not None)
    mine = {view.source_client._maps._thread, view.gallery.thumbnail_page._worker._thread}
    view.close()
    until(lambda: not any(thread.is_alive() for thread in mine if thread))
    assert view.results.map_update is None
    assert view.results.forward_result is None
    assert view.source is None
    assert not [t for t in threading.enumerate() if t in mine]


def test_a_layer_goes_into_the_main_row_and_back(view, source):
    view._toggle_layer(3)
    norms = source.forward(source.images[0]).attention_norms
    np.testing.assert_array_equal(drawn(view, "a"), norms[0]["blocks.8"])
    np.testing.assert_array_equal(drawn(view, "b"), norms[1]["blocks.8"])
    assert view.display.titles["a"] == "Vanilla GALA, blocks.8"
    assert view.display.from_zero
    view._toggle_layer(3)
    np.testing.assert_array_equal(drawn(view, "a"), view.results.map_update.maps[0])
    assert not view.display.from_zero, "saliency maps are no norms"


def cam_layer_input(view):
    pane = view.attribution_controls.pane
    (options,) = [field["options"] for field in pane.bar.fields if field["name"] == "cam_layer"]
    return pane.states["cam_layer"]["visible"], [value for _, value in options], pane.values["cam_layer"]


def test_the_layer_of_grad_cam_is_chosen_among_those_of_both_networks(view, source):
    source.layers_of_grad_cam = ("last", "layer3", "layer4")
    assert cam_layer_input(view) == (False, ["last"], "last")
    assert source.asked["cam layers"] == 0, "what nobody asks for costs no forward pass"
    view.settings.method = "grad_cam"
    until(lambda: cam_layer_input(view)[1] == ["last", "layer3", "layer4"])
    assert cam_layer_input(view)[0]
    view.attribution_controls.pane.receive("cam_layer", "layer3")
    assert view.settings.to_request().cam_layer == "layer3"
    until(lambda: source.cached(source.images[0], MapRequest(method="grad_cam", cam_layer="layer3")))
    assert view.figure_download.spec.request.cam_layer == "layer3"
    view.settings.method = "smoothgrad"
    assert not cam_layer_input(view)[0]


def test_a_layer_that_a_network_does_not_have_is_told_and_another_can_be_chosen(view, source, monkeypatch):
    source.layers_of_grad_cam, maps = ("last", "layer3"), source.maps

    def refuse(image, request, cancelled):
        if request.cam_layer == "layer9":
            raise ValueError("Vanilla GALA: there is no module called 'layer9'.")
        yield from maps(image, request, cancelled)

    monkeypatch.setattr(source, "maps", refuse)
    view.settings.param.update(method="grad_cam", cam_layer="layer9")
    until(lambda: "no module called" in view.alert.object)
    until(lambda: cam_layer_input(view) == (True, ["last", "layer3", "layer9"], "layer9"))
    view.attribution_controls.pane.receive("cam_layer", "last")
    until(lambda: source.cached(source.images[0], MapRequest(method="grad_cam")))
    assert "no module called" not in view.alert.object


def test_a_photograph_without_a_human_map_says_so(view, source):
    view.current.image = source.images[4]
    until(lambda: finished(view) and view.row.missing_map_label.text)
    assert view.row.missing_map_label.text == "People did not mark\nthis photograph."
    assert np.isnan(drawn(view, "human")).all()


def test_one_participants_map_replaces_that_of_all(view, source):
    together = drawn(view, "human").copy()
    view.current.participant = "p3"
    until(lambda: not np.array_equal(drawn(view, "human"), together, equal_nan=True))
    np.testing.assert_array_equal(drawn(view, "human"), source.human_map(source.images[0], participant="p3"))
    until(lambda: "With: Participant p3, fixations." in view.score_view.table.object)
    assert view.results.human_map_title == view.display.titles["human"] == "Participant p3"
    view.current.participant = None
    until(lambda: "With: People, n = 15, fixations." in view.score_view.table.object)
    assert view.results.human_map_title == "People, n = 15"


def test_a_new_photograph_takes_away_what_was_said_of_the_one_before(source):
    held = threading.Event()
    good = source.forward
    view = CompareView(source, CollectionIndex(source), SCRIPT)
    view.open()
    until(lambda: finished(view))
    assert "61.0 %" in view.top_five_panes[0].object
    source.forward = lambda image: held.wait(10) and good(image)
    view.move(1)
    until(lambda: view.layers.pane.styles == {"visibility": "hidden"})
    assert "%" not in view.top_five_panes[0].object + view.top_five_panes[1].object.replace("width:", "")
    assert "0.410" not in view.score_view.table.object
    held.set()
    until(lambda: finished(view) and view.layers.pane.styles["visibility"] == "visible")
    assert "61.0 %" in view.top_five_panes[0].object
    view.close()


def test_a_true_category_that_is_unknown_is_told_where_it_was_asked_for(view, source):
    def hint():
        return view.attribution_controls.pane.states["target"]["hint"]

    view.settings.target = "label"
    assert hint() == ""
    view.current.image = source.add_upload("mine.webp", source.thumbnail(source.images[3]))
    until(lambda: hint() == "unknown here: own predictions")
    view.settings.target = "own"
    assert hint() == ""


@pytest.mark.parametrize(
    ("normalise", "unit"),
    [("percentile", "difference of normalised maps"), ("none", "difference of maps, logits per input unit")],
)
def test_a_delta_of_maps_as_they_are_is_not_called_normalised(source, normalise, unit):
    update = source.update(source.images[0], source.request, 5)
    update.delta.attrs["normalise"] = normalise
    assert main_row_content(source.networks, None, update, None).units["delta"] == unit


def test_the_readout_explains_the_unit_and_what_the_error_does_not_tell(source):
    update = source.update(source.images[0], source.request, 5)
    explained = main_row_content(source.networks, None, update, None).explanations
    assert explained["a"] == explained["b"]
    assert explained["a"].startswith("Logits per input unit: by how much the explained logit would change where")
    assert "standard error of chance" in explained["a"]
    assert (
        "not the distance from the map of infinitely many samples: absolute values lift weak pixels" in explained["a"]
    )
    assert "infinitely" in explained["delta"]
    update.maps.attrs["reduction"] = "signed"
    assert "infinitely" not in main_row_content(source.networks, None, update, None).explanations["a"]
    norms = main_row_content(source.networks, source.forward(source.images[0]), update, 1).explanations
    assert set(norms.values()) == {""}, "norms have no unit that wants words, and no error"


def test_how_far_a_delta_can_be_read_is_explained_where_it_stands():
    heading = delta_heading(
        "Delta", "reliability 0.29", "31 % of its pixels beyond 2 standard errors (noise alone: 8 %)"
    )
    assert 'title="share of the pixels whose delta lies further from 0 than two of its standard errors' in heading
    assert 'title="how well the delta would come again with other samples of noise' in heading


def test_the_arrow_keys_follow_the_gallerys_order_and_stop_at_its_ends(view, source):
    view.move(-1)
    assert view.current.image == source.images[0]
    view.gallery.form.receive("search", "otter")
    view.move(1)
    assert source.info(view.current.image).category == "otter"


def test_only_one_page_of_thumbnails_is_read():
    source = FakeSource(count=500)
    view = CompareView(source, CollectionIndex(source), SCRIPT)
    until(lambda: source.asked["thumbnail"] == 24)
    assert len(view.gallery.thumbnails.items) == 24
    view.gallery.thumbnail_page._heard({"page": 20})
    until(lambda: source.asked["thumbnail"] == 44)
    assert [item["id"] for item in view.gallery.thumbnails.items] == list(source.images[480:])
    view.close()


def test_an_error_of_the_source_is_told_and_the_next_photograph_works(source):
    good = source.maps
    source.maps = lambda image, *rest: 1 / 0 if image == source.images[0] else good(image, *rest)
    view = CompareView(source, CollectionIndex(source), SCRIPT)
    view.open()
    until(lambda: "division by zero" in view.alert.object)
    view.move(1)
    until(lambda: finished(view))
    assert view.alert.object == ""
    view.close()


def test_scoring_the_collection_reports_progress_and_can_be_cancelled(view, source):
    source.delay_s = 0.02
    view.scoring.start()
    until(lambda: "of 12 photographs" in view.scoring.bar.text)
    view.source_client.cancel_scoring()
    until(lambda: "Cancelled" in view.scoring.bar.text)
    assert source.asked["survey"] == 1


def test_what_the_filters_admit_is_scored_whatever_the_scores_say(view, source):
    asked = []
    good = source.survey
    source.survey = lambda request, images, cancelled: (asked.append(tuple(images)), good(request, images, cancelled))[
        1
    ]
    assert view.scoring.bar.start_label == "Score the collection"
    view.gallery.form.receive("verdict", "both wrong")
    assert view.scoring.bar.start_label == "Score the collection"
    view.gallery.form.receive("search", "otter")
    otters = [image for image in source.images if source.info(image).category == "otter"]
    assert view.scoring.bar.start_label == f"Score these {len(otters)}"
    view.scoring.start()
    until(lambda: asked)
    assert asked == [tuple(otters)]


def test_the_means_of_all_stand_beside_their_share_of_the_ceiling(view):
    scores = view.source.scores(view.source.request)
    rho = np.full((2, 12), np.nan)
    rho[:, :7], rho[1, 7] = [[0.4], [0.7]], 0.1
    ceiling = np.full(12, np.nan)
    ceiling[:6] = 0.5
    scores = scores.assign(rho=(("network", "image"), rho), ceiling=("image", ceiling))
    view.score_view.set_collection_scores(scores)
    told = view.score_view.note_pane.object
    assert "n = 7 photographs shown that are scored by both" in told
    assert "Means 0.40 and 0.70, 80 % [80, 80] and 140 % [140, 140] of the ceiling" in told
    assert "not raised by Spearman-Brown) 0.50 [0.50, 0.50], n = 6" in told
    assert "ceiling" not in view.score_view.table.object, "of one photograph there is no share of a mean"
    rho[:, 1:] = np.nan
    view.score_view.set_collection_scores(scores.assign(rho=(("network", "image"), rho)))
    assert "n = 1 photograph shown that is scored by both" in view.score_view.note_pane.object


def test_means_and_ceiling_follow_what_the_gallery_shows(view, source):
    scores = source.scores(source.request)
    of_cats = [source.info(image).category == "goldfish" for image in source.images]
    view.gallery.form.receive("category", "goldfish")
    rho = np.asarray(scores["rho"])[:, of_cats]
    known = np.isfinite(rho).all(axis=0)
    assert 0 < known.sum() < 6
    told = view.score_view.note_pane.object
    assert f"n = {known.sum()} photograph" in told
    assert "% of the ceiling" not in told, "too few for an interval"
    if known.sum() > 1:
        assert f"Means {rho[0, known].mean():.2f} and {rho[1, known].mean():.2f}" in told
    view.gallery.form.receive("search", "nothing is called so")
    assert "n = 0 photographs" in view.score_view.note_pane.object
    assert not view.score_view.distribution_pane.visible


def test_no_histogram_is_drawn_of_one_photograph(view, source):
    view.gallery.form.receive("search", source.images[0])
    assert "n = 1 photograph" in view.score_view.note_pane.object
    assert not view.score_view.distribution_pane.visible
    assert "Means" not in view.score_view.note_pane.object


def test_a_layer_in_the_main_row_brings_its_own_rho(view, source):
    image = source.images[0]
    rho = np.linspace(0.1, 0.6, 2 * 6).reshape(2, 6)
    update = source.cached(image, MapRequest())
    scores = update.scores.assign(rho_attention=(("network", "layer"), rho)).assign_coords(layer=list(LAYERS))
    view.score_view.set_image_scores(scores, True)
    assert "0.410" in view.score_view.table.object
    view._toggle_layer(3)
    told = view.score_view.table.object
    assert f"{rho[0, 3]:.3f}" in told
    assert f"{rho[1, 3]:.3f}" in told
    assert "0.410" not in told
    assert "Attention norms of blocks.8" in told
    assert "Dice" not in told
    assert "ceiling" not in view.score_view.note_pane.object, "it is at another resolution"
    view._toggle_layer(3)
    assert "0.410" in view.score_view.table.object


def test_scores_follow_the_kind_of_human_map_and_the_figure_asks_for_it(view, source):
    view.current.kind = "mouse"
    until(lambda: "0.710" in view.score_view.table.object)
    assert "People, n = 15, mouse" in view.score_view.table.object
    assert view.figure_download.spec.request.human_map == "mouse"
    view.current.participant = "p3"
    until(lambda: "0.760" in view.score_view.table.object)
    assert "with the maps of all participants together" in view.score_view.note_pane.object


def test_a_signed_sum_has_no_closeness_and_the_page_says_why(view):
    view.settings.reduction = "signed"
    until(lambda: "No closeness: a signed sum" in view.score_view.table.object)


def test_beside_a_smoothed_map_both_scores_stand(view):
    view.settings.smoothing_px = 2.0
    until(lambda: "drawn, 2 px" in view.score_view.table.object)
    told = view.score_view.table.object
    assert told.index("unsmoothed") < told.index("0.410") < told.index("drawn, 2 px") < told.index("0.910")


def test_an_upload_is_shown_and_a_refusal_is_told(view, source):
    told = []
    view.upload._send_msg = told.append
    view.add_upload("notes.png", b"these are no pixels")
    until(lambda: told)
    assert "notes.png could not be read" in told[0]["refused"]
    view.add_upload("copy.webp", source.thumbnail(source.images[3]))
    until(lambda: ">copy.webp</h1>" in view.heading.object)
    tile = view.gallery.thumbnails.items[0]
    assert (view.current.image, tile["id"], tile["category"]) == ("upload-1", "upload-1", "copy.webp")


@pytest.mark.slow
def test_of_several_uploads_the_first_is_shown_and_a_link_opens_each_again(view, source):
    view.upload._send_msg = lambda message: None
    for number in range(3):
        view.add_upload(f"{number}.webp", source.thumbnail(source.images[number]), show=number == 0)
        until(lambda number=number: len(view.gallery.uploads) == number + 1)
    assert view.current.image == "upload-1"
    assert list(view.gallery.uploads) == ["upload-3", "upload-2", "upload-1"]
    other = CompareView(source, CollectionIndex(source), SCRIPT)
    other.open("upload-2")
    until(lambda: finished(other))
    assert list(other.gallery.uploads) == ["upload-2"]
    assert "1.webp" in other.heading.object
    other.close()


def piece(i, pieces, data, upload=5):
    return {"upload": upload, "name": "a.png", "piece": i, "pieces": pieces, "data": data}


def test_pieces_of_an_upload_are_put_together_and_strays_are_dropped():
    files = []
    upload = PhotographUpload(on_file=lambda name, content, show: files.append((name, content)))
    upload._handle_msg(piece(0, 2, b"first "))
    upload._handle_msg(piece(1, 2, b"of another", upload=6))
    upload._handle_msg(piece(1, 2, b"second"))
    assert files == [("a.png", b"first second")]


def test_the_size_limit_holds_on_the_server_too():
    files, told = [], []
    upload = PhotographUpload(on_file=lambda *file: files.append(file))
    upload._send_msg = told.append
    for i in range(21):
        upload._handle_msg(piece(i, 21, bytes(UPLOAD_LIMITS.max_bytes // 20)))
    assert files == []
    assert "larger than 20 MB" in told[0]["refused"]


def test_files_that_are_being_uploaded_share_one_amount_of_memory(monkeypatch):
    """Of three visitors with a MB each the third is refused where two fit, until another has finished."""
    monkeypatch.setattr(photograph_upload, "MAX_ARRIVING_BYTES", 2_500_000)
    told, files = [], []
    one, two, three = (PhotographUpload(on_file=lambda *file: files.append(file)) for _ in range(3))
    for upload in (one, two, three):
        upload._send_msg = told.append
        upload._handle_msg(piece(0, 2, bytes(1_000_000)))
    assert ["many files" in one["refused"] for one in told] == [True]
    one._handle_msg(piece(1, 2, b""))
    three._handle_msg(piece(0, 2, bytes(1_000_000)))
    three._handle_msg(piece(1, 2, b""))
    assert (len(files), len(told)) == (2, 1)


def test_progress_is_told_in_words(source):
    update = source.update(source.images[0], MapRequest(), 25)
    assert map_progress_text(update).startswith("n = 25 of 50 · standard error ")
    assert "2.5 s to go" in map_progress_text(update)
    halved = standard_error_percent(source.update(source.images[0], MapRequest(), 100))
    assert halved == pytest.approx(standard_error_percent(update) / 2, rel=0.1)
    assert [format_duration(s) for s in (0.42, 12.4, 185, 7440, None)] == [
        "0.4 s",
        "12 s",
        "3 min 5 s",
        "2 h 4 min",
        "",
    ]


def test_every_tile_of_the_gallery_is_a_plain_value(view):
    until(lambda: all(item["thumbnail"] for item in view.gallery.thumbnails.items))
    for item in view.gallery.thumbnails.items:
        assert set(item) == {"id", "category", "thumbnail", "marks", "score", "starred", "learnt"}
        assert item["thumbnail"].startswith("data:image/webp;base64,")


@pytest.mark.slow
def test_the_figure_of_the_moment_has_the_image_the_layer_and_the_settings_in_view(view, source):
    view.settings.param.update(n_samples=10, seed=2)
    view.current.layer = 1
    spec = view.figure_download.spec
    assert spec.images == (view.current.image,)
    assert spec.layer == source.networks[1].layers[1]
    assert (spec.request.smoothgrad.n_samples, spec.request.smoothgrad.seed) == (10, 2)
    assert not view.figure_download.button.disabled
    view.current.layer = None
    with zipfile.ZipFile(figure_zip(source, view.figure_download.spec)) as archive:
        assert {name.split(".")[1] for name in archive.namelist()} == {"png", "svg", "pdf", "md", "nc", "csv", "json"}
        told = json.loads(archive.read("figure.json"))
    assert told["images"] == [view.current.image]


@pytest.mark.slow
def test_the_figure_has_the_papers_red_and_blue_where_they_are_chosen_beside_its_button(view):
    assert view.figure_download.spec.delta_colours == "default"
    view.figure_download.options.receive("delta_colours", "paper")
    assert view.figure_download.spec.delta_colours == "paper"


def test_an_uploaded_photograph_has_no_figure(view, source):
    content = io.BytesIO()
    Image.new("RGB", (40, 40)).save(content, "PNG")
    view.current.image = source.add_upload("a.png", content.getvalue())
    assert view.figure_download.button.disabled


def test_a_participant_whom_the_photograph_does_not_have_is_told_until_another_is_chosen(view, source):
    def told():
        return html.unescape(view.alert.object)

    view.current.participant = "p33"
    until(lambda: "no participant of this photograph called 'p33'. Did you mean 'p3'?" in told())
    assert "All of them together are shown." in told()
    view.show_messages(["The link asks for “colour”, which this page does not know."])
    assert "“colour”" in told()
    assert "'p33'" in told(), "neither sentence takes the other's place"
    view.current.participant = "p3"
    until(lambda: "'p33'" not in told())
    view.current.image = source.images[1]
    until(lambda: finished(view))
    assert told() == "", "who marked this photograph too is shown"


def test_a_link_to_a_participant_whom_the_photograph_does_not_have_says_so(view):
    presentation = Presentation(view)
    places = compare_link_parameters(view, presentation, SelectionFilter(view.source, view.gallery, SCRIPT))
    link = f"image={view.source.images[0].replace(' ', '%20')}&participant=p33"
    AddressSync(PageState(places), SCRIPT, view.show_messages).restore(link)
    until(lambda: finished(view) and "'p33'" in html.unescape(view.alert.object))


def pressed(view, index):
    """Whether the second network's button of a category says that it is explained."""
    (state,) = re.findall(rf'data-explain="{index}"[^>]*aria-pressed="(\w+)"', view.top_five_panes[1].object)
    return state


def test_a_predicted_category_is_explained_by_a_click_and_by_another_one_no_more(view):
    second = view.results.forward_result.predictions[1].indices[2]
    assert pressed(view, second) == "false"
    view.display.on_message({"explain": second})
    until(lambda: view._map_request.target == second)
    assert (view.settings.target, view.settings.category) == ("chosen", second)
    assert pressed(view, second) == "true"
    view.display.on_message({"explain": second})
    assert view.settings.target == "own"
    for strange in (-1, 10**6, "3", None):
        view.display.on_message({"explain": strange})
        assert view.settings.target == "own"


def test_explaining_no_more_goes_back_to_what_was_explained_before_and_a_store_alone_offers_nothing(view, source):
    view.settings.target = "label"
    index = view.results.forward_result.predictions[0].indices[1]
    view.display.on_message({"explain": index})
    view.display.on_message({"explain": index})
    assert view.settings.target == "label"
    source.cannot_perturb = "It holds maps and no networks."
    assert view._explained(0) is None
    view.display.on_message({"explain": index})
    assert view.settings.target == "label"


def test_where_networks_have_other_categories_only_those_of_the_first_can_be_chosen():
    source = FakeSource(count=4)
    source.networks = (source.networks[0], replace(source.networks[1], categories=("other", "names")))
    view = CompareView(source, CollectionIndex(source), SCRIPT)
    assert view._explained(0) == -1
    assert view._explained(1) is None
    view.close()
