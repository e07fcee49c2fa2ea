"""Training from scratch without options, and the sweep over lambdas and seeds, on a collection made in code."""

import csv
import signal
import subprocess
import sys
import textwrap
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import tyro

from gala_viz.cli import main
from gala_viz.collections.open import COLLECTIONS
from gala_viz.commands import sweep as command
from gala_viz.commands.train import Arguments as TrainArguments
from gala_viz.networks.network_folders import read_card
from gala_viz.networks.zoo import load_network
from gala_viz.specs import toml_values
from gala_viz.training.recipes import RECIPES
from tests.training.tiny import Lamps, tiny_supervised_recipe

RECIPE = tiny_supervised_recipe()


@pytest.fixture(autouse=True)
def lamps(monkeypatch):
    """The collection and its recipe under their names."""
    collection = Lamps()
    monkeypatch.setitem(COLLECTIONS._entries, "lamps", lambda: collection)
    monkeypatch.setitem(RECIPES._entries, RECIPE.name, RECIPE)
    return collection


@pytest.mark.slow
def test_a_recipe_from_scratch_needs_no_further_options(lamps, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["train", RECIPE.name, "--seed", "3", "--quiet"]) == 0
    assert "written to models/lamps-gala-clickme" in capsys.readouterr().out
    assert lamps.prepared == [("train", "validation")]
    card = read_card(tmp_path / "models" / RECIPE.name)
    assert card["recipe"]["seed"] == 3
    assert card["selection"]["maps"] == "simulated ClickMe maps"
    assert load_network(tmp_path / "models" / RECIPE.name, device="cpu").categories == Lamps.categories
    assert (tmp_path / "runs" / RECIPE.name / "last.ckpt").is_file()


@pytest.mark.slow
def test_the_attention_weight_of_a_recipe_can_be_set_to_zero(tmp_path):
    where = ["--out", str(tmp_path / "models"), "--runs", str(tmp_path / "runs"), "--quiet", "--epochs", "1"]
    assert main(["train", RECIPE.name, "--attention-weight", "0", *where]) == 0
    card = read_card(tmp_path / "models" / RECIPE.name)
    assert card["recipe"]["attention_weight"] == 0
    assert "maps" not in card["data"]["collections"][0]
    assert card["selection"]["n_with_maps"] == 16


@pytest.mark.slow
def test_a_network_is_not_written_over_unless_that_is_asked_for(tmp_path, capsys):
    folder = tmp_path / "models" / RECIPE.name
    folder.mkdir(parents=True)
    (folder / "card.toml").write_text("[network]\n")
    where = ["--out", str(tmp_path / "models"), "--runs", str(tmp_path / "runs"), "--quiet", "--epochs", "1"]
    assert main(["train", RECIPE.name, *where]) == 2
    said = capsys.readouterr().err
    assert f"{folder} holds a network already; give this one another --name or --out" in said
    assert not (tmp_path / "runs").exists()
    assert main(["train", RECIPE.name, *where, "--replace"]) == 0
    assert read_card(folder)["recipe"]["epochs"] == 1


def test_recipes_say_which_photographs_they_want(tmp_path, capsys):
    assert main(["train", RECIPE.name, "--maps", str(tmp_path)]) == 2
    assert "learns from the collection 'lamps'" in capsys.readouterr().err
    assert main(["train", "lite0-gala-human"]) == 2
    assert "add --maps and --labels" in capsys.readouterr().err


def pretended(sweep, trial):
    """In place of a training: a card that says what one of this lambda and seed might have reached."""
    card = {
        "network": {"name": trial.name, "builder": "resnet"},
        "weights": {"sha256": ""},
        "preprocessing": {},
        "recipe": toml_values(asdict(trial)),
        "data": {"collections": sweep.circumstances["images"]},
        "made": {"trained_on": sweep.circumstances["trained_on"]},
        "selection": {
            "n_labelled": 16,
            "accuracy": 0.9 - trial.attention_weight / 10,
            "n_with_maps": 16,
            "rho_attention": {"layer1": 0.2, "mean_of_layers": trial.attention_weight / 5},
        },
    }
    program = """
        import sys
        from pathlib import Path
        from gala_viz.networks.card import write_card
        folder = Path(sys.argv[1])
        folder.mkdir(parents=True)
        write_card(folder, eval(sys.argv[2]))
        (folder / "validation_images.csv").write_text(sys.argv[3])
    """
    folder = sweep.folder / "networks" / trial.name
    n_right = round(16 * (0.9 - trial.attention_weight / 10))
    values = "".join(
        f"lamps,image{number},{int(number < n_right)},{trial.attention_weight / 5 + number / 100}\n"
        for number in range(16)
    )
    return [
        sys.executable,
        "-c",
        textwrap.dedent(program),
        str(folder),
        repr(card),
        f"collection,image,correct,rho\n{values}",
    ]


