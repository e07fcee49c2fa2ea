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
    if (typeof plain === "function") { view[name] = function () { if (this.layout != null) { plain.call(this) } } }
  }
}
