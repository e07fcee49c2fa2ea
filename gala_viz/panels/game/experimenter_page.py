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

from gala_viz.collections.clickme.round_filters import RoundFilters
from gala_viz.collections.collection import Collection
from gala_viz.panels.connection_monitor import ConnectionMonitor
from gala_viz.panels.dark_mode import DarkMode, is_dark
from gala_viz.panels.game.experimenter_markup import catch_score_table, reliability_text, round_counts
from gala_viz.panels.game.image_table import ImageTable
from gala_viz.panels.html_pane import html_pane
from gala_viz.panels.markup import alert
from gala_viz.panels.page_head import PAGE_TEMPLATE, set_page_head
from gala_viz.panels.panel_patches import patch_message_dispatch
from gala_viz.panels.styles import PAGE_SX, THEME, grid_css
from gala_viz.plots.game_records import map_preview, reliability_curve, rounds_by_day
from gala_viz.records.database import Database
from gala_viz.records.export import EXPORT_FORMATS, ExportSpec, export_rounds
from gala_viz.records.finished_rounds import count_rounds_by_image
from gala_viz.records.game_maps import CollectionWithGameMaps
from gala_viz.records.overview import overview, reliability
from gala_viz.records.password import PASSWORD_VARIABLE, Password
from gala_viz.records.pause import set_paused

patch_message_dispatch()

TITLE = "ClickMe: collected"
ROWS = 12
UNFILTERED = "Of all finished rounds, not filtered."
FILES = f"<h2>Files</h2><p>{UNFILTERED} Filters are options of <code>gala-viz records export</code>.</p>"
NO_FILTERS = RoundFilters(min_clicks=1, min_catch_score=None, drop_mobile=False, first_round=False)


def experimenter_page(collection: Collection, database: Database, password: Password | None) -> pmui.Page:
    """Build the page of one session; no records are read before the password was right.

    Without a ``password`` the page says how to set one, and shows nothing else.
    """
    return ExperimenterPage(collection, database, password).page


