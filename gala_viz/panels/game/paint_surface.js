// The paint surface: one photograph, a brush that follows the pointer in small steps, squares that stay uncovered.

// By this rule the surface keeps its place in the window while a round runs, and paints nothing false if it moves all the
// same. The server writes the number down with every round; records/paint_surface.py says what it means.
const SURFACE_RULE = 1
const SLOP_PX = 4 // how far a pointer moves before it counts again, after the surface moved under it

// Read by game_page.py and compare/own_map_tool.py. Positions are canvas pixels (0 to spec.canvas_px), whatever size the
// surface is shown at. In the game the brush follows the pointer from the first press on; with `on_lift`, which is called
// after each stroke, it paints only while the pointer is pressed.
function make_surface(spec, {on_point, on_first, on_lift = null, sees_label}) {
  const side = spec.canvas_px
  const root = node("div", {class: "surface"})
  const photo = node("canvas", {width: side, height: side, class: "photo"})
  const paint = node("canvas", {width: side, height: side, class: "paint"})
  const ring = node("div", {class: "ring", hidden: ""})
  root.append(photo, paint, ring)
  const seen = node("canvas", {width: side, height: side, class: "seen"})
  seen.setAttribute("role", "img")
  seen.setAttribute("aria-label", sees_label)

  const brush = paint.getContext("2d")
  const network = seen.getContext("2d")
  let picture = null
  let active = false // a round is shown and not over
  let frame = 0
  let began = false
  let aim = null // where the pointer is, or null while a finger is lifted
  let at = null // where the brush is
  let last_ms = 0
  let path = [] // [x, y] of all points, in their order
  let kind = "mouse"
  let box = null // where the surface is in the window, in CSS pixels, as in all that follows
  let pointer = null // where the pointer was last
  let still = null // where the pointer was when the surface moved under it, until it moves itself

  // Where the surface is now. If it moved in a round (the window was turned, scrolled, resized), the photograph was
  // pulled from under a pointer that did not move: nothing is painted until it moves by itself.
  const look = () => {
    const now = paint.getBoundingClientRect()
    const sides = ["left", "top", "width", "height"]
    if (began && box != null && sides.some((side) => Math.abs(now[side] - box[side]) > 0.5)) {
      aim = null
      still = pointer
    }
    box = now
  }
  const place = (event) => {
    const inside = (value) => Math.min(side - 0.001, Math.max(0, value))
    return {
      x: inside(((event.clientX - box.left) / box.width) * side),
      y: inside(((event.clientY - box.top) / box.height) * side),
    }
  }
  const square = ({x, y}) => [Math.round(x - spec.bubble_px / 2), Math.round(y - spec.bubble_px / 2), spec.bubble_px, spec.bubble_px]
  const uncover = (point) => {
    const [left, top, width, height] = square(point)
    brush.fillRect(left, top, width, height)
    network.drawImage(picture, left, top, width, height, left, top, width, height)
  }
  // Uncover exactly these [x, y], in place of all before.
  const repaint = (list) => {
    brush.clearRect(0, 0, side, side)
    network.fillRect(0, 0, side, side)
    for (const [x, y] of list) { uncover({x, y}) }
  }
  const add = (point, now) => {
    at = point
    last_ms = now
    path.push([point.x, point.y])
    uncover(point)
    on_point([point.x, point.y, now])
  }
  const step = (now) => {
    if (!active) { return }
    look()
    if (began && aim != null && now - last_ms >= spec.interval_ms - 1) {
      const [dx, dy] = [aim.x - at.x, aim.y - at.y]
      const distance = Math.hypot(dx, dy)
      if (distance >= 0.5) {
        const share = Math.min(1, spec.step_px / distance)
        add({x: at.x + dx * share, y: at.y + dy * share}, now)
      }
    }
    frame = requestAnimationFrame(step)
  }
  const follow = (event) => {
    if (!event.isPrimary) { return }
    look()
    const where = place(event)
    ring.hidden = !active || event.pointerType === "touch"
    ring.style.left = `${(100 * where.x) / side}%`
    ring.style.top = `${(100 * where.y) / side}%`
    const moved = pointer == null || event.clientX !== pointer.x || event.clientY !== pointer.y
    if (!moved) { return } // browsers tell a pointer's place again when the page moves under it
    pointer = {x: event.clientX, y: event.clientY}
    if (still != null && Math.hypot(pointer.x - still.x, pointer.y - still.y) < SLOP_PX) { return }
    still = null
    if (event.buttons > 0 || (on_lift == null && event.pointerType !== "touch")) { aim = where }
  }
  paint.addEventListener("pointerdown", (event) => {
    if (!active || event.button > 0 || !event.isPrimary) { return }
    event.preventDefault()
    kind = event.pointerType === "pen" || event.pointerType === "touch" ? event.pointerType : "mouse"
    paint.setPointerCapture(event.pointerId)
    look()
    pointer = {x: event.clientX, y: event.clientY}
    still = null
    aim = place(event)
    if (!began) {
      began = true
      add(aim, performance.now())
      on_first()
    }
  })
  paint.addEventListener("pointermove", follow)
  const lift = (event) => {
    if (!event.isPrimary || (on_lift == null && event.pointerType !== "touch")) { return }
    aim = still = null
    if (on_lift != null && began) {
      began = false
      on_lift()
    }
  }
  paint.addEventListener("pointerup", lift)
  paint.addEventListener("pointercancel", lift)
  paint.addEventListener("pointerleave", () => { ring.hidden = true })
  paint.addEventListener("contextmenu", (event) => event.preventDefault())

  return {
    root, seen,
    get kind() { return kind },
    get points() { return path.length },
    show: async (url) => {
      const image = new Image()
      image.src = url
      await image.decode()
      picture = image
      photo.getContext("2d").drawImage(image, 0, 0, side, side)
      brush.clearRect(0, 0, side, side)
      brush.fillStyle = "rgba(255, 214, 64, 0.55)"
      network.fillStyle = "rgb(127, 127, 127)"
      network.fillRect(0, 0, side, side)
      active = true
      began = false
      at = aim = box = pointer = still = null
      path = []
      cancelAnimationFrame(frame)
      frame = requestAnimationFrame(step)
    },
    stop: () => { active = false; ring.hidden = true },
    repaint,
    // Take back all points but the first `count`; the brush goes on from the last of these, without any from a new press.
    return_to: (count) => {
      path = path.slice(0, count)
      repaint(path)
      began = path.length > 0
      const last = path.at(-1)
      at = last == null ? null : {x: last[0], y: last[1]}
    },
    // Show the brush at a place, as keys move it.
    point_at: ({x, y}) => {
      ring.hidden = !active
      ring.style.left = `${(100 * x) / side}%`
      ring.style.top = `${(100 * y) / side}%`
    },
  }
}

// A node with attributes and plain text: names and categories are never markup.
function node(tag, attributes = {}, text = null) {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) { made.setAttribute(name, value) }
  if (text != null) { made.textContent = text }
  return made
}
