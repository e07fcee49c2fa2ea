// Python: erase_reveal_tool.py. The brush's buttons, and the photograph as it is changed: drawn here at once, pixel by pixel as the networks get it.

const GREY = 0xff7f7f7f // until the fill has come

export function render({model, view, el}) {
  const doc = view.model.document
  const find = (name) => doc.get_model_by_name(`${model.key}/${name}`)
  const figure = find("figure/photo")
  const [photo, glyph] = [find("source/photo"), find("glyph/erased")]
  const source = glyph.data_source
  const image_of = (one, name = "image") => one.get_column(name)?.[0]
  const shape = () => image_of(photo).shape
  const {alphabet, max_characters: most, max_radius_px: widest} = model.spec

  // ---- what is painted: texts of strokes by photograph, each with the steps that undo and redo go through

  const histories = new Map()
  const history = () => {
    const {image} = model.mask
    if (!histories.has(image)) { histories.set(image, {texts: [""], at: 0}) }
    return histories.get(image)
  }
  const text = () => history().texts[history().at]
  let drawing = null // the stroke under the pointer
  const live_text = () => [text(), drawing?.text].filter(Boolean).join(".")
  let painted = null
  const repaint = () => { painted = paint_strokes(parse_strokes(live_text(), alphabet), shape()) }

  // ---- the picture

  let own = false // the change of the data is made here
  const compose = () => {
    const clean = image_of(photo)
    const [filled, rank] = ["filled", "rank"].map((name) => image_of(source, name)).map((one) => (one?.length === clean.length ? one : null))
    if (painted?.length !== clean.length) { repaint() }
    const {percent = 100, erase = false} = model.live
    const count = model.counts[percent] ?? clean.length
    const picture = new Uint32Array(clean)
    let kept = 0
    for (let i = 0; i < picture.length; i++) {
      const keeps = painted[i] === 0 ? rank == null || (rank[i] < count) !== erase : painted[i] === KEPT
      if (keeps) { kept += 1 } else { picture[i] = filled?.[i] ?? GREY }
    }
    const changed = model.shown && kept < picture.length
    if (changed) {
      own = true
      const columns = Object.fromEntries(["x", "y", "dw", "dh"].map((name) => [name, photo.get_column(name)]))
      source.data = {...columns, filled: source.get_column("filled"), rank: source.get_column("rank"), image: [new clean.constructor(picture, clean.shape)]}
      own = false
    }
    glyph.visible = changed
    share.textContent = `${((100 * kept) / picture.length).toFixed(1)} % shown`
    el.dataset.kept = String(kept)
    for (const [name, off] of [["undo", history().at === 0], ["redo", history().at + 1 === history().texts.length], ["clear", live_text() === ""]]) {
      buttons[name].disabled = off
    }
  }
  let drawn = false
  const draw = () => {
    if (drawn) { return }
    drawn = true
    requestAnimationFrame(() => { drawn = false; compose() })
  }

  // ---- what the server is told: while something moves, the latest state once the one before is answered

  let [number, last, again] = [0, 0, false] // of the last message, and of the last one with strokes that count
  const tell = (live) => {
    if (live && number > model.answered) { again = true; return }
    again = false
    number += 1
    if (!live) { last = number }
    const {percent, erase} = model.live
    model.send_msg({number, live, image: model.mask.image, strokes: live_text(), ...(live ? {percent, erase} : {})})
  }
  model.on("answered", () => { if (again) { tell(true) } })

  const step_to = (at) => {
    history().at = at
    repaint()
    draw()
    tell(false)
  }
  const put = (changed) => {
    const {texts, at} = history()
    texts.splice(at + 1, texts.length, changed)
    step_to(at + 1)
  }
  const adopt = () => { // a link, another photograph, or what was sent from here
    const {strokes, number: heard} = model.mask
    if (heard < last) { return } // newer strokes are on their way there
    if (drawing == null && strokes !== text()) {
      const {texts, at} = history()
      texts.splice(at + 1, texts.length, strokes)
      history().at = at + 1
    }
    repaint()
    draw()
  }

  // ---- the brush

  let hides = true
  let radius = Math.min(Math.max(Math.round(Math.min(...shape()) / 16), 2), widest)
  const least = () => Math.max(1.5, radius / 4) // pixels that the pointer moves before it counts
  const brush = make_brush(figure, shape(), {
    on_start: (at) => {
      if (text().length > most - 8) { say(`The mask is full: a link holds ${most.toLocaleString("en")} characters of strokes. Undo or clear some.`); return }
      drawing = make_stroke(hides, radius, at, alphabet)
      paint_line(painted, shape(), drawing, at, at)
      draw()
      tell(true)
    },
    on_move: (at) => {
      if (drawing == null) { return }
      const last = drawing.points[drawing.points.length - 1]
      if (Math.hypot(at[0] - last[0], at[1] - last[1]) < least()) { return }
      if (live_text().length > most - 40) { finish(); say("The mask is full: undo or clear some strokes."); return }
      let from = last
      for (const to of drawing.extend(at)) { paint_line(painted, shape(), drawing, from, to); from = to }
      draw()
      tell(true)
    },
    on_end: () => finish(),
  })
  const finish = () => {
    if (drawing == null) { return }
    const whole = live_text()
    drawing = null
    put(whole)
  }

  // ---- the buttons

  const root = document.createElement("div")
  root.className = "root"
  const buttons = {}
  const add = (name, label, title, act) => {
    const button = document.createElement("button")
    Object.assign(button, {type: "button", textContent: label, title})
    button.addEventListener("click", act)
    buttons[name] = button
    root.append(button)
  }
  const turn = (on) => {
    model.brush = on
    for (const name of ["hide", "keep"]) { buttons[name].setAttribute("aria-pressed", String(on && hides === (name === "hide"))) }
    brush.show(on && model.shown)
  }
  const choose = (value) => { const same = hides === value && model.brush; hides = value; turn(!same) }
  add("hide", "Hide", "Brush that hides what it passes (B turns it on and off, Esc off)", () => choose(true))
  add("keep", "Keep", "Brush that keeps what it passes", () => choose(false))
  const label = document.createElement("label")
  label.className = "size"
  const input = Object.assign(document.createElement("input"), {type: "range", min: 1, max: Math.min(widest, Math.round(Math.min(...shape()) / 4)), step: 1, title: "Brush size, keys [ and ]"})
  input.setAttribute("aria-label", "Brush size, px")
  const px = document.createElement("output")
  label.append(input, px)
  root.append(label)
  const resize = (value) => {
    radius = Math.min(Math.max(Math.round(value), 1), Number(input.max))
    input.value = radius
    input.style.setProperty("--share", (radius - 1) / (input.max - 1))
    px.textContent = `${2 * radius + 1} px`
    brush.set_radius(radius)
  }
  input.addEventListener("input", () => resize(Number(input.value)))
  add("undo", "Undo", "Take back the last stroke (Ctrl+Z)", () => undo())
  add("redo", "Redo", "Bring it back (Ctrl+Shift+Z)", () => redo())
  add("clear", "Clear", "Take away all strokes", () => put(""))
  const share = document.createElement("span")
  share.className = "share"
  const words = document.createElement("span")
  words.className = "words"
  words.setAttribute("role", "status")
  root.append(share, words)
  el.append(root)
  let later = null
  const say = (sentence) => {
    words.textContent = sentence
    clearTimeout(later)
    later = setTimeout(() => { words.textContent = "" }, 6000)
  }
  const undo = () => { if (drawing == null && history().at > 0) { step_to(history().at - 1) } }
  const redo = () => { if (drawing == null && history().at + 1 < history().texts.length) { step_to(history().at + 1) } }

  // ---- keys

  const listening = new AbortController()
  const {signal} = listening
  document.addEventListener("gala-viz:brush", () => { if (model.shown) { turn(!model.brush) } }, {signal})
  document.addEventListener("gala-viz:brush-size", (event) => { if (model.shown) { resize(radius * event.detail + Math.sign(event.detail - 1)) } }, {signal})
  document.addEventListener("gala-viz:escape", () => { if (model.brush) { finish(); turn(false) } }, {signal})
  document.addEventListener("keydown", (event) => {
    const typed = event.composedPath()[0]
    if (!model.shown || !(event.ctrlKey || event.metaKey) || event.altKey || (typed instanceof Element && typed.matches("textarea, input:not([type=range], [type=radio], [type=checkbox])"))) { return }
    const key = event.key.toLowerCase()
    if (key === "z" || key === "y") {
      event.preventDefault()
      if (key === "y" || event.shiftKey) { redo() } else { undo() }
    }
  }, {signal})

  // ---- what changes elsewhere

  photo.properties.data.change.connect(() => { painted = null; draw() })
  source.properties.data.change.connect(() => { if (!own) { draw() } })
  model.on("mask", adopt)
  model.on("counts", draw)
  model.on("live", () => { draw(); if (model.shown) { tell(true) } })
  model.on("brush", () => turn(model.brush))
  model.on("shown", () => { turn(model.brush); draw() })
  model.on("remove", () => { listening.abort(); brush.remove(); glyph.visible = false })
  resize(radius)
  adopt()
  // A figure that is laid out anew, because this part came into view, has another frame a moment later.
  const start = () => {
    if (figure_frame(figure) == null && !signal.aborted) { requestAnimationFrame(start); return }
    turn(model.brush)
    if (model.brush) { root.scrollIntoView({block: "nearest"}) } // with the curve beside it
  }
  start()
}
