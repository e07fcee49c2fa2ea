"""The reference of modules: signatures and docstrings as reStructuredText.

A docstring tells meaning, shapes, units, errors and source; the signature stands before it as it was written. Names in
it are links: ``Network`` leads to the class that the module imports under this name.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from modules import Function, assigned, home_of, names_in, tree_of
from sphinx.ext.napoleon import Config, NumpyDocstring

LONGEST_VALUE = 100
_NUMPY_STYLE = Config(napoleon_use_param=False, napoleon_use_rtype=False, napoleon_use_ivar=True)
_OWN_NAME = re.compile(r"``(gala_viz(?:\.\w+)+)``")


def module_rst(module: str, *, members: bool = True) -> str:
    """Describe a module: its docstring, then its public members in their order."""
    parts = [f".. py:module:: {module}", _text(ast.get_docstring(tree_of(module)))]
    if members:
        parts += _members(tree_of(module).body, module, inside=False)
    return "\n\n".join(part for part in parts if part)


def member_rst(module: str, name: str, shown_as: str) -> str:
    """One member of ``module``, under the name ``shown_as``, for names that are offered at two places."""
    (found,) = [one for one in tree_of(module).body if getattr(one, "name", None) == name]
    package, _, last = shown_as.rpartition(".")
    found = ast.parse(ast.unparse(found)).body[0]
    found.name = last
    return f".. py:currentmodule:: {package}\n\n" + "\n\n".join(_members([found], package, inside=False))


def _members(body: list[ast.stmt], module: str, *, inside: bool) -> Iterator[str]:
    for number, statement in enumerate(body):
        follower = body[number + 1] if number + 1 < len(body) else None
        if isinstance(statement, Function) and not statement.name.startswith("_") and not _again(statement):
            yield _function(statement, inside=inside)
        elif isinstance(statement, ast.ClassDef) and not statement.name.startswith("_"):
            yield _class(statement, module)
        else:
            yield from _values(statement, _docstring_after(follower), inside=inside)


def _values(statement: ast.stmt, text: str, *, inside: bool) -> Iterator[str]:
    """Constants of a module, and attributes of a class that have a text; the text of several stands under the last."""
    told = [(name, value) for name, value in assigned(statement) if not name.startswith("_")]
    for number, (name, value) in enumerate(told):
        facts = []
        if isinstance(statement, ast.AnnAssign):
            facts.append(f":type: {_plain_annotation(statement.annotation)}")
        shown = "" if value is None else ast.unparse(value).replace("\n", " ")
        if 0 < len(shown) <= LONGEST_VALUE:
            facts.append(f":value: {shown}")
        if text or not inside:
            kind = "attribute" if inside else "data"
            yield _directive(kind, name, facts, text if number == len(told) - 1 else "")


def _function(function: Function, *, inside: bool) -> str:
    marks = {ast.unparse(one).rsplit(".", 1)[-1] for one in function.decorator_list}
    text = ast.get_docstring(function)
    if inside and marks & {"property", "cached_property"}:
        kind = [f":type: {ast.unparse(function.returns)}"] if function.returns else []
        return _directive("property", function.name, kind, text)
    arguments = function.args
    if inside and "staticmethod" not in marks:
        arguments = _without_first(arguments)
    returns = f" -> {ast.unparse(function.returns)}" if function.returns else ""
    flags = [f":{mark}:" for mark in ("abstractmethod", "classmethod", "staticmethod") if mark in marks]
    kind = "method" if inside else "function"
    return _directive(kind, f"{function.name}({_signature(arguments)}){returns}", flags, text)


def _again(function: Function) -> bool:
    """Whether a function only adds to one that was told before: the setter of a property, one of several overloads."""
    marks = {ast.unparse(one).rsplit(".", 1)[-1] for one in function.decorator_list}
    return bool(marks & {"setter", "deleter", "overload"})


def _class(described: ast.ClassDef, module: str) -> str:
    decorators = " ".join(map(ast.unparse, described.decorator_list))
    starts = [one for one in described.body if isinstance(one, Function) and one.name == "__init__"]
    if starts:
        signature = f"({_signature(_without_first(starts[0].args))})"
    elif "dataclass" in decorators:
        signature = f"({_fields(described, 'kw_only=True' in decorators)})"
    else:
        signature = ""
    bases = [name for base in described.bases if not (name := ast.unparse(base)).startswith("_")]
    kind = f"A kind of {', '.join(_linked(base, module) for base in bases)}." if bases else ""
    summary, _, rest = (ast.get_docstring(described) or "").partition("\n\n")
    text = "\n\n".join(part for part in (summary, kind, rest) if part)  # a section ends only with the docstring
    inner = "\n\n".join(_members(described.body, module, inside=True))
    return _directive("class", f"{described.name}{signature}", [], text) + ("\n\n" + _indented(inner) if inner else "")


def _linked(name: str, module: str) -> str:
    """Return a class's name, as a link where it is gala_viz's own."""
    full = names_in(module).get(name)
    return f":py:obj:`{name} <{home_of(full)}>`" if full else f"``{name}``"


def _fields(described: ast.ClassDef, kw_only: bool) -> str:
    fields = [one for one in described.body if isinstance(one, ast.AnnAssign) and "ClassVar" not in ast.unparse(one)]
    texts = []
    for one in fields:
        value = "" if one.value is None else f" = {_shown_default(one.value)}"
        texts.append(f"{ast.unparse(one.target)}: {_plain_annotation(one.annotation)}{value}")
    return ", ".join((["*"] if kw_only and texts else []) + texts)


def _shown_default(value: ast.expr) -> str:
    """Return a field's default as a reader thinks of it: what its factory makes."""
    if isinstance(value, ast.Call) and ast.unparse(value.func) == "field":
        given = {one.arg: one.value for one in value.keywords}
        made = given.get("default_factory", given.get("default"))
        if isinstance(made, ast.Lambda):
            return ast.unparse(made.body)
        return f"{ast.unparse(made)}()" if made is not None and "default_factory" in given else "..."
    return ast.unparse(value)


def _plain_annotation(annotation: ast.expr) -> str:
    """``Annotated[X, ...]`` is X to a reader."""
    if isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value) == "Annotated":
        return ast.unparse(annotation.slice.elts[0])
    return ast.unparse(annotation)


def _signature(arguments: ast.arguments) -> str:
    return re.sub(r"(?<=[\w\])'])=(?=[^=])", " = ", ast.unparse(arguments)) if arguments else ""


def _without_first(arguments: ast.arguments) -> ast.arguments:
    if arguments.posonlyargs:
        return ast.arguments(**{**vars(arguments), "posonlyargs": arguments.posonlyargs[1:]})
    return ast.arguments(**{**vars(arguments), "args": arguments.args[1:]})


def _docstring_after(statement: ast.stmt | None) -> str:
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        value = statement.value.value
        return "\n".join(line.strip() for line in value.splitlines()) if isinstance(value, str) else ""
    return ""


def _directive(kind: str, head: str, options: list[str], text: str | None) -> str:
    lines = [f".. py:{kind}:: {head}", *(f"   {option}" for option in options)]
    return "\n".join(lines) + ("\n\n" + _indented(_text(text)) if text else "")


def _indented(text: str) -> str:
    return "\n".join(f"   {line}" if line else "" for line in text.splitlines())


def _text(docstring: str | None) -> str:
    """Return a docstring's reStructuredText: NumPy's sections as field lists, full names as links."""
    text = str(NumpyDocstring(docstring or "", _NUMPY_STYLE))
    return _OWN_NAME.sub(lambda found: f":py:obj:`{found[1]} <{home_of(found[1])}>`", text)
