"""Whether the paint surface may have moved, by what the records tell of device and page."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from sqlalchemy import select, update

import gala_viz
from gala_viz.collections.clickme.click_tables import read_rounds
from gala_viz.collections.clickme.round_filters import RoundFilters
from gala_viz.collections.open import open_collection
from gala_viz.game.messages import InvalidMessageError, parse_message
from gala_viz.records.database import Database
from gala_viz.records.export import ExportSpec, export_rounds
from gala_viz.records.finished_rounds import round_recordings
from gala_viz.records.paint_surface import (
    MEANINGS,
    RoundRecording,
    SurfaceMotion,
    classify_surface_motion,
    surface_motion_report,
)
from gala_viz.records.participants import Participants
from gala_viz.records.rounds import Rounds
from gala_viz.records.tables import CATCH, Round
from tests.collections.pictures import encoded
from tests.records.test_upgrade import former  # noqa: F401

ALL = RoundFilters(min_catch_score=None, drop_mobile=False, min_clicks=1)


def told(pointer, screen, *, mobile=False, rule=None, simulated=False):
    device = {"pointer": pointer, "screen_px": screen}
    return classify_surface_motion(surface_rule=rule, simulated=simulated, mobile=mobile, device=device)


@pytest.mark.parametrize(
    ("pointer", "screen", "mobile", "expected"),
    [
        ("touch", [375, 667], True, SurfaceMotion.YES),  # no window on it is wider than 760, however it is turned
        ("mouse", [760, 400], False, SurfaceMotion.YES),
        ("touch", [390, 844], True, SurfaceMotion.POSSIBLY),  # 844 when it is turned
        ("touch", [844, 390], True, SurfaceMotion.POSSIBLY),
        ("touch", [1024, 1366], False, SurfaceMotion.POSSIBLY),  # a tablet, perhaps with two windows side by side
        ("pen", [2736, 1824], False, SurfaceMotion.POSSIBLY),
        ("mouse", [390, 844], False, SurfaceMotion.POSSIBLY),
        ("mouse", [761, 400], False, SurfaceMotion.UNKNOWN),
        ("mouse", [1920, 1080], False, SurfaceMotion.UNKNOWN),
        ("mouse", [0, 0], False, SurfaceMotion.UNKNOWN),
        ("touch", [0, 0], False, SurfaceMotion.POSSIBLY),
        ("mouse", "wide", False, SurfaceMotion.UNKNOWN),
        (None, None, False, SurfaceMotion.UNKNOWN),
    ],
)
def test_an_older_page_is_judged_by_what_is_known_of_its_device(pointer, screen, mobile, expected):
    assert told(pointer, screen, mobile=mobile) == expected
    assert told(pointer, screen, mobile=mobile, rule=999) == expected  # a rule that nobody knows vouches for nothing
    assert told(pointer, screen, mobile=mobile, rule=1) == SurfaceMotion.NO
    assert told(pointer, screen, mobile=mobile, simulated=True) == SurfaceMotion.NO


def test_the_report_counts_every_answer_and_names_its_days():
    day = 86_400_000
    rounds = [
        RoundRecording(SurfaceMotion.YES, 3 * day),
        RoundRecording(SurfaceMotion.YES, day),
        RoundRecording(SurfaceMotion.NO, 2 * day - 1),
    ]
    report = surface_motion_report(rounds)
    assert {answer: one["rounds"] for answer, one in report["answers"].items()} == {
        "no": 1,
        "yes": 2,
        "possibly": 0,
        "not known": 0,
    }
    assert (report["answers"]["yes"]["first_day"], report["answers"]["yes"]["last_day"]) == ("1970-01-02", "1970-01-04")
    assert report["answers"]["no"]["last_day"] == "1970-01-02"
    assert set(MEANINGS) == set(SurfaceMotion)


def test_rounds_of_the_first_version_are_marked_by_their_devices(former):  # noqa: F811
    database = Database(former)
    found = round_recordings(database, "shapes")
    assert sorted(str(one.surface_motion) for one in found.values()) == ["not known", "not known", "possibly", "yes"]
    assert [str(one.surface_motion) for one in round_recordings(database, "shapes", simulated=True).values()] == ["no"]
    database.close()


def test_a_round_carries_the_rule_of_its_page_and_the_version_that_recorded_it(former):  # noqa: F811
    database = Database(former)
    rounds, people = Rounds(database), Participants(database)
    who, _ = people.create()
    visit = people.start_session(who, {"pointer": "touch", "screen_px": [375, 667]}, mobile=True, versions={})
    new = rounds.claim_round(who, visit, "shapes", settings={"canvas_px": 256})
    rounds.record_presentation(new.id, "hare", (0.0, 0.0, 256.0, 256.0), surface_rule=1)
    with database.write_transaction() as connection:
        connection.execute(update(Round).where(Round.id == new.id).values(outcome="won", ended_ms=5))
        rows = connection.execute(select(Round.id, Round.surface_rule, Round.software)).all()
    assert [(row.surface_rule, row.software) for row in rows if row.id == new.id] == [(1, gala_viz.__version__)]
    assert {(row.surface_rule, row.software) for row in rows if row.id != new.id} == {(None, None)}
    assert round_recordings(database, "shapes")[new.image, who] == RoundRecording(SurfaceMotion.NO, 5)
    database.close()


@pytest.mark.parametrize("rule", [0, -1, 1.5, True, "1", [1], 10**9])
def test_a_page_names_its_rule_by_a_small_number(rule):
    hello = {"type": "hello", "pointer": "mouse", "mobile": False, "screen_px": [1, 1]}
    assert parse_message(json.dumps(hello)).surface_rule is None
    assert parse_message(json.dumps({**hello, "surface_rule": 1})).surface_rule == 1
    with pytest.raises(InvalidMessageError, match="surface_rule"):
        parse_message(json.dumps({**hello, "surface_rule": rule}))


@pytest.fixture
def shapes(tmp_path):
    """Photographs of the images that the former records name, and those records."""
    root = tmp_path / "shapes"
    for number in range(4):
        path = root / "hare" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(np.full((256, 276, 3), 60 * number, np.uint8)))
    collection = open_collection(root)
    where = tmp_path / "records.sqlite"
    shutil.copy(Path(__file__).parent / "former" / "version1.sqlite", where)
    database = Database(where)
    with database.write_transaction() as connection:
        for row in connection.execute(select(Round.id, Round.image).where(Round.kind != CATCH)).all():
            values = {"collection": collection.name, "image": f"hare/{row.image.split()[1]}.png"}
            connection.execute(update(Round).where(Round.id == row.id).values(**values))
    yield database, collection
    database.close()


def test_exports_mark_every_round_in_tables_and_maps_and_explain_the_words(shapes, tmp_path):
    database, collection = shapes
    out = tmp_path / "out"
    report = export_rounds(database, collection, out, ExportSpec(filters=ALL), ("csv", "npz", "zarr"))
    expected = {pair: str(one.surface_motion) for pair, one in round_recordings(database, collection.name).items()}
    assert sorted(expected.values()) == ["not known", "not known", "possibly", "yes"]
    with (out / "clicks.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {(row["image_path"], row["user_id"]): row["surface_moved"] for row in rows} == expected
    with np.load(out / "clicks.npz", allow_pickle=True) as arrays:
        columns = [arrays[name].tolist() for name in ("file_pointer", "user_id", "surface_moved")]
    assert {(image, who): moved for image, who, moved in zip(*columns, strict=True)} == expected
    maps = xr.open_zarr(out / "clicks.zarr", consolidated=False)
    columns = [maps[name].values.tolist() for name in ("image", "participant", "surface_moved")]
    assert {(image, who): moved for image, who, moved in zip(*columns, strict=True)} == expected
    assert maps["human_map"].attrs["surface_moved_rule"] == report["surface_moved"]["rule"] == "surface-moved-1"
    answers = json.loads((out / "clicks.json").read_text())["surface_moved"]["answers"]
    assert {answer: one["rounds"] for answer, one in answers.items()} == {
        "no": 0,
        "yes": 1,
        "possibly": 1,
        "not known": 2,
    }
    assert all(one["meaning"] for one in answers.values())
    for suffix in ("csv", "npz"):
        assert read_rounds(out / f"clicks.{suffix}")[1] == []


def test_the_report_counts_only_what_the_filters_left(shapes, tmp_path):
    database, collection = shapes
    filters = RoundFilters(min_catch_score=None, min_clicks=1)  # without telephones
    report = export_rounds(database, collection, tmp_path / "out", ExportSpec(filters=filters), ("csv",))
    assert {answer: one["rounds"] for answer, one in report["surface_moved"]["answers"].items()} == {
        "no": 0,
        "yes": 0,
        "possibly": 0,
        "not known": 2,
    }
