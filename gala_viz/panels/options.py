"""What the comparison page is started with, read without loading anything heavy."""

from __future__ import annotations

from dataclasses import dataclass

PAIR = ("lite0-gala-vanilla", "lite0-gala-human")


@dataclass(frozen=True, kw_only=True, slots=True)
class CompareOptions:
    """Which collection two networks are compared on."""

    collection: str = "photos"
    """A known name (photos) or a folder of images."""
    human_maps: str | None = None
    """A folder of human maps (PNG, NPY or NPZ), named by image."""
    networks: tuple[str, str] = PAIR
    """Names or folders of two networks; the delta is red where the second relies more."""
    device: str | None = None
    """cpu, cuda, cuda:1 or mps; left out: CUDA where it is there, else the CPU."""
    dtype: str | None = None
    """float32 or bfloat16; left out: float32."""

    def __post_init__(self) -> None:
        if len(self.networks) != 2:
            raise ValueError(
                f"two networks are compared; got {len(self.networks)}: {', '.join(self.networks) or 'none'}."
            )
