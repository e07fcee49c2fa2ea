"""Published protocols by name: each is the plain settings it stands for, each step is what its source computes."""

import csv
import json
import math
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import signal
from scipy.stats import spearmanr

from gala_viz.alignment import CeilingSpec, spearman_brown
from gala_viz.cache import ArrayCache
from gala_viz.commands.evaluate import Arguments, ProtocolName
from gala_viz.engine.attribution_maps import attribution_maps
from gala_viz.evaluation import protocols as protocols_module
from gala_viz.evaluation.evaluate import evaluate
from gala_viz.evaluation.export import evaluation_json, write_evaluation
from gala_viz.evaluation.image_metrics import MEAN_OF_LAYERS
from gala_viz.evaluation.markdown import markdown
from gala_viz.evaluation.protocol_headline import headline_numbers
from gala_viz.evaluation.protocol_steps import (
    largest_change,
    protocol_path,
    protocol_steps,
    steps_csv_rows,
    steps_markdown,
    write_steps,
)
from gala_viz.evaluation.protocol_texts import constant_texts, protocol_rows
from gala_viz.evaluation.protocols import (
    HEADLINES,
    NOT_APPLICABLE,
    PROTOCOLS,
    STEPS,
    Protocol,
    PublishedConstant,
    protocol_of,
)
from gala_viz.evaluation.report_page import report_page
from gala_viz.evaluation.spec import EvaluationSpec
from gala_viz.networks.preprocessing import Preprocessing
from gala_viz.registry import UnknownNameError
from gala_viz.specs import SmoothGradSpec
from tests.evaluation.fakes import CATEGORIES, Bare, Shapes, network
from tests.evaluation.test_evaluate import SPEC

NAMES = tuple(PROTOCOLS)
PLAIN = {
    "gala-2019": {
        "smoothgrad": None,
        "photograph": "centre",
        "human_smoothing": "gala_tpu",
        "resizing": "aligned",
        "ceiling": replace(SPEC.ceiling, n_splits=100),
    },
    "harmonization-2022": {
        "smoothgrad": SmoothGradSpec(n_samples=1, noise_fraction=0.0),
        "target": "label",
        "cells": 32,
        "photograph": "whole-bilinear",
        "reduction": "maximum",
        "human_smoothing": "harmonization",
        "ceiling": replace(SPEC.ceiling, n_splits=100),
    },
    "clickme-2025": {
        "smoothgrad": SmoothGradSpec(n_samples=1, noise_fraction=0.0),
        "target": "label",
        "cells": 32,
        "photograph": "centre-bicubic",
        "reduction": "maximum",
        "map_smoothing": "discs",
        "human_smoothing": "discs",
        "ceiling": replace(SPEC.ceiling, n_splits=50, min_participants=5),
    },
}
"""What each protocol stands for, given one by one, for networks with an input of 32 px."""


@pytest.fixture(scope="module")
def shapes():
    return Shapes()


@pytest.fixture(scope="module")
def gala():
    return network("gala", 2)


@pytest.fixture(scope="module")
def found(shapes, gala):
    return {name: evaluate({"gala": gala}, shapes, PROTOCOLS[name].spec([gala], SPEC)) for name in NAMES}


def plain_numbers(evaluation):
    return [(one.who, one.key, one.interval, one.participants, one.note) for one in evaluation.estimates]


@pytest.mark.parametrize("name", NAMES)
def test_a_protocol_reaches_the_numbers_of_the_plain_settings_it_stands_for(found, shapes, gala, name):
    plain = replace(SPEC, **PLAIN[name])
    assert PROTOCOLS[name].spec([gala], SPEC) == replace(plain, protocol=f"{name}, version 1")
    told = evaluate({"gala": gala}, shapes, plain)
    assert plain_numbers(told) == plain_numbers(found[name])
    for variable, values in told.image_metrics["gala"].items():
        np.testing.assert_array_equal(values, found[name].image_metrics["gala"][variable], err_msg=variable)


def human_map(shapes, image, preprocessing):
    """The mean map of an image as the network's frame shows it, by Pillow alone."""
    short, side = preprocessing.short_px, preprocessing.crop_px
    whole = shapes.human_map(image).values
    first = (short - side) // 2 * 48 / short
    box = (first, first, first + side * 48 / short, first + side * 48 / short)
    return np.asarray(Image.fromarray(whole).resize((side, side), Image.Resampling.BILINEAR, box=box))


