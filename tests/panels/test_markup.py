import numpy as np
import xarray as xr

from gala_viz.engine.results.prediction import Prediction
from gala_viz.engine.results.score_selection import select_scores
from gala_viz.panels import markup
from gala_viz.panels.closeness import Closeness, ClosenessBars
from gala_viz.panels.source_page import section
from gala_viz.store.source import ImageInfo, NetworkInfo

EVIL = '<img src=x onerror="alert(1)">\'&'


def network(text):
    return NetworkInfo(
        name=text, title=text, layers=(), categories=(text,), input_px=(224, 224), device=text, summary={text: text}
    )


def every_markup():
    prediction = Prediction(indices=(0,), categories=(EVIL,), probabilities=(0.5,), correct=False)
    info = ImageInfo(image=EVIL, category=EVIL, target=0, superclass=EVIL, split=EVIL)
    pair = (network(EVIL), network(EVIL))
    yield markup.loading_message(EVIL, EVIL)
    yield markup.load_error(EVIL, EVIL)
    yield markup.image_score_table(EVIL, EVIL, EVIL, {EVIL: 1.0})
    yield markup.selection_summary(3, 9, True, {EVIL: np.ones(2)})
    yield markup.empty_collection_message(EVIL)
    yield markup.alert(EVIL)
    yield markup.image_heading(info)
    yield markup.image_heading(info, f"http://localhost/game{EVIL}")
    yield markup.top_five_predictions("a", pair[0], prediction, 0)
    yield markup.score_table([EVIL, EVIL], {EVIL: {EVIL: (0.1, 0.2)}}, EVIL)
    yield markup.provenance(pair, ((EVIL, EVIL),), {EVIL: EVIL})
    yield markup.muted_text(EVIL)
    yield markup.people_heading(EVIL, EVIL, EVIL)
    yield markup.delta_heading(EVIL, EVIL, EVIL)
    scores = xr.Dataset({"rho": (("network", "image"), [[0.1] * 9, [0.2] * 9]), "ceiling": ("image", [0.5] * 9)})
    selection = select_scores(scores, "rho", np.ones(9, bool))
    bars = ClosenessBars(pair)
    bars.show(Closeness(metric="rho", people=EVIL, selection=selection, here=(0.1, 0.2), of=(EVIL, EVIL)))
    yield bars.verdict.object
    yield from (bars.panes[panel].object for panel in ("photo", "a", "b"))


def test_names_from_files_are_text_and_never_markup():
    for html in every_markup():
        assert "<img" not in html
        assert "&lt;img src=x onerror=" in html


def test_right_and_wrong_are_told_by_a_sign_and_a_word():
    def chip(correct):
        return markup.top_five_predictions(
            "a", network("n"), Prediction(indices=(1,), categories=("c",), probabilities=(1.0,), correct=correct), 1
        )

    assert "✓ right" in chip(True)
    assert "✗ wrong" in chip(False)
    assert "no label" in chip(None)


def test_fewer_than_five_categories_leave_calm_rows():
    html = markup.top_five_predictions("a", network("n"), None, None)
    assert html.count("–") == 5


def test_unknown_scores_are_dashes():
    table = markup.score_table(("a", "b"), {"": {"rho": (float("nan"), 0.25)}}, "")
    assert "–" in table
    assert "0.250" in table
    assert "this photograph" in table  # means stand elsewhere


def test_a_photograph_leads_to_the_game_on_it_where_there_is_one():
    info = ImageInfo(image="tench/a b&c.jpg", category="tench", target=0)
    html = markup.image_heading(info, "http://localhost:5006/game")
    assert 'href="http://localhost:5006/game?image=tench%2Fa+b%26c.jpg"' in html
    assert "Collect maps for this image" in html
    assert "Collect" not in markup.image_heading(info)


def test_simulated_people_are_called_so():
    assert markup.people_label({"simulated ClickMe": "made"}) == "simulated people"
    assert markup.people_label({"ClickMe": "clicks", "simulated": "made"}) == "people"
    assert markup.people_label({}) == "people"


def test_the_hint_of_a_section_is_text():
    assert "of &lt;b&gt;mine&lt;/b&gt;" in section("Photographs", "of <b>mine</b>")[0].object
