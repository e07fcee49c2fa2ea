// Read by connection_monitor.py. What Bokeh's own classes lack, tried with 3.8 and 3.9; where their names differ nothing is changed.

// Figures that are added to a page that stands are measured, when a container changes its size, before they are laid out
// for the first time, and fail; their layout follows a moment later.
function measure_figures_once_laid_out() {
  let view = window.Bokeh?.Models?.get?.("Figure")?.prototype?.default_view?.prototype
  while (view != null && !Object.hasOwn(view, "_measure_layout")) { view = Object.getPrototypeOf(view) }
  if (view == null || view.gala_viz_patched) { return }
  view.gala_viz_patched = true
  for (const name of ["_measure_layout", "_after_layout"]) {
    const plain = view[name]
    if (typeof plain === "function") { view[name] = function () { if (this.layout != null) { plain.call(this); name_figure(this) } } }
  }
}

// The part of a figure that hears the mouse and the keys is a stop of the Tab key: it is called after the figure's title or axes.
function name_figure(view) {
  const layer = view.canvas_view?.shadow_el?.querySelector(".bk-events")
  if (layer == null) { return }
  const axes = [...view.model.left, ...view.model.below].map((one) => one.axis_label).filter((label) => typeof label === "string" && label !== "")
  layer.setAttribute("role", "figure")
  layer.setAttribute("aria-label", view.model.title?.text || axes.join(" against ") || "Figure")
}
