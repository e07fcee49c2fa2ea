// Python: form.py. Labelled inputs in a grid. Labels and options come from files and networks: they are written as text, never as markup.

function made(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties)
  node.append(...children)
  return node
}

let made_so_far = 0

function slider(field, tell) {
  const shown = made("output", {className: "number"})
  const input = made("input", {type: "range", min: field.start, max: field.end, step: field.step})
  const show = (value) => {
    const rounded = value.toFixed(field.digits)
    shown.textContent = Number(rounded) === value ? rounded : String(value) // from a link or from code, between two steps
    input.style.setProperty("--share", (input.value - field.start) / (field.end - field.start || 1))
  }
  input.addEventListener("input", () => { show(Number(input.value)); tell(Number(input.value), false) })
  input.addEventListener("change", () => tell(Number(input.value), true))
  return {input, beside: shown, put: (value) => { input.value = value; show(value) }}
}

function number(field, tell) {
  const input = made("input", {type: "number", min: field.start, max: field.end, step: field.step, required: true})
  let last = null
  const put = (value) => { last = value; input.value = value }
  input.addEventListener("change", () => {
    if (!input.checkValidity()) { put(last); return }
    put(Number(input.value))
    tell(last, true)
  })
  return {input, put}
}

function choice(field, tell) {
  const input = made("select", {}, ...field.options.map(([label], i) => made("option", {textContent: label, value: String(i)})))
  input.addEventListener("change", () => tell(field.options[Number(input.value)][1], true))
  return {input, put: (value) => { input.value = String(field.options.findIndex((option) => option[1] === value)) }}
}

function pick(field, tell) {
  const list = made("datalist", {id: `gv-list-${++made_so_far}`}, ...field.options.map(([label]) => made("option", {value: label})))
  const input = made("input", {type: "text", autocomplete: "off", spellcheck: false})
  input.setAttribute("list", list.id)
  const find = () => {
    const words = input.value.trim().toLowerCase()
    return field.options.find(([label]) => label.toLowerCase() === words)
      ?? (words && field.options.filter(([label]) => label.toLowerCase().startsWith(words)).slice(0, 1)[0])
  }
  const put = (value) => {
    input.value = field.options.find((option) => option[1] === value)?.[0] ?? ""
    input.setCustomValidity("")
  }
  let last = null
  const commit = () => {
    const option = find()
    if (option) { last = option[1]; put(last); tell(last, true) } else { put(last) }
  }
  input.addEventListener("focus", () => input.select())
  input.addEventListener("input", () => { if (field.options.some(([label]) => label === input.value)) { commit() } })
  input.addEventListener("change", commit)
  const say = (words) => { input.placeholder = words }
  return {input, after: list, say, put: (value) => { last = value; put(value) }}
}

function text(field, tell) {
  const input = made("input", {type: "search", autocomplete: "off", spellcheck: false})
  input.addEventListener("input", () => tell(input.value, true))
  const say = (words) => { input.placeholder = words }
  return {input, say, put: (value) => { if (input.value !== value) { input.value = value } }}
}

function toggle(field, tell) {
  const input = made("input", {type: "checkbox"})
  input.setAttribute("role", "switch")
  input.addEventListener("change", () => tell(input.checked, true))
  return {input, put: (value) => { input.checked = value }}
}

function segments(field, tell) {
  const name = `gv-segments-${++made_so_far}`
  const inputs = field.options.map(([, value]) => {
    const input = made("input", {type: "radio", name})
    input.addEventListener("change", () => { if (input.checked) { tell(value, true) } })
    return input
  })
  const labels = field.options.map(([label], i) => made("label", {}, inputs[i], made("span", {textContent: label})))
  const input = made("div", {className: "segments"}, ...labels)
  input.setAttribute("role", "radiogroup")
  input.setAttribute("aria-label", field.label)
  return {
    input,
    put: (value) => { inputs.forEach((one, i) => { one.checked = field.options[i][1] === value }) },
    enable: (on) => { for (const one of inputs) { one.disabled = !on } },
  }
}

const KINDS = {slider, number, choice, pick, text, switch: toggle, segments}

function build(field, tell) {
  const part = KINDS[field.kind](field, tell)
  const node = made("div", {className: `field ${field.kind}`})
  const label = made(field.kind === "segments" ? "span" : "label", {className: "label", textContent: field.label})
  if (field.kind !== "segments") {
    part.input.id = `gv-field-${++made_so_far}`
    label.htmlFor = part.input.id
  }
  const head = made("div", {className: "head"}, label)
  if (part.beside != null) { head.append(part.beside) }
  node.append(head, part.input)
  if (part.after != null) { node.append(part.after) }
  const hint = made("div", {className: "hint"})
  node.append(hint)
  const told = field.options.find((option) => option[1] === field.default)?.[0] ?? field.default
  const mark = (value) => { // the name of the field says it too, for who does not see the dot
    const changed = field.default != null && value !== field.default
    node.classList.toggle("changed", changed)
    label.title = changed ? `Not at its default: ${told === "" ? "none" : told}` : ""
  }
  return {node, mark, enable: (on) => { part.input.disabled = !on }, say: (words) => { hint.textContent = words }, ...part}
}

export function render({model, view, el}) {
  const root = made("div", {className: "root"})
  root.style.setProperty("--least", `${model.min_width_px}px`)
  el.append(root)
  const sent = new Map() // name -> number of the last message
  const unheard = new Map() // name -> value of the last message, until the server has acknowledged it
  let number = 0
  const parts = new Map() // name -> {node, put, tell, ..., shape}
  const live = (name, value) => { view.model.data.setv({live_values: {...model.live_values, [name]: value}}, {sync: false}) }
  const refresh = () => {
    for (const field of model.fields) {
      const [value, state] = [model.values[field.name], model.states[field.name]]
      const shape = JSON.stringify(field)
      let part = parts.get(field.name)
      if (part?.shape !== shape) {
        const tell = (value, done) => {
          live(field.name, value)
          if (done) {
            sent.set(field.name, ++number)
            unheard.set(field.name, value)
            model.send_msg({name: field.name, value, number})
          }
        }
        const fresh = {...build(field, tell), tell, shape}
        if (part == null) { root.append(fresh.node) } else { part.node.replaceWith(fresh.node) }
        parts.set(field.name, part = fresh)
      }
      if ((sent.get(field.name) ?? 0) > (model.acknowledged[field.name] ?? 0)) { continue } // what comes is older than what is seen
      const refused = unheard.has(field.name) && unheard.get(field.name) !== value // what was entered does not count
      unheard.delete(field.name)
      if (refused || part.input !== root.getRootNode().activeElement || !["number", "pick", "text"].includes(field.kind)) { part.put(value) }
      part.enable(state.enabled)
      part.mark(value)
      part.node.hidden = !state.visible
      part.say(state.hint)
      if (model.live_values[field.name] !== value) { live(field.name, value) }
    }
  }
  for (const name of ["fields", "values", "states", "acknowledged"]) { model.on(name, refresh) }
  refresh()
  const kept = `form ${model.fields.map((field) => field.name).join(" ")}`
  for (const [name, value] of take_from_tab(kept)) { // entered while the server was away, before the page loaded itself anew
    unheard.set(name, value)
    once_ready(view, () => {
      parts.get(name)?.put(value)
      parts.get(name)?.tell(value, true)
    })
  }
  const listening = new AbortController()
  window.addEventListener("pagehide", () => keep_in_tab(kept, [...unheard]), {signal: listening.signal})
  model.on("remove", () => listening.abort())
}
