"""The experimenter's page: what the game has collected, day by day and image by image, behind a password."""

from __future__ import annotations

import asyncio
import io
import tempfile
import zipfile
from functools import partial
from pathlib import Path

import pandas as pd
import panel as pn
import panel_material_ui as pmui

from gala_viz.behavior.collected import rounds_by_image
from gala_viz.behavior.database import Database
from gala_viz.behavior.export import KINDS, ExportSpec, export
from gala_viz.behavior.overview import overview, reliability
from gala_viz.behavior.password import VARIABLE, Password
from gala_viz.behavior.switches import pause
from gala_viz.behavior.with_collected import WithCollected
from gala_viz.collections.clickme.filters import RoundFilters
from gala_viz.collections.collection import Collection
from gala_viz.panels.collected_markup import collected_counts, reliability_told
from gala_viz.panels.facts import facts
from gala_viz.panels.markup import alert
from gala_viz.panels.panel_patches import mend_writing
from gala_viz.panels.styles import PAGE_SX, THEME
from gala_viz.plots.collected import map_preview, reliability_curve, rounds_by_day

mend_writing()

TITLE = "ClickMe: collected"
ROWS = 12
FILES = "<h2>Files</h2><p>All finished rounds. Filters are options of <code>gala-viz records export</code>.</p>"
EVERYTHING = RoundFilters(min_clicks=1, min_catch_score=None, drop_mobile=False, first_round=False)


def experimenter_page(collection: Collection, database: Database, password: Password | None) -> pmui.Page:
    """The page of one session; nothing of the records is read before the password was right."""
    return ExperimenterPage(collection, database, password).page


class ExperimenterPage:
    """A door with a password, and behind it counts, maps, catch scores, reliability, the switch, the files."""

    def __init__(self, collection: Collection, database: Database, password: Password | None) -> None:
        self._collection, self._database, self._password = collection, database, password
        self.body = pn.Column(sizing_mode="stretch_width", margin=(12, 20))
        self.page = pmui.Page(title=TITLE, main=[self.body], theme_config=THEME, sx=PAGE_SX, busy_indicator="linear")
        if password is None:
            closed = f"<h1>This page is closed</h1><p>Start the server with a password in {VARIABLE}.</p>"
            self.body.append(facts(closed))
            return
        self.tried = pmui.PasswordInput(label="Password", width=320)
        self.refusal = facts()
        enter = pmui.Button(label="Open", width=120)
        enter.on_click(self.open)
        self.tried.param.watch(self.open, "value")
        self.body.extend([facts("<h1>For the experimenter</h1>"), self.tried, enter, self.refusal])

    def open(self, _: object = None) -> None:
        """Show everything, if the password is right."""
        if not self.tried.value:
            return
        try:
            right = self._password.is_right(self.tried.value)
        except PermissionError as error:
            self.refusal.object = alert(str(error))
            return
        if not right:
            self.refusal.object = alert("That is not the password.")
            return
        self.show()

    def show(self, _: object = None) -> None:
        """Read the records anew and show them."""
        found = overview(self._database)
        self.paused = pmui.Switch(label="Paused: no new rounds are given", value=found.paused)
        self.paused.param.watch(lambda event: pause(self._database, event.new), "value")
        again = pmui.Button(label="Read again", variant="outlined")
        again.on_click(self.show)
        self.images = self._image_table()
        self.preview = facts('<p class="muted">Choose an image in the table to see its map.</p>')
        self.images.param.watch(self._show_map, "selection")
        self.reliability = facts('<p class="muted">Split-half rho of the maps, as rounds came in.</p>')
        self.curve = pn.Column(margin=0)
        compute = pmui.Button(label="Compute reliability", variant="outlined")
        compute.on_click(self._show_reliability)
        whose = (False, True) if found.n_simulated else (False,)
        files = [self._file(kind, simulated=simulated) for simulated in whose for kind in KINDS]
        scores = pd.DataFrame(sorted(found.catch_scores.items()), columns=["participant", "catch score"])
        self.body[:] = [
            pn.Row(facts(collected_counts(self._collection.title, found)), again, self.paused),
            pn.pane.Bokeh(rounds_by_day(found.by_day), sizing_mode="stretch_width"),
            pn.Row(
                pn.Column(facts("<h2>Rounds of each image</h2>"), self.images),
                pn.Column(facts("<h2>Map</h2>"), self.preview, width=340),
            ),
            pn.Row(
                pn.Column(facts("<h2>Catch trials</h2>"), pn.pane.DataFrame(scores, index=False), width=420),
                pn.Column(facts("<h2>Reliability</h2>"), compute, self.reliability, self.curve),
            ),
            pn.Column(facts(FILES), pn.FlexBox(*files)),
        ]

    def _image_table(self) -> pn.widgets.Tabulator:
        counts = [rounds_by_image(self._database, self._collection.name, simulated=one) for one in (False, True)]
        rows = [
            (image, self._collection.category(image) or "", counts[0].get(image, 0), counts[1].get(image, 0))
            for image in self._collection.images
        ]
        frame = pd.DataFrame(rows, columns=["image", "category", "rounds", "simulated rounds"])
        frame = frame.sort_values(["rounds", "simulated rounds"], ascending=False, ignore_index=True)
        return pn.widgets.Tabulator(
            frame, disabled=True, pagination="remote", page_size=ROWS, selectable=1, show_index=False, height=420
        )

    def _show_map(self, event: object) -> None:
        if not event.new:
            return
        image = str(self.images.value.iloc[event.new[0]]["image"])
        maps = WithCollected(self._collection, self._database)
        kind = next((kind for kind in maps.map_kinds if maps.participants(image, kind)), None)
        human = maps.human_map(image, kind)
        people = maps.participants(image, kind)
        self.preview.object = map_preview(self._collection.photo(image), human, image, kind or "", len(people))

    async def _show_reliability(self, _: object) -> None:
        self.reliability.object = '<p class="muted">Computing…</p>'
        simulated = not any(rounds_by_image(self._database, self._collection.name).values())
        found = await asyncio.to_thread(reliability, self._database, self._collection, simulated=simulated)
        self.reliability.object = reliability_told(found, simulated)
        self.curve[:] = [pn.pane.Bokeh(reliability_curve(found.grown))]

    def _file(self, kind: str, *, simulated: bool) -> pmui.FileDownload:
        name = f"{self._collection.name}-{'simulated-' if simulated else ''}{kind}.zip"
        return pmui.FileDownload(callback=partial(self._zipped, kind, simulated), filename=name, label=name)

    def _zipped(self, kind: str, simulated: bool) -> io.BytesIO:
        """One export, zipped in memory."""
        stream = io.BytesIO()
        with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            spec = ExportSpec(filters=EVERYTHING, simulated=simulated)
            export(self._database, self._collection, Path(folder), spec, (kind,))
            for path in sorted(Path(folder).rglob("*")):
                if path.is_file():
                    archive.write(path, path.relative_to(folder))
        stream.seek(0)
        return stream
