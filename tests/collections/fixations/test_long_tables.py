"""Long tables of eye trackers: separators, packing, names of columns, rows that are none; nothing is guessed."""

import gzip

import numpy as np
import pandas as pd
import pytest

from gala_viz.collections.fixations import long_table
from gala_viz.collections.fixations.fixation_table import load_fixation_table
from gala_viz.collections.fixations.long_table import read_long_table
from gala_viz.collections.fixations.open_fixations import is_fixation_source, read_fixations
from gala_viz.collections.human_maps.map_checks import MapFileError
from tests.collections.fixations.photographs import rows_of, table_text

ROWS = rows_of()


def same(table, rows=ROWS):
    names = [table.images[code][0] for code in table.image]
    people = [table.participants[code] for code in table.participant]
    found = list(zip(names, people, table.x_px, table.y_px, strict=True))
    assert found == [(image, person, float(x), float(y)) for image, person, x, y, *_ in rows]


def written(folder, text, name="f.csv", encoding="utf-8"):
    path = folder / name
    content = text.encode(encoding)
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


@pytest.mark.parametrize("separator", [",", "\t", ";", " ", "   "])
@pytest.mark.parametrize("name", ["f.csv", "f.txt", "f.tsv.gz"])
def test_any_separator_and_packing_gives_the_same_fixations(tmp_path, separator, name):
    table = read_long_table(written(tmp_path, table_text(ROWS, separator=separator), name))
    same(table)
    assert table.duration_ms[:3].tolist() == [100, 110, 120]


def test_pandas_writes_what_is_read(tmp_path):
    frame = pd.DataFrame(ROWS, columns=["image", "participant", "x", "y", "duration"])
    frame.to_csv(tmp_path / "f.csv.gz", index=False)
    same(read_long_table(tmp_path / "f.csv.gz"))


@pytest.mark.slow
def test_parquet_is_read_by_pyarrow(run_apart, tmp_path):
    """In a process of its own, since pandas and HoloViews behave otherwise beside pyarrow."""
    assert run_apart("pyarrow", "-c", f"{PARQUET}\ncheck({str(tmp_path / 'f.parquet')!r})").strip() == "same"


PARQUET = """
from pathlib import Path
from tests.collections.fixations.test_long_tables import ROWS, pd, read_fixations, read_long_table, same
def check(place):
    path = Path(place)
    pd.DataFrame(ROWS, columns=["image", "participant", "x", "y", "duration"]).to_parquet(path, engine="pyarrow")
    same(read_long_table(path))
    same(read_fixations(path)[0])
    print("same")
"""


def test_parquet_without_pyarrow_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    (tmp_path / "f.parquet").write_bytes(b"PAR1")
    with pytest.raises(MapFileError, match=r"pip install 'gala_viz\[parquet\]', or save the table as CSV"):
        read_long_table(tmp_path / "f.parquet")


HEADERS = {
    "EyeLink": ("RECORDING_SESSION_LABEL", "image", "CURRENT_FIX_X", "CURRENT_FIX_Y", "CURRENT_FIX_DURATION"),
    "Tobii": ("Participant name", "Presented Stimulus name", "Fixation point X", "Fixation point Y"),
    "Tobii with units": (
        "Participant name", "Presented Media name", "Fixation point X [DACS px]", "Fixation point Y [DACS px]",
    ),
    "plain": ("subject", "stimulus", "fix_x", "fix_y"),
    "capitals": ("Subject", "Image", "X", "Y"),
}  # fmt: skip


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_columns_of_trackers_are_known_by_their_names(tmp_path, header):
    order = [(person, image, x, y, duration)[: len(header)] for image, person, x, y, duration in ROWS]
    table = read_long_table(written(tmp_path, table_text(order, header, "\t")))
    same(table)
    assert f"image {header[1]!r}" in table.notes[0]


