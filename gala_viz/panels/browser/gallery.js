// One page of thumbnails. Ids and categories come from files: they are written as text, never as markup.

const MARKS = {right: ["✓", "right"], wrong: ["✗", "wrong"]}

function tile(item, selected, choose) {
  const node = document.createElement("div")
  node.className = "tile"
  node.setAttribute("role", "option")
  node.setAttribute("aria-selected", String(item.id === selected))
  node.tabIndex = item.id === selected ? 0 : -1
  node.dataset.image = item.id
  node.title = item.category == null ? item.id : `${item.id}\n${item.category}`
  node.setAttribute("aria-label", [item.id, item.category, ...item.marks.map((mark) => MARKS[mark]?.[1])].filter(Boolean).join(", "))
  const picture = document.createElement("div")
  picture.className = item.thumbnail ? "picture" : "picture waiting"
  if (item.thumbnail) {
    const image = document.createElement("img")
    image.src = item.thumbnail
    image.alt = ""
    image.draggable = false
    picture.append(image)
  }
  if (item.marks.some((mark) => mark in MARKS)) {
    const marks = document.createElement("div")
    marks.className = "marks"
    for (const mark of item.marks) {
      const sign = document.createElement("span")
      sign.className = mark
      sign.textContent = MARKS[mark]?.[0] ?? "·"
      marks.append(sign)
    }
    picture.append(marks)
  }
  const caption = document.createElement("div")
  caption.className = "caption"
  caption.textContent = item.score ?? item.category ?? item.id
  node.append(picture, caption)
  node.addEventListener("click", () => choose(item.id))
  return node
}

export function render({model, el}) {
  const count = document.createElement("div")
  count.className = "count"
  count.setAttribute("role", "status")
  const tiles = document.createElement("div")
  tiles.className = "shelf"
  tiles.setAttribute("role", "listbox")
  tiles.setAttribute("aria-label", "Photographs")
  tiles.dataset.gallery = ""
  const turn = document.createElement("div")
  turn.className = "turn"
  const button = (text, label, step) => {
    const node = document.createElement("button")
    node.type = "button"
    node.textContent = text
    node.setAttribute("aria-label", label)
    node.addEventListener("click", () => { model.send_msg({page: model.page + step}) })
    return node
  }
  const [back, onward] = [button("‹", "Previous page", -1), button("›", "Next page", 1)]
  const where = document.createElement("span")
  turn.append(back, where, onward)
  const root = document.createElement("div")
  root.className = "root"
  root.append(count, tiles, turn)
  el.append(root)

  const choose = (id) => { model.selected = id }
  const fill = () => {
    const focused = tiles.contains(tiles.getRootNode().activeElement)
    tiles.replaceChildren(...model.items.map((item) => tile(item, model.selected, choose)))
    count.textContent = model.note
    where.textContent = model.pages > 1 ? `${(model.page + 1).toLocaleString("en")} of ${model.pages.toLocaleString("en")}` : ""
    turn.hidden = model.pages < 2
    back.disabled = model.page <= 0
    onward.disabled = model.page >= model.pages - 1
    if (focused) { tiles.querySelector("[aria-selected=true]")?.focus() }
  }
  const mark = () => {
    for (const node of tiles.children) {
      const chosen = node.dataset.image === model.selected
      node.setAttribute("aria-selected", String(chosen))
      node.tabIndex = chosen ? 0 : -1
      if (chosen) { node.scrollIntoView({block: "nearest"}) }
    }
  }
  tiles.addEventListener("keydown", (event) => {
    const at = [...tiles.children].indexOf(event.target)
    const columns = getComputedStyle(tiles).gridTemplateColumns.split(" ").length
    const step = {ArrowDown: columns, ArrowUp: -columns}[event.key]
    if (event.key === "Enter") { choose(event.target.dataset.image) }
    if (step != null && tiles.children[at + step] != null) {
      event.preventDefault()
      tiles.children[at + step].focus()
    }
  })
  for (const name of ["items", "note", "page", "pages"]) { model.on(name, fill) }
  model.on("selected", mark)
  fill()
}
