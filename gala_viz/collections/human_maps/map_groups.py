"""Map files that belong together: one for each participant on an image, by their endings or their folders."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from gala_viz.collections.human_maps.image_names import FindsImages

ParticipantFiles = Mapping[str, Mapping[str, str]]
"""Image -> participant -> path of the file."""
_ENDING = re.compile(r"(?P<name>.+)_(?P<participant>\d+)")
_NUMBER = re.compile(r"\d")


def participant_files(
    names: Sequence[tuple[str, str]], known: FindsImages
) -> tuple[ParticipantFiles, str, list[tuple[str, str]]]:
    """Find the files of single participants among those that are named like no image.

    Either all lie in one folder for each participant, whose name has a number ("s1/cat/a.png", "s2/cat/a.png"), or all
    names end in the participant's number ("a_1.png", "a_2.png"). Some image must have files of two at least, else
    nothing says that these are people.

    Parameters
    ----------
    names : sequence of (str, str)
        (path, name by which an image is searched for).
    known : FindsImages
        The images.

    Returns
    -------
    files : mapping
        Image -> participant -> path; empty where there are no such files.
    how : str
        How the participants are told apart, as a clause; "" where they are not.
    unclear : list of (str, str)
        (folder, reason) of folders that hold several maps of the same image and are not called like participants.
    """
    others = [(path, name) for path, name in names if not known.find(name)]
    folders = _grouped((name.partition("/")[2], name.partition("/")[0], path) for path, name in others if "/" in name)
    by_folder = _of_images(folders, known)
    unclear = sorted(
        {one for files in by_folder.values() if len(files) > 1 for one in files if not _NUMBER.search(one)}
    )
    if unclear:
        reason = (
            "it holds maps of images that other folders have maps of, and whether these are of people or made "
            "otherwise is not told: call the folders of participants by numbers (s1, s2, …)."
        )
        return {}, "", [(f"{folder}/", reason) for folder in unclear]
    if any(len(files) > 1 for files in by_folder.values()):
        return by_folder, "a folder for each participant", []
    matches = ((_ENDING.fullmatch(name), path) for path, name in others)
    by_ending = _of_images(_grouped((one["name"], one["participant"], path) for one, path in matches if one), known)
    if any(len(files) > 1 for files in by_ending.values()):
        return by_ending, "a file for each participant, whose number ends its name", []
    return {}, "", []


def _grouped(files: Iterable[tuple[str, str, str]]) -> dict[str, dict[str, str]]:
    """Group (name, participant, path) by name; the first path of a participant stays."""
    groups: dict[str, dict[str, str]] = {}
    for name, participant, path in files:
        groups.setdefault(name, {}).setdefault(participant, path)
    return groups


def _of_images(groups: Mapping[str, Mapping[str, str]], known: FindsImages) -> dict[str, dict[str, str]]:
    """Return image -> participant -> path of the names that fit one image; the first name of an image stays."""
    by_image: dict[str, dict[str, str]] = {}
    for name, files in groups.items():
        images = known.find(name)
        if len(images) == 1:
            by_image.setdefault(images[0], dict(sorted(files.items(), key=lambda one: _by_number(one[0]))))
    return by_image


def _by_number(participant: str) -> tuple[str, int, str]:
    digits = re.search(r"\d+", participant)
    return (participant[: digits.start()], int(digits[0]), participant) if digits else (participant, 0, participant)
