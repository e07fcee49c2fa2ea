"""Help texts of a command's options: what holds where an option is left out is said in words, not as ``None``."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
from functools import cache, reduce
from operator import or_
from types import NoneType
from typing import Annotated, Any, get_args, get_type_hints

import tyro
from tyro.constructors import (
    ConstructorRegistry,
    PrimitiveConstructorSpec,
    PrimitiveTypeInfo,
    StructConstructorSpec,
    StructFieldSpec,
    StructTypeInfo,
)

REGISTRY = ConstructorRegistry()
"""The rules by which ``tyro.cli`` makes options of a dataclass."""


@REGISTRY.primitive_rule
def _optional(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec | None:
    """Read, name and refuse an option that may be left out like one of its type; ``None`` is no word of it."""
    kinds = get_args(info.type)
    if NoneType not in kinds:
        return None
    rest = reduce(or_, (kind for kind in kinds if kind is not NoneType))
    spec = ConstructorRegistry.get_primitive_spec(PrimitiveTypeInfo.make(rest, info.markers))
    if not isinstance(spec, PrimitiveConstructorSpec):
        return None
    return dataclasses.replace(
        spec,
        is_instance=lambda value: value is None or spec.is_instance(value),
        str_from_instance=lambda value: [] if value is None else spec.str_from_instance(value),
    )


@REGISTRY.struct_rule
def _options(info: StructTypeInfo) -> StructConstructorSpec | None:
    """Make one option for each field, explained by the text under it."""
    if not dataclasses.is_dataclass(info.type):
        return None
    types, texts = get_type_hints(info.type, include_extras=True), field_helptexts(info.type)
    fields = []
    for field in dataclasses.fields(info.type):
        default = _default(field, info.default)
        kind = _explained(types[field.name], default)
        fields.append(StructFieldSpec(name=field.name, type=kind, default=default, helptext=texts.get(field.name)))
    return StructConstructorSpec(instantiate=info.type, fields=tuple(fields))


@cache
def field_helptexts(cls: type) -> dict[str, str]:
    """Return the text under each field in the class, or in a class that it comes from, as one line by field.

    Where a field has none, the text is the one that its type carries: ``Annotated[TYPE, TEXT]``.
    """
    texts = {
        field: text
        for field, kind in get_type_hints(cls, include_extras=True).items()
        for text in getattr(kind, "__metadata__", ())
        if isinstance(text, str)
    }
    for one in reversed(cls.__mro__[:-1]):
        (body,) = ast.parse(textwrap.dedent(inspect.getsource(one))).body
        for field, text in zip(body.body, body.body[1:], strict=False):
            match field, text:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(content))):
                    texts[name] = " ".join(content.split())
    return texts


def _default(field: dataclasses.Field, whole: Any) -> Any:
    if dataclasses.is_dataclass(whole) and not isinstance(whole, type):
        return getattr(whole, field.name)
    if field.default is not dataclasses.MISSING:
        return field.default
    return tyro.MISSING if field.default_factory is dataclasses.MISSING else field.default_factory()


def _explained(kind: Any, default: Any) -> Any:
    """Return the type of an option, such that the help does not show a default that is nothing.

    The option's text says what holds then.
    """
    nothing = default is None or default is tyro.MISSING or default in ((), "")
    return Annotated[kind, tyro.conf.arg(help_behavior_hint="" if nothing else None)]