def label_gradient(net, shapes, image, preprocessing):
    """The gradient of the label's logit (channel, y, x), by autograd alone."""
    photo = Image.fromarray(shapes.photo(image))
    filters = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
    resized = photo.resize((preprocessing.short_px,) * 2, filters[preprocessing.interpolation])
    first, side = (preprocessing.short_px - preprocessing.crop_px) // 2, preprocessing.crop_px
    pixels = np.asarray(resized)[first : first + side, first : first + side].astype(np.float32)
    batch = torch.from_numpy(((pixels - 127) / 128).transpose(2, 0, 1).copy())[None].requires_grad_()
    with net.computing() as module:
        module(batch)[0, CATEGORIES.index(shapes.category(image))].backward()
    return batch.grad[0].numpy()


def flat_disc(radius):
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    disc = (y**2 + x**2 <= radius**2).astype(float)
    return disc / disc.sum()


def test_harmonization_compares_the_largest_gradient_of_the_labels_logit_at_the_inputs_pixels(found, shapes, gala):
    seen = Preprocessing(short_px=32, crop_px=32, interpolation="bilinear")
    rho = found["harmonization-2022"].image_metrics["gala"]["rho_smoothgrad"]
    for image in found["harmonization-2022"].images[:4]:
        saliency = np.abs(label_gradient(gala, shapes, image, seen)).max(axis=0)
        expected = spearmanr(saliency.ravel(), human_map(shapes, image, seen).ravel()).statistic
        assert float(rho.sel(image=image)) == pytest.approx(expected, abs=2e-4)


def test_clickme_2025_smooths_the_networks_map_twice_with_a_disc_at_the_photographs_scale(found, shapes, gala):
    seen = Preprocessing(short_px=37, crop_px=32, interpolation="bicubic")
    rho = found["clickme-2025"].image_metrics["gala"]["rho_smoothgrad"]
    radius = round((21 * 37 / 256 - 1) / 2)
    assert radius == 1
    for image in found["clickme-2025"].images[:4]:
        saliency = np.abs(label_gradient(gala, shapes, image, seen)).max(axis=0).astype(float)
        for _ in range(2):
            saliency = signal.convolve2d(saliency, flat_disc(radius), mode="same")
        expected = spearmanr(saliency.ravel(), human_map(shapes, image, seen).ravel()).statistic
        assert float(rho.sel(image=image)) == pytest.approx(expected, abs=2e-4)


def test_gala_2019_compares_the_attention_norm_at_its_own_grid_with_maps_of_aligned_corners(found, shapes, gala):
    seen = Preprocessing(short_px=37, crop_px=32)
    rho = found["gala-2019"].image_metrics["gala"]["rho_attention"].sel(layer="layer1")
    cut = gala.with_preprocessing(seen)
    for image in found["gala-2019"].images[:4]:
        _, maps = cut.attention(cut.to_batch([shapes.photo(image)]))
        norm = maps["layer1"][0].detach().square().sum(dim=0).sqrt().numpy()
        whole = torch.from_numpy(human_map(shapes, image, seen).copy())[None, None]
        coarse = torch.nn.functional.interpolate(whole, norm.shape, mode="bilinear", align_corners=True)[0, 0].numpy()
        expected = spearmanr(norm.ravel(), coarse.ravel()).statistic
        assert float(rho.sel(image=image)) == pytest.approx(expected, abs=2e-4)


def test_smoothgrad_of_one_sample_without_noise_is_the_plain_gradient_but_for_rounding(shapes, gala):
    images, about = shapes.images[:3], {"target": "label", "reduction": "maximum"}
    one = attribution_maps(gala, shapes, "smoothgrad", SmoothGradSpec(n_samples=1, noise_fraction=0.0), images, **about)
    gradient = attribution_maps(gala, shapes, "saliency", None, images, **about)
    np.testing.assert_allclose(one, gradient, atol=1e-5 * float(gradient.max()))


