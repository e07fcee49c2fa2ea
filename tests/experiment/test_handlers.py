"""The experiment's addresses: what a stranger, a curious or a cheating page gets."""

import asyncio
import json
import sqlite3

import pytest
import tornado.httpserver
import tornado.web
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.testing import bind_unused_port

from gala_viz.collections import open_collection
from gala_viz.experiment.handlers import PREFETCH_TRIALS, routes
from gala_viz.experiment.preparation import PreparationSpec, prepare_experiment
from gala_viz.experiment.server import ExperimentServer
from gala_viz.experiment.stimuli import Stimuli
from gala_viz.records.database import Database
from gala_viz.records.rate_limits import RateLimits
from gala_viz.records.tables import ExperimentSession, Participant, TrialRecord
from tests.experiment.folder_of_animals import make
from tests.experiment.test_sessions import MEASURED, PLAIN
from tests.loops import in_own_loop

SCREEN = {"frame_ms": 16.7, "window_px": [1280, 720], "mobile": False}


@pytest.fixture(scope="module")
def stimuli(tmp_path_factory):
    photos, maps = make(tmp_path_factory.mktemp("animals"))
    sources = {"clickme": f"files:{maps}", "saliency": "opencv:fine-grained"}
    collection = open_collection(photos)
    wanted = PreparationSpec(n_images=32, n_practice=4, split="all", maps=sources, side_px=64)
    return Stimuli(prepare_experiment(collection, str(photos), wanted), collection)


class Browser:
    """A page without a browser: its cookie, its requests."""

    def __init__(self, url):
        self.url, self.cookie = url, ""

    async def ask(self, name, told=None, headers=None):
        body = None if told is None else (told if isinstance(told, bytes) else json.dumps(told))
        request = HTTPRequest(
            f"{self.url}/trials/{name}",
            method="GET" if told is None else "POST",
            body=body,
            headers={"Cookie": self.cookie, **(headers or {})},
        )
        answer = await AsyncHTTPClient().fetch(request, raise_error=False)
        if "Set-Cookie" in answer.headers:
            self.cookie = answer.headers["Set-Cookie"].split(";")[0]
        kind = answer.headers.get("Content-Type", "")
        return answer.code, json.loads(answer.body) if kind == "application/json" else answer.body

    async def seated(self):
        assert await self.ask("consent", {"agreed": True}) == (200, {"consented": True})
        return (await self.ask("seat", SCREEN))[1]


@pytest.fixture
def visiting(stimuli, tmp_path):
    """``run(script)``: ``script(browser, running, new_browser)`` on a fresh server under a prefix."""

    def run(script, limits=None):
        async def whole():
            running = ExperimentServer(stimuli, Database(tmp_path / "r.sqlite"), {"gala_viz": "test"}, limits)
            server = tornado.httpserver.HTTPServer(tornado.web.Application(routes(running, "/lab")))
            socket, port = bind_unused_port()
            server.add_socket(socket)
            url = f"http://127.0.0.1:{port}/lab"
            try:
                return await script(Browser(url), running, lambda: Browser(url))
            finally:
                server.stop()
                await server.close_all_connections()
                running.close()

        return in_own_loop(whole(), 60)

    return run


def test_a_stranger_learns_what_it_is_and_gets_no_image(visiting):
    async def script(browser, running, new):
        code, about = await browser.ask("about")
        assert (code, about["begun"], about["n_trials"]) == (200, False, 36)
        assert (await browser.ask("stimulus?number=0"))[0] == 403
        assert (await browser.ask("begin", {"number": 0}))[0] == 403
        assert (await browser.ask("seat", SCREEN))[0] == 403
        assert browser.cookie == ""

    visiting(script)


def test_the_plan_never_tells_what_an_image_shows_or_is_called(visiting, stimuli):
    async def script(browser, running, new):
        text = json.dumps((await browser.seated())["trials"])
        assert not any(word in text for word in ("hare", "tram", "animal", "vehicle", ".png"))

    visiting(script)


