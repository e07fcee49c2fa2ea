"""Folders of networks and their names, without loading any: quick, and without torch."""

from __future__ import annotations

import hashlib
import os
import re
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from gala_viz.registry import unknown_name

WEIGHTS, CARD = "weights.safetensors", "card.toml"
UNMODIFIED_NETWORK = "lite0"
"""EfficientNet-Lite0 as its package ships it: a network without a folder."""


LONGEST_NAME = 255
"""Bytes of a name that every file system takes."""
EXTERNAL_LIBRARIES = ("transformers", "timm", "torchvision")
FUNCTION_NAME = re.compile(r"(?P<module>[A-Za-z_][\w.]*):(?P<function>[A-Za-z_]\w*)")
OUTPUT_OPTION = "?output="
"""Between an external network's name and what of its output the logits are: "mine:network?output=logits"."""
EPOCHS_FOLDER = "epochs"
"""Of a training's folder: networks of single epochs, each in a folder of its own."""


class WeightsError(ValueError):
    """Weights or a card that are not what they claim; the message names the file and what is wrong with it."""


def model_folders() -> list[Path]:
    """Return the folders that are searched for trained networks and exist.

    Those of GALA_VIZ_MODELS come first, then the checkout's, then the installation's.
    """
    named = [Path(folder) for folder in os.environ.get("GALA_VIZ_MODELS", "").split(os.pathsep) if folder]
    return [folder for folder in (*named, *_own_models_folders()) if folder.is_dir()]


def _own_models_folders() -> tuple[Path, Path]:
    return Path(__file__).resolve().parents[2] / "models", Path(sys.prefix) / "share" / "gala_viz" / "models"


def known_networks() -> tuple[str, ...]:
    """Return the names that ``load_network`` takes: the unmodified network and every trained one."""
    trained = {path.parent.name for folder in model_folders() for path in folder.glob(f"*/{CARD}")}
    return (UNMODIFIED_NETWORK, *sorted(trained))


def split_output(name: str) -> tuple[str, str]:
    """Return a network's name without "?output=…", and the output that it chooses, see ``gv.Network``; "" for none."""
    plain, separator, output = name.rpartition(OUTPUT_OPTION)
    return (plain, output) if separator else (name, "")


def with_output(names: Iterable[str], output: str | None) -> tuple[str, ...]:
    """Return names of networks that choose ``output``, where they are external and choose none themselves.

    Raises ``ValueError`` where an output is given and no network is external.
    """
    names = tuple(names)
    if output and not any(map(is_external, names)):
        raise ValueError(
            f"--output {output} is for networks of other programs (package.module:function, timm:, torchvision:, "
            f"transformers:); got "
            f"{', '.join(names) or 'none'}."
        )
    return tuple(
        f"{name}{OUTPUT_OPTION}{output}" if output and is_external(name) and not split_output(name)[1] else name
        for name in names
    )


def is_external(name: str) -> bool:
    """Return whether ``name`` is an external network's: "LIBRARY:…" or "package.module:function"."""
    name, _ = split_output(name)
    return name.partition(":")[0] in EXTERNAL_LIBRARIES or FUNCTION_NAME.fullmatch(name) is not None


def is_function(name: str) -> bool:
    """Return whether ``name`` is that of a function of somebody's own, "package.module:function"."""
    return FUNCTION_NAME.fullmatch(name) is not None and name.partition(":")[0] not in EXTERNAL_LIBRARIES


def own_code_of(name: str) -> str:
    """Return the function that "package.module:function@FOLDER" allows to run; "" for any other name."""
    function, separator, _ = name.partition("@")
    return function if separator and is_function(function) else ""


def network_folder(name_or_folder: str | Path) -> Path | None:
    """Return the folder of a trained network, by name or path; None for the unmodified network, which has none.

    "RUN@12" is the network of an epoch that a training in the folder RUN has kept, counted from 1, "RUN@last" the
    newest. Raises ``ValueError`` for an unknown name, with the nearest, and ``WeightsError`` for a folder without a
    card.
    """
    name = str(name_or_folder)
    if function := own_code_of(name):
        name = name.removeprefix(f"{function}@")
        name_or_folder = name
    if name == UNMODIFIED_NETWORK:
        return None
    if any(len(os.fsencode(part)) > LONGEST_NAME for part in Path(name).parts):
        raise ValueError(f"a name of a network or folder has at most {LONGEST_NAME} bytes; got {name[:40]!r}….")
    if os.sep not in name and "/" not in name and name not in ("", ".", ".."):
        for models in model_folders():
            if (models / name / CARD).is_file():
                return models / name
    folder = Path(name_or_folder).expanduser()
    if (folder / CARD).is_file():
        return folder
    if (kept := _folder_of_epoch(name)) is not None:
        return kept
    if folder.is_dir():
        raise WeightsError(f"{folder / CARD}: not found; a network's folder holds {CARD} and {WEIGHTS}.")
    raise ValueError(unknown_name("network", name, known_networks()))