def test_a_reader_is_told_what_the_maps_are_where_they_are_not_smoothgrad_as_ever(found):
    (note,) = [one for one in found["clickme-2025"].notes if "plain gradient" in one]
    assert note.startswith("What is called SmoothGrad here has no noise")
    assert "largest absolute value over colours" in note
    assert "smoothed (discs)" in note
    assert not [one for one in found["gala-2019"].notes if "gradient" in one]


@pytest.mark.parametrize(
    ("photograph", "short_px", "interpolation"),
    [("card", 40, "bicubic"), ("centre", 37, "bicubic"), ("whole-bilinear", 32, "bilinear")],
)
def test_all_networks_cut_photographs_as_the_settings_say_and_a_note_tells_it(
    shapes, gala, photograph, short_px, interpolation
):
    evaluation = evaluate({"gala": gala}, shapes, replace(SPEC, smoothgrad=None, photograph=photograph))
    told = evaluation.networks["gala"]["preprocessing"]
    assert (told["short_px"], told["crop_px"], told["interpolation"]) == (short_px, 32, interpolation)
    assert any("not as the networks' cards say" in note for note in evaluation.notes) == (photograph != "card")
    assert gala.preprocessing.short_px == 40, "the network itself stays as it is"


def test_the_ceiling_is_of_so_many_splits_and_of_images_with_enough_participants(found, shapes, gala):
    notes = {name: " ".join(one.note for one in found[name].estimates if one.key.metric == "ceiling") for name in NAMES}
    assert "50 splits" in notes["clickme-2025"]
    assert "100 splits" in notes["harmonization-2022"]
    six = replace(PROTOCOLS["clickme-2025"], name="six", min_participants=6)
    numbers = headline_numbers(evaluate({"gala": gala}, shapes, six.spec([gala], SPEC)), "gala", six)
    assert numbers.ceiling is None
    assert numbers.value is None
    assert "no ceiling" in numbers.note


@pytest.mark.parametrize("name", NAMES)
def test_the_headline_is_the_tables_own_number_in_the_protocols_form(found, name):
    for headline in HEADLINES:
        protocol = replace(PROTOCOLS[name], headline=headline)
        numbers = headline_numbers(found[name], "gala", protocol)
        values = found[name].image_metrics["gala"]
        rho, ceiling = (values[f"{what}_{protocol.kind}"] for what in ("rho", "ceiling"))
        if protocol.kind == "attention":
            rho, ceiling = rho.sel(layer=MEAN_OF_LAYERS), ceiling.sel(layer=MEAN_OF_LAYERS)
        both, top = float(rho.mean()), float(ceiling.mean())
        expected = {
            "fraction_of_ceiling": 100 * both / top,
            "explained_variance": 100 * (both / top) ** 2,
            "corrected_rho": both / math.sqrt(spearman_brown(top, float(values["share_product"]))),
        }[headline]
        assert numbers.value.mean == pytest.approx(expected)
        assert numbers.rho.mean == pytest.approx(both)
        assert numbers.ceiling.mean == pytest.approx(top)


@pytest.mark.parametrize("name", NAMES)
def test_everything_that_is_written_names_protocol_and_version_and_each_step_with_its_source(found, tmp_path, name):
    protocol, evaluation = PROTOCOLS[name], found[name]
    write_evaluation(evaluation, tmp_path)
    told = json.loads((tmp_path / "results.json").read_text())
    assert (told["protocol"]["name"], told["protocol"]["version"]) == (name, 1)
    assert told["settings"]["protocol"] == protocol.label == f"{name}, version 1"
    assert [step["value"] for step in told["protocol"]["steps"].values()] == [protocol.value(one) for one in STEPS]
    with (tmp_path / "table.csv").open(encoding="utf-8") as file:
        assert {row["protocol"] for row in csv.DictReader(file)} == {protocol.label}
    page = report_page(evaluation, evaluation_json(evaluation)).replace("&#39;", "'").replace("&amp;", "&")
    for text in (markdown(evaluation), page):
        assert f"Protocol: {protocol.label}" in text
        for one in STEPS:
            assert protocol.value(one) in text
            assert protocol.sources.get(one, "") in text
            assert protocol.unknown.get(one, "") in text
        assert f"{protocol.published[0].value} ({protocol.published[0].source})" in text