def test_columns_are_declared_by_role(tmp_path):
    path = written(tmp_path, table_text(ROWS, ("stim", "who", "px", "py", "ms")))
    with pytest.raises(
        MapFileError,
        match=r"no column for the image, participant, x, y is known by its name; it has 'stim', 'who', 'px', 'py'",
    ):
        read_long_table(path)
    columns = {"image": "stim", "participant": "who", "x": "px", "y": "py", "duration": "ms"}
    same(read_long_table(path, columns))
    with pytest.raises(MapFileError, match=r"has no column 'pz', which was declared; it has 'stim'"):
        read_long_table(path, columns | {"y": "pz"})
    with pytest.raises(MapFileError, match=r"the column 'px' cannot have two roles"):
        read_long_table(path, columns | {"y": "px"})


def test_two_columns_that_may_be_x_are_refused_until_one_is_declared(tmp_path):
    rows = [(*row[:4], row[2]) for row in ROWS]
    path = written(tmp_path, table_text(rows, ("image", "participant", "x", "y", "fix_x")))
    with pytest.raises(
        MapFileError, match=r"several columns may be the x: 'x', 'fix_x'; declare one with --columns x=x"
    ):
        read_long_table(path)
    same(read_long_table(path, {"x": "fix_x"}))


def test_rows_that_are_no_fixations_are_told_by_reason_with_their_number(tmp_path):
    bad = [("", "p1", 1, 1, 1), ("a.png", "nan", 1, 1, 1), ("a.png", "p1", ".", 1, 1), ("a.png", "p1", ".", 1, 1),
           ("a.png", "p1", 1, "left", 1), ("a.png", "p1", "inf", 3, 1)]  # fmt: skip
    table = read_long_table(written(tmp_path, table_text([*ROWS, *bad])))
    same(table)
    told = {reason: where for where, reason in table.skipped}
    assert told["there is no x."] == "rows 24 and 1 more"
    assert told["there is no image."] == "row 22"
    assert told["there is no participant."] == "row 23"
    assert told["y is a finite number; got 'left'."] == "row 26"
    assert told["x is a finite number; got 'inf'."] == "row 27"


def test_a_table_without_any_fixation_says_why(tmp_path):
    path = written(tmp_path, table_text([("a.png", "p1", ".", ".", 1)] * 3))
    with pytest.raises(MapFileError, match=r"no row of the table is a fixation: rows 2 and 2 more: there is no x\."):
        read_long_table(path)
    with pytest.raises(MapFileError, match="it has no rows"):
        read_long_table(written(tmp_path, table_text([])))
    with pytest.raises(MapFileError, match="no names of columns"):
        read_long_table(written(tmp_path, "\n"))


def test_columns_that_are_not_used_are_told(tmp_path):
    rows = [(*row, "x") for row in ROWS]
    table = read_long_table(
        written(tmp_path, table_text(rows, ("image", "participant", "x", "y", "duration", "pupil")))
    )
    assert ("columns", "not used: 'pupil'.") in table.skipped


def test_decimal_commas_are_numbers_and_told(tmp_path):
    rows = [(i, p, str(x).replace(".", ","), str(y).replace(".", ","), d) for i, p, x, y, d in ROWS]
    table = read_long_table(written(tmp_path, table_text(rows, separator=";")))
    same(table)
    assert "Numbers with a decimal comma were met." in table.notes


def test_samples_of_tobii_become_one_fixation_each(tmp_path):
    header = ("Participant name", "Presented Stimulus name", "Fixation point X", "Fixation point Y",
              "Eye movement type", "Eye movement type index")  # fmt: skip
    rows = [("p1", "a.png", 10, 20, "Fixation", 1)] * 7 + [("p1", "a.png", "", "", "Saccade", 1)]
    rows += [("p1", "a.png", 10, 20, "Fixation", 2)] * 3
    table = read_long_table(written(tmp_path, table_text(rows, header, "\t")))
    assert (table.x_px.tolist(), table.y_px.tolist()) == ([10, 10], [20, 20])
    without = [row[:5] for row in rows]
    with pytest.raises(MapFileError, match="a row for every sample"):
        read_long_table(written(tmp_path, table_text(without, header[:5], "\t")))


