"""Ids of recruiting services: checked, stored with the session, exported, deleted; the link back comes at the end."""

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import select

from gala_viz.experiment.bids import write_bids, write_responses
from gala_viz.experiment.experiment_spec import read_experiment_spec
from gala_viz.experiment.messages import Screen
from gala_viz.experiment.recorded_responses import load_recorded_responses
from gala_viz.experiment.recruitment import InvalidIdError, RecruitmentSpec, parse_address_ids
from gala_viz.experiment.responses import read_responses
from gala_viz.experiment.server import ExperimentServer
from gala_viz.experiment.sessions import OtherPersonError, UnexpectedTrialError
from gala_viz.experiment.stimuli import Stimuli
from gala_viz.records.database import Database
from gala_viz.records.tables import ExperimentSession
from tests.experiment.test_sessions import result

LINK = "https://recruit.example/done?cc=1&who={PROLIFIC_PID}&w={workerId}"
RECRUITMENT = RecruitmentSpec(id_names=("workerId",), completion_link=LINK)
IDS = {"PROLIFIC_PID": "5e1234", "STUDY_ID": "007", "workerId": "a&b=é/"}
SCREEN = Screen(frame_ms=16.7, window_px=(1280, 720), mobile=False)


@pytest.fixture
def server(stimuli, collection, tmp_path):
    recruited = Stimuli(replace(stimuli.spec, recruitment=RECRUITMENT), collection)
    running = ExperimentServer(recruited, Database(tmp_path / "records.sqlite"), {})
    yield running
    running.close()


def test_the_link_back_comes_with_the_last_trial_and_has_the_ids_url_encoded(server):
    participant, _ = server.participants.create()
    session = server.sessions.get_or_create(participant, SCREEN, {}, IDS)
    for trial in session.trials:
        with pytest.raises(UnexpectedTrialError):
            server.end_message(session, {})
        server.sessions.begin_trial(session, trial.number)
        server.store_result(session, result(trial.number))
    message = server.end_message(server.sessions.find(participant), IDS)
    assert message["ended"] == {"n_trials": len(session.trials), "n_stored": len(session.trials)}
    assert message["completion"] == "https://recruit.example/done?cc=1&who=5e1234&w=a%26b%3D%C3%A9%2F"
    with pytest.raises(OtherPersonError, match="another PROLIFIC_PID"):
        server.end_message(session, {"PROLIFIC_PID": "somebody else"})


def test_the_first_ids_stay_and_another_person_does_not_go_on_in_this_browser(server):
    participant, _ = server.participants.create()
    create = server.sessions.get_or_create
    create(participant, SCREEN, {}, {"PROLIFIC_PID": "a", "SESSION_ID": "1"})
    create(participant, SCREEN, {})
    again = create(participant, SCREEN, {}, {"PROLIFIC_PID": "a", "SESSION_ID": "2", "STUDY_ID": "s"})
    assert again.address_ids == {"PROLIFIC_PID": "a", "SESSION_ID": "1", "STUDY_ID": "s"}
    assert server.sessions.find(participant).address_ids == again.address_ids
    with pytest.raises(OtherPersonError, match="another STUDY_ID"):
        create(participant, SCREEN, {}, {"STUDY_ID": "t"})


def test_ids_are_exported_with_every_response_as_texts_and_deleted_with_the_participant(server, tmp_path):
    people = [server.participants.create()[0] for _ in range(2)]
    for participant, ids in zip(people, (IDS, None), strict=True):
        session = server.sessions.get_or_create(participant, SCREEN, {}, ids)
        for number in range(3):
            server.sessions.begin_trial(session, number)
            server.store_result(session, result(number))
    write_responses(load_recorded_responses(server.database, server.stimuli), tmp_path / "people.csv")
    table = read_responses(tmp_path / "people.csv")
    for name, value in IDS.items():
        own = table[table["participant"] == people[0]]
        assert own[f"id_{name}"].to_list() == [value] * 3, "5e1234 and 007 are no numbers"
        assert table.loc[table["participant"] == people[1], f"id_{name}"].isna().all()
    write_bids(load_recorded_responses(server.database, server.stimuli), server.spec, tmp_path / "bids")
    listed = pd.read_csv(tmp_path / "bids" / "participants.tsv", sep="\t", dtype=str)
    assert dict(zip(listed["record"], listed["id_PROLIFIC_PID"], strict=True))[people[0]] == "5e1234"
    assert "id_STUDY_ID" in json.loads((tmp_path / "bids" / "participants.json").read_text())
    trials = next((tmp_path / "bids").rglob("*_beh.tsv")).read_text()
    assert "id_" not in trials
    server.participants.withdraw_participant(people[0])
    with server.database.read_connection() as connection:
        assert connection.scalars(select(ExperimentSession.participant_id)).all() == [people[1]]
    assert "5e1234" not in Path(server.database.file).read_bytes().decode("latin-1")


@pytest.mark.parametrize("value", ["a\nb", "\0", "x" * 201, 7, None, ["x"], "\ud800", "a\x1b"])
def test_an_id_that_is_no_short_printable_text_is_refused_with_its_name(value):
    with pytest.raises(InvalidIdError, match="PROLIFIC_PID in this page's address is not a text of at most 200"):
        parse_address_ids({"ids": {"PROLIFIC_PID": value}}, RECRUITMENT.all_id_names)


def test_names_that_no_setting_names_are_refused_and_empty_ids_are_none():
    for ids in ({"email": "x"}, [], "x"):
        with pytest.raises(InvalidIdError, match="are some of PROLIFIC_PID"):
            parse_address_ids({"ids": ids}, RECRUITMENT.all_id_names)
    assert parse_address_ids({"ids": {"STUDY_ID": "", "workerId": "w"}}, RECRUITMENT.all_id_names) == {"workerId": "w"}
    assert parse_address_ids({}, RECRUITMENT.all_id_names) == {}


@pytest.mark.parametrize(
    "link",
    ["javascript:alert(1)", "ftp://a.example", "https://", "//a.example", "https://a.example/{email}", "https://[a",
     "https://{PROLIFIC_PID}.example", "https://a.example/{", "https://a.example/a b", "https://a.example/\n", 7],
)  # fmt: skip
def test_a_completion_link_that_leads_elsewhere_than_the_web_or_names_what_is_not_stored_is_refused(link):
    with pytest.raises(ValueError, match="completion_link"):
        RecruitmentSpec(completion_link=link)


def test_recruitment_is_written_into_the_file_and_changes_no_hash(stimuli, tmp_path):
    recruited = replace(stimuli.spec, recruitment=RECRUITMENT)
    recruited.save(tmp_path / "experiment.toml")
    again = read_experiment_spec(tmp_path / "experiment.toml")
    assert (again.recruitment, again.hash) == (RECRUITMENT, stimuli.spec.hash)
    stimuli.spec.save(tmp_path / "plain.toml")
    assert "recruitment" not in (tmp_path / "plain.toml").read_text()