def test_every_step_of_every_protocol_has_a_source_or_says_that_none_is_known():
    for protocol in PROTOCOLS.values():
        for step in STEPS:
            told = protocol.sources.get(step) or protocol.unknown.get(step)
            assert told or protocol.value(step) == NOT_APPLICABLE, (protocol.name, step)
        assert protocol.published
    assert set(ProtocolName.__args__) == set(NAMES)


def test_the_page_of_definitions_has_each_step_of_each_protocol_as_the_code_has_it(repository):
    page = (repository / "docs" / "definitions" / "protocols.md").read_text(encoding="utf-8")
    for protocol in PROTOCOLS.values():
        assert f"## {protocol.name}" in page
        assert f"{protocol.title}. Version {protocol.version}." in page
        for row in protocol_rows(protocol):
            assert f"| {' | '.join(one or '–' for one in row)} |" in page, (protocol.name, row[0])
        for text in constant_texts(protocol):
            assert text in page


def test_without_a_protocol_no_file_has_a_word_more(shapes, gala, tmp_path):
    evaluation = evaluate({"gala": gala}, shapes, SPEC)
    for path in write_evaluation(evaluation, tmp_path):
        text = path.read_text(encoding="utf-8").lower()
        for word in ("protocol", "resolutions", "reduction", "human_smoothing", "map_smoothing", 'photograph":'):
            assert word not in text, (path.name, word)
    assert not (tmp_path / "resolutions.csv").exists()


def test_a_published_constant_is_shown_and_is_part_of_no_number(shapes, gala, found, monkeypatch):
    name = "harmonization-2022"
    other = replace(
        PROTOCOLS[name], published=(PublishedConstant(value=0.123, what="another ceiling", source="nowhere"),)
    )
    monkeypatch.setattr(protocols_module, "PROTOCOLS", {name: other})
    assert plain_numbers(evaluate({"gala": gala}, shapes, other.spec([gala], SPEC))) == plain_numbers(found[name])
    assert "0.123" in markdown(found[name])
    assert "0.65753" not in markdown(found[name])


def test_settings_that_are_called_by_a_protocol_and_are_not_its_own_are_refused(shapes, gala):
    wrong = replace(PROTOCOLS["harmonization-2022"].spec([gala], SPEC), target="own")
    with pytest.raises(ValueError, match=r"called harmonization-2022, version 1, whose target is 'label'; got 'own'"):
        evaluate({"gala": gala}, shapes, wrong)
    assert protocol_of(wrong).name == "harmonization-2022"
    assert protocol_of(replace(wrong, protocol=None)) is None


def test_maps_that_are_known_only_as_they_are_are_told_where_a_protocol_would_smooth_them_otherwise(found):
    for name, smoothing in (("gala-2019", "gala_tpu"), ("clickme-2025", "discs")):
        (note,) = [one for one in found[name].notes if one.startswith("NOT AS ASKED")]
        assert repr(smoothing) in note


@pytest.mark.parametrize(("first", "second"), list(permutations(NAMES, 2)))
def test_the_way_from_one_protocol_to_another_changes_one_step_at_a_time_and_ends_at_the_other(first, second):
    a, b = PROTOCOLS[first], PROTOCOLS[second]
    path = protocol_path(a, b)
    used = [name for step in STEPS.values() for name in step.names]
    last = path[-1][3]
    assert {name: getattr(last, name) for name in used} == {name: getattr(b, name) for name in used}
    now = a
    for title, before, after, protocol in path:
        changed = [
            name
            for name, step in STEPS.items()
            if any(getattr(now, one) != getattr(protocol, one) for one in step.names)
        ]
        attention = "attention" in (now.method, protocol.method) and now.method != protocol.method
        assert len(changed) == 1 or (attention and changed[0] == "method"), title
        assert before != after
        now = protocol
    assert not protocol_path(a, a)


@pytest.fixture(scope="module")
def steps(shapes, gala, tmp_path_factory):
    a, b = PROTOCOLS["gala-2019"], PROTOCOLS["harmonization-2022"]
    cache = ArrayCache(tmp_path_factory.mktemp("steps"))
    return a, b, protocol_steps(gala, shapes, a, b, SPEC, cache=cache)


