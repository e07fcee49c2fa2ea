// Read by erase_reveal_tool.py. A brush over a Bokeh figure: a ring that follows the pointer, and the pixels of the frame that it passes.

// Where a figure's frame lies, and the element that can hold a layer over it; null where Bokeh's views are not as in 3.8 and 3.9.
function figure_frame(figure) {
  const view = window.Bokeh?.index?.find_one?.(figure)
  const [holder, box] = [view?.canvas_view?.shadow_el, view?.frame?.bbox]
  return holder == null || box == null ? null : {holder, box}
}

// `on_start`, `on_move` are called with [x, y] in whole pixels of the frame, `on_end` when the pointer is lifted.
function make_brush(figure, [rows, columns], {on_start, on_move, on_end}) {
  const layer = document.createElement("div")
  Object.assign(layer.style, {position: "absolute", zIndex: 20, overflow: "hidden", cursor: "none", touchAction: "none", display: "none"})
  layer.className = "gala-viz-brush"
  const ring = document.createElement("div")
  Object.assign(ring.style, {position: "absolute", borderRadius: "50%", border: "1.5px solid #ffffff", boxShadow: "0 0 0 1.5px #101418, inset 0 0 0 1px #10141888",
    transform: "translate(-50%, -50%)", pointerEvents: "none", display: "none"})
  layer.append(ring)
  let radius = 1
  let down = false
  let pointer = null

  const across = () => { const {x_range} = figure; return layer.clientWidth / (x_range.end - x_range.start) }
  const fit = () => {
    const frame = figure_frame(figure)
    if (frame == null) { return false }
    if (layer.parentNode !== frame.holder) { frame.holder.append(layer) }
    const {left, top, width, height} = frame.box
    Object.assign(layer.style, {left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px`})
    return true
  }
  const size = () => { ring.style.width = ring.style.height = `${(2 * radius + 1) * across()}px` }
  const place = (event) => {
    const box = layer.getBoundingClientRect()
    const {x_range, y_range} = figure
    const inside = (value, count) => Math.min(Math.max(Math.floor(value), 0), count - 1)
    return [
      inside(x_range.start + ((event.clientX - box.left) / box.width) * (x_range.end - x_range.start), columns),
      inside(y_range.end + ((event.clientY - box.top) / box.height) * (y_range.start - y_range.end), rows),
    ]
  }
  const follow = (event) => {
    const box = layer.getBoundingClientRect()
    ring.style.left = `${event.clientX - box.left}px`
    ring.style.top = `${event.clientY - box.top}px`
    ring.style.display = ""
    size()
  }
  layer.addEventListener("pointerdown", (event) => {
    if (event.button > 0 || !event.isPrimary) { return }
    event.preventDefault()
    layer.setPointerCapture(event.pointerId)
    down = true
    pointer = event.pointerId
    follow(event)
    on_start(place(event))
  })
  layer.addEventListener("pointermove", (event) => {
    if (!event.isPrimary) { return }
    follow(event)
    if (down) { for (const one of event.getCoalescedEvents?.() ?? [event]) { on_move(place(one)) } }
  })
  const lift = (event) => {
    if (!down || event.pointerId !== pointer) { return }
    down = false
    if (event.pointerType === "touch") { ring.style.display = "none" }
    on_end()
  }
  for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) { layer.addEventListener(name, lift) }
  layer.addEventListener("pointerleave", () => { if (!down) { ring.style.display = "none" } })
  layer.addEventListener("contextmenu", (event) => event.preventDefault())
  for (const side of ["inner_width", "inner_height"]) { figure.properties[side].change.connect(() => { if (layer.style.display === "") { fit() } }) }

  return {
    show: (on) => {
      layer.style.display = on && fit() ? "" : "none"
      if (!on && down) { down = false; on_end() }
    },
    set_radius: (px) => { radius = px; size() },
    remove: () => layer.remove(),
  }
}
