"""What captions say of every figure: which maps, which images by which rule, which weights, which settings."""

from __future__ import annotations

from collections.abc import Sequence

from gala_viz.collections.image_sampling import SAMPLING_RULE
from gala_viz.evaluation.evaluation import Evaluation
from gala_viz.networks.network import Network


def caption_markdown(title: str, paragraphs: Sequence[str]) -> str:
    """Return a caption in Markdown; empty sentences are left out."""
    return "\n\n".join([f"**{title}**", *(sentence for sentence in paragraphs if sentence)])


def human_maps_label(evaluation: Evaluation) -> str:
    """Return what the human maps are called in a sentence, which says when they are simulated."""
    maps = evaluation.collection["human_maps"]
    if maps is None:
        return "no human maps"
    return "simulated human maps" if evaluation.simulated else "human maps"


def human_maps_text(evaluation: Evaluation) -> str:
    """Return how the human maps were made, in the collection's own words."""
    maps = evaluation.collection["human_maps"]
    if maps is None:
        return ""
    subject = "The human maps are simulated, not of people" if evaluation.simulated else "Human maps"
    return f"{subject}: {maps['made']}"


def image_choice_text(images: Sequence[str], seed: int, purpose: str) -> str:
    """Return which images are shown, and the rule that drew them."""
    rule = SAMPLING_RULE.format(purpose=purpose, seed=seed)
    how = f"drawn by a rule with the seed {seed}, not by eye: {rule}"
    return f"n = {len(images)} images, {how}. They are {', '.join(images)}."


def weights_text(networks: Sequence[Network]) -> str:
    """Return the networks' checksums as a sentence."""
    return "Weights: " + "; ".join(f"{one.name}, sha256 {one.sha256[:16]}" for one in networks) + "."
