"""``gala-viz fetch``: public data and weights from their publishers, with licence, citation and checksums."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import Annotated

import tyro

from gala_viz.commands.terminal_progress import progress_printer

MIB = 2**20


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Fetch public data or weights from their publishers.

    NAME is clickme, clickme-tfrecords, clickme-harmonization, osie, salicon, mit1003, cat2000 or harmonized-weights.
    Without it all are listed, with parts and licences. No address was visited when this was written: each is as a
    public repository quotes it, and may have moved. What was interrupted goes on when the command is given again.
    Checksums are compared with published ones where they are known, else with those of the first fetch. Archives are
    unpacked; SOURCE.txt (licence, citation) and SHA256SUMS stand beside the files.
    """

    name: Annotated[str, tyro.conf.Positional] = ""
    """What to fetch."""
    into: Path | None = None
    """Folder; default: one of the source's name here."""
    parts: tuple[str, ...] = ()
    """Parts of the source, for example train val; default: all."""
    shards: str = ""
    """Of clickme-harmonization: numbers of shards, for example 0-3 or 0,5-7, or all."""
    mirror: str | None = None
    """Address of a folder with the same files on another server."""
    quiet: bool = False
    """No progress."""

    def run(self) -> int:
        """Fetch, and print how to open what came; or print the list."""
        from gala_viz.fetch.fetch_source import fetch_source
        from gala_viz.fetch.sources import SOURCES, select_files

        if not self.name:
            sys.stdout.write(source_list())
            return 0
        source, files = SOURCES[self.name], select_files(self.name, self.parts, self.shards)
        folder = (self.into or Path(self.name)).expanduser()
        sys.stdout.write(f"{source.title}\nlicence: {source.licence}\nplease cite: {source.citation}\n")
        sys.stdout.flush()

        def bytes_of(file: str):
            tell = progress_printer(f"{file}, MiB", quiet=self.quiet)
            return lambda done, total: tell(done // MIB, total // MIB)

        def say(sentence: str) -> None:
            sys.stdout.write(f"{sentence}\n")
            sys.stdout.flush()

        fetch_source(self.name, files, folder, mirror=self.mirror, progress=bytes_of, say=say)
        lines = "".join(f"  {line.replace('FOLDER', str(folder))}\n" for line in source.opens)
        sys.stdout.write(f"open it with:\n{lines}")
        return 0


def source_list() -> str:
    """Return the names of all sources with titles, parts, licences and notes, as lines to read."""
    from gala_viz.fetch.sources import NOT_VISITED, SOURCES

    lines = [NOT_VISITED, ""]
    for name, source in SOURCES.items():
        parts = source.parts or {f"{part} (shards 0-{n - 1})": () for part, (_, _, n) in source.shards.items()}
        texts = [source.title, f"parts: {', '.join(parts)}", f"licence: {source.licence}"]
        texts += [f"note: {source.note}"] if source.note else []
        lines.append(name)
        for text in texts:
            lines += wrap(text, 96, initial_indent="  ", subsequent_indent="    ")
    return "\n".join([*lines, ""])
