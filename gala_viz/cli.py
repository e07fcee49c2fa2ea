"""The command ``gala-viz``: one subcommand for each task in a terminal, imported only when it runs.

A command is a module in ``gala_viz.commands`` with a frozen dataclass ``Arguments``, whose fields become options, and
a method ``run`` that returns the exit status or None. It gets its line in ``COMMANDS``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from textwrap import wrap

from gala_viz.cpu_threads import prepare_threads
from gala_viz.registry import Registry, UnknownNameError
from gala_viz.threads import exit_without_teardown, own_process

COMMANDS: Registry[tuple[str, str]] = Registry(
    "command",
    {
        "compare": ("gala_viz.commands.compare", "show what two networks rely on, image by image, in the browser"),
        "explore": ("gala_viz.commands.explore", "show all images of a collection as points, in the browser"),
        "figure": (
            "gala_viz.commands.figure",
            "figures and tables for print, with their data and a file to draw them again",
        ),
        "game": ("gala_viz.commands.game", "the ClickMe game: people paint what matters, rounds are kept"),
        "experiment": (
            "gala_viz.commands.experiment.command",
            "rapid categorisation of images uncovered by importance, by people and networks",
        ),
        "import": (
            "gala_viz.commands.import_collection",
            "make a collection of your own photographs, clicks, maps, records",
        ),
        "fetch": ("gala_viz.commands.fetch", "fetch public data or weights, with licence, citation and checksums"),
        "convert": (
            "gala_viz.commands.convert",
            "make a network of others' weights, or of maps computed elsewhere",
        ),
        "train": ("gala_viz.commands.train", "train a network by a recipe, with or without human maps"),
        "sweep": ("gala_viz.commands.sweep", "train a recipe at several lambdas and seeds, and tabulate the trade-off"),
        "evaluate": (
            "gala_viz.commands.evaluate",
            "networks on held-out images of any collection: tables, tests, ceilings",
        ),
        "paper": ("gala_viz.commands.paper.command", "the paper's table and figures, from the networks at hand"),
        "attribute": (
            "gala_viz.commands.attribute",
            "maps of all images of a collection into a store, on any machines",
        ),
        "simulate": ("gala_viz.commands.simulate", "let simulated participants play a game of the rendered collection"),
        "records": ("gala_viz.commands.records", "what the game has collected: told, exported, deleted, paused"),
        "measure": ("gala_viz.commands.measure", "measure networks on held-out images, beside people's own ceiling"),
    },
)
"""Name -> (module, what it does)."""

TASKS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("Look", ("compare", "explore", "figure"), "compare --collection ~/photographs --human-maps ~/maps"),
    (
        "Bring your own data and networks",
        ("fetch", "import", "convert"),
        "import clicks clicks.csv --photos ~/photographs --into clickme",
    ),
    ("Compute maps of many images", ("attribute",), "attribute --collection clickme --networks A B --store maps.zarr"),
    ("Train", ("train", "sweep", "measure"), "train rendered-gala-clickme"),
    ("Evaluate", ("evaluate", "paper"), "evaluate --collection rendered --networks A B --out results"),
    (
        "Ask people",
        ("game", "records", "simulate", "experiment"),
        "game --collection ~/photographs --records records.sqlite",
    ),
)
"""Tasks in their usual order: (title, its commands, one example without the name of the program)."""

EXIT_FAILED, EXIT_INTERRUPTED, EXIT_BROKEN_PIPE = 2, 130, 141

SERVER_COMMANDS = frozenset({"compare", "explore", "game", "experiment"})
"""Commands that serve pages; their process ends without Python's teardown."""
COMPUTING_COMMANDS = SERVER_COMMANDS | {"evaluate", "figure", "measure", "paper"}
"""Commands that run networks in their own process, with as many threads as there are free cores."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``gala-viz`` with ``arguments`` (default: those of the process) and return its exit status.

    What a user can correct (an unknown name, a missing folder, a port in use) is said in a sentence, with status 2;
    Ctrl-C ends quietly with status 130. Where GALA_VIZ_TRACEBACK is set in the environment, the error itself is raised.
    """
    argv = list(sys.argv[1:] if arguments is None else arguments)
    if not argv or argv[0] in ("-h", "--help", "help"):
        sys.stdout.write(help_text())
        return 0 if argv else EXIT_FAILED
    if argv[0] == "--version":
        from importlib.metadata import version

        sys.stdout.write(f"gala_viz {version('gala_viz')}\n")
        return 0
    if arguments is None and argv[0] in COMPUTING_COMMANDS and not {"-h", "--help"} & set(argv):
        prepare_threads()
    if arguments is not None or argv[0] not in SERVER_COMMANDS:
        return _status_of(argv)
    own_process()
    status = _status_of(argv)
    exit_without_teardown(status)
    return status


def _status_of(argv: list[str]) -> int:
    """Run a command, and return the exit status that stands for its result or its error."""
    try:
        return _run(argv[0], argv[1:])
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # who read the output, as in `| head`, has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_BROKEN_PIPE
    except (ValueError, OSError, UnknownNameError) as error:
        if os.environ.get("GALA_VIZ_TRACEBACK"):
            raise
        sys.stderr.write(f"gala-viz: {_sentence(error)}\n")
        return EXIT_FAILED


def _sentence(error: Exception) -> str:
    """Return what went wrong; for an error of the system which file and why, without its number."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{os.fspath(error.filename)}: {error.strerror}."
    return str(error)


def help_text() -> str:
    """Return what ``gala-viz --help`` prints: commands by task, an example of each task, and where to read on."""
    width = 4 + max(map(len, COMMANDS))
    lines = ["usage: gala-viz COMMAND [OPTIONS]", ""]
    lines += ["To begin: gala-viz compare (photographs and networks come with it)", ""]
    for title, names, example in TASKS:
        lines.append(title)
        for name in names:
            first = f"  {name}".ljust(width)
            lines += wrap(COMMANDS[name][1], 80, initial_indent=first, subsequent_indent=" " * width)
        lines += [f"    $ gala-viz {example}", ""]
    lines += [
        "A and B are networks, by name or folder: lite0-gala-vanilla, lite0-gala-human,",
        "rendered-gala, timm:NAME, transformers:NAME, package.module:function, ...",
        "Collections are photos, rendered, or folders of yours.",
        "",
        "gala-viz COMMAND --help tells the options of one; gala-viz --version.",
        "",
    ]
    return "\n".join(lines)


def _run(name: str, options: list[str]) -> int:
    module, _ = COMMANDS[name]
    import tyro

    from gala_viz.commands.helptext import REGISTRY

    command = tyro.cli(import_module(module).Arguments, prog=f"gala-viz {name}", args=options, registry=REGISTRY)
    return command.run() or 0