def swept(tmp_path, *options):
    return main(["sweep", RECIPE.name, "--weights", "0", "2", "--seeds", "1", "2", "--runs", str(tmp_path), *options])


def table(tmp_path):
    with (tmp_path / f"sweep-{RECIPE.name}" / command.TABLE_FILE).open() as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_a_sweep_trains_every_lambda_and_seed_once_and_writes_the_table(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "training_command", pretended)
    assert swept(tmp_path, "--jobs", "2") == 0
    rows = table(tmp_path)
    assert [(row["attention_weight"], row["seed"]) for row in rows] == [
        ("0.0", "1"), ("0.0", "2"), ("2.0", "1"), ("2.0", "2")
    ]  # fmt: skip
    assert rows[3]["accuracy"] == "0.7"
    assert rows[3]["rho_attention"] == "0.4"
    assert rows[3]["rho_layer1"] == "0.2"
    told = capsys.readouterr().out
    assert "proposed lambda: 0, by the one-standard-error rule (Breiman et al. 1984)" in told
    with (tmp_path / f"sweep-{RECIPE.name}" / command.CURVE_FILE).open() as file:
        curve = list(csv.DictReader(file))
    assert [(row["attention_weight"], row["n_seeds"], row["proposed"]) for row in curve] == [
        ("0.0", "2", "1"), ("2.0", "2", "0")
    ]  # fmt: skip
    assert float(curve[0]["accuracy_low"]) < 14 / 16 < float(curve[0]["accuracy_high"])
    assert (tmp_path / f"sweep-{RECIPE.name}" / "trade_off.png").stat().st_size > 5000
    monkeypatch.setattr(command, "training_command", lambda *_: pytest.fail("a finished training ran again"))
    assert swept(tmp_path) == 0
    assert "4 trainings, 4 of them done" in capsys.readouterr().out
    assert table(tmp_path) == rows


@pytest.mark.slow
def test_a_training_of_another_recipe_is_not_taken_for_done(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "training_command", pretended)
    assert swept(tmp_path) == 0
    sweep = command.Arguments(recipe=RECIPE.name, weights=(0.0,), runs=tmp_path)
    trial = sweep._trial(RECIPE, 0.0, 1)
    assert sweep.trial_metrics(trial) is not None
    assert sweep.trial_metrics(replace(trial, rate=1.0)) is None


def test_a_training_of_other_images_or_with_other_threads_is_not_taken_for_done(tmp_path, monkeypatch):
    sweep = command.Arguments(recipe=RECIPE.name, weights=(0.0,), runs=tmp_path, threads=1, device="cpu")
    trial = sweep._trial(RECIPE, 0.0, 1)
    subprocess.run(pretended(sweep, trial), check=True)
    assert sweep.trial_metrics(trial) is not None
    for changes in ({"threads": 2}, {"precision": "bf16-mixed"}):
        other = replace(sweep, **changes)
        assert other.trial_metrics(trial) is None
        assert other._trial(RECIPE, 0.0, 1).name != trial.name, "so that neither writes over the other"
    monkeypatch.setitem(COLLECTIONS._entries, "lamps", lambda: Lamps(train=24))
    assert replace(sweep).trial_metrics(trial) is None


def test_trainings_do_not_share_cores_that_one_alone_would_use(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "available_cores", lambda: 4)
    sweep = command.Arguments(recipe=RECIPE.name, weights=(0.0,), runs=tmp_path, jobs=3, device="cpu")
    assert [replace(sweep, threads=n).n_at_once for n in (1, 2, 4, 9)] == [3, 2, 1, 1]


def test_lambdas_that_look_alike_have_names_of_their_own_and_each_is_trained_once(tmp_path, monkeypatch):
    sweep = command.Arguments(recipe=RECIPE.name, weights=(1.0,), runs=tmp_path)
    names = [sweep._trial(RECIPE, weight, 0).name for weight in (1.0, 1.0000001, 0.5)]
    assert len(set(names)) == 3
    assert "lambda1-seed0" in names[0]
    trained = []
    monkeypatch.setattr(command, "training_command", lambda s, t: trained.append(t.name) or pretended(s, t))
    options = ["--weights", "0", "-0.0", "1", "1.0", "--seeds", "0", "0", "--runs", str(tmp_path)]
    assert main(["sweep", RECIPE.name, *options]) == 0
    assert len(trained) == 2


def test_one_sweep_at_a_time_runs_in_a_folder(tmp_path, capsys):
    sweep = command.Arguments(recipe=RECIPE.name, weights=(1.0,), runs=tmp_path)
    holder = "import sys, time; from pathlib import Path; from gala_viz.training.run_lock import locked_run\n"
    holder += "with locked_run(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", holder, str(sweep.folder)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "held\n"
        assert main(["sweep", RECIPE.name, "--weights", "1", "--runs", str(tmp_path)]) == 2
        assert "another training runs in" in capsys.readouterr().err
    finally:
        process.kill()
        process.wait()


