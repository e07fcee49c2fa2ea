"""What was collected leaves as files, and the project's own readers give back the same values."""

import json
import re
import sqlite3
from contextlib import contextmanager
from dataclasses import asdict

import numpy as np
import pytest
import xarray as xr
from sqlalchemy.exc import OperationalError

from gala_viz.cli import main
from gala_viz.collections.clickme.catch_score import CatchScore
from gala_viz.collections.clickme.click_maps import ClickMapSpec
from gala_viz.collections.clickme.click_tables import read_rounds
from gala_viz.collections.clickme.round_filters import RoundFilters
from gala_viz.collections.clickme.round_table import round_table
from gala_viz.collections.open import open_collection
from gala_viz.commands import compare_app
from gala_viz.commands.records import FilterOptions
from gala_viz.game.game_spec import GameSpec
from gala_viz.game.judge import Judge
from gala_viz.panels.compare.compare_options import CompareOptions
from gala_viz.records.database import Database, DatabaseError
from gala_viz.records.export import ExportSpec, export_rounds
from gala_viz.records.finished_rounds import COLLECTED_FILTERS, catch_scores, finished_rounds
from gala_viz.records.game_maps import CollectionWithGameMaps
from gala_viz.records.image_counts import register_images
from gala_viz.records.journal import Journal
from gala_viz.records.overview import Overview, overview, reliability
from gala_viz.records.participants import Participants
from gala_viz.records.round_updates import RoundUpdate
from gala_viz.records.rounds import Rounds
from gala_viz.records.tables import now_ms
from gala_viz.registry import UnknownNameError
from gala_viz.splits import splits_of
from gala_viz.training.sources import sources_of_split
from tests.collections.pictures import encoded

SPEC = GameSpec()
ALL = RoundFilters(min_catch_score=None, drop_mobile=False)
COUNTS = ("simulated", "mobile")


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A folder of photographs of two categories, and a game's records: five people and two simulated participants."""
    root = tmp_path_factory.mktemp("lab")
    chance = np.random.default_rng(0)
    for number in range(4):
        path = root / "photos" / ("hare", "tram")[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(chance.integers(0, 256, (60, 80 + 4 * number, 3)).astype(np.uint8)))
    collection = open_collection(root / "photos")
    database = Database(root / "records.sqlite")
    register_images(database, collection.name, collection.images)
    people, rounds = Participants(database), Rounds(database)
    for who in range(7):
        participant, _ = people.create(simulated=who >= 5)
        visit = people.start_session(participant, {}, mobile=who == 4, versions={})
        if who < 2:
            row = rounds.create_catch_trial(participant, visit, collection.name, "a | b", "left", {"canvas_px": 256})
            judge = Judge(SPEC)
            judge.paint([(1, 2, 3)], 0.0)
            judge.apply_time_limit(8000.0)
            rounds.finish_round(row.id, judge.round_end(now_ms(), passed=who == 0), RoundUpdate())
        for _ in range(3):
            row = rounds.claim_round(participant, visit, collection.name, settings={"canvas_px": 256})
            width = collection.size_px(row.image)[1]
            rounds.record_presentation(row.id, "hare", ((width - 60) / 2, 0.0, (width + 60) / 2, 60.0))
            judge, new = Judge(SPEC), RoundUpdate()
            x, y = 40.0 + 50 * (len(row.image) % 3), 100.0 + who
            for number in range(6):
                new.points += judge.paint([(x + 5 * number + 1 / 3, y, 60.0 * number)], 60.0 * number)
            judge.judge_guess(1, 300.0)
            rounds.finish_round(row.id, judge.round_end(now_ms()), new)
    yield root, collection, database
    database.close()


