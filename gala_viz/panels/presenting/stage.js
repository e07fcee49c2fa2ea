// Python: stage.py. The stage: chosen pictures as large as the window allows, driven by the keyboard or a presenter's clicker.

const NAMES = ["photo", "human", "a", "b", "delta"]
const SHORT = {photo: "Photograph", human: "People", a: "First network", b: "Second network", delta: "Delta"}
const LASER_MS = 50
const STAGE_KEYS = "→ ← PageDown PageUp photographs · Space blink · A blink by itself · ↑ ↓ layers · 1–5 panels · L laser · S star · B black · F full screen · Esc end"

function made(tag, className, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), {className, ...properties})
  node.append(...children)
  return node
}

export function render({model, el}) {
  const dialog = made("dialog", "stage", {tabIndex: -1})
  dialog.setAttribute("aria-label", "Presentation")
  const heading = made("h1", "heading")
  const place = made("span", "place")
  const pictures = made("div", "pictures")
  const feet = made("div", "feet")
  const dot = made("div", "laser", {hidden: true})
  const tools = made("div", "tools")
  const notice = made("div", "notice", {hidden: true})
  dialog.append(made("div", "head", {}, heading, place), pictures, feet, dot, tools, notice)
  const opener = made("button", "opener", {type: "button", textContent: "Present", title: "Full screen, for a room (P)"})
  opener.hidden = model.is_follower
  opener.addEventListener("click", () => document.dispatchEvent(new CustomEvent("gala-viz:present")))
  el.append(opener, dialog)

  const parts = Object.fromEntries(NAMES.map((name) => {
    const [title, canvas, low, high, bar, unit] = [
      made("div", "title"), made("canvas", "picture"), made("span", "end"), made("span", "end"), made("span", "bar"), made("div", "unit"),
    ]
    const scale = made("div", "scale", {}, low, bar, high)
    const node = made("figure", `panel ${name}`, {}, title, canvas, scale, unit)
    node.dataset.panel = name
    pictures.append(node)
    return [name, {node, title, canvas, low, high, bar, unit, scale}]
  }))
  let pointing = false // the laser is on
  let mouse = null // where the presenter's cursor was last
  let turning = null // timer of a blink that goes by itself

  // ---- what is seen

  const number = (value) => (value === 0 ? "0" : Math.abs(value) >= 0.01 && Math.abs(value) < 1e4 ? value.toPrecision(2) : value.toExponential(1))
  const draw = () => {
    const {scene} = model
    if (!dialog.open || scene.panels == null) { return }
    heading.textContent = scene.heading
    heading.title = scene.image
    place.textContent = [scene.layer, scene.place].filter(Boolean).join(" · ")
    const maps = maps_of(scene, model.palettes, model.diverging)
    const wanted = NAMES.filter((name) => model.panels.includes(name))
    const [rows, columns] = scene.arrays.photo?.shape ?? [1, 1]
    const shown = new Map()
    for (const name of NAMES) {
      const part = parts[name]
      part.node.hidden = !wanted.includes(name)
      if (part.node.hidden) { continue }
      const source = name === "a" && model.blink ? "b" : name
      const map = maps[source]
      shown.set(part, map)
      part.node.dataset.shows = source
      // The first network's panel has room for either title, so that nothing moves in a blink.
      part.title.replaceChildren(...(name === "a" ? ["a", "b"] : [name]).map((one) =>
        made("span", one === source ? "" : "other", {textContent: scene.panels[one].title.replaceAll(" = ", "\u00a0=\u00a0")})))
      part.scale.style.visibility = map == null ? "hidden" : ""
      part.unit.textContent = name === "photo" ? "" : map == null ? "no map yet" : scene.panels[source].unit
      if (map == null) { continue }
      part.bar.style.background = bar_style(map.full)
      part.low.textContent = number(map.limits[0])
      part.high.textContent = number(map.limits[1])
    }
    feet.replaceChildren(
      ...scene.networks.map((network, i) => made("span", `network ${"ab"[i]}`, {},
        made("b", "", {textContent: network.title}),
        made("span", "", {textContent: ` ${({true: "✓ ", false: "✗ "})[network.right] ?? ""}${network.says}`}))),
      made("span", "words", {textContent: scene.words}),
    )
    pictures.style.setProperty("--shape", columns / rows)
    const text = parseFloat(getComputedStyle(dialog).fontSize)
    const side = lay_out(pictures, [...shown.keys()].map((part) => part.node), rows / columns, 6 * text)
    const density = window.devicePixelRatio || 1
    for (const [{node, canvas}, map] of shown) {
      canvas.width = Math.round(side * density)
      canvas.height = Math.round(side * density * rows / columns)
      draw_panel(canvas, scene.arrays.photo, node === parts.photo.node ? null : map)
    }
    aim() // the panels may have moved under it
    dialog.dataset.drawn = String(Number(dialog.dataset.drawn ?? 0) + 1)
  }
  let asked = false
  const redraw = () => {
    if (asked) { return }
    asked = true
    requestAnimationFrame(() => { asked = false; draw() })
  }

  // ---- the laser: where it points on a panel, so that it is there on every screen

  const point = ([panel, x, y]) => {
    const box = (parts[panel]?.canvas ?? dialog).getBoundingClientRect()
    dot.style.transform = `translate(${box.left + x * box.width}px, ${box.top + y * box.height}px)`
  }
  const where = (event) => {
    for (const name of NAMES) {
      const box = parts[name].canvas.getBoundingClientRect()
      const [x, y] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height]
      if (!parts[name].node.hidden && x >= 0 && x <= 1 && y >= 0 && y <= 1) { return [name, x, y] }
    }
    return ["", event.clientX / window.innerWidth, event.clientY / window.innerHeight]
  }
  let sent_ms = 0
  let waiting = null
  const aim = () => {
    const at = model.is_follower ? model.laser : pointing && mouse != null ? where(mouse) : []
    dot.hidden = at.length !== 3
    if (dot.hidden) { return }
    point(at)
    if (model.is_follower) { return }
    clearTimeout(waiting)
    waiting = setTimeout(() => { sent_ms = performance.now(); send({laser: at}) }, Math.max(0, sent_ms + LASER_MS - performance.now()))
  }
  const light = (on) => {
    pointing = on
    clearTimeout(waiting)
    dialog.classList.toggle("pointing", on)
    for (const tool of tools.querySelectorAll("[data-tool=laser]")) { tool.setAttribute("aria-pressed", String(on)) }
    aim()
    if (!on) { send({laser: []}) }
  }

  // ---- what the presenter does

  const send = (message) => { if (!model.is_follower) { model.send_msg(message) } }
  const turn_by_itself = (on) => {
    clearInterval(turning)
    turning = on ? setInterval(() => send({turn: "blink"}), matchMedia("(prefers-reduced-motion: reduce)").matches ? 2400 : 800) : null
    for (const tool of tools.querySelectorAll("[data-tool=auto]")) { tool.setAttribute("aria-pressed", String(on)) }
  }
  const choose = (name) => send({panel: name})
  const open = () => {
    dialog.showModal()
    dialog.focus() // not the first tool: Space and Enter are the presenter's
  }
  const full = async () => {
    if (document.fullscreenElement != null) { await document.exitFullscreen(); return }
    try { await document.documentElement.requestFullscreen() } catch { return } // refused without a press of the visitor
    dialog.close()
    open() // above what fills the screen
    redraw()
  }
  const end = () => send({active: false})
  const ACTS = {
    ArrowRight: () => send({move: 1}), PageDown: () => send({move: 1}), Enter: () => send({move: 1}),
    ArrowLeft: () => send({move: -1}), PageUp: () => send({move: -1}), Backspace: () => send({move: -1}),
    ArrowDown: () => send({layer: 1}), ArrowUp: () => send({layer: -1}),
    " ": () => send({turn: "blink"}), a: () => turn_by_itself(turning == null),
    l: () => light(!pointing), s: () => send({star: true}), f: full,
    b: () => send({turn: "black"}), ".": () => send({turn: "black"}), F5: () => {},
    Escape: end,
    ...Object.fromEntries(NAMES.map((name, i) => [String(i + 1), () => choose(name)])),
  }

  const tool = (name, label, title, act) => {
    const node = made("button", "tool", {type: "button", textContent: label, title})
    node.dataset.tool = name
    node.addEventListener("click", () => { act(); node.blur() })
    tools.append(node)
    return node
  }
  if (model.is_follower) {
    tool("full", "Full screen", "Full screen (F)", full)
  } else {
    tool("back", "‹", "Previous photograph (← or PageUp)", ACTS.ArrowLeft)
    tool("onward", "›", "Next photograph (→ or PageDown)", ACTS.ArrowRight)
    for (const [i, name] of NAMES.entries()) { tool(`panel-${name}`, SHORT[name], `Show or hide (${i + 1})`, () => choose(name)) }
    tool("blink", "Blink", "The second network in the first one's place (Space)", ACTS[" "])
    tool("auto", "Auto", "Blink by itself (A)", ACTS.a)
    tool("layer", "Layer ↓", "Next layer (↓); ↑ the one before", ACTS.ArrowDown)
    tool("laser", "Laser", "A red point instead of the cursor (L)", ACTS.l)
    tool("star", "★", "Bookmark (S)", ACTS.s)
    tool("follow", "Copy link for others", "Who opens it sees this stage, live", async () => {
      const link = new URL(window.location.href)
      link.search = model.link
      await copy_text(link.href)
      say("The link is copied: who opens it follows this presentation.")
    })
    tool("full", "Full screen", "Full screen (F)", full)
    tool("end", "End", "Back to the page (Esc)", end)
    tools.title = STAGE_KEYS
  }
  const tell_tools = () => {
    for (const name of NAMES) {
      tools.querySelector(`[data-tool=panel-${name}]`)?.setAttribute("aria-pressed", String(model.panels.includes(name)))
    }
    tools.querySelector("[data-tool=blink]")?.setAttribute("aria-pressed", String(model.blink))
  }
  let saying = null
  const say = (words) => {
    notice.textContent = words
    notice.hidden = false
    clearTimeout(saying)
    saying = setTimeout(() => { tell_state() }, 3000)
  }
  const tell_state = () => {
    const words = model.ended ? "This presentation has ended." : model.presenter_away ? "The presenter is elsewhere; this goes on when they return." : ""
    notice.textContent = words
    notice.hidden = words === ""
    dialog.classList.toggle("black", model.black)
  }
  let idle = null
  const awake = () => {
    dialog.classList.remove("idle")
    clearTimeout(idle)
    idle = setTimeout(() => dialog.classList.add("idle"), 2500)
  }

  const listening = new AbortController()
  const {signal} = listening
  document.addEventListener("keydown", (event) => {
    if (!dialog.open || event.ctrlKey || event.metaKey || event.altKey) { return }
    const act = ACTS[event.key.length === 1 ? event.key.toLowerCase() : event.key]
    event.stopImmediatePropagation()
    if (act == null || (event.key === "Enter" && event.composedPath()[0] instanceof HTMLButtonElement)) { return }
    event.preventDefault()
    if (model.is_follower && event.key.toLowerCase() !== "f") { return }
    act()
  }, {signal, capture: true})
  dialog.addEventListener("cancel", (event) => event.preventDefault())
  dialog.addEventListener("mousemove", (event) => {
    awake()
    mouse = event
    if (pointing) { aim() }
  })
  let filled = false
  document.addEventListener("fullscreenchange", () => {
    const left = filled && document.fullscreenElement == null
    filled = document.fullscreenElement != null
    if (left && dialog.open && !model.is_follower) { end() } // Esc in full screen is the browser's own
    redraw()
  }, {signal})
  window.addEventListener("resize", redraw, {signal})
  document.fonts.addEventListener("loadingdone", redraw, {signal}) // other letters, other lines
  document.addEventListener("gala-viz:present", () => {
    if (model.is_follower || dialog.open) { return }
    send({active: true})
    void document.documentElement.requestFullscreen?.().catch(() => {}).then(() => {
      if (dialog.open) { dialog.close(); open(); redraw() }
    })
  }, {signal})

  const show = () => {
    if (model.active === dialog.open) { return }
    if (model.active) {
      open()
      awake()
    } else {
      dialog.close()
      turn_by_itself(false)
      light(false)
      if (document.fullscreenElement != null) { void document.exitFullscreen() }
    }
    redraw()
  }
  for (const name of ["scene", "panels", "blink"]) { model.on(name, () => { tell_tools(); redraw() }) }
  for (const name of ["black", "presenter_away", "ended"]) { model.on(name, tell_state) }
  model.on("laser", aim)
  model.on("active", show)
  model.on("remove", () => { listening.abort(); clearInterval(turning) })
  tell_tools()
  tell_state()
  show()
}
