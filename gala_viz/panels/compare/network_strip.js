// Python: network_strip.py. Small maps of all networks. Titles come from files: they are written as text, never as markup.

export function render({model, el}) {
  const strip = Object.assign(document.createElement("div"), {className: "strip"})
  strip.setAttribute("role", "group")
  strip.setAttribute("aria-label", "Maps of all networks")
  el.append(strip)
  const cell = () => {
    const node = Object.assign(document.createElement("button"), {type: "button", className: "cell"})
    node.append(...["picture", "title", "text"].map((name) => Object.assign(document.createElement("span"), {className: name})))
    node.addEventListener("click", () => model.send_msg({second: node.dataset.network}))
    return node
  }
  const refresh = () => {
    while (strip.children.length < model.items.length) { strip.append(cell()) }
    while (strip.children.length > model.items.length) { strip.lastChild.remove() }
    model.items.forEach((item, i) => {
      const node = strip.children[i]
      const [picture, title, text] = node.children
      node.dataset.network = item.name
      node.title = `${item.title} (${item.name}): put it in the second place`
      node.setAttribute("aria-pressed", String(model.selected.includes(item.name)))
      picture.className = item.picture || item.text ? "picture" : "picture waiting"
      picture.style.backgroundImage = item.picture ? `url("${item.picture}")` : ""
      title.textContent = item.title
      text.textContent = item.text
    })
  }
  model.on("items", refresh)
  model.on("selected", refresh)
  refresh()
}
