// The strip under the main row: what every panel holds at the crosshair, as text and as CSV.

const HINT = "Drag to pan, wheel to zoom, click to hold the crosshair."
const PANELS = ["photo", "human", "a", "b", "delta"]

function element(tag, name, text = "") {
  const node = document.createElement(tag)
  node.className = name
  node.textContent = text
  return node
}

function short(value) {
  if (!Number.isFinite(value)) { return "–" }
  if (value === 0) { return "0" }
  const size = Math.abs(value)
  return size < 1e-3 || size >= 1e5 ? value.toExponential(2) : value.toPrecision(3)
}

function make_readout(el, actions) {
  const strip = element("div", "strip abreast")
  const cells = Object.fromEntries(PANELS.map((panel) => {
    const cell = element("div", `cell ${panel}`)
    cell.dataset.panel = panel
    cell.append(element("span", "value", panel === "photo" ? "Point at a panel" : "–"), element("span", "percentile"))
    strip.append(cell)
    return [panel, cell]
  }))
  const bar = element("div", "bar")
  const buttons = {}
  for (const [name, label, title, act] of actions) {
    const button = element("button", "action", label)
    button.type = "button"
    button.title = title
    button.dataset.action = name
    button.addEventListener("click", act)
    buttons[name] = button
    bar.append(button)
  }
  const root = element("div", "root")
  root.append(strip, bar)
  el.append(root)
  const show = (shown) => {
    strip.classList.toggle("four", shown.length === 4)
    for (const panel of PANELS) { cells[panel].hidden = !shown.includes(panel) }
  }
  return {strip, cells, buttons, show}
}

// Panels whose maps have a Monte-Carlo error.
function has_error(panel) {
  return ["a", "b", "delta"].includes(panel)
}

function error_title(title) {
  return `${title}, standard error`
}

function write_cell(cell, value, sorted, error = NaN) {
  const percentile = Number.isFinite(value) ? percentile_of(sorted, value) : NaN
  cell.dataset.value = value
  cell.dataset.percentile = percentile
  cell.dataset.error = Number.isFinite(error) ? error : ""
  cell.children[0].textContent = Number.isFinite(error) ? `${short(value)} ± ${short(error)}` : short(value)
  cell.children[1].textContent = Number.isFinite(percentile) ? `${percentile.toFixed(1)} % of pixels are at or below` : ""
}

function rgb_of(packed) {
  return [packed & 255, (packed >> 8) & 255, (packed >> 16) & 255]
}

function write_photo(cell, x, y, packed) {
  const [r, g, b] = rgb_of(packed)
  cell.dataset.x = Math.floor(x)
  cell.dataset.y = Math.floor(y)
  cell.dataset.value = `${r},${g},${b}`
  cell.children[0].textContent = `x ${Math.floor(x)}, y ${Math.floor(y)} px`
  cell.children[1].textContent = `RGB ${r} ${g} ${b}`
}

function csv_field(text) {
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

// All pixels of the visible region, one line each, row by row.
function region_csv(sources, range, titles) {
  const photo = sources.photo.get_column("image")[0]
  const [rows, columns] = photo.shape
  const head = ["x_px", "y_px", "red", "green", "blue", ...PANELS.slice(1).map((panel) => csv_field(titles[panel] ?? panel)),
    ...PANELS.filter(has_error).map((panel) => csv_field(error_title(titles[panel] ?? panel)))]
  const lines = [head.join(",")]
  const clamp = (value, end) => Math.min(Math.max(value, 0), end)
  for (let y = clamp(Math.floor(range.y0), rows); y < clamp(Math.ceil(range.y1), rows); y++) {
    for (let x = clamp(Math.floor(range.x0), columns); x < clamp(Math.ceil(range.x1), columns); x++) {
      const values = PANELS.slice(1).map((panel) => value_at(sources[panel], x + 0.5, y + 0.5))
      values.push(...PANELS.filter(has_error).map((panel) => value_at(sources[panel], x + 0.5, y + 0.5, "error")))
      lines.push([x, y, ...rgb_of(photo[y * columns + x]), ...values.map((v) => (Number.isFinite(v) ? v : ""))].join(","))
    }
  }
  return lines.join("\n") + "\n"
}
