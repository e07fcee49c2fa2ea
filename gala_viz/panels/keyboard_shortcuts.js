// Python: keyboard_shortcuts.py. The keyboard: which keys act, when they do not, and a card that lists them.

function is_typing(path) {
  return path.some((node) => node instanceof Element && (
    node.matches("input, textarea, select, [contenteditable=true]") || /^(listbox|menu|combobox|dialog)$/.test(node.getAttribute("role") ?? "")
  ) && !node.hasAttribute("data-gallery"))
}

function is_pressable(path) {
  return path[0] instanceof Element && path[0].matches("button, a, summary, [role=button], [role=switch]")
}

export function render({model, el}) {
  const card = document.createElement("dialog")
  card.setAttribute("aria-label", "Keys")
  const title = document.createElement("h2")
  title.textContent = "Keys"
  const list = document.createElement("dl")
  for (const [key, text] of model.keys) {
    const name = document.createElement("dt")
    const kbd = document.createElement("kbd")
    kbd.textContent = key
    name.append(kbd)
    const what = document.createElement("dd")
    what.textContent = text
    list.append(name, what)
  }
  const close = document.createElement("button")
  close.type = "button"
  close.textContent = "Close"
  close.addEventListener("click", () => card.close())
  card.addEventListener("click", (event) => { if (event.target === card) { card.close() } })
  card.append(title, list, close)
  const button = document.createElement("button")
  button.type = "button"
  button.className = "open"
  button.textContent = "?"
  button.title = "Keys"
  button.setAttribute("aria-label", "Show the keys")
  const toggle = () => { if (card.open) { card.close() } else { card.showModal() } }
  button.addEventListener("click", toggle)
  const step = (text, words, by) => {
    const node = document.createElement("button")
    node.type = "button"
    node.className = "open"
    node.textContent = text
    node.title = words
    node.setAttribute("aria-label", words)
    node.addEventListener("click", () => model.send_msg({move: by}))
    return node
  }
  const root = document.createElement("div")
  root.className = "root"
  root.append(step("‹", "Previous photograph (←)", -1), step("›", "Next photograph (→)", 1), button)
  el.append(root, card)

  const listening = new AbortController()
  document.addEventListener("keydown", (event) => {
    const path = event.composedPath()
    if (event.ctrlKey || event.metaKey || event.altKey) { return }
    if (event.key === "Escape") { document.dispatchEvent(new CustomEvent("gala-viz:escape")); return }
    if (is_typing(path)) { return }
    if (event.key === "?") { event.preventDefault(); toggle() }
    if (card.open) { return }
    if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
      event.preventDefault()
      model.send_msg({move: event.key === "ArrowLeft" ? -1 : 1})
    } else if (event.key === " " && !is_pressable(path)) {
      event.preventDefault()
      document.dispatchEvent(new CustomEvent("gala-viz:flicker"))
    } else if (event.key === "s" || event.key === "S") {
      document.dispatchEvent(new CustomEvent("gala-viz:bookmark"))
    } else if (event.key === "b" || event.key === "B") {
      document.dispatchEvent(new CustomEvent("gala-viz:brush"))
    } else if (event.key === "m" || event.key === "M") {
      document.dispatchEvent(new CustomEvent("gala-viz:paint"))
    } else if (event.key === "[" || event.key === "]") {
      document.dispatchEvent(new CustomEvent("gala-viz:brush-size", {detail: event.key === "]" ? 1.15 : 1 / 1.15}))
    } else if (event.key === "p" || event.key === "P") {
      document.dispatchEvent(new CustomEvent("gala-viz:present"))
    }
  }, {signal: listening.signal})
  model.on("remove", () => listening.abort())
}