def test_a_whole_experiment_over_the_line_with_feedback_and_summaries(visiting, stimuli):
    async def script(browser, running, new):
        seat = await browser.seated()
        own = running.sessions.find(running.participants.find_by_secret(browser.cookie.split("=")[1]))
        said, blocks = [], []
        for trial in seat["trials"]:
            assert (await browser.ask("begin", {"number": trial["number"]}))[0] == 200
            truth = running.spec.superclass_of[own.trials[trial["number"]].image]
            key = next(key for key, answer in seat["keys"].items() if answer == truth)
            late = trial["number"] == 7
            told = {**PLAIN, "number": trial["number"], "key": key, "rt_ms": 900.0 if late else 320.0}
            code, answer = await browser.ask("result", told)
            assert code == 200
            said.append(answer["feedback"])
            blocks += [answer["block"]] if "block" in answer else []
        assert said == ["right"] * 4 + ["", "", "", "too slow"] + [""] * 28
        assert [one["block"] for one in blocks] == [0, 1, 2, 3, 4, 5]
        assert blocks[1] == {"block": 1, "n": 6, "accuracy": 1.0, "rt_ms": 320.0}
        assert (await browser.ask("begin", {"number": 36}))[0] == 409
        assert (await browser.ask("about"))[1]["begun"]

    visiting(script)


def test_stimuli_come_a_few_trials_ahead_once_and_only_to_their_participant(visiting, stimuli):
    async def script(browser, running, new):
        await browser.seated()
        code, picture = await browser.ask("stimulus?number=0")
        own = running.sessions.find(running.participants.find_by_secret(browser.cookie.split("=")[1]))
        trial = own.trials[0]
        assert (code, picture) == (200, stimuli.render_png(trial.image, trial.map_type, trial.level))
        for number in (PREFETCH_TRIALS, 36, "x", "-1", "1e3", "٣"):
            assert (await browser.ask(f"stimulus?number={number}" if number != "٣" else "stimulus?number=%D9%A3"))[
                0
            ] == 404
        await browser.ask("begin", {"number": 0})
        assert (await browser.ask("stimulus?number=0"))[0] == 404
        other = new()
        await other.seated()
        assert (await other.ask("begin", {"number": 1}))[0] == 409

    visiting(script)


CLIENT = "0123456789abcdef"


def test_every_request_can_be_sent_twice_and_is_answered_alike(visiting):
    async def script(browser, running, new):
        agreed = {"agreed": True, "client_key": CLIENT}
        await browser.ask("consent", agreed)
        first, browser.cookie = browser.cookie, ""  # the answer with the cookie was lost
        await browser.ask("consent", agreed)
        assert browser.cookie == first
        seats = [await browser.ask("seat", SCREEN) for _ in range(2)]
        assert seats[0] == seats[1]
        own = {"sitting": seats[0][1]["sitting"], "client_key": CLIENT}
        for trial in seats[0][1]["trials"]:
            number = {"number": trial["number"]}
            begun = [await browser.ask("begin", {**own, **number}) for _ in range(2)]
            assert begun == [(200, {"begun": trial["number"]})] * 2
            answers = [await browser.ask("result", {**PLAIN, **MEASURED, **own, **number}) for _ in range(2)]
            assert answers[0] == answers[1]
            assert answers[0][1]["stored"] == trial["number"]
        ends = [await browser.ask("end", own) for _ in range(2)]
        assert ends == [(200, {"ended": {"n_trials": 36, "n_stored": 36}, "completion": None})] * 2
        assert (await browser.ask("about"))[1]["left"] == 0
        assert await _count(running, Participant) == await _count(running, ExperimentSession) == 1

    visiting(script, RateLimits(messages_per_s=1000))


async def _count(running, table):
    def counted():
        with running.database.read_connection() as connection:
            return connection.scalar(select(func.count()).select_from(table))

    return await running.run_in_thread(counted)


def test_a_contradicting_result_one_of_another_sitting_and_an_early_end_are_refused(visiting):
    async def script(browser, running, new):
        seat = await browser.seated()
        own = {"sitting": seat["sitting"], "client_key": CLIENT, "number": 0}
        assert (await browser.ask("end", own)) == (409, {"refused": "trial 0 is still to come."})
        await browser.ask("begin", own)
        assert (await browser.ask("result", {**PLAIN, **own}))[0] == 200
        code, said = await browser.ask("result", {**PLAIN, **own, "rt_ms": 310.0})
        assert (code, said["refused"]) == (409, "no other result of trial 0 is expected: it has one already.")
        other = new()
        theirs = await other.seated()
        await other.ask("begin", {**own, "sitting": theirs["sitting"]})
        for name in ("begin", "result", "end"):
            code, said = await other.ask(name, {**PLAIN, **own})
            assert (code, said["refused"]) == (409, "this belongs to another sitting")

    visiting(script)


