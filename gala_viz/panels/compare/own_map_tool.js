// Python: own_map_tool.py. The game's surface beside the photograph: what a visitor paints, and maps that are kept.

export function render({model, view, el}) {
  const doc = view.model.document
  const photo = doc.get_model_by_name(`${model.key}/source/photo`)
  const {spec} = model

  // ---- what is painted: strokes by photograph, each with the steps that undo and redo go through

  const {most_points: most, fewest_points: fewest} = spec
  const own = (strokes) => ({strokes, by: ""})
  const histories = new Map(take_from_tab("painted").map(([image, step]) => [image, {steps: [own([]), step], at: 1}]))
  let here = "" // the photograph on the surface, to which strokes belong, whatever comes into view meanwhile
  const history = () => {
    if (!histories.has(here)) { histories.set(here, {steps: [own([])], at: 0}) }
    return histories.get(here)
  }
  const step = () => history().steps[history().at]
  const strokes = () => step().strokes
  const remember = () => {
    const painted = [...histories].map(([image, {steps, at}]) => [image, steps[at]]).filter(([, {strokes: list}]) => list.length > 0)
    keep_in_tab("painted", painted)
  }
  remember() // for another pair of networks, whose page has a part like this of its own
  let drawing = null // the stroke under the pointer
  const own_strokes = () => { // on which a stroke is painted: never on somebody else's kept map
    const {steps, at} = history()
    return steps.slice(0, at + 1).reverse().find(({by}) => by === "").strokes
  }
  const all = () => (drawing == null ? strokes() : [...own_strokes(), drawing])
  const count = () => all().reduce((sum, stroke) => sum + stroke.length, 0)

  // ---- what the server is told: while something is painted, the latest state once the one before is answered

  let [number, again] = [0, false]
  const tell = (live) => {
    if (live && number > model.answered) { again = true; return }
    again = false
    number += 1
    model.send_msg({number, image: here, strokes: all(), by: drawing == null ? step().by : ""})
  }
  model.on("answered", () => { if (again) { tell(true) } })
  const refresh = () => {
    const {steps, at} = history()
    for (const [name, off] of [["undo", at === 0], ["redo", at + 1 === steps.length], ["clear", strokes().length === 0], ["this", count() < fewest]]) {
      buttons[name].disabled = off
    }
    keep.disabled = !model.can_keep || count() < fewest || step().by !== "" || name.value.trim() === ""
  }
  const go_to = (at) => {
    history().at = at
    surface.repaint(strokes().flat())
    remember()
    refresh()
    tell(false)
  }
  const put = (list, by = "") => {
    const {steps, at} = history()
    steps.splice(at + 1, steps.length, {strokes: list, by})
    go_to(at + 1)
  }
  const finish = () => {
    if (drawing == null) { return }
    const stroke = drawing
    drawing = null
    put([...own_strokes(), stroke])
  }

  // ---- the surface

  const rounded = (value) => Math.round(10 * value) / 10
  const surface = make_surface(spec, {
    sees_label: "What is painted",
    on_first: () => {},
    on_point: ([x, y]) => {
      if (here === "" || count() >= most) { return }
      if (drawing == null) {
        if (step().by !== "") { surface.repaint([...own_strokes().flat(), [x, y]]) }
        drawing = []
      }
      drawing.push([rounded(x), rounded(y)])
      hint.hidden = true
      tell(true)
    },
    on_lift: finish,
  })
  const {root: canvas} = surface
  canvas.tabIndex = 0
  canvas.setAttribute("role", "application")
  canvas.setAttribute("aria-label", "Photograph to paint. Arrow keys move the brush; with Shift they paint.")
  let at = {x: spec.canvas_px / 2, y: spec.canvas_px / 2}
  canvas.addEventListener("keydown", (event) => {
    const [dx, dy] = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]}[event.key] ?? [0, 0]
    if (event.key === " ") { event.preventDefault(); event.stopPropagation() } // which would flicker the maps
    if (dx === 0 && dy === 0) { return }
    event.preventDefault()
    event.stopPropagation() // else the page goes to another photograph
    const inside = (value) => Math.min(spec.canvas_px - 0.1, Math.max(0, value))
    at = {x: inside(at.x + dx * spec.step_px), y: inside(at.y + dy * spec.step_px)}
    surface.point_at(at)
    if (event.shiftKey && here !== "" && count() < most) { put([...own_strokes(), [[rounded(at.x), rounded(at.y)]]]) }
  })
  const url = () => {
    const image = photo.get_column("image")[0]
    const [height, width] = image.shape
    const pixels = new ImageData(new Uint8ClampedArray(new Uint8Array(image.buffer, image.byteOffset, image.byteLength)), width, height)
    const whole = node("canvas", {width, height})
    whole.getContext("2d").putImageData(pixels, 0, 0)
    return whole.toDataURL()
  }
  let [showing, is_heard] = [0, false]
  const leave = () => { // what was being painted belongs to the photograph that goes
    finish()
    surface.stop()
    showing += 1
    here = ""
    result.replaceChildren()
    said.textContent = ""
    refresh()
  }
  const show = async () => {
    leave()
    if (!model.shown || model.photo === "" || model.photo !== model.image) { return }
    const number_of_this = ++showing
    await surface.show(url())
    if (number_of_this !== showing) { return }
    here = model.photo
    surface.repaint(strokes().flat())
    hint.hidden = strokes().length > 0
    refresh()
    if (is_heard && strokes().length > 0) { tell(false) }
    draw_map()
  }

  // ---- beside it: the map, the buttons, what is kept

  const root = node("div", {class: "root"})
  const left = node("div", {class: "stage"})
  const hint = node("p", {class: "press", hidden: ""}, "Press and paint what matters")
  left.append(canvas, hint)
  const result = node("div", {class: "result"})
  const draw_map = () => {
    const fits = model.map !== "" && model.map_image === here && all().length > 0
    result.replaceChildren(...(fits ? [map_over(canvas.querySelector(".photo"), model.map, model.map_title === "You, n = 1" ? "Your map, n = 1" : `Map by ${model.map_title}`)] : []))
  }
  const side = node("div", {class: "side"})
  const buttons = {}
  const button = (key, label, title, act) => {
    const made = node("button", {type: "button", title}, label)
    made.addEventListener("click", act)
    buttons[key] = made
    return made
  }
  const undo = () => { if (drawing == null && history().at > 0) { go_to(history().at - 1) } }
  const redo = () => { if (drawing == null && history().at + 1 < history().steps.length) { go_to(history().at + 1) } }
  const line = node("div", {class: "line"})
  line.append(
    button("undo", "Undo", "Take back the last stroke", undo),
    button("redo", "Redo", "Bring it back", redo),
    button("clear", "Clear", "Take away all strokes on this photograph", () => put([])),
    button("this", "Save as CSV", "This map as a table of clicks, n = 1", () => model.send_msg({export: "this"})),
  )
  const keeping = node("form", {class: "line"})
  const name = node("input", {type: "text", maxlength: String(spec.most_letters), placeholder: "Your name", "aria-label": "Name under which the map is kept"})
  const keep = node("button", {type: "submit"}, "Keep")
  keeping.append(name, keep)
  const why = node("p", {class: "muted why"})
  name.addEventListener("input", refresh)
  keeping.addEventListener("submit", (event) => {
    event.preventDefault()
    if (!keep.disabled) { model.send_msg({keep: name.value.trim()}) }
  })
  const list = node("ul", {class: "kept"})
  const said = node("p", {class: "said", role: "status"})
  const show_kept = () => {
    keeping.hidden = !model.can_keep
    why.textContent = model.why_not
    why.hidden = model.why_not === ""
    list.replaceChildren(...model.kept.map((one) => {
      const item = node("li")
      const open = node("button", {type: "button", title: "Show this map in place of yours; Undo brings yours back"}, `${one.name}, ${one.when}`)
      open.addEventListener("click", () => model.send_msg({show: one.name}))
      item.append(open)
      if (model.can_keep) {
        const drop = node("button", {type: "button", class: "drop", "aria-label": `Delete the map by ${one.name}`}, "Delete")
        let asked = false
        drop.addEventListener("click", () => {
          if (asked) { model.send_msg({drop: one.name}); return }
          asked = true
          drop.textContent = "Really delete?"
        })
        item.append(drop)
      }
      return item
    }))
    if (model.kept.length > 0) {
      const item = node("li")
      item.append(button("all", "All kept maps as CSV", "Of all photographs, a table of clicks with a row for each map", () => model.send_msg({export: "all"})))
      list.append(item)
    }
    refresh()
  }
  const scores = node("table", {class: "scores"})
  const show_scores = () => {
    scores.hidden = model.scores.length === 0
    scores.replaceChildren(node("caption", {}, "Spearman's rho of this map with the maps of"), ...model.scores.map(([network, title, rho]) => {
      const row = node("tr")
      const head = node("th", {scope: "row", class: network})
      if (network !== "") { head.append(node("span", {class: "dot"})) }
      head.append(title)
      row.append(head, node("td", {}, rho))
      return row
    }))
  }
  side.append(scores, line, keeping, why, list, said, node("p", {class: "muted"}, model.hint))
  root.append(left, result, side)
  el.append(root)

  // ---- what changes elsewhere

  const listening = new AbortController()
  document.addEventListener("keydown", (event) => {
    const typed = event.composedPath()[0]
    if (!model.shown || !(event.ctrlKey || event.metaKey) || (typed instanceof Element && typed.matches("textarea, input"))) { return }
    const key = event.key.toLowerCase()
    if ((key === "z" || key === "y") && event.composedPath().includes(root)) {
      event.preventDefault()
      if (key === "y" || event.shiftKey) { redo() } else { undo() }
    }
  }, {signal: listening.signal})
  model.on("msg:custom", (message) => {
    if (message.strokes != null && message.image === here) { put(message.strokes, message.by) }
    if (message.download != null) { save_text(message.download, message.filename) }
    if (message.said != null) {
      said.textContent = message.said
      said.classList.toggle("wrong", message.wrong === true)
    }
  })
  model.on("image", leave)
  model.on("photo", show)
  model.on("shown", async () => {
    await show()
    if (model.shown) { root.scrollIntoView({block: "nearest"}) }
  })
  for (const one of ["map", "map_image", "map_title"]) { model.on(one, draw_map) }
  model.on("scores", show_scores)
  for (const one of ["kept", "can_keep", "why_not"]) { model.on(one, show_kept) }
  model.on("remove", () => { finish(); surface.stop(); listening.abort() })
  show_kept()
  show_scores()
  show().then(() => { if (model.shown) { root.scrollIntoView({block: "nearest"}) } })
  once_ready(view, () => {
    is_heard = true
    if (count() > 0) { tell(false) }
  })
}
