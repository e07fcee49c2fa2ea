// Python: map_display.py. How the maps look and what the crosshair reads, all in the browser: the server only sends arrays.

const FONT = "13px Roboto, sans-serif"

export function render({model, view, el}) {
  const doc = view.model.document
  const find = (name) => doc.get_model_by_name(`${model.key}/${name}`)
  const maps = PANELS.slice(1)
  let shown = PANELS.filter((panel) => model.panels.includes(panel)) // the others have figures that nobody sees
  const width_of = (figure) => (figure.properties.inner_width.is_unset ? 0 : figure.inner_width) // unset until it is laid out
  const laid_out = () => shown.filter((panel) => width_of(figures[panel]) > 0)
  const on = (one, property, act) => one.properties[property].change.connect(act)
  const figures = Object.fromEntries(PANELS.map((panel) => [panel, find(`figure/${panel}`)]))
  const sources = Object.fromEntries(PANELS.map((panel) => [panel, find(`source/${panel}`)]))
  const glyphs = Object.fromEntries(maps.map((panel) => [panel, find(`glyph/${panel}`)]))
  const part_lines = PANELS.flatMap((panel) => [find(`part-halo/${panel}`), find(`part/${panel}`)])
  const lines = maps.flatMap((panel) => [find(`halo/${panel}`), find(`line/${panel}`)])
  const flicker_glyph = find("glyph/flicker")
  const spans = {x: find("span/x"), y: find("span/y")}
  const layers = find("layers")
  const cross = find("layers/cross")
  const cells = model.layer_cells.map(([row, column]) => ({
    row, column, source: find(`layers/source/${row}/${column}`), glyph: find(`layers/glyph/${row}/${column}`),
  }))
  const grid = sources.photo.get_column("image")[0].shape
  let looks = {} // all of them; a page without human maps or known parts has inputs for some only
  let held = false
  let here = null

  const readout = make_readout(el, [
    ["flicker", "Flicker", "Show the second network in the first one's place (Space)", () => flip()],
    ["noise", "Noisy copy", "One noisy copy of the photograph in its place, as SmoothGrad gives it to the networks", () => show_noise(!noisy)],
    ["erase", "Erase and reveal", "Hide a part of the photograph and ask both networks again (B)", () => { model.erase_reveal = !model.erase_reveal }],
    ["paint", "Paint", "Paint your own map of what matters, and see how alike it is to networks and people (M)", () => { model.own_map = !model.own_map }],
    ["reset", "Reset zoom", "Show the whole frame", () => reset()],
    ["copy", "Copy values", "Copy the values at the crosshair as CSV", () => copy()],
    ["save", "Region as CSV", "Save every visible pixel of all panels as CSV", () => save()],
  ])

  readout.show(shown)

  // ---- colours

  const background = () => {
    const colour = getComputedStyle(el).getPropertyValue("--panel-surface-color").trim()
    return /^#[0-9a-f]{6}$/i.test(colour) ? colour : (model.dark ? "#121212" : "#ffffff")
  }
  const revealing = () => {
    const colour = background()
    return Array.from({length: 256}, (_, i) => colour + (255 - i).toString(16).padStart(2, "0"))
  }

  const image_of = (source) => source.get_column("image")?.[0]
  const known_values = (source) => order(image_of(source)).plain.length > 0

  const paint = (glyph, values, limits, palette, opacity, gone) => {
    const mapper = glyph.glyph.color_mapper
    mapper.setv({low: limits[0], high: limits[1], palette: thresholded(palette, values, limits, looks.threshold, gone)})
    if (glyph.glyph.global_alpha?.value !== opacity) { glyph.glyph.global_alpha = {value: opacity} }
  }

  const recolour = () => {
    const {scale, opacity, human_style: style, palette, contours} = looks
    const sequential = model.palettes[palette]
    const colours = (limits) => (limits[0] < 0 && limits[1] === -limits[0] ? model.diverging : sequential)
    const pair = [image_of(sources.a), image_of(sources.b)]
    const limits = pair_limits(pair, scale, model.from_zero, model.own_scales)
    paint(glyphs.a, pair[0], limits[0], colours(limits[0]), opacity)
    for (const glyph of [glyphs.b, flicker_glyph]) { paint(glyph, pair[1], limits[1], colours(limits[1]), opacity) }

    const delta = image_of(sources.delta)
    const {size} = order(delta)
    const end = (scale === "raw" ? size[size.length - 1] : quantile(size, CLIP_PERCENTILE)) || 1
    paint(glyphs.delta, delta, [-end, end], model.diverging, opacity)

    const human = image_of(sources.human)
    const known = order(human).plain.length > 0
    const human_limits = colour_limits([human], scale === "raw" ? "raw" : "per map")[0]
    if (style === "revealed") {
      paint(glyphs.human, human, [0, human_limits[1]], revealing(), 1, `${background()}ff`)
    } else {
      paint(glyphs.human, human, human_limits, sequential, opacity)
    }
    glyphs.human.visible = known && style !== "contours"
    for (const line of lines) {
      const own = line.name.endsWith("/human")
      line.visible = known && (contours || (own && style === "contours"))
    }
    for (const line of part_lines) { line.visible = looks.parts }
    find("note").visible = !known
    if (bars.get("human").visible !== known) { bars.get("human").visible = known } // no scale of nothing

    const scale_texts = []
    for (const {row, column, source, glyph} of cells) {
      const rows = scale === "per map" ? [{row, column, source}] : cells.filter((one) => one.column === column)
      const ends = rows.map((one) => colour_limits([image_of(one.source)], scale, true)[0])
      const range = [Math.min(...ends.map((one) => one[0])), Math.max(...ends.map((one) => one[1]))]
      paint(glyph, image_of(source), range, sequential, opacity)
      scale_texts.push(known_values(source) ? `${short(range[0])}–${short(range[1])}` : "")
    }
    const scales = find("layers/scales")
    if (scales != null && scale_texts.some((text, i) => text !== scales.get_column("text")[i])) {
      scales.data = {...Object.fromEntries(["x", "y"].map((n) => [n, scales.get_column(n)])), text: scale_texts}
    }
    show_within_error(delta)
    flick()
    tell_units()
    el.dataset.painted = String(Number(el.dataset.painted ?? 0) + 1)
  }

  // What lies within the delta's error: the photograph alone over it, or an outline.
  const error_glyph = find("glyph/within-error")
  const error_of = (source) => source.get_column("error")?.[0]
  const show_within_error = (delta) => {
    const photo = image_of(sources.photo)
    const mask = looks.within_error === "shown" ? null : beyond_error(delta, error_of(sources.delta))
    const fits = mask != null && photo.length === delta.length
    if (fits) {
      const picture = within_error_picture(mask, delta.shape, photo, looks.within_error)
      const image = new photo.constructor(picture, photo.shape)
      error_glyph.data_source.data = {...Object.fromEntries(["x", "y", "dw", "dh"].map((n) => [n, sources.delta.get_column(n)])), image: [image]}
    }
    error_glyph.visible = fits
  }

  // Room for lines, once given, is kept until the figures' width changes: titles that come and go move nothing.
  const rooms = new Map()
  const steady = (what, count) => {
    const width = Math.round(width_of(figures.a))
    const most = rooms.get(what)?.width === width ? Math.max(rooms.get(what).most, count) : count
    rooms.set(what, {width, most})
    return most
  }
  const titled = (panel, place) => (model.titles[place] ?? " ") + (place === panel ? "" : " (in place)")
  // Over a figure stands what its column's title does not say; in one line, so that nothing moves in a flicker.
  const caption = (panel, place) => (place === panel ? model.captions[panel] ?? "" : `In place: ${model.titles[place]}`)
  const bars = new Map(maps.map((panel) => [panel, figures[panel].below.find((one) => one.color_mapper != null)]))
  const flick = () => {
    glyphs.a.visible = !model.flicker
    flicker_glyph.visible = model.flicker
    const ink = getComputedStyle(el).getPropertyValue("--panel-on-surface-color").trim() || (model.dark ? "#ffffff" : "#000000")
    for (const panel of laid_out()) {
      const place = panel === "a" && model.flicker ? "b" : panel
      const explained = panel === "photo" ? HINT : model.explanations[place] ?? ""
      readout.cells[panel].title = [titled(panel, place), explained].filter((part) => part.trim()).join(". ")
      const text = lines_of(caption(panel, place), figures[panel].inner_width, FONT, 1)[0] || " "
      figures[panel].title.setv({text, text_color: ink, text_font_size: "13px", text_font_style: "normal"})
    }
    readout.buttons.flicker.setAttribute("aria-pressed", String(model.flicker))
    tell_scale_in_place()
  }
  // Below the first figure stands the scale of what is in it, which has another unit where two methods are compared.
  const own_bar = {title: null, shown: null}
  const tell_scale_in_place = () => {
    const [first, second] = [bars.get("a"), bars.get("b")]
    if (first == null || second == null) { return }
    const in_place = model.flicker && model.own_scales
    first.color_mapper = (in_place ? flicker_glyph : glyphs.a).glyph.color_mapper
    if (in_place && own_bar.title == null) {
      Object.assign(own_bar, {title: first.title, shown: second.title})
      first.title = second.title
    } else if (!in_place && own_bar.title != null) {
      if (first.title === own_bar.shown) { first.title = own_bar.title }
      own_bar.title = null
    }
  }
  const units = new Map() // bar -> what its title says, and that in lines
  const tell_units = () => {
    const seen = laid_out()
    const labels = [...bars].filter(([panel]) => seen.includes(panel)).map(([panel, bar]) => {
      const text = units.get(bar)?.set === bar.title ? units.get(bar).text : bar.title ?? ""
      return {panel, bar, text, lines: lines_of(text, figures[panel].inner_width - 4, FONT, 3)}
    })
    const count = steady("units", Math.max(...labels.map(({lines}) => lines.length)))
    for (const {panel, bar, text, lines} of labels) {
      const set = block(lines, count)
      units.set(bar, {text, set})
      if (bar.title === set) { continue }
      const taller = set.split("\n").length !== (bar.title ?? "").split("\n").length
      bar.title = set
      if (taller) { figures[panel].properties.below.change.emit() } // a bar does not ask for its title's room itself
    }
  }
  const flip = () => { model.flicker = !model.flicker }

  let asked = false
  const redraw = () => {
    looks = {...looks, ...model.display_settings, ...model.more_display_settings}
    if (asked) { return }
    asked = true
    requestAnimationFrame(() => { asked = false; recolour(); if (here != null) { read(here) } })
  }

  // ---- one noisy sample, made here: the networks' inputs are linear in the pixels, so a share of the range is the same

  const noise_glyph = find("glyph/noisy")
  let noisy = false
  const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random())
  const show_noise = (on) => {
    noisy = on
    readout.buttons.noise.setAttribute("aria-pressed", String(on))
    if (on) {
      const clean = image_of(sources.photo)
      const bytes = new Uint8ClampedArray(clean.buffer, clean.byteOffset, clean.byteLength)
      const colour = bytes.filter((_, i) => i % 4 !== 3)
      const sigma = model.noise.noise_fraction * (colour.reduce((a, b) => Math.max(a, b), 0) - colour.reduce((a, b) => Math.min(a, b), 255))
      const made = bytes.map((value, i) => (i % 4 === 3 ? 255 : value + sigma * normal()))
      const source = noise_glyph.data_source
      const image = new clean.constructor(new Uint32Array(clean), clean.shape)
      new Uint8Array(image.buffer, image.byteOffset, image.byteLength).set(made)
      source.data = {...Object.fromEntries(["x", "y", "dw", "dh"].map((n) => [n, sources.photo.get_column(n)])), image: [image]}
    }
    noise_glyph.visible = on
  }

  // ---- the crosshair

  const read = (at) => {
    here = at
    const photo = value_at(sources.photo, at.x, at.y)
    if (Number.isNaN(photo)) { return }
    spans.x.location = at.x
    spans.y.location = at.y
    spans.x.visible = spans.y.visible = true
    write_photo(readout.cells.photo, at.x, at.y, photo)
    for (const panel of maps) {
      write_cell(readout.cells[panel], value_at(sources[panel], at.x, at.y), order(image_of(sources[panel])).plain, value_at(sources[panel], at.x, at.y, "error"))
    }
    if (cross != null) {
      const step = 1 + model.layer_gap
      cross.data = {x: cells.map((one) => one.column * step * grid[1] + at.x), y: cells.map((one) => one.row * step * grid[0] + at.y)}
    }
  }
  let wanted = null
  const point = (at) => {
    if (wanted == null) { requestAnimationFrame(() => { const next = wanted; wanted = null; read(next) }) }
    wanted = at
  }
  const inside = (at) => at.x >= 0 && at.y >= 0 && at.x < grid[1] && at.y < grid[0]
  const hold = (on) => {
    held = on
    readout.strip.classList.toggle("held", on)
  }
  for (const panel of PANELS) {
    figures[panel].on_event("mousemove", (at) => { if (!held && inside(at)) { point({x: at.x, y: at.y}) } })
    figures[panel].on_event("tap", (at) => { if (inside(at)) { hold(!held); point({x: at.x, y: at.y}) } })
    figures[panel].on_event("doubletap", () => reset())
  }
  const cell_at = (at) => {
    const [width, height] = [grid[1] * (1 + model.layer_gap), grid[0] * (1 + model.layer_gap)]
    const [column, row] = [Math.floor(at.x / width), Math.floor(at.y / height)]
    const local = {x: at.x - column * width, y: at.y - row * height}
    return inside(local) && cells.some((one) => one.row === row && one.column === column) ? {row, column, ...local} : null
  }
  layers?.on_event("mousemove", (at) => { const cell = cell_at(at); if (!held && cell != null) { point({x: cell.x, y: cell.y}) } })
  layers?.on_event("tap", (at) => { const cell = cell_at(at); if (cell != null) { model.send_msg({layer: cell.column}) } })

  // Names of layers as small as their columns ask for; where even that is too long, every second one, or third, and so on.
  const names = find("layers/names")
  const all_names = [...(names?.data_source.get_column("text") ?? [])]
  const fit_names = () => {
    const room = layers.inner_width / all_names.length - 4
    const measured = (size) => { pen.font = `${size}px Roboto, sans-serif`; return Math.max(...all_names.map((name) => pen.measureText(name).width)) }
    const {start, end} = layers.y_range
    const high = (layers.inner_height * end) / (end - start) // of the band above the first row
    const size = [11, 10, 9, 8].find((one) => measured(one) <= room && 1.2 * one <= high) ?? 8
    const every = Math.max(1, Math.ceil(measured(size) / Math.max(room, 1)))
    names.glyph.text_font_size = {value: `${size}px`}
    names.data_source.data = {...names.data_source.data, text: all_names.map((name, i) => (i % every === 0 ? name : ""))}
  }
  if (all_names.length > 0) {
    for (const side of ["inner_width", "inner_height"]) { on(layers, side, fit_names) }
    if (width_of(layers) > 0) { fit_names() }
  }

  // ---- actions

  const reset = () => {
    const {x_range, y_range} = figures.photo
    x_range.setv({start: 0, end: grid[1]})
    y_range.setv({start: grid[0], end: 0})
  }
  const said = (name, text) => {
    const button = readout.buttons[name]
    const before = button.textContent
    button.textContent = text
    setTimeout(() => { button.textContent = before }, 1200)
  }
  const copy = async () => {
    if (here == null) { said("copy", "Point first"); return }
    const head = ["x_px", "y_px", "red", "green", "blue", ...maps.flatMap((p) => [model.columns[p], `${model.columns[p]}, percentile`, ...(has_error(p) ? [error_title(model.columns[p])] : [])])]
    const cell = readout.cells
    const row = [cell.photo.dataset.x, cell.photo.dataset.y, cell.photo.dataset.value,
      ...maps.flatMap((p) => [cell[p].dataset.value, cell[p].dataset.percentile, ...(has_error(p) ? [cell[p].dataset.error] : [])])]
    await copy_text(`${head.map(csv_field).join(",")}\n${row.join(",")}\n`)
    said("copy", "Copied")
  }
  const save = () => {
    const {x_range, y_range} = figures.photo
    const range = {x0: x_range.start, x1: x_range.end, y0: Math.min(y_range.start, y_range.end), y1: Math.max(y_range.start, y_range.end)}
    save_text(region_csv(sources, range, model.columns), `${model.filename || "region"}.csv`)
    said("save", "Saved")
  }

  // ---- what is zoomed to is part of the page's address

  const whole = () => [0, grid[1], 0, grid[0]]
  const seen = () => {
    const {x_range, y_range} = figures.photo
    const range = [x_range.start, x_range.end, Math.min(y_range.start, y_range.end), Math.max(y_range.start, y_range.end)]
    const rounded = range.map((value) => Math.round(10 * value) / 10)
    return rounded.every((value, i) => value === whole()[i]) ? [] : rounded
  }
  const alike = (one, other) => one.length === other.length && one.every((value, i) => value === other[i])
  let later = null
  const zoomed = () => {
    clearTimeout(later)
    later = setTimeout(() => { if (!alike(seen(), model.zoom)) { model.zoom = seen() } }, 250)
  }
  const zoom = () => {
    if (alike(seen(), model.zoom)) { return }
    const [x0, x1, y0, y1] = model.zoom.length === 4 ? model.zoom : whole()
    figures.photo.x_range.setv({start: x0, end: x1})
    figures.photo.y_range.setv({start: y1, end: y0})
  }

  // ---- frames keep the photograph's shape at every width

  const aspect = grid[0] / grid[1]
  const fit = () => {
    const wrong = laid_out().map((panel) => figures[panel]).filter(({inner_width: width, inner_height: height}) =>
      width > 20 && Math.abs(width * aspect - height) > 1)
    for (const figure of wrong) { // all at once: each change by itself would lay out the whole page
      const height = Math.round(figure.outer_height - figure.inner_height + figure.inner_width * aspect)
      figure.setv({height}, {silent: figure !== wrong[wrong.length - 1]})
    }
  }
  let fitting = false
  const fit_soon = () => { // once all figures have been laid out, before any is seen
    if (!fitting) { fitting = true; queueMicrotask(() => { fitting = false; fit() }) }
  }

  const listening = new AbortController()
  document.addEventListener("gala-viz:flicker", flip, {signal: listening.signal})
  document.addEventListener("click", (event) => { // a predicted category, wherever its list stands
    const category = event.composedPath().find((node) => node instanceof Element && node.dataset.explain != null)
    if (category != null) { model.send_msg({explain: Number(category.dataset.explain), second: category.closest(".network.b") != null}) }
  }, {signal: listening.signal})
  const tell_erase = () => readout.buttons.erase.setAttribute("aria-expanded", String(model.erase_reveal))
  const tell_paint = () => readout.buttons.paint.setAttribute("aria-expanded", String(model.own_map))
  document.addEventListener("gala-viz:brush", () => { if (!model.erase_reveal) { model.erase_reveal = true } }, {signal: listening.signal})
  document.addEventListener("gala-viz:paint", () => { model.own_map = !model.own_map }, {signal: listening.signal})
  document.addEventListener("gala-viz:escape", () => hold(false), {signal: listening.signal})
  model.on("remove", () => listening.abort())
  const listen = () => {
    looks = {...model.defaults, ...model.display_settings, ...model.more_display_settings}
    for (const panel of PANELS) {
      const figure = figures[panel]
      for (const side of ["inner_width", "inner_height"]) { on(figure, side, () => { fit_soon(); redraw() }) }
      on(sources[panel], "data", redraw)
      on(figure.title, "text_font_size", () => { figure.title.text_font_size = "13px" }) // a theme's would move all
    }
    for (const bar of bars.values()) { on(bar, "title", redraw) }
    fit()
    zoom()
    model.on("zoom", zoom)
    for (const range of [figures.photo.x_range, figures.photo.y_range]) {
      for (const side of ["start", "end"]) { on(range, side, zoomed) }
    }
    for (const {source} of cells) { on(source, "data", redraw) }
    for (const name of ["display_settings", "more_display_settings", "titles", "explanations", "captions", "from_zero", "own_scales"]) { model.on(name, redraw) }
    model.on("dark", () => setTimeout(redraw, 120)) // once the page has its new colours
    model.on("panels", () => { // a column of people comes with the first human map of an upload
      shown = PANELS.filter((panel) => model.panels.includes(panel))
      readout.show(shown)
      redraw()
    })
    model.on("flicker", flick)
    model.on("erase_reveal", tell_erase)
    tell_erase()
    model.on("own_map", tell_paint)
    tell_paint()
    model.on("noise", () => { if (noisy) { show_noise(true) } })
    on(sources.photo, "data", () => { if (noisy) { show_noise(true) } })
    recolour()
  }
  // Figures build themselves over several turns; before they stand there is nothing to colour.
  const start = () => {
    if (listening.signal.aborted) { return }
    if (shown.length === laid_out().length) { listen() } else { requestAnimationFrame(start) }
  }
  start()
}