@pytest.mark.slow
def test_steps_begin_and_end_at_the_numbers_of_the_two_protocols_and_their_changes_add_up(steps, found):
    a, b, rows = steps
    for row, name in ((rows[0], "gala-2019"), (rows[-1], "harmonization-2022")):
        numbers = headline_numbers(found[name], "gala", PROTOCOLS[name])
        assert row.rho == numbers.rho
        assert row.ceiling == numbers.ceiling
        assert row.value == numbers.value
    assert rows[0].rho_change is None
    total = sum(row.rho_change.mean for row in rows[1:])
    assert total == pytest.approx(rows[-1].rho.mean - rows[0].rho.mean)
    assert all(row.rho_change.low <= row.rho_change.mean <= row.rho_change.high for row in rows[1:])
    assert [row.step for row in rows[1:]] == [title for title, *_ in protocol_path(a, b)]


def test_the_table_of_steps_tells_each_change_and_which_moved_rho_most(steps, tmp_path):
    a, b, rows = steps
    page, table = write_steps(rows, a, b, tmp_path / "steps")
    text = page.read_text(encoding="utf-8")
    assert text == steps_markdown(rows, a, b)
    for row in rows:
        assert f"| {row.step} |" in text
    largest = largest_change(rows)
    assert abs(largest.rho_change.mean) == max(abs(row.rho_change.mean) for row in rows[1:])
    assert f"Rho moved most by: {largest.step}" in text
    with table.open(encoding="utf-8") as file:
        read = list(csv.DictReader(file))
    assert len(read) == len(rows) == len(steps_csv_rows(rows))
    assert float(read[-1]["rho"]) == rows[-1].rho.mean
    assert float(read[-1]["headline_value"]) == rows[-1].value.mean


def test_a_network_without_attention_is_refused_where_a_protocol_compares_attention(shapes):
    resnet = network("resnet", 1, gala=False)
    with pytest.raises(ValueError, match="resnet has no attention layers, which gala-2019, version 1 compares"):
        protocol_steps(resnet, shapes, PROTOCOLS["clickme-2025"], PROTOCOLS["gala-2019"], SPEC)


def test_a_table_tells_why_a_network_has_no_number_under_a_protocol(shapes):
    resnet, protocol = network("resnet", 1, gala=False), PROTOCOLS["gala-2019"]
    found = evaluate({"resnet": resnet}, shapes, protocol.spec([resnet], SPEC))
    assert "| resnet | – | – | – | no attention layers to compare" in markdown(found)
    bare = evaluate({"resnet": resnet}, Bare(), PROTOCOLS["clickme-2025"].spec([resnet], replace(SPEC, split="all")))
    assert "| resnet | – | – | – | nothing to compare its maps with. |" in markdown(bare)


@pytest.mark.slow
def test_further_resolutions_are_those_of_evaluations_with_so_many_cells(shapes, gala, tmp_path):
    asked = (4, 16, 31, 1)
    spec = replace(SPEC, resolutions=asked)
    evaluation = evaluate({"gala": gala}, shapes, spec, cache=ArrayCache(tmp_path / "blocks"))
    again = evaluate({"gala": gala}, shapes, spec, cache=ArrayCache(tmp_path / "blocks"))
    write_evaluation(again, tmp_path)
    with (tmp_path / "resolutions.csv").open(encoding="utf-8") as file:
        rows = {int(row["cells"]): row for row in csv.DictReader(file)}
    assert tuple(rows) == asked
    assert (rows[1]["rho"], rows[1]["ceiling"], rows[1]["fraction_of_ceiling"]) == ("", "", "")
    assert rows[1]["note"] == "no image has both a network's rho and a ceiling."
    for cells in asked[:-1]:
        alone = evaluate({"gala": gala}, shapes, replace(SPEC, cells=cells))
        values = {one.key.metric: one.interval for one in alone.estimates if one.who == "gala" and not one.key.layer}
        row = rows[cells]
        found_rho = [float(row[name]) for name in ("rho", "rho_low", "rho_high", "rho_n")]
        rho, share = values["rho_smoothgrad"], values["fraction_of_ceiling_smoothgrad"]
        assert found_rho == pytest.approx([rho.mean, rho.low, rho.high, rho.n])
        columns = ("fraction_of_ceiling", "fraction_of_ceiling_low", "fraction_of_ceiling_high")
        assert [float(row[name]) for name in columns] == pytest.approx([share.mean, share.low, share.high])
    default = evaluate({"gala": gala}, shapes, SPEC).image_metrics["gala"]["rho_smoothgrad"]
    np.testing.assert_array_equal(evaluation.image_metrics["gala"]["rho_smoothgrad"], default)
    page = markdown(again)
    assert "## Resolutions" in page
    assert "| 4 x 4 |" in page
    assert "Resolutions</h2>" in report_page(again, evaluation_json(again))


