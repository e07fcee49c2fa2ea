"""Pages that are made when the site is built: the reference of modules, of commands, and the list of notebooks."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import descriptions
import modules

from gala_viz import cli

FENCE = "````"


def text_of(kind: str, argument: str | None) -> str:
    """Return the Markdown in place of ``<!-- KIND ARGUMENT -->``; other comments stay as they are."""
    makers = {
        "toplevel": toplevel_text,
        "modules": modules_text,
        "module": module_text,
        "root": root_text,
        "commands": commands_text,
        "overview": overview_text,
        "notebooks": notebooks_text,
    }
    if kind not in makers:
        return f"<!-- {kind} {argument or ''} -->"
    return makers[kind](argument) if argument else makers[kind]()


def sources_of(kind: str, argument: str | None) -> list[Path]:
    """Return the files that a generated text is made of: when one changes, its page is made anew."""
    if kind == "modules":
        return [modules.path_of(name) for name in (argument, *modules.modules_in(argument))]
    if kind == "module":
        return [modules.path_of(argument)]
    if kind == "root":
        return [modules.path_of(name) for name in modules.modules_in("gala_viz")]
    if kind == "toplevel":
        return [modules.path_of(name) for name in ("gala_viz", *modules.top_level_homes().values())]
    if kind in ("commands", "overview"):
        return [modules.path_of("gala_viz.cli"), *modules.path_of("gala_viz.commands").parent.rglob("*.py")]
    return []


def toplevel_text() -> str:
    """Every name that ``import gala_viz`` offers, with its home."""
    parts = []
    for name, home in sorted(modules.top_level_homes().items()):
        module, _, last = modules.home_of(f"{home}.{name}").rpartition(".")
        parts.append(f"## `gv.{name}`\n\nFrom {{py:mod}}`{module}`.\n")
        parts.append(_rst(descriptions.member_rst(module, last, f"gala_viz.{name}")))
    return "\n".join(parts)


def modules_text(package: str) -> str:
    """All public modules of a package, one section each."""
    return "\n".join(
        [
            _rst(descriptions.module_rst(package, members=not modules.modules_in(package))),
            *map(module_text, modules.modules_in(package)),
        ]
    )


def module_text(module: str) -> str:
    """One module: its docstring and its public members."""
    return f"## `{module.removeprefix('gala_viz.')}`\n\n" + _rst(descriptions.module_rst(module))


def root_text() -> str:
    """Return the modules of gala_viz itself: those that all stages stand on in the order of imports, then others."""
    inside = [name for name in modules.modules_in("gala_viz") if name != "gala_viz.cli"]
    first = [f"gala_viz.{name}" for name in ("schema", "specs", "registry", "splits", "imagenet", "protobuf")]
    return "\n".join(module_text(name) for name in [*first, *(name for name in inside if name not in first)])


def overview_text() -> str:
    """Return what ``gala-viz --help`` prints."""
    return _printed(["--help"])


def commands_text() -> str:
    """Return what ``gala-viz COMMAND --help`` prints, for each command, and for the steps of those that have steps."""
    parts = []
    for name in cli.COMMANDS:
        said = help_of([name])
        parts.append(f"## `{name}`\n\n{_block(said)}")
        parts += [f"### `{name} {step}`\n\n{_printed([name, step, '--help'])}" for step in steps_in(said)]
    return "\n".join(parts)


def steps_in(said: str) -> list[str]:
    """Return the sub-commands that a help text lists."""
    return re.findall(r"^│\s+• (\w+) ", said, re.MULTILINE)


def help_of(command: list[str]) -> str:
    """Return what ``gala-viz COMMAND --help`` prints."""
    return _said([*command, "--help"])


def notebooks_text() -> str:
    """Return a table of contents of all notebooks there are, in their numbers' order."""
    folder = Path(__file__).resolve().parents[1] / "notebooks"
    names = sorted(path.stem for path in folder.glob("[0-9][0-9]_*.ipynb")) if folder.is_dir() else []
    if not names:
        return "This checkout has no notebooks."
    return "\n".join(["```{toctree}", ":maxdepth: 1", "", *(f"notebooks/{name}" for name in names), "```"])


def copy_notebooks(source: Path, into: Path) -> None:
    """Make ``into`` hold the notebooks of ``source`` and no others; a file that is the same is left alone.

    Copies, for links between notebooks would not be found through a link to their folder.
    """
    wanted = {path.name: path.read_bytes() for path in sorted(source.glob("[0-9][0-9]_*.ipynb"))}
    for stale in into.glob("*.ipynb"):
        if stale.name not in wanted:
            stale.unlink()
    for name, content in wanted.items():
        into.mkdir(exist_ok=True)
        if not (into / name).is_file() or (into / name).read_bytes() != content:
            (into / name).write_bytes(content)


def with_links_of_the_site(notebook: str) -> str:
    """Return a notebook's text whose links lead to pages of this site: those to README.md to the first page."""
    first = re.sub(r"\]\(\.\./README\.md(?:#[^)]*)?\)", "](../index.md)", notebook)
    return first.replace("](../docs/", "](../")


def _printed(arguments: list[str]) -> str:
    return _block(_said(arguments))


def _said(arguments: list[str]) -> str:
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")  # help texts draw boxes where the encoding has them
    with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
        cli.main(arguments)
    out.seek(0)
    return "\n".join(line.rstrip() for line in out.read().strip().splitlines())


def _block(text: str) -> str:
    return f"{FENCE}text\n{text}\n{FENCE}\n"


def _rst(text: str) -> str:
    return f"{FENCE}{{eval-rst}}\n{text}\n{FENCE}\n"
