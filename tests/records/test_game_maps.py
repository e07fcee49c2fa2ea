"""Maps in the comparison while they are collected: the next look sees what was painted meanwhile."""

import numpy as np
import pytest
import xarray as xr

from gala_viz.collections.open import open_collection
from gala_viz.game.judge import Judge
from gala_viz.live import LiveMaps
from gala_viz.live.compute_scheduler import ComputeScheduler
from gala_viz.panels.compare.compare_options import CompareOptions
from gala_viz.panels.compare.main_row_content import human_map_title
from gala_viz.records.database import Database
from gala_viz.records.game_maps import CollectionWithGameMaps
from gala_viz.records.image_counts import register_images
from gala_viz.records.participants import Participants
from gala_viz.records.round_updates import RoundUpdate
from gala_viz.records.rounds import Rounds
from gala_viz.records.tables import now_ms
from gala_viz.specs import MapRequest, SmoothGradSpec
from tests.attribution.tiny import tiny_network
from tests.collections.pictures import encoded
from tests.records.test_export import SPEC

REQUEST = MapRequest(smoothgrad=SmoothGradSpec(n_samples=2, noise_fraction=0.2, seed=0))


@pytest.fixture
def page(tmp_path, monkeypatch):
    """A source over one photograph, ``paint(x)``: one more person's round on it, their id, and participants."""
    (tmp_path / "photos" / "hare").mkdir(parents=True)
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    (tmp_path / "photos" / "hare" / "a.png").write_bytes(encoded(picture))
    collection = open_collection(tmp_path / "photos")
    database = Database(tmp_path / "records.sqlite")
    register_images(database, "photos", collection.images)
    monkeypatch.setattr("gala_viz.records.game_maps.PARTICIPANTS_LIFETIME_S", 0.0)
    source = LiveMaps(
        CollectionWithGameMaps(collection, database), (tiny_network(0), tiny_network(1)), scheduler=ComputeScheduler(0)
    )
    people, rounds = Participants(database), Rounds(database)

    def paint(x):
        participant, _ = people.create()
        visit = people.start_session(participant, {}, mobile=False, versions={})
        row = rounds.claim_round(participant, visit, "photos", settings={"canvas_px": 256})
        rounds.record_presentation(row.id, "hare", (0.0, 0.0, 64.0, 64.0))
        judge, new = Judge(SPEC), RoundUpdate()
        for number in range(8):
            new.points += judge.paint([(x + 6 * number, 100.0 + number, 60.0 * number)], 60.0 * number)
        judge.judge_guess(1, 480.0)
        rounds.finish_round(row.id, judge.round_end(now_ms()), new)
        return participant

    yield source, paint, people
    database.close()


def last(source):
    return list(source.maps("hare/a.png", REQUEST, lambda: False))[-1]


def test_what_is_painted_meanwhile_is_seen_at_the_next_look_with_n_and_ceiling(page):
    source, paint, _ = page
    image = "hare/a.png"
    assert source.human_map(image) is None
    assert source.participants(image) == ()
    assert np.isnan(last(source).scores.rho).all()
    paint(40)
    first = source.human_map(image)
    assert first.max() > 0
    assert len(source.participants(image)) == 1
    assert np.isfinite(last(source).scores.rho).all()
    assert np.isnan(last(source).scores.ceiling)
    paint(120)
    second = source.human_map(image)
    assert not np.array_equal(first, second)
    assert -1 <= float(last(source).scores.ceiling) <= 1
    assert human_map_title(second, source.participants(image)) == "People, n = 2"


def test_nothing_of_a_withdrawn_participant_is_shown_though_others_are_as_many_as_before(page):
    source, paint, people = page
    image = "hare/a.png"
    first = paint(40)
    alone = source.human_map(image)
    second = paint(120)
    people.withdraw_participant(first)
    assert source.participants(image) == (second,)
    left = source.human_map(image)
    assert not np.array_equal(alone, left)
    people.withdraw_participant(second)
    third = paint(200)
    assert source.participants(image) == (third,)
    assert not np.array_equal(left, source.human_map(image))


def test_a_mean_map_tells_its_number_of_participants_or_that_it_is_unknown():
    human = xr.DataArray(np.zeros((2, 2)), dims=("y", "x"))
    assert human_map_title(human, ()) == "People"
    assert human_map_title(human.assign_attrs(n_participants=37), ()) == "People, n = 37"
    assert human_map_title(human.assign_attrs(n_participants="unknown"), ()) == "People, number unknown"
    assert human_map_title(human.assign_attrs(n_participants=2), ("a", "b")) == "People, n = 2"


def test_simulated_maps_are_called_so():
    assert human_map_title(None, ()) == "People"
    simulated = xr.DataArray(np.zeros((2, 2)), dims=("y", "x"), attrs={"simulated": 1})
    assert human_map_title(simulated, ("a", "b")) == "Simulated people, n = 2"
    assert human_map_title(simulated, ("a", "b"), "a") == "Simulated participant a"
    assert human_map_title(simulated.drop_attrs(), ("a", "b"), "b") == "Participant b"


def test_a_games_address_is_an_address():
    with pytest.raises(ValueError, match="http"):
        CompareOptions(game="javascript:alert(1)")
    assert CompareOptions(game="https://lab.example/game").game