def _folder_of_epoch(name: str) -> Path | None:
    """Return the folder of "RUN@EPOCH"; None where RUN is no folder of a training.

    Raises ``ValueError`` for an epoch that is not there; the message names those that are.
    """
    run, separator, epoch = name.rpartition("@")
    epochs = Path(run).expanduser() / EPOCHS_FOLDER
    if not separator or not epochs.is_dir():
        return None
    kept = sorted((path.parent for path in epochs.glob(f"*/{CARD}")), key=lambda path: (len(path.name), path.name))
    if kept and epoch == "last":
        return kept[-1]
    found = next((path for path in kept if path.name.lstrip("0") == epoch.lstrip("0")), None)
    if found is None:
        names = ", ".join(path.name for path in kept) or "none yet"
        raise ValueError(f"{run} has no network of epoch {epoch!r}; there are: {names}.")
    return found


def read_card(folder: str | Path) -> dict[str, Any]:
    """Return the card of a network's ``folder``.

    Raises ``WeightsError`` where it is missing, is not TOML, or lacks a section or a key that every card has.
    """
    path = Path(folder) / CARD
    try:
        card = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise WeightsError(f"{path}: not found; a network's folder holds {CARD} and {WEIGHTS}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise WeightsError(f"{path}: not a TOML file ({error}).") from None
    for section, keys in {"network": ("name", "builder"), "weights": ("sha256",), "preprocessing": ()}.items():
        if not isinstance(card.get(section), dict):
            raise WeightsError(f"{path}: the section [{section}] is missing.")
        for key in keys:
            if not isinstance(card[section].get(key), str):
                raise WeightsError(f"{path}: [{section}] needs {key} as a text.")
    return card


def check_names_differ(source: str | Path, names: Iterable[str]) -> None:
    """Raise ``WeightsError``, which names ``source``, where two categories of a network have one name."""
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise WeightsError(
            f"{source}: the categories' names must differ; {twice[0]!r} stands there more than once, so that its "
            "images would be counted for neither."
        )


def read_verified_weights(folder: Path, card: Mapping[str, Any]) -> bytes:
    """Return the bytes of the weights' file in ``folder``.

    Raises ``WeightsError`` where the file is missing or its checksum is not the one in ``card``.
    """
    path = folder / WEIGHTS
    expected = card["weights"].get("bytes")
    try:
        if path.exists() and not path.is_file():
            raise WeightsError(f"{path}: a plain file was expected.")
        if isinstance(expected, int) and path.is_file() and path.stat().st_size > 4 * expected + 2**20:
            raise WeightsError(
                f"{path}: it has {path.stat().st_size:,} bytes, far more than the {expected:,} that the card says."
            )
        content = path.read_bytes()
    except FileNotFoundError:
        raise WeightsError(f"{path}: not found; a network's folder holds {CARD} and {WEIGHTS}.") from None
    checksum = hashlib.sha256(content).hexdigest()
    if checksum != card["weights"]["sha256"]:
        raise WeightsError(
            f"{path}: its sha256 is {checksum[:12]}…, the card says {card['weights']['sha256'][:12]}…: "
            "the file is damaged or not this card's."
        )
    return content


def check_writable(folder: Path) -> None:
    """Raise ``OSError`` where nothing can be written into ``folder``, which need not be there yet.

    A training is long, and its end too late to find out.
    """
    above = (folder.absolute(), *folder.absolute().parents)
    if (blocked := next((one for one in above if one.exists() and not one.is_dir()), None)) is not None:
        raise NotADirectoryError(f"{blocked} is a file; a folder was expected there.")
    place = next(one for one in above if one.is_dir())
    with tempfile.TemporaryFile(dir=place):
        pass


def check_free(folder: Path) -> None:
    """Raise ``ValueError`` where ``folder`` holds a network already."""
    if (folder / CARD).exists():
        raise ValueError(
            f"{folder} holds a network already; give this one another --name or --out, or write over the other "
            "with --replace (replace_network=True)."
        )


def is_shipped(name: str) -> bool:
    """Return whether ``name`` is a network that comes with the program, so that its code and its card are known to fit.

    Raises ``ValueError`` for an unknown name.
    """
    if name == UNMODIFIED_NETWORK:
        return True
    if is_external(name) or os.sep in name or "/" in name:
        return False
    folder = network_folder(name)
    return folder is not None and folder.parent in _own_models_folders()
