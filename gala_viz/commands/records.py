"""``gala-viz records``: what the game has collected: shown, exported, deleted, paused."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from gala_viz.counts import counted

if TYPE_CHECKING:
    from gala_viz.collections.collection import Collection
    from gala_viz.records.database import Database


WAITING_TEXT = " (not in the numbers above; a game that starts, and an export, store what dead ones left)"


@dataclass(frozen=True, kw_only=True)
class FilterOptions:
    """Which rounds are left out of an export."""

    first_round: bool = True
    """Only a participant's first round on an image."""
    min_clicks: int = 2
    """Rounds with fewer points are dropped."""
    max_clicks: int | None = None
    """Only so many points of a round count."""
    min_catch_score: float | None = 0.95
    """Participants who passed a smaller share of their catch trials are dropped, by --catch-rule."""
    catch_rule: Literal["score", "interval"] = "interval"
    """interval: whose 95 % interval lies below that share, so that few trials exclude nobody wrongly; score: whose
    score does, of however few trials, as the published ClickMe data are filtered."""
    min_catch_trials: int = 1
    """With fewer catch trials nobody is dropped by them."""
    drop_mobile: bool = True
    """Rounds on phones are dropped."""
    min_participants: int = 1
    """Images with fewer participants, counted after the other filters, are dropped."""


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Look after what the game has collected."""

    action: Annotated[Literal["status", "export", "forget", "pause", "resume"], tyro.conf.Positional]
    """Tell what is there; write files; delete one participant; stop giving rounds, or go on."""
    records: str = "records.sqlite"
    """The file or the URL of the database."""
    collection: str | None = None
    """Of which collection; export needs it."""
    out: Path = Path("collected")
    """Folder for exported files."""
    kinds: tuple[str, ...] = ("csv", "npz", "tfrecords", "zarr")
    """Files to write: csv, npz, tfrecords, zarr."""
    smoothing: str = "discs"
    """How maps are smoothed: discs, gaussian, harmonization, or none."""
    simulated: bool = False
    """Export rounds of simulated participants, which are never mixed with people's."""
    participant: str | None = None
    """The number of the participant to delete, as the game shows it."""
    filters: Annotated[FilterOptions, tyro.conf.arg(name="")] = field(default_factory=FilterOptions)

    def run(self) -> int:
        """Open the database and act."""
        from gala_viz.records.database import open_database

        if "://" not in self.records and not Path(self.records).expanduser().is_file():
            raise FileNotFoundError(f"--records names the database of a game; {self.records} is not there.")
        with open_database(self.records) as database:
            return {
                "status": self._status,
                "export": self._export,
                "forget": self._forget,
                "pause": self._pause,
                "resume": self._pause,
            }[self.action](database)

    def _status(self, database: Database) -> int:
        from gala_viz.records.overview import overview

        sys.stdout.write(overview(database).summary() + _copies_beside(database))
        return 0

    def _export(self, database: Database) -> int:
        """Write the files of an export, and print how many rounds they hold and which were dropped."""
        from dataclasses import asdict

        from gala_viz.collections.clickme.round_filters import RoundFilters
        from gala_viz.records.export import ExportSpec, export_rounds
        from gala_viz.records.journal import journal_folder

        spec = ExportSpec(
            filters=RoundFilters(**asdict(self.filters)), smoothing=self.smoothing, simulated=self.simulated
        )
        report = export_rounds(database, self._opened(), self.out, spec, self.kinds)
        dropped = ", ".join(f"{what}: {count}" for what, count in report["dropped"].items() if count) or "none"
        sys.stdout.write(
            f"{report['rounds']} of {counted(report['rounds_before'], 'round')} of "
            f"{counted(report['participants'], 'participant')} on "
            f"{counted(report['images'], 'image')} written to {self.out}; dropped: {dropped}.\n"
            f"splits of the images: {', '.join(f'{split} {n}' for split, n in report['splits'].items())}"
            f"{'; NOT SURE: ' if report['split_doubt'] else ''}{report['split_doubt']}.\n"
        )
        for text in report["catch_scores_below"]:
            sys.stdout.write(f"catch trials of {text}.\n")
        if report["journal_entries_waiting"]:
            sys.stdout.write(
                f"At most {report['journal_entries_waiting']} entries wait in {journal_folder(database)} and may be "
                "missing here: they are of a game that runs, or cannot be stored now. Export again later, or start the "
                "game once.\n"
            )
        return 0

    def _opened(self) -> Collection:
        from gala_viz.collections import open_collection

        if self.collection is None:
            raise ValueError("--collection says which collection's rounds are exported.")
        return open_collection(self.collection)

    def _forget(self, database: Database) -> int:
        """Delete everything of one participant, and print what was deleted."""
        from gala_viz.records.participants import Participants

        if self.participant is None:
            raise ValueError("--participant is the number that the game shows its player.")
        deleted = Participants(database).withdraw_participant(self.participant)
        counts = [counted(deleted.n_rounds, "round")]
        if deleted.n_sessions:
            counts.append(f"{counted(deleted.n_sessions, 'sitting')} of experiments")
        if deleted.n_journal_entries:
            counts.append(f"{counted(deleted.n_journal_entries, 'entry', 'entries')} of the game's journal")
        if deleted.changed_backups:
            counts.append(f"also from the copies {', '.join(str(copy) for copy in deleted.changed_backups)}")
        sys.stdout.write(f"Everything of participant {self.participant} is deleted: {', '.join(counts)}.\n")
        if database.dialect != "sqlite":
            sys.stdout.write(
                "Journals of games on other machines lose what they hold of them when the game there next writes, or "
                "next starts.\n"
            )
        for copy, reason in deleted.unchanged_backups.items():
            sys.stderr.write(f"{copy} still holds them and could not be changed ({reason}): delete it by hand.\n")
        return 1 if deleted.unchanged_backups else 0

    def _pause(self, database: Database) -> int:
        from gala_viz.records.pause import set_paused

        set_paused(database, self.action == "pause")
        sys.stdout.write("The game gives no new rounds.\n" if self.action == "pause" else "The game goes on.\n")
        return 0


def _copies_beside(database: Database) -> str:
    """Return lines on what else holds data of participants: the journal of this machine's games, and backups."""
    from gala_viz.records.journal import count_waiting_entries, journal_folder, refused_entries
    from gala_viz.records.upgrade import backup_files

    waiting, refused = count_waiting_entries(database), len(refused_entries(database))
    text = counted(waiting, "entry waits", "entries wait")
    text = f"at most {text}" if waiting else text  # a running server's journal also has entries that are stored
    copies = backup_files(database.file) if database.file else []
    return "".join(
        [
            f"journal, for what a game has received and not yet stored: {journal_folder(database)}: {text}"
            f"{WAITING_TEXT if waiting else ''}, {refused:,} {'was' if refused == 1 else 'were'} refused\n",
            *(f"copy of before an upgrade: {copy}\n" for copy in copies),
        ]
    )
