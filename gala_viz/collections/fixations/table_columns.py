"""Columns of a table of fixations: known by their names, or declared; never guessed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gala_viz.collections.human_maps.map_checks import MapFileError

ROLES = ("image", "participant", "x", "y", "duration", "onset", "order", "trial")
REQUIRED = ("image", "participant", "x", "y")
KNOWN_NAMES: dict[str, tuple[str, ...]] = {
    "image": (
        "image", "image_name", "imagename", "image_path", "image_id", "img", "filename", "file_name", "stimulus",
        "stimulus_name", "Presented Stimulus name", "Presented Media name",
    ),
    "participant": (
        "participant", "participant_id", "subject", "subject_id", "subj", "observer", "user_id", "worker_id",
        "RECORDING_SESSION_LABEL", "Participant name",
    ),
    "x": (
        "x", "x_px", "fix_x", "fixation_x", "fixation_x_px", "CURRENT_FIX_X", "Fixation point X",
        "Fixation point X [DACS px]", "Fixation point X [MCS px]", "fixation x [px]",
    ),
    "y": (
        "y", "y_px", "fix_y", "fixation_y", "fixation_y_px", "CURRENT_FIX_Y", "Fixation point Y",
        "Fixation point Y [DACS px]", "Fixation point Y [MCS px]", "fixation y [px]",
    ),
    "duration": (
        "duration", "duration_ms", "fix_duration", "fixation_duration", "fixation_duration_ms",
        "CURRENT_FIX_DURATION", "Gaze event duration", "Gaze event duration [ms]", "duration [ms]",
    ),
    "onset": (
        "onset", "onset_ms", "start_ms", "timestamp", "CURRENT_FIX_START", "Recording timestamp",
        "Recording timestamp [ms]", "Recording timestamp [μs]", "start timestamp [ns]",
    ),
    "order": ("order", "fixation_index", "fix_index", "CURRENT_FIX_INDEX", "fixation id"),
    "trial": ("trial", "trial_index", "trial_id", "TRIAL_INDEX"),
}  # fmt: skip
"""Role -> names of columns, compared without regard to capitals: of EyeLink Data Viewer's fixation report, Tobii
Pro Lab's data export, Pupil Cloud's fixations.csv, and plain tables."""


def find_columns(header: Sequence[str], declared: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return role -> column for the columns of a table's ``header``.

    ``declared`` roles take the column that is named, with its capitals; the others the one column whose name is among
    ``KNOWN_NAMES``. Raises ``MapFileError`` for a needed role without a column and a role with several; it names all.
    """
    declared = dict(declared or {})
    has = f"it has {', '.join(map(repr, header[:40]))}"
    wrong = sorted(set(declared) - set(ROLES))
    if wrong:
        raise MapFileError(f"columns have the roles {', '.join(ROLES)}; got {', '.join(wrong)}.")
    absent = [name for name in declared.values() if name not in header]
    if absent:
        raise MapFileError(f"the table has no column {', '.join(map(repr, absent))}, which was declared; {has}.")
    found: dict[str, str] = {}
    for role in ROLES:
        if role in declared:
            found[role] = declared[role]
            continue
        known = {name.casefold() for name in KNOWN_NAMES[role]}
        names = [one for one in header if one.strip().casefold() in known and one not in declared.values()]
        if len(names) > 1:
            raise MapFileError(
                f"several columns may be the {role}: {', '.join(map(repr, names))}; declare one with --columns "
                f"{role}={_quoted(names[0])}."
            )
        if names:
            found[role] = names[0]
    missing = [role for role in REQUIRED if role not in found]
    if missing:
        example = " ".join(f"{role}=NAME" for role in missing)
        raise MapFileError(
            f"no column for the {', '.join(missing)} is known by its name; {has}. Declare it with --columns {example} "
            "(in Python FixationMapSpec(columns={...}))."
        )
    twice = sorted({name for name in found.values() if list(found.values()).count(name) > 1})
    if twice:
        raise MapFileError(f"the column {', '.join(map(repr, twice))} cannot have two roles.")
    return found


def _quoted(name: str) -> str:
    return f"'{name}'" if " " in name else name
