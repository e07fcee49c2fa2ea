"""What the comparison page is started with, read without loading anything heavy."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

PAIR = ("lite0-gala-vanilla", "lite0-gala-human")


@dataclass(frozen=True, kw_only=True, slots=True)
class CompareOptions:
    """Which collection two networks are compared on.

    ``collection`` is a known name (``photos``) or a folder, ``human_maps`` a folder of human maps by image id, ``networks``
    two names or folders, ``device`` and ``dtype`` as ``load_network`` takes them (None: chosen there).
    """

    collection: str = "photos"
    human_maps: str | None = None
    networks: tuple[str, str] = PAIR
    device: str | None = None
    dtype: str | None = None

    def __post_init__(self) -> None:
        if len(self.networks) != 2:
            raise ValueError(
                f"two networks are compared; got {len(self.networks)}: {', '.join(self.networks) or 'none'}."
            )


def parse_compare_options(arguments: Sequence[str]) -> CompareOptions:
    """Options from a command line, for example ``--collection photos --networks A B --device cpu``.

    Raises ``SystemExit`` with a usage line on arguments that it does not know, as command lines do.
    """
    parser = argparse.ArgumentParser(prog="compare", description="Compare two networks on a collection of photographs.")
    parser.add_argument("--collection", default="photos", help="a known name (photos) or a folder of images")
    parser.add_argument("--human-maps", default=None, help="a folder of human maps, named by image")
    parser.add_argument(
        "--networks", nargs=2, default=PAIR, metavar=("A", "B"), help="names or folders of two networks"
    )
    parser.add_argument("--device", default=None, help="cpu or cuda; chosen when left out")
    parser.add_argument("--dtype", default=None, help="float32 or bfloat16; chosen when left out")
    found = vars(parser.parse_args(list(arguments)))
    return CompareOptions(**{**found, "networks": tuple(found["networks"])})