def test_a_sweep_of_nothing_is_refused(tmp_path, capsys):
    assert main(["sweep", RECIPE.name, "--weights", "--runs", str(tmp_path)]) == 2
    assert "at least one lambda" in capsys.readouterr().err


def test_a_sweep_knows_a_training_by_its_settings_under_any_name(tmp_path, monkeypatch):
    sweep = command.Arguments(recipe=RECIPE.name, weights=(2.0,), runs=tmp_path)
    trial = sweep._trial(RECIPE, 2.0, 1)
    elsewhere = replace(trial, name="lamps-final", title="As shipped")
    subprocess.run(pretended(sweep, elsewhere), check=True)
    (sweep.folder / "networks" / "lamps-final").rename(tmp_path / "lamps-final")
    assert sweep.trial_metrics(trial)["accuracy"] == 0.7
    assert sweep.trial_metrics(sweep._trial(RECIPE, 2.0, 2)) is None


@pytest.mark.slow
def test_failures_are_told_with_their_logs_and_others_go_on(tmp_path, monkeypatch, capsys):
    def half(sweep, trial):
        fails = [sys.executable, "-c", "import sys; sys.exit('no memory')"]
        return fails if trial.seed == 1 else pretended(sweep, trial)

    monkeypatch.setattr(command, "training_command", half)
    assert swept(tmp_path) == 2
    assert "2 of 4 trainings failed" in capsys.readouterr().err
    folder = tmp_path / f"sweep-{RECIPE.name}"
    (log,) = folder.glob(f"{RECIPE.name}-lambda0-seed1-*.txt")
    assert "no memory" in log.read_text()
    assert [row["seed"] for row in table(tmp_path)] == ["2", "2"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_the_end_by_a_scheduler_are_passed_on_to_the_trainings(tmp_path, monkeypatch, number):
    def waits(sweep, trial):
        told = f"signal.signal(signal.SIGTERM, lambda *_: [open({str(tmp_path / 'told')!r}, 'w'), sys.exit()])"
        program = f"import signal, sys, time\n{told}\ntime.sleep(60)"
        return [sys.executable, "-c", program]

    pauses = iter(range(3))

    def interrupted(seconds):
        if next(pauses) == 2:
            signal.raise_signal(number)
        real(1.0)

    real = command.time.sleep  # only the command's: other threads of this process sleep too
    monkeypatch.setattr(command, "training_command", waits)
    monkeypatch.setattr(command, "time", SimpleNamespace(**{**vars(command.time), "sleep": interrupted}))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    try:
        assert swept(tmp_path) == 130
    finally:
        signal.signal(signal.SIGINT, before)
    assert (tmp_path / "told").exists()


def test_a_sweep_needs_a_recipe_without_a_teacher(capsys):
    options = ["--maps", "maps", "--labels", "labels"]
    assert main(["sweep", "lite0-gala-human", "--weights", "1", *options]) == 2
    assert "a sweep needs a recipe that learns from labels without a teacher" in capsys.readouterr().err


def test_a_sweep_hands_its_options_to_its_trainings(tmp_path):
    sweep = command.Arguments(
        recipe="gala-resnet50-clickme", weights=(0.5,), runs=tmp_path, labels="mine", human_maps=Path("maps"), epochs=3,
        batch_size=16, step_epochs=(1, 2), keep_duplicates=True, memory_gb=1.5, device="cpu",
    )  # fmt: skip
    trial = replace(RECIPES["gala-resnet50-clickme"], name="one", attention_weight=0.5, seed=4)
    words = command.training_command(sweep, trial)
    arguments = tyro.cli(TrainArguments, args=words[words.index("train") + 1 :])
    given = {name: getattr(arguments, name) for name in ("labels", "epochs", "batch_size", "step_epochs", "memory_gb")}
    assert given == {"labels": "mine", "epochs": 3, "batch_size": 16, "step_epochs": (1, 2), "memory_gb": 1.5}
    assert (arguments.human_maps, arguments.keep_duplicates, arguments.seed) == (Path("maps"), True, 4)
    assert (arguments.attention_weight, arguments.name, arguments.keep_every) == (0.5, "one", 0)
    assert arguments.replace
    assert arguments.quiet


@pytest.mark.slow
def test_the_command_of_one_training_is_understood(tmp_path, monkeypatch):
    sweep = command.Arguments(recipe=RECIPE.name, weights=(0.5,), runs=tmp_path)
    trial = sweep._trial(RECIPE, 0.5, 7)
    assert main(command.training_command(sweep, trial)[3:]) == 0
    assert sweep.trial_metrics(trial)["n_labelled"] == 16