class ExperimenterPage:
    """A password form, and after it counts, maps, catch scores, reliability, the pause switch and files to download."""

    def __init__(self, collection: Collection, database: Database, password: Password | None) -> None:
        self._collection, self._database, self._password = collection, database, password
        self._address = _browser_address()
        self.body = pn.Column(sizing_mode="stretch_width", margin=(12, 14), styles={"max-width": "1600px"})
        self.page = pmui.Page(
            title=TITLE,
            site_url="./",
            main=[self.body],
            theme_config=THEME,
            dark_theme=is_dark() is True,
            sx=PAGE_SX,
            busy_indicator=None,
            template=PAGE_TEMPLATE,
        )
        dark_mode = DarkMode(dark=self.page.dark_theme, width=0, height=0, margin=0)
        self.page.jslink(dark_mode, dark_theme="dark", bidirectional=True)
        self.page.header = [ConnectionMonitor(width=0, height=0, margin=0), dark_mode]
        set_page_head(TITLE, skip_link=True)
        if password is None:
            closed = f"<h1>This page is closed</h1><p>Start the server with a password in {PASSWORD_VARIABLE}.</p>"
            self.body.append(html_pane(closed))
            return
        self.password_input = pmui.PasswordInput(label="Password", width=320)
        self.refusal_pane = html_pane()
        enter = pmui.Button(label="Open", width=120)
        enter.on_click(self.check_password)
        self.password_input.param.watch(self.check_password, "value")
        self.body.extend([html_pane("<h1>For the experimenter</h1>"), self.password_input, enter, self.refusal_pane])

    def check_password(self, _: object = None) -> None:
        """Show everything if the password is right, else why not; do nothing without one."""
        if not self.password_input.value:
            return
        try:
            right = self._password.matches(self.password_input.value, self._address)
        except PermissionError as error:
            self.refusal_pane.object = alert(str(error))
            return
        if not right:
            self.refusal_pane.object = alert("That is not the password.")
            return
        self.refresh()

    def refresh(self, _: object = None) -> None:
        """Read the records anew and show them."""
        records_overview = overview(self._database)
        self.pause_switch = pmui.Switch(label="Paused: no new rounds are given", value=records_overview.paused)
        self.pause_switch.param.watch(lambda event: set_paused(self._database, event.new), "value")
        again = pmui.Button(label="Read again", variant="outlined", margin=(4, 14, 4, 0))
        again.on_click(self.refresh)
        self.image_counts = self._count_rounds()
        self.image_table = ImageTable(caption="Rounds of each image", sizing_mode="stretch_width", margin=0)
        self.image_table.param.watch(self._show_map, "selected")
        n_pages = max(1, -(-len(self.image_counts) // ROWS))
        pages = pmui.Pagination(count=n_pages, sibling_count=0, size="small", visible=n_pages > 1, margin=(6, 0))
        pages.param.watch(lambda event: self._show_rows(event.new), "value")
        self._show_rows(0)
        self.map_preview_pane = html_pane(
            '<p class="muted">Choose an image in the table to see its map.</p>', css="img { width: min(100%, 320px); }"
        )
        self.reliability_pane = html_pane('<p class="muted">Split-half rho of the maps, as rounds came in.</p>')
        self.reliability_plot = pn.Column(sizing_mode="stretch_width", margin=0)
        compute = pmui.Button(label="Compute reliability", variant="outlined", margin=(4, 0))
        compute.on_click(self._show_reliability)
        whose = (False, True) if records_overview.n_simulated else (False,)
        files = [self._file(kind, simulated=simulated) for simulated in whose for kind in EXPORT_FORMATS]
        self.body[:] = [
            html_pane(round_counts(self._collection.title, records_overview)),
            pn.FlexBox(again, self.pause_switch, align_items="center"),
            pn.pane.Bokeh(rounds_by_day(records_overview.by_day), sizing_mode="stretch_width", margin=(8, 0)),
            _side_by_side(
                _part("<h2>Rounds of each image</h2>", self.image_table, pages),
                _part("<h2>Map</h2>", html_pane(f'<p class="muted">{UNFILTERED}</p>'), self.map_preview_pane),
            ),
            _side_by_side(
                _part("<h2>Reliability</h2>", compute, self.reliability_pane, self.reliability_plot),
                _part("<h2>Catch trials</h2>", html_pane(catch_score_table(records_overview.catch_scores))),
            ),
            _part(FILES, pn.FlexBox(*files)),
        ]

    def _count_rounds(self) -> pd.DataFrame:
        """Return all images with their numbers of rounds, most rounds first."""
        counts = [count_rounds_by_image(self._database, self._collection.name, simulated=one) for one in (False, True)]
        rows = [
            (image, self._collection.category(image) or "", counts[0].get(image, 0), counts[1].get(image, 0))
            for image in self._collection.images
        ]
        frame = pd.DataFrame(rows, columns=["image", "category", "rounds", "simulated rounds"])
        return frame.sort_values(["rounds", "simulated rounds"], ascending=False, ignore_index=True)

    def _show_rows(self, page: int) -> None:
        """Show one page of the table, counted from 0."""
        rows = self.image_counts.iloc[page * ROWS : (page + 1) * ROWS]
        self.image_table.rows = [list(row) for row in rows.astype(object).itertuples(index=False)]

    def _show_map(self, event: object) -> None:
        if not event.new:
            return
        image = event.new
        maps = CollectionWithGameMaps(self._collection, self._database)
        kind = next((kind for kind in maps.map_kinds if maps.participants(image, kind)), None)
        human = maps.human_map(image, kind)
        people = maps.participants(image, kind)
        self.map_preview_pane.object = map_preview(self._collection.photo(image), human, image, kind or "", len(people))

    async def _show_reliability(self, _: object) -> None:
        self.reliability_pane.object = '<p class="muted">Computing…</p>'
        simulated = not any(count_rounds_by_image(self._database, self._collection.name).values())
        result = await asyncio.to_thread(reliability, self._database, self._collection, simulated=simulated)
        self.reliability_pane.object = reliability_text(result, simulated)
        curve = reliability_curve(result.growth)
        self.reliability_plot[:] = [pn.pane.Bokeh(curve, sizing_mode="stretch_width", margin=0)]

    def _file(self, kind: str, *, simulated: bool) -> pmui.FileDownload:
        name = f"{self._collection.name}-{'simulated-' if simulated else ''}{kind}.zip"
        return pmui.FileDownload(callback=partial(self._zipped, kind, simulated), filename=name, label=name)

    def _zipped(self, kind: str, simulated: bool) -> io.BytesIO:
        """Return one export of all finished rounds as a ZIP file in memory."""
        stream = io.BytesIO()
        with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            spec = ExportSpec(filters=NO_FILTERS, simulated=simulated)
            export_rounds(self._database, self._collection, Path(folder), spec, (kind,))
            for path in sorted(Path(folder).rglob("*")):
                if path.is_file():
                    archive.write(path, path.relative_to(folder))
        stream.seek(0)
        return stream


def _part(heading: str, *parts: object) -> pn.Column:
    return pn.Column(html_pane(heading), *parts, sizing_mode="stretch_width", margin=(8, 0))


def _side_by_side(wide: pn.Column, narrow: pn.Column) -> pn.Column:
    """Lay out two parts side by side, or below each other in a narrow window."""
    columns = grid_css("minmax(0, 3fr) minmax(0, 2fr)", "28px")
    rules = [columns, ":host { align-items: start !important; }"]
    return pn.Column(wide, narrow, sizing_mode="stretch_width", margin=0, stylesheets=rules)


def _browser_address() -> str:
    """Return the network address of the browser that opened the present session; "" outside of a server."""
    context = pn.state.curdoc.session_context if pn.state.curdoc is not None else None
    return getattr(getattr(context, "request", None), "remote_ip", "")
