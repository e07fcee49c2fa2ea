"""Which part of what a module gives is its logits: a tensor, an entry of a dict or tuple, the log of probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass

import torch
from torch import Tensor

from gala_viz.registry import unknown_name

LOG, BINARY = "log", "binary"
FORMS = {
    LOG: "probabilities, whose logarithm is taken; of a single one, the second category's",
    BINARY: "one logit, of the second of two categories: half of it, and of its negative, are their logits",
}
"""Form of an output -> what it is."""


@dataclass(frozen=True, slots=True)
class OutputChoice:
    """What ``output`` of ``gv.Network`` says.

    Parameters
    ----------
    key : str
        Key, field or place (from 0) of a dict, named tuple, dataclass, tuple or list; "" for a tensor.
    form : {"", "log", "binary"}
        What the tensor is, if not logits: see ``FORMS``.
    """

    key: str = ""
    form: str = ""

    @classmethod
    def parse(cls, output: str | None) -> OutputChoice:
        """Return what "logits", "0", "log" or "logits:binary" says; a form may stand behind the key's colon."""
        key, colon, form = (output or "").partition(":")
        if not colon and key in FORMS:
            key, form = "", key
        if form and form not in FORMS:
            raise ValueError(f"the form of an output is {' or '.join(FORMS)}; got {output!r}.")
        return cls(key, form)

    def tensor(self, output: object) -> Tensor:
        """Return the tensor of ``output`` that the key names; ``ValueError`` names those there are."""
        if isinstance(output, Tensor):
            if self.key:
                raise ValueError(f"one tensor {tuple(output.shape)} comes out; it has no output {self.key!r}.")
            return output
        parts = _parts(output)
        if not self.key:
            first = next(iter(parts), None)
            advice = f" Choose one with output={first!r} (--output {first})." if parts else ""
            raise ValueError(f"logits (B, category) were expected; {describe_output(output)} comes out.{advice}")
        if self.key not in parts:
            raise ValueError(unknown_name("output", self.key, list(parts)))
        if not isinstance(tensor := parts[self.key], Tensor):
            raise ValueError(f"output {self.key!r} is no tensor, but {describe_output(tensor)}.")
        return tensor

    def logits(self, output: object) -> Tensor:
        """Return the logits (B, category) of what a module gives."""
        values = self.tensor(output)
        if not self.form:
            return values
        values = values.float()
        if values.ndim == 1:
            values = values[:, None]
        single = values.ndim == 2 and values.shape[1] == 1
        if self.form == LOG:
            tiny = torch.finfo(values.dtype).tiny
            return (torch.cat([1 - values, values], dim=1) if single else values).clamp_min(tiny).log()
        if not single:
            raise ValueError(f"output {BINARY!r} is for one logit (B, 1); got {tuple(values.shape)}.")
        return torch.cat([-values / 2, values / 2], dim=1)


def _parts(output: object) -> dict[str, object]:
    """Return the parts of an output by name; none where it has no parts."""
    if isinstance(output, Mapping):
        return {str(key): value for key, value in output.items()}
    if isinstance(output, (tuple, list)):
        named = dict(zip(getattr(output, "_fields", ()), output, strict=False))
        return named | {str(place): value for place, value in enumerate(output)}
    if is_dataclass(output):
        return {one.name: getattr(output, one.name) for one in fields(output)}
    return {}


def describe_output(output: object) -> str:
    """Return in words what came out of a module."""
    if isinstance(output, Tensor):
        return f"a tensor {tuple(output.shape)}"
    kind = type(output).__name__
    parts = _parts(output)
    shown = [f"{name} {_short(value)}" for name, value in list(parts.items())[:8]]
    return f"{kind} with {', '.join(shown)}" if shown else kind


def _short(value: object) -> str:
    return str(tuple(value.shape)) if isinstance(value, Tensor) else type(value).__name__