def same_rounds(found, expected):
    assert [found.images[one] for one in found.image] == [expected.images[one] for one in expected.image]
    people = [[one.participants[number] for number in one.participant] for one in (found, expected)]
    assert people[0] == people[1]
    for name in ("start", "x_px", "y_px", "catch_score", "is_mobile", "n_catch_trials"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


def test_click_tables_are_read_back_to_the_same_values(lab, tmp_path):
    _, collection, database = lab
    report = export_rounds(database, collection, tmp_path, ExportSpec(filters=ALL), ("csv", "npz"))
    expected = round_table(finished_rounds(database, collection.name))
    assert report["rounds"] == len(expected) == 15
    for suffix in ("csv", "npz"):
        found, refused = read_rounds(tmp_path / f"clicks.{suffix}")
        assert refused == []
        same_rounds(found, expected)


def test_maps_of_a_click_table_are_those_of_the_records(lab, tmp_path):
    root, collection, database = lab
    export_rounds(database, collection, tmp_path, ExportSpec(filters=ALL), ("csv", "npz", "zarr"))
    live = CollectionWithGameMaps(collection, database)
    for suffix in ("csv", "npz"):
        told = ClickMapSpec(smoothing="discs", filters=ALL)
        again = open_collection(root / "photos", human_maps=tmp_path / f"clicks.{suffix}", clicks=told)
        for image in collection.images:
            np.testing.assert_allclose(again.human_map(image), live.human_map(image), atol=1e-6)


def test_maps_in_zarr_are_read_back_one_by_one(lab, tmp_path):
    root, collection, database = lab
    export_rounds(database, collection, tmp_path, ExportSpec(filters=ALL), ("zarr",))
    stored = xr.open_zarr(tmp_path / "clicks.zarr", consolidated=False)["human_map"].load()
    assert stored.attrs["smoothing"] == "discs"
    again = open_collection(root / "photos", human_maps=tmp_path / "clicks.zarr")
    for image in collection.images:
        rows = stored.isel(mark=np.flatnonzero(stored["image"].values == image))
        maps = again.participant_maps(image)
        np.testing.assert_array_equal(maps.values, rows.values)
        assert maps["participant"].values.tolist() == rows["participant"].values.tolist()
        np.testing.assert_allclose(again.human_map(image), rows.mean("mark"), atol=1e-7)


def test_tfrecords_are_read_back_by_our_reader_and_by_another_library(lab, tmp_path):
    from tfrecord.reader import tfrecord_loader

    _, collection, database = lab
    export_rounds(database, collection, tmp_path, ExportSpec(filters=ALL), ("tfrecords",))
    again = open_collection(tmp_path / "clicks.tfrecords")
    assert len(again) == 4
    photo = again.photo(again.images[0])
    assert photo.shape == (256, 256, 3)
    heat = again.human_map(again.images[0], list(again.map_kinds)[-1])
    assert heat.shape == (256, 256)
    assert float(heat.max()) == pytest.approx(255, abs=3)
    listed = list(tfrecord_loader(str(tmp_path / "clicks.tfrecords"), None))
    assert [int(one["click_count"][0]) for one in listed] == [
        6 * len(round_table(finished_rounds(database, collection.name, [image]))) for image in sorted(collection.images)
    ]
    assert {int(one["label"][0]) for one in listed} == {0, 1}
    assert [bytes(one["file_path"]).decode() for one in listed] == sorted(collection.images)


def test_a_photograph_that_is_held_out_stays_so_as_a_record(tmp_path):
    """Records are encoded anew: neither their bytes nor, under other names, their ids tell what they are."""
    photos, rng = tmp_path / "photos", np.random.default_rng(1)
    for number, split in enumerate(["train"] * 5 + ["val"] * 3 + ["test"] * 5 + ["more"]):
        path = photos / split / ("n01440764", "n01443537")[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(rng.integers(0, 256, (40, 50, 3)).astype(np.uint8)))
    collection = open_collection(photos)
    database = Database(tmp_path / "records.sqlite")
    register_images(database, collection.name, collection.images)
    people, rounds = Participants(database), Rounds(database)
    participant, _ = people.create(simulated=False)
    visit = people.start_session(participant, {}, mobile=False, versions={})
    for _ in collection.images:
        row = rounds.claim_round(participant, visit, collection.name, settings={"canvas_px": 256})
        rounds.record_presentation(row.id, "hare", (5.0, 0.0, 45.0, 40.0))
        judge, new = Judge(SPEC), RoundUpdate()
        for number in range(6):
            new.points += judge.paint([(60.0 + 5 * number, 90.0, 60.0 * number)], 60.0 * number)
        judge.judge_guess(1, 300.0)
        rounds.finish_round(row.id, judge.round_end(now_ms()), new)
    report = export_rounds(database, collection, tmp_path / "out", ExportSpec(filters=ALL), ("tfrecords",))
    database.close()
    assert report["splits"] == {"train": 5, "validation": 3, "test": 5, "none": 1}
    again = open_collection(tmp_path / "out" / "clicks.tfrecords")
    assert {image: again.split(image) for image in again.images} == splits_of(collection).by_image
    assert len(splits_of(again).unassigned) == 1
    (train,) = sources_of_split([("maps", again)], "train")
    assert set(train.images) == set(splits_of(collection).images_of("train"))

    (tmp_path / "twice").mkdir()
    for name in ("a", "b"):  # every path twice: records are called by their numbers
        (tmp_path / "twice" / f"{name}.tfrecords").write_bytes((tmp_path / "out" / "clicks.tfrecords").read_bytes())
    twice = open_collection(tmp_path / "twice")
    assert twice.images[0] == "a/000000"
    assert {split: len(images) for split, images in splits_of(twice).by_split.items()} == {
        "train": 10,
        "validation": 6,
        "test": 10,
    }


def test_filters_are_applied_and_told(lab, tmp_path):
    _, collection, database = lab
    report = export_rounds(database, collection, tmp_path, ExportSpec(filters=RoundFilters()), ("csv",))
    assert report["dropped"]["catch score below 0.95"] == 3
    assert report["dropped"]["mobile devices"] == 3
    assert report["rounds"] == 9
    assert json.loads((tmp_path / "clicks.json").read_text()) == report


def test_simulated_rounds_leave_apart_and_say_so(lab, tmp_path):
    root, collection, database = lab
    report = export_rounds(database, collection, tmp_path, ExportSpec(filters=ALL, simulated=True))
    assert report["participants"] == 2
    assert {path.stem for path in tmp_path.iterdir()} == {"clicks-simulated"}
    again = open_collection(root / "photos", human_maps=tmp_path / "clicks-simulated.zarr")
    image = next(image for image in again.images if again.has_human_map(image))
    assert again.human_map(image).attrs["simulated"] == 1
    assert "SIMULATED" in next(iter(again.map_kinds.values()))


def test_a_collection_shows_what_was_collected_so_far(lab):
    _, collection, database = lab
    live = CollectionWithGameMaps(collection, database)
    assert list(live.map_kinds) == ["collected ClickMe", "collected SIMULATED ClickMe"]
    image = collection.images[0]
    n = len(live.participants(image))
    assert n >= 2
    maps = live.participant_maps(image)
    np.testing.assert_allclose(live.human_map(image), maps.mean("participant"), atol=1e-6)
    one = live.participants(image)[0]
    np.testing.assert_array_equal(live.human_map(image, participant=one), maps.sel(participant=one))
    assert live.human_map(image).attrs["extent_px"] == [60.0, 80.0]
    with pytest.raises(UnknownNameError):
        live.human_map(image, participant="nobody")
    with pytest.raises(UnknownNameError):
        live.human_map("nowhere.png")
    assert len(live) == 4
    assert image in live
    np.testing.assert_array_equal(live.photo(image), collection.photo(image))


def test_painted_squares_lie_where_they_were_painted(lab):
    """A point at canvas (x, y) lies at the same share of the centre square of the photograph."""
    _, collection, database = lab
    image = collection.images[0]
    rounds = round_table(finished_rounds(database, collection.name, [image]))
    human = CollectionWithGameMaps(collection, database).human_map(image)
    row, column = np.unravel_index(int(human.values.argmax()), human.shape)
    scale = 80 / human.shape[1]
    assert abs((column + 0.5) * scale - np.median(rounds.x_px)) < 6
    assert abs((row + 0.5) * scale - np.median(rounds.y_px)) < 6


def test_the_overview_counts_people_and_simulated_apart(lab):
    _, collection, database = lab
    found = overview(database)
    assert (found.n_participants, found.n_simulated) == (5, 2)
    assert found.collections == {collection.name: 15}
    assert [sum(day[1] for day in found.by_day), sum(day[2] for day in found.by_day)] == [17, 6]
    assert sorted((one.n_passed, one.n_trials) for one in found.catch_scores.values()) == [(0, 1), (1, 1)]
    assert "catch trials: 2 participants met one, 1 each, mean score 0.50" in found.summary()
    assert "5 participants and 2 simulated ones" in found.summary()
    assert "rounds that ended, practice and catch trials too: " in found.summary()
    assert "15 rounds of people that make maps, without practice and catch trials" in found.summary()


def test_a_count_of_one_is_told_in_the_singular():
    found = Overview(
        paused=False,
        n_participants=1,
        n_simulated=1,
        outcomes={"won": 1},
        collections={"shapes": 1},
        by_day=(("2026-01-01", 1, 0),),
        catch_scores={"somebody": CatchScore(3, 3)},
    )
    told = found.summary()
    assert "1 participant and 1 simulated one\n" in told
    assert "shapes: 1 round of people that makes maps" in told
    assert "2026-01-01: 1 round of people, 0 simulated\n" in told
    assert "catch trials: 1 participant met one, 3 each, mean score 1.00" in told
    assert [line for line in told.splitlines() if re.search(r"\b1 \w+s\b", line)] == []


def test_reliability_grows_with_the_data(lab):
    _, collection, database = lab
    found = reliability(database, collection, filters=ALL)
    counts = [count for count, _, _ in found.growth]
    assert counts == sorted(counts)
    assert counts[-1] == 15
    assert found.filtered == "15 of 15 rounds kept; dropped: none."
    assert found.growth[-1][1] == 4
    assert found.interval.mean == pytest.approx(found.growth[-1][2])
    assert 0.5 < found.interval.mean <= 1


def test_reliability_is_by_default_of_the_rounds_that_an_export_takes(lab, tmp_path):
    _, collection, database = lab
    found = reliability(database, collection)
    exported = export_rounds(database, collection, tmp_path, ExportSpec(), ("csv",))
    assert found.growth[-1][0] == exported["rounds"] == 12
    assert found.filtered == "12 of 15 rounds kept; dropped: mobile devices: 3."


def test_one_missed_catch_trial_excludes_nobody_from_an_export_but_by_the_published_rule(lab, tmp_path, capsys):
    root, collection, database = lab
    (who,) = [one for one, score in catch_scores(database).items() if not score.n_passed]
    report = export_rounds(database, collection, tmp_path, ExportSpec(), ("csv",))
    assert report["catch_scores_below"] == [
        f"participant {who}: 0 of 1 passed, 95 % interval 0.000 to 0.975: kept: so few trials do not tell"
    ]
    assert report["filters"]["catch_rule"] == "interval"
    asked = ["records", "export", "--records", str(root / "records.sqlite"), "--collection", str(root / "photos")]
    assert main([*asked, "--out", str(tmp_path / "published"), "--kinds", "csv", "--catch-rule", "score"]) == 0
    told = capsys.readouterr().out
    assert f"catch trials of participant {who}: 0 of 1 passed, 95 % interval 0.000 to 0.975: dropped.\n" in told
    assert "catch score below 0.95: 3" in told


def test_the_options_of_an_export_are_the_filters_of_what_is_collected():
    assert RoundFilters(**asdict(FilterOptions())) == COLLECTED_FILTERS == ExportSpec().filters


def test_the_commands_tell_export_and_forget(lab, tmp_path, capsys):
    root, _, database = lab
    where, photos = str(root / "records.sqlite"), str(root / "photos")
    assert main(["records", "status", "--records", where]) == 0
    told = capsys.readouterr().out
    assert "5 participants" in told
    assert f"{where}.game-journal: 0 entries wait, 0 were refused" in told
    asked = ["records", "export", "--records", where, "--collection", photos, "--out", str(tmp_path / "out")]
    assert main([*asked, "--kinds", "csv", "--min-catch-score", "0"]) == 0
    assert "of 5 participants" not in capsys.readouterr().err
    assert main(["records", "pause", "--records", where]) == 0
    assert overview(database).paused
    assert main(["records", "resume", "--records", where]) == 0
    gone, _ = Participants(database).create()
    assert main(["records", "forget", "--records", where, "--participant", gone]) == 0
    assert main(["records", "forget", "--records", where, "--participant", gone]) == 2
    assert "no participant" in capsys.readouterr().err
    assert main(["records", "status", "--records", str(tmp_path / "none.sqlite")]) == 2
    assert not (tmp_path / "none.sqlite").exists()


def test_nothing_to_export_is_told(lab, tmp_path):
    _, collection, database = lab
    with pytest.raises(ValueError, match="no round is left"):
        export_rounds(database, collection, tmp_path, ExportSpec(filters=RoundFilters(min_participants=99)))
    with pytest.raises(UnknownNameError):
        export_rounds(database, collection, tmp_path, ExportSpec(), ("xml",))


@pytest.fixture
def crashed_game(lab, tmp_path):
    """Records of which one more round, won and acknowledged, is in the journal of a game that is dead."""
    _, collection, _ = lab
    database = Database(tmp_path / "records.sqlite")
    register_images(database, collection.name, collection.images)
    participant, _ = Participants(database).create()
    visit = Participants(database).start_session(participant, {}, mobile=False, versions={})
    rounds = Rounds(database)
    for is_stored in (True, False):
        row = rounds.claim_round(participant, visit, collection.name, settings={"canvas_px": 256})
        rounds.record_presentation(row.id, "hare", (0.0, 0.0, 60.0, 60.0))
        judge, new = Judge(SPEC), RoundUpdate(began_ms=now_ms())
        for number in range(6):
            new.points += judge.paint([(100.0 + 5 * number, 100.0, 60.0 * number)], 60.0 * number)
        judge.judge_guess(1, 300.0)
        new.end = judge.round_end(now_ms())
        if is_stored:
            rounds.finish_round(row.id, new.end, new)
    journal = Journal(database)
    journal.append({"round": row.id, "visit": visit, "participant": participant, **new.to_entry()})
    yield tmp_path / "records.sqlite", journal, collection
    database.close()


def exported(records, collection, out):
    options = ["--records", str(records), "--collection", str(collection.root), "--out", str(out), "--kinds", "csv"]
    assert main(["records", "export", *options, "--no-drop-mobile"]) == 0
    return json.loads((out / "clicks.json").read_text())


def test_an_export_after_a_crash_holds_the_rounds_that_the_dead_game_acknowledged(crashed_game, tmp_path, capsys):
    records, journal, collection = crashed_game
    journal._lock.release()  # its process is dead
    assert main(["records", "status", "--records", str(records)]) == 0
    assert "at most 1 entry waits (not in the numbers above" in capsys.readouterr().out
    report = exported(records, collection, tmp_path / "out")
    assert (report["rounds"], report["journal_entries_waiting"]) == (2, 0)
    assert "entries wait" not in capsys.readouterr().out


def test_an_export_beside_a_running_game_tells_what_may_be_missing(crashed_game, tmp_path, capsys):
    records, journal, collection = crashed_game
    report = exported(records, collection, tmp_path / "out")
    assert (report["rounds"], report["journal_entries_waiting"]) == (1, 1)
    told = capsys.readouterr().out
    assert f"At most 1 entries wait in {journal.folder} and may be missing here" in told
    journal.close()


def test_maps_of_the_game_after_a_crash_hold_its_acknowledged_rounds(crashed_game):
    records, journal, collection = crashed_game
    journal._lock.release()
    options = CompareOptions(collection=str(collection.root), records=str(records))
    maps = compare_app._collection(options, lambda step: None)
    assert sum(maps.has_human_map(image) for image in maps.images) == 2


@pytest.mark.parametrize("action", ["forget", "pause", "resume", "export"])
def test_records_that_are_read_only_are_told_in_a_sentence(crashed_game, action, tmp_path, monkeypatch, capsys):
    records, _, collection = crashed_game

    @contextmanager
    def refused(self):
        raise OperationalError("BEGIN IMMEDIATE", {}, sqlite3.OperationalError("attempt to write a readonly database"))
        yield

    monkeypatch.setattr(Database, "write_transaction", refused)
    monkeypatch.setattr(Database, "read_connection", refused)
    options = ["--participant", "x", "--collection", str(collection.root), "--out", str(tmp_path / "out")]
    assert main(["records", action, "--records", str(records), *options]) == 2
    told = capsys.readouterr().err
    assert "cannot be read or written now (attempt to write a readonly database). Make " in told
    assert told.count("\n") == 1


@pytest.mark.parametrize("place", ["/proc/records.sqlite", "/proc/nowhere/records.sqlite"])
def test_new_records_where_nothing_can_be_written_say_what_to_do(place):
    with pytest.raises(
        DatabaseError, match=r"(or name a file in another folder|Name a file in a folder that this account)"
    ):
        Database(place)