def test_the_first_fixation_is_the_first_by_order_or_onset_not_by_row(tmp_path):
    rows = [("a.png", "p1", 3, 3, 300), ("a.png", "p1", 1, 1, 100), ("a.png", "p1", 2, 2, 200)]
    table = read_long_table(written(tmp_path, table_text(rows, ("image", "participant", "x", "y", "onset"))))
    assert table.x_px[table.first_of_scanpaths()].tolist() == [1]
    plain = read_long_table(
        written(tmp_path, table_text([row[:4] for row in rows], ("image", "participant", "x", "y")))
    )
    assert plain.x_px[plain.first_of_scanpaths()].tolist() == [3]


def test_each_trial_has_its_own_first_fixation(tmp_path):
    rows = [("a.png", "p1", 1, 1, 1), ("a.png", "p1", 2, 2, 1), ("a.png", "p1", 3, 3, 2), ("a.png", "p1", 4, 4, 2)]
    table = read_long_table(written(tmp_path, table_text(rows, ("image", "participant", "x", "y", "trial"))))
    assert table.x_px[table.first_of_scanpaths()].tolist() == [1, 3]


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
@pytest.mark.parametrize("name", ["f.csv", "f.csv.gz"])
def test_another_encoding_is_refused_until_it_is_told(tmp_path, encoding, name):
    rows = [(image, "Jürgen", *rest) for image, _, *rest in ROWS]
    path = written(tmp_path, table_text(rows), name, encoding)
    with pytest.raises(MapFileError, match="encoding"):
        read_long_table(path)
    same(read_long_table(path, encoding=encoding), rows)


def test_damaged_and_huge_files_are_refused_in_a_sentence(tmp_path, monkeypatch):
    path = written(tmp_path, table_text(ROWS), "f.csv.gz")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(MapFileError, match=r"damaged|cannot be read"):
        read_long_table(path)
    monkeypatch.setattr(long_table, "MAX_BYTES", 1000)
    with pytest.raises(MapFileError, match="unpacks to more than"):
        read_long_table(written(tmp_path, table_text(ROWS * 100), "g.csv.gz"))


def test_rows_of_another_number_of_columns_are_left_out_and_told(tmp_path):
    text = table_text(ROWS) + "a,1.png,p1,1,2,3\na.png,p1\n"
    table = read_long_table(written(tmp_path, text))
    same(table)
    assert ("row 22", "the row has more columns than the table.") in table.skipped
    assert ("row 23", "there is no x.") in table.skipped


def test_a_table_comes_back_from_the_cache_as_it_was_read(tmp_path):
    path = written(tmp_path, table_text(ROWS))
    first, key = read_fixations(path)
    second, again = read_fixations(path)
    assert key == again
    same(second)
    assert second.notes == first.notes
    assert second.skipped == first.skipped
    assert load_fixation_table(tmp_path / "none.npz") is None
    np.testing.assert_array_equal(first.scanpath, second.scanpath)


def test_a_table_of_clicks_is_not_taken_for_fixations(tmp_path):
    assert is_fixation_source(written(tmp_path, table_text(ROWS)))
    assert not is_fixation_source(written(tmp_path, 'image_path,clicks,user_id\na,"[(1,2)]",p\n'))
    assert not is_fixation_source(written(tmp_path, "image_path,user_id\na,p\n"))
    assert is_fixation_source(written(tmp_path, "stim,who,px,py\na,p,1,2\n"))
    with pytest.raises(MapFileError, match="columns belong to a long table"):
        read_fixations(written(tmp_path, "[]", "f.json"), {"x": "X"})
