// Python: cell_theme.py. The looks of a notebook's cell: the notebook's own colours, or those of its light or dark kind, for all parts within.

const KINDS = {
  light: {a: "#2060a8", b: "#b8371f", soft: "rgba(20, 40, 60, 0.05)", line: "rgba(20, 40, 60, 0.18)", primary: "#245a92", ink: "#1a1f24", paper: "#ffffff"},
  dark: {a: "#74b0f0", b: "#f0896f", soft: "rgba(220, 235, 255, 0.06)", line: "rgba(220, 235, 255, 0.2)", primary: "#7fb2e6", ink: "#e8ecf0", paper: "#111111"},
}

function luminance(colour) {
  const [red, green, blue, alpha = 1] = (colour.match(/[\d.]+/g) ?? []).map(Number)
  return alpha === 0 || blue == null ? null : (0.299 * red + 0.587 * green + 0.114 * blue) / 255
}

// JupyterLab and Notebook, then VS Code, tell their kind; else the page's background does.
function is_dark() {
  const {jpThemeLight, vscodeThemeKind} = document.body.dataset
  if (jpThemeLight != null) { return jpThemeLight === "false" }
  if (vscodeThemeKind != null) { return /dark|high-contrast$/.test(vscodeThemeKind) }
  return (luminance(getComputedStyle(document.body).backgroundColor) ?? 1) < 0.5
}

function outermost(el) {
  let at = el
  while (at.getRootNode() instanceof ShadowRoot) { at = at.getRootNode().host }
  return at
}

// What the kernel has changed is no news to it; the widget's view would send it back, late, over what came since.
function without_echo(doc) {
  if (doc.tells_only_news) { return }
  doc.tells_only_news = true
  const tell = doc._trigger_on_change.bind(doc)
  doc._trigger_on_change = (event) => { if (event.sync !== false) { tell(event) } }
}

// Figures are drawn for white paper; here their paper is the cell's.
function ink(doc, colour) {
  const text = (...names) => Object.fromEntries(names.map((name) => [`${name}_text_color`, colour]))
  const line = (...names) => Object.fromEntries(names.map((name) => [`${name}_line_color`, colour]))
  for (const one of doc._all_models.values()) {
    const name = one.type ?? ""
    const looks = name === "Figure" ? {border_fill_color: null, background_fill_color: null}
      : name === "ColorBar" ? {background_fill_color: null, ...text("title", "major_label")}
        : name.endsWith("Axis") ? {...text("axis_label", "major_label"), ...line("axis", "major_tick", "minor_tick")}
          : name === "Title" ? {text_color: colour} : null
    if (looks != null) { one.setv(looks, {sync: false}) }
  }
}

export function render({model, view, el}) {
  without_echo(view.model.document)
  const dress = () => {
    const dark = is_dark()
    const kind = KINDS[dark ? "dark" : "light"]
    const put = (name, value) => outermost(el).style.setProperty(name, value)
    for (const name of ["a", "b", "soft", "line"]) { put(`--gv-${name}`, kind[name]) }
    put("--panel-primary-color", kind.primary)
    put("--panel-on-primary-color", dark ? "#101418" : "#ffffff")
    put("--panel-surface-color", kind.paper)
    put("--panel-background-color", kind.paper)
    put("--panel-on-surface-color", kind.ink)
    put("--panel-on-background-color", kind.ink)
    put("color-scheme", dark ? "dark" : "light")
    ink(view.model.document, kind.ink)
    if (model.dark !== dark) { model.dark = dark }
    outermost(el).dataset.lmSuppressShortcuts = "true" // keys typed here are no commands: "dd" would delete a cell
  }
  for (const line of document.querySelectorAll(`[data-gala-viz-hint="${model.hint_id}"]`)) { line.remove() }
  dress()
  setTimeout(() => { dress(); model.render_count += 1 }, 0) // once the outermost element is in its place
  const watching = new MutationObserver(dress)
  watching.observe(document.body, {attributes: true, attributeFilter: ["data-jp-theme-light", "data-vscode-theme-kind", "class"]})
  model.on("remove", () => watching.disconnect())
}