def test_nothing_is_acknowledged_while_the_database_is_locked_and_all_is_stored_after(visiting):
    """Another program holds the database; the answer comes when it lets go, and what it tells of is there."""

    async def script(browser, running, new):
        seat = await browser.seated()
        own = {"sitting": seat["sitting"], "client_key": CLIENT, "number": 0}
        other = sqlite3.connect(running.database.name.removeprefix("sqlite:///"), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        begun = asyncio.ensure_future(browser.ask("begin", own))
        await asyncio.sleep(2)
        assert not begun.done()
        other.execute("ROLLBACK")
        assert (await begun)[0] == 200
        other.execute("BEGIN IMMEDIATE")
        stored = asyncio.ensure_future(browser.ask("result", {**PLAIN, **MEASURED, **own}))
        await asyncio.sleep(2)
        assert not stored.done()
        assert other.execute("SELECT count(*) FROM trials WHERE ended_ms IS NOT NULL").fetchone() == (0,)
        other.execute("ROLLBACK")
        assert (await stored)[0] == 200
        assert other.execute("SELECT count(*) FROM trials WHERE ended_ms IS NOT NULL").fetchone() == (1,)
        other.close()

    visiting(script)


def test_a_database_that_is_away_is_told_as_such_and_the_repeated_request_is_stored_once(visiting, monkeypatch):
    async def script(browser, running, new):
        seat = await browser.seated()
        own = {"sitting": seat["sitting"], "client_key": CLIENT, "number": 0}
        for name, told in (("begin", own), ("result", {**PLAIN, **MEASURED, **own})):
            with monkeypatch.context() as patch:
                patch.setattr(running.database, "write_transaction", _gone)
                code, said = await browser.ask(name, told)
                assert (code, said) == (503, {"refused": "the records cannot be reached now; try again"})
            assert (await browser.ask(name, told))[0] == 200
        assert await _count(running, TrialRecord) == 1

    visiting(script)


def test_a_newcomer_who_could_not_be_stored_does_not_count_among_those_of_an_address(visiting, monkeypatch):
    async def script(browser, running, new):
        with monkeypatch.context() as patch:
            patch.setattr(running.database, "write_transaction", _gone)
            for _ in range(3):
                assert (await browser.ask("consent", {"agreed": True, "client_key": CLIENT}))[0] == 503
        assert (await browser.ask("consent", {"agreed": True, "client_key": CLIENT}))[0] == 200
        assert (await new().ask("consent", {"agreed": True}))[0] == 429

    visiting(script, RateLimits(participants_per_hour=1))


def _gone():
    raise OperationalError("INSERT", {}, Exception("the server closed the connection"))


@pytest.mark.parametrize(
    ("name", "told", "code"),
    [
        ("seat", {"frame_ms": 0}, 400),
        ("seat", b"{", 400),
        ("seat", b"[" * 3000, 400),
        ("begin", {"number": "0"}, 400),
        ("begin", b"x" * 5000, 413),
        ("result", {**PLAIN, "number": 3}, 409),
        ("result", {**PLAIN, "key": "<img>"}, 400),
        ("result", {**PLAIN, "rt_ms": 1e12}, 400),
        ("result", {**PLAIN, "hidden": "no"}, 400),
        ("begin", {"number": 0, "client_key": "<script>alert(1)</script>"}, 400),
        ("begin", {"number": 0, "sitting": ["x"]}, 400),
        ("end", {"sitting": "x"}, 409),
        ("end", b"[]", 400),
        ("consent", b"[" * 4000, 400),
        ("result", {**PLAIN, "key": "\ud800"}, 400),
        ("result", {**PLAIN, "key": "\0"}, 400),
        ("result", {**PLAIN, "rt_ms": 10**400}, 400),
        ("begin", {"number": 0, "sitting": "\udfff"}, 400),
    ],
)
def test_what_no_page_sends_is_refused_and_changes_nothing(visiting, name, told, code):
    async def script(browser, running, new):
        await browser.seated()
        answered, why = await browser.ask(name, told)
        assert answered == code
        assert why["refused"]
        assert running.sessions.find(running.participants.find_by_secret(browser.cookie.split("=")[1])).next_trial == 0

    visiting(script)


def test_pages_of_other_hosts_and_too_many_newcomers_are_refused(visiting):
    async def script(browser, running, new):
        assert (await browser.ask("consent", {"agreed": True}, {"Origin": "http://elsewhere.example"}))[0] == 403
        assert (await browser.ask("consent", {"agreed": 1}))[0] == 400
        await browser.seated()
        assert (await new().ask("consent", {"agreed": True}))[0] == 429

    visiting(script, RateLimits(participants_per_hour=1))
