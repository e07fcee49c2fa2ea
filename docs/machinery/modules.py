"""The reference of modules, from their source: signatures and docstrings as reStructuredText, nothing imported.

A docstring tells meaning, shapes, units, errors and source; the signature stands before it as it was written. Names in
it are links: ``Network`` leads to the class that the module imports under this name.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import gala_viz

ROOT = Path(__file__).resolve().parents[2]
LONGEST_VALUE = 100
Function = ast.FunctionDef | ast.AsyncFunctionDef
_OWN_NAME = re.compile(r"``(gala_viz(?:\.\w+)+)``")


def path_of(module: str) -> Path:
    """The file of a module or package. Raises ``FileNotFoundError`` for another name."""
    place = ROOT.joinpath(*module.split("."))
    path = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    if not path.is_file():
        raise FileNotFoundError(f"no module called {module}: {path} was expected; mend its name in docs/reference/.")
    return path


@cache
def tree_of(module: str) -> ast.Module:
    """The module's syntax."""
    return ast.parse(path_of(module).read_text(encoding="utf-8"))


def modules_in(package: str) -> list[str]:
    """The public modules right inside ``package``; sub-packages have pages of their own."""
    inside = sorted(path_of(package).parent.glob("[!_]*.py"))
    return [f"{package}.{path.stem}" for path in inside]


@cache
def names_in(module: str) -> dict[str, str]:
    """Name -> full name of everything that ``module`` imports from gala_viz or defines."""
    found = {}
    for statement in ast.walk(tree_of(module)):
        if isinstance(statement, ast.ImportFrom) and (statement.module or "").startswith("gala_viz"):
            found |= {one.asname or one.name: f"{statement.module}.{one.name}" for one in statement.names}
    for statement in tree_of(module).body:
        if isinstance(statement, Function | ast.ClassDef):
            found[statement.name] = f"{module}.{statement.name}"
        else:
            found |= {name: f"{module}.{name}" for name, _ in _assigned(statement)}
    return found


def offered(name: str) -> str | None:
    """The full name of what a signature on the page of ``import gala_viz`` calls ``name``."""
    return next((full for home in gala_viz._HOME.values() if (full := names_in(home).get(name))), None)


def home_of(name: str) -> str:
    """The full name where a thing is defined, given a full name by which it may be imported."""
    module, _, last = name.rpartition(".")
    try:
        known = names_in(module).get(last, name) if module else name
    except FileNotFoundError:
        return name
    return known if known == name else home_of(known)


def module_rst(module: str, *, members: bool = True) -> str:
    """A module: its docstring, then its public members in their order."""
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
    assigned = [(name, value) for name, value in _assigned(statement) if not name.startswith("_")]
    for number, (name, value) in enumerate(assigned):
        facts = []
        if isinstance(statement, ast.AnnAssign):
            facts.append(f":type: {_plain_annotation(statement.annotation)}")
        shown = "" if value is None else ast.unparse(value).replace("\n", " ")
        if 0 < len(shown) <= LONGEST_VALUE:
            facts.append(f":value: {shown}")
        if text or not inside:
            kind = "attribute" if inside else "data"
            yield _directive(kind, name, facts, text if number == len(assigned) - 1 else "")


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
    text = "\n\n".join(part for part in (ast.get_docstring(described) or "", kind) if part)
    inner = "\n\n".join(_members(described.body, module, inside=True))
    return _directive("class", f"{described.name}{signature}", [], text) + ("\n\n" + _indented(inner) if inner else "")


def _linked(name: str, module: str) -> str:
    """A class's name, as a link where it is gala_viz's own."""
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
    """A field's default as a reader thinks of it: what its factory makes."""
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


def _assigned(statement: ast.stmt) -> list[tuple[str, ast.expr | None]]:
    """(name, value) of what a statement assigns to plain names; the value is None where it is not told by itself."""
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        return [(statement.target.id, statement.value)]
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return []
    target, value = statement.targets[0], statement.value
    if isinstance(target, ast.Name):
        return [(target.id, value)]
    names = [one.id for one in getattr(target, "elts", []) if isinstance(one, ast.Name)]
    values = value.elts if isinstance(value, ast.Tuple) and len(value.elts) == len(names) else [None] * len(names)
    return list(zip(names, values, strict=True))


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
    return _OWN_NAME.sub(lambda found: f":py:obj:`{found[1]} <{home_of(found[1])}>`", docstring or "")
