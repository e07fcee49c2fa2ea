// Python: image_grid.py. A table of many rows: those near the ones in view are drawn, and asked for. All words are text, never markup.

const [NEAR, KEPT] = [3, 400] // rows beyond the window that are drawn; rows that are remembered

function made(tag, className, ...children) {
  const node = document.createElement(tag)
  node.className = className
  node.append(...children)
  return node
}

export function render({model, el}) {
  const head = made("div", "row head")
  const body = made("div", "body")
  const frame = made("div", "frame", head, body)
  frame.tabIndex = 0
  frame.setAttribute("role", "region")
  frame.setAttribute("aria-label", "Grid of photographs; scrolls")
  el.append(frame)
  const rows = new Map() // number -> what came
  const nodes = new Map() // number -> its element
  const height = () => model.cell_px + 36
  let asked = ""

  const range = () => {
    const first = Math.max(0, Math.floor(frame.scrollTop / height()) - NEAR)
    const last = Math.min(model.count, Math.ceil((frame.scrollTop + frame.clientHeight) / height()) + NEAR)
    return [first, last]
  }
  const fill = (node, at) => {
    const row = rows.get(at)
    node.dataset.state = row == null ? "waiting" : "there"
    const title = made(row != null && model.image_link !== "" ? "a" : "span", "title", row?.title ?? "")
    if (row != null && model.image_link !== "") { title.href = model.image_link + encodeURIComponent(row.id) }
    const about = made("div", "about", made("span", "number", String(at + 1)), title, made("span", "id", row?.title === row?.id ? "" : row?.id ?? ""), made("span", "id", row?.error ?? row?.about ?? ""))
    const cells = model.columns.map((column, i) => {
      const cell = row?.cells?.[i]
      const picture = made("div", "picture")
      if (cell?.src) { picture.append(Object.assign(new Image(), {src: cell.src, alt: `${column}: ${row.title}`, draggable: false})) }
      return made("div", "cell", picture, made("div", "text", cell?.text ?? ""))
    })
    node.replaceChildren(about, ...cells)
  }
  const draw = () => {
    body.style.height = `${model.count * height()}px`
    const [first, last] = range()
    for (const [at, node] of nodes) { if (at < first || at >= last) { node.remove(); nodes.delete(at) } }
    for (let at = first; at < last; at++) {
      if (nodes.has(at)) { continue }
      const node = made("div", "row")
      node.setAttribute("role", "group")
      node.style.top = `${at * height()}px`
      nodes.set(at, node)
      fill(node, at)
      body.append(node)
    }
    if (rows.size > KEPT) {
      const middle = (first + last) / 2
      const far = [...rows.keys()].sort((one, other) => Math.abs(other - middle) - Math.abs(one - middle))
      for (const at of far.slice(0, rows.size - KEPT)) { rows.delete(at) }
    }
    ask(first, last)
  }
  // What is in view comes before what is near it.
  const ask = (first, last) => {
    const seen = [Math.floor(frame.scrollTop / height()), Math.ceil((frame.scrollTop + frame.clientHeight) / height())]
    const missing = Array.from({length: Math.max(last - first, 0)}, (_, i) => first + i).filter((at) => !rows.has(at))
    const order = [...missing.filter((at) => at >= seen[0] && at < seen[1]), ...missing.filter((at) => at < seen[0] || at >= seen[1])]
    const text = `${model.generation} ${order.join(" ")}`
    if (order.length === 0 || text === asked) { return }
    asked = text
    model.send_msg({rows: order, generation: model.generation})
  }
  let later = null
  frame.addEventListener("scroll", () => {
    clearTimeout(later)
    later = setTimeout(draw, 80)
  }, {passive: true})

  const show_head = () => {
    const corner = made("div", "about", made("span", "count", `${model.count.toLocaleString("en")} photograph${model.count === 1 ? "" : "s"}`))
    const titles = model.columns.map((title, i) => {
      const close = made("button", "remove", "×")
      Object.assign(close, {type: "button", title: `Take the column ${title} away`})
      close.setAttribute("aria-label", close.title)
      close.addEventListener("click", () => model.send_msg({remove: i}))
      return made("div", "cell", made("span", "name", title), ...(model.columns.length > 1 ? [close] : []))
    })
    head.replaceChildren(corner, ...titles)
    frame.style.setProperty("--cell", `${model.cell_px}px`)
    frame.style.setProperty("--row", `${height()}px`)
  }
  const begin = () => {
    rows.clear()
    for (const node of nodes.values()) { node.remove() }
    nodes.clear()
    asked = ""
    show_head()
    draw()
  }
  model.on("msg:custom", (message) => {
    if (message.generation !== model.generation || message.row == null) { return }
    rows.set(message.at, message.row)
    const node = nodes.get(message.at)
    if (node != null) { fill(node, message.at) }
  })
  model.on("generation", () => { frame.scrollTop = 0; begin() })
  for (const name of ["count", "columns"]) { model.on(name, () => { show_head(); draw() }) }
  model.on("image_link", () => { for (const [at, node] of nodes) { fill(node, at) } })
  model.on("cell_px", () => {
    const at = frame.scrollTop / Number.parseFloat(getComputedStyle(frame).getPropertyValue("--row"))
    for (const node of nodes.values()) { node.remove() }
    nodes.clear()
    show_head()
    body.style.height = `${model.count * height()}px`
    frame.scrollTop = at * height()
    draw()
  })
  const observer = new ResizeObserver(() => draw())
  observer.observe(frame)
  model.on("remove", () => observer.disconnect())
  begin()
}