def test_resolutions_of_attention_norms_are_refused_with_the_reason(gala):
    with pytest.raises(ValueError, match="an attention norm has its layer's own grid"):
        PROTOCOLS["gala-2019"].spec([gala], replace(SPEC, resolutions=(7,)))
    with pytest.raises(ValueError, match="each once"):
        EvaluationSpec(resolutions=(7, 7))


def test_unknown_names_are_answered_with_the_nearest():
    for wrong, near in (
        ({"photograph": "center"}, "centre"),
        ({"human_smoothing": "disc"}, "discs"),
        ({"map_smoothing": "disks"}, "discs"),
        ({"resizing": "aligne"}, "aligned"),
        ({"reduction": "maximal"}, "maximum"),
    ):
        with pytest.raises(UnknownNameError, match=f"Did you mean '{near}'"):
            EvaluationSpec(**wrong)
    with pytest.raises(ValueError, match="steps are photograph"):
        Protocol(name="mine", version=1, title="Mine", sources={"colour": "somewhere"})


def test_the_command_takes_a_protocols_settings_and_refuses_options_that_are_its_own(gala):
    asked = Arguments(
        collection="c", networks=("n",), out=Path("o"), protocol="clickme-2025", seed=4, resolutions=(7, 14)
    )
    spec = asked.evaluation_spec([gala])
    base = EvaluationSpec(
        seed=4, smoothgrad=SmoothGradSpec(seed=4), ceiling=CeilingSpec(over_participants=True, seed=4)
    )
    assert spec == replace(PROTOCOLS["clickme-2025"].spec([gala], base), resolutions=(7, 14))
    asked.check()
    with pytest.raises(ValueError, match="--target is set by --protocol clickme-2025"):
        replace(asked, target="label").check()
    with pytest.raises(ValueError, match="--against names another protocol"):
        replace(asked, against="clickme-2025").check()
    with pytest.raises(ValueError, match="--against names another protocol"):
        replace(asked, protocol=None, against="gala-2019").check()


def test_a_protocol_of_ones_own_is_named_by_whatever_is_written(shapes, gala, monkeypatch):
    mine = replace(PROTOCOLS["harmonization-2022"], name="mine", version=3, target="own", published=())
    monkeypatch.setattr(protocols_module, "PROTOCOLS", {"mine": mine})
    evaluation = evaluate({"gala": gala}, shapes, mine.spec([gala], SPEC))
    assert "## Protocol: mine, version 3" in markdown(evaluation)
    assert evaluation_json(evaluation)["protocol"]["steps"]["target"]["value"] == "own first choice"


@pytest.mark.slow
def test_the_command_writes_table_steps_and_resolutions(tmp_path, capsys):
    asked = Arguments(
        collection="rendered",
        networks=("rendered-gala",),
        out=tmp_path,
        images=6,
        people_resamples=0,
        protocol="clickme-2025",
        against="harmonization-2022",
        resolutions=(7, 14),
        device="cpu",
    )
    assert asked.run() == 0
    told = capsys.readouterr().out
    for text in ("## Protocol: clickme-2025, version 1", "## Resolutions", "Rho moved most by", "| 7 x 7 |"):
        assert text in told
    assert "NOT AS ASKED" not in told
    with (tmp_path / "protocol_steps.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    titles = [title for title, *_ in protocol_path(PROTOCOLS["clickme-2025"], PROTOCOLS["harmonization-2022"])]
    assert [row["step"] for row in rows] == ["clickme-2025, version 1", *titles]
    smoothing = next(row for row in rows if row["step"] == "smoothing of human maps")
    assert float(smoothing["rho_change"]) != 0
    assert (tmp_path / "protocol_steps.md").read_text(encoding="utf-8") in told
