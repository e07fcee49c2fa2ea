// Python: thumbnail_grid.py. One page of thumbnails. Ids and categories come from files: they are written as text, never as markup.

const MARKS = {right: ["✓", "right"], wrong: ["✗", "wrong"]}

function made(tag, className, ...children) {
  const node = document.createElement(tag)
  node.className = className
  node.append(...children)
  return node
}

function tile(id, choose) {
  const node = made("div", "tile", made("div", "picture"), made("div", "caption"))
  node.setAttribute("role", "option")
  node.dataset.image = id
  node.addEventListener("click", () => choose(id))
  return node
}

function fillTile(node, item) {
  const [picture, caption] = node.children
  node.title = item.category == null ? item.id : `${item.id}\n${item.category}`
  node.setAttribute("aria-label", [item.id, item.category, ...item.marks.map((mark) => MARKS[mark]?.[1]), item.learnt && "learnt from"].filter(Boolean).join(", "))
  picture.className = item.thumbnail ? "picture" : "picture waiting"
  let image = picture.querySelector("img")
  if (item.thumbnail && image == null) { picture.prepend(image = Object.assign(new Image(), {alt: "", draggable: false})) }
  if (item.thumbnail && image.src !== item.thumbnail) { image.src = item.thumbnail }
  picture.querySelector(".marks")?.remove()
  if (item.marks.some((mark) => mark in MARKS)) {
    const signs = item.marks.map((mark) => Object.assign(made("span", mark), {textContent: MARKS[mark]?.[0] ?? "·"}))
    picture.append(made("div", "marks", ...signs))
  }
  picture.querySelector(".learnt")?.remove()
  if (item.learnt) { picture.append(Object.assign(made("div", "learnt"), {textContent: "learnt", title: "A network shown learnt from it"})) }
  picture.querySelector(".star")?.remove()
  if (item.starred) { picture.append(Object.assign(made("div", "star"), {textContent: "★", title: "Bookmarked"})) }
  caption.textContent = item.score ?? item.category ?? item.id
}

// Brings a tile into view in the page's drawer; a notebook that holds the gallery is left where it is.
function reveal(node) {
  let drawer = node
  while (drawer != null && !drawer.classList?.contains("sidebar")) { drawer = drawer.parentNode ?? drawer.host }
  if (drawer == null) { return }
  const [own, all] = [node.getBoundingClientRect(), drawer.getBoundingClientRect()]
  if (own.bottom > all.bottom || own.top < all.top) { drawer.scrollTop += own.bottom - all.bottom + 12 }
}

export function render({model, el}) {
  const count = made("div", "count")
  count.setAttribute("role", "status")
  const tiles = made("div", "shelf")
  tiles.setAttribute("role", "listbox")
  tiles.setAttribute("aria-label", "Photographs")
  tiles.dataset.gallery = ""
  let wanted = null, later = 0 // quick presses count on from the page that was asked for, not from the one that is there
  const turn_by = (step) => {
    wanted = Math.min(Math.max((wanted ?? model.page) + step, 0), model.n_pages - 1)
    clearTimeout(later)
    later = setTimeout(() => { wanted = null }, 1500)
    model.send_msg({page: wanted})
  }
  const button = (text, label, step) => {
    const node = Object.assign(made("button", "", text), {type: "button"})
    node.setAttribute("aria-label", label)
    node.addEventListener("click", () => turn_by(step))
    return node
  }
  const [back, onward] = [button("‹", "Previous page", -1), button("›", "Next page", 1)]
  const where = made("span", "")
  const turn = made("div", "turn", back, where, onward)
  el.append(made("div", "root", count, tiles, turn))

  const choose = (id) => { model.selected = id }
  const mark = () => {
    const nodes = [...tiles.children]
    const shown = nodes.some((node) => node.dataset.image === model.selected)
    for (const [i, node] of nodes.entries()) {
      const chosen = node.dataset.image === model.selected
      node.setAttribute("aria-selected", String(chosen))
      node.tabIndex = chosen || (!shown && i === 0) ? 0 : -1 // one tile of each page is a stop of the Tab key
    }
  }
  // A tile lives as long as its photograph is on the page: whatever arrives while it is pressed, the click counts.
  const fill = () => {
    const focused = tiles.contains(tiles.getRootNode().activeElement)
    const known = new Map([...tiles.children].map((node) => [node.dataset.image, node]))
    const nodes = model.items.map((item) => known.get(item.id) ?? tile(item.id, choose))
    const arrived = nodes.find((node) => node.dataset.image === model.selected && !known.has(model.selected))
    nodes.forEach((node, i) => fillTile(node, model.items[i]))
    if (nodes.length !== tiles.children.length || nodes.some((node, i) => node !== tiles.children[i])) {
      tiles.replaceChildren(...nodes)
    }
    mark()
    count.textContent = model.count_text
    where.textContent = model.n_pages > 1 ? `${(model.page + 1).toLocaleString("en")} of ${model.n_pages.toLocaleString("en")}` : ""
    turn.hidden = model.n_pages < 2
    back.disabled = model.page <= 0
    onward.disabled = model.page >= model.n_pages - 1
    if (arrived != null) { requestAnimationFrame(() => reveal(arrived)) }
    if (focused) { tiles.querySelector("[aria-selected=true]")?.focus() }
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
  for (const name of ["items", "count_text", "page", "n_pages"]) { model.on(name, fill) }
  model.on("selected", () => { mark(); tiles.querySelector("[aria-selected=true]")?.scrollIntoView({block: "nearest"}) })
  fill()
}
