// Read by page_head.py. What Bokeh's own classes lack, tried with 3.8 and 3.9; where their names differ nothing is changed.

function patch_bokeh() {
  measure_figures_once_laid_out()
  lay_out_once_a_frame()
}

// Every part that changes its size lays out the whole page anew, some ninety times while a page is built: once in a frame
// is enough. The first layout comes at once, as what waits for it asks whether it is done.
function lay_out_once_a_frame() {
  const due = new Map()
  const lay_out = () => {
    const now = [...due]
    due.clear()
    for (const [view, plain] of now) {
      if (!view.el.isConnected) { continue }
      try { plain.call(view) } catch (error) { console.error(error) } // the others are laid out all the same
    }
  }
  for (const type of ["Figure", "panel.models.esm.ReactiveESM"]) {
    const view = owner_of("compute_layout", type)
    if (view == null || Object.hasOwn(view, "gala_viz_lays_out")) { continue }
    view.gala_viz_lays_out = true
    const plain = view.compute_layout
    view.compute_layout = function () {
      const passes_on = this.is_managed ?? true // to the part that it is in
      if (passes_on || !this._layout_computed) { plain.call(this); return }
      if (due.size === 0) { requestAnimationFrame(lay_out) }
      due.set(this, plain)
    }
  }
}

// Figures that are added to a page that stands are measured, when a container changes its size, before they are laid out
// for the first time, and fail; their layout follows a moment later.
function measure_figures_once_laid_out() {
  const view = owner_of("_measure_layout", "Figure")
  if (view == null || view.gala_viz_patched) { return }
  view.gala_viz_patched = true
  for (const name of ["_measure_layout", "_after_layout"]) {
    const plain = view[name]
    if (typeof plain === "function") { view[name] = function () { if (this.layout != null) { plain.call(this); name_figure(this) } } }
  }
}

// The prototype, of a model's view, that has a method of this name itself; null where there is none.
function owner_of(method, type) {
  let view = window.Bokeh?.Models?.get?.(type)?.prototype?.default_view?.prototype ?? null
  while (view != null && !Object.hasOwn(view, method)) { view = Object.getPrototypeOf(view) }
  return view
}

// The part of a figure that hears the mouse and the keys is a stop of the Tab key: it is called after the figure's title or axes.
function name_figure(view) {
  const layer = view.canvas_view?.shadow_el?.querySelector(".bk-events")
  if (layer == null) { return }
  const axes = [...view.model.left, ...view.model.below].map((one) => one.axis_label).filter((label) => typeof label === "string" && label !== "")
  layer.setAttribute("role", "figure")
  layer.setAttribute("aria-label", view.model.title?.text || axes.join(" against ") || "Figure")
}
