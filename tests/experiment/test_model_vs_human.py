"""CSV files of model-vs-human as responses: ms, accuracy by condition and category, computed by hand."""

import math

import pandas as pd
import pytest

from gala_viz.cli import main
from gala_viz.experiment.model_vs_human import accuracy_table, read_model_vs_human
from gala_viz.experiment.responses import read_responses

HEADER = "subj,session,trial,rt,object_response,category,condition,imagename"
ROWS = [
    "subject-01,1,1,0.500,bird,bird,c05,0001_c05_s01_0_bird_00_n01.png",
    "subject-01,1,2,0.700,bird,bird,c05,0002_c05_s01_0_bird_00_n02.png",
    "subject-01,1,3,0.900,dog,bird,c05,0003_c05_s01_0_bird_00_n03.png",
    "subject-01,1,4,NaN,na,dog,c05,0004_c05_s01_0_dog_00_n04.png",
    "subject-02,1,1,0.400,bird,bird,c05,0001_c05_s02_0_bird_00_n05.png",
    "subject-02,1,2,0.600,dog,dog,c05,0002_c05_s02_0_dog_00_n06.png",
    "subject-02,1,3,0.800,dog,dog,c10,0003_c10_s02_0_dog_00_n07.png",
]
NETWORK = ["resnet50,1,1,NaN,dog,bird,c05,a.png", "resnet50,1,2,NaN,dog,dog,c05,b.png"]


@pytest.fixture
def write(tmp_path):
    def written(rows, header=HEADER, name="contrast_subject-all.csv"):
        path = tmp_path / name
        path.write_text("\n".join([header, *rows]) + "\n")
        return path

    return written


def test_accuracy_by_condition_and_category_is_that_by_hand(write):
    responses = read_model_vs_human(write(ROWS))
    assert responses["rt"].tolist()[:3] == pytest.approx([500, 700, 900])
    assert responses["correct"].tolist()[:3] == [1, 1, 0]
    assert math.isnan(responses["correct"][3])
    assert set(responses["observer"]) == {"people"}
    table = accuracy_table(responses).set_index(["condition", "category"])
    # c05: 2 of 4 trials and 2 of 2; answered: 2 of 3 and 2 of 2; medians of right answers 600 and 500 ms
    row = table.loc[("c05", "all")]
    assert (row["n_participants"], row["n_trials"], row["n_answered"]) == (2, 6, 5)
    assert row["accuracy"] == pytest.approx((0.5 + 1) / 2)
    assert row["accuracy_sem"] == pytest.approx(0.25)  # sd 0.5 / sqrt 2 / sqrt 2
    assert row["accuracy_answered"] == pytest.approx((2 / 3 + 1) / 2)
    assert row["rt"] == pytest.approx(550)
    assert table.loc[("c05", "bird"), "accuracy"] == pytest.approx((2 / 3 + 1) / 2)
    assert table.loc[("c05", "dog"), "accuracy"] == pytest.approx((0 + 1) / 2)
    alone = table.loc[("c10", "all")]
    assert (alone["accuracy"], alone["n_participants"]) == (1, 1)
    assert math.isnan(alone["accuracy_sem"])


def test_who_has_no_reaction_time_is_a_network(write):
    responses = read_model_vs_human(write([*ROWS, *NETWORK]))
    assert set(responses["observer"]) == {"people", "resnet50"}
    table = accuracy_table(responses).set_index(["observer", "category"])
    assert table.loc[("resnet50", "all"), "accuracy"] == 0.5


@pytest.mark.parametrize(
    ("rows", "header", "message"),
    [
        (ROWS, HEADER.replace("rt", "time"), r"the columns rt are missing; expected subj, .* it has subj, session"),
        ([row.replace("0.500", "500").replace("0.700", "700").replace("0.900", "900") for row in ROWS[:3]], HEADER,
         r"above 700 s; they seem to be in ms: --rt-unit ms"),
        ([ROWS[0], ROWS[0]], HEADER, r"line 3: its subj, session and trial occur twice"),
        ([ROWS[0].replace("bird,c05", ",c05")], HEADER, r"line 2: category is empty"),
        ([ROWS[0].replace("0.500", "fast")], HEADER, r"line 2: rt is a number or NaN; got 'fast'"),
        ([], HEADER, r"holds no response"),
        ([f"{row},more" for row in ROWS], HEADER, r"more columns than its first line names"),
    ],
)  # fmt: skip
def test_a_file_that_does_not_fit_is_refused_in_a_sentence(write, rows, header, message):
    with pytest.raises(ValueError, match=message):
        read_model_vs_human(write(rows, header))


def test_the_command_writes_responses_that_are_read_again_and_accuracy(write, tmp_path, capsys):
    source, folder = write(ROWS), tmp_path / "own"
    assert main(["experiment", "import", str(source), "--folder", str(folder)]) == 0
    told = capsys.readouterr().out
    assert "7 responses written to" in told
    assert all(text in told for text in ("people", "0.750", "550 ms"))
    assert len(read_responses(folder / "responses" / "contrast_subject-all.csv")) == 7
    accuracy = pd.read_csv(folder / "accuracy.csv")
    assert accuracy["file"].unique().tolist() == ["contrast_subject-all"]
    (folder / "experiment.toml").write_text("")
    assert main(["experiment", "import", str(source), "--folder", str(folder)]) == 2
    assert "holds an experiment of its own" in capsys.readouterr().err
