// Notes on the photograph in view, kept while they are typed; all notes and saved views beside them.
// Names, tags and excerpts are written as text; only `html`, which the server makes of Markdown, is markup.

const SAVE_MS = 500

function made(tag, className, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), {className, ...properties})
  node.append(...children)
  return node
}

export function render({model, el}) {
  const button = (text, title, act, className = "") => {
    const node = made("button", className, {type: "button", textContent: text, title})
    node.addEventListener("click", act)
    return node
  }

  // ---- the editor

  const star = button("☆", "Bookmark this photograph (S)", () => { draft.bookmarked = !draft.bookmarked; changed(0) }, "star")
  const tags = made("input", "tags", {type: "text", placeholder: "tags, with commas between", autocomplete: "off", maxLength: 600})
  tags.setAttribute("aria-label", "Tags")
  const text = made("textarea", "text", {rows: 4, placeholder: "Notes on this photograph, in Markdown", maxLength: 20000})
  text.setAttribute("aria-label", "Notes")
  const told = made("span", "told muted", {})
  told.setAttribute("role", "status")
  const again = button("Save mine", "Replace what is stored by what stands here", () => changed(0), "again")
  const shown = made("div", "shown")
  const editor = made("div", "editor", {}, made("div", "line", {}, star, tags), text, made("div", "line", {}, told, again), shown)

  let draft = {image: "", bookmarked: false, tags: "", text: "", html: ""}
  const seen = new Map() // image -> what its note was when it was last told
  const queue = new Map() // image -> draft that waits to be kept
  let busy = null
  let later = null

  const show_star = () => {
    star.textContent = draft.bookmarked ? "★" : "☆"
    star.setAttribute("aria-pressed", String(draft.bookmarked))
  }
  const fill = (note) => {
    draft = {...note}
    tags.value = note.tags
    text.value = note.text
    shown.innerHTML = note.html
    show_star()
  }
  const say = (words, wrong = false) => {
    told.textContent = words
    told.classList.toggle("wrong", wrong)
    again.hidden = !wrong
  }
  const pump = () => {
    if (busy != null || queue.size === 0) { return }
    const [image, one] = queue.entries().next().value
    queue.delete(image)
    busy = one
    model.send_msg({save: {image, bookmarked: one.bookmarked, tags: one.tags, text: one.text, seen: seen.get(image) ?? 0}})
  }
  const keep = () => {
    clearTimeout(later)
    later = null
    if (draft.image) { queue.set(draft.image, {...draft}) }
    pump()
  }
  const changed = (wait) => {
    draft.tags = tags.value
    draft.text = text.value
    show_star()
    say("…")
    clearTimeout(later)
    later = setTimeout(keep, wait)
  }
  tags.addEventListener("input", () => changed(SAVE_MS))
  text.addEventListener("input", () => changed(SAVE_MS))
  for (const node of [tags, text]) { node.addEventListener("blur", () => { if (later != null) { keep() } }) }

  const show = () => {
    editor.classList.toggle("off", !model.image)
    for (const node of [star, tags, text]) { node.disabled = !model.image }
    const note = model.note
    const mine = note.image === draft.image && (later != null || queue.has(note.image) || busy?.image === note.image)
    if (mine) { return } // what stands here is newer
    if (later != null) { keep() } // of the photograph before
    if (note.image !== draft.image) { say("") }
    seen.set(note.image, note.seen)
    fill(note)
  }

  model.on("msg:custom", (message) => {
    if (message.saved != null) {
      const {image} = message.saved
      busy = null
      seen.set(image, message.saved.seen)
      if (image === draft.image && later == null && !queue.has(image)) {
        draft.html = shown.innerHTML = message.saved.html
        say("Kept.")
      }
      pump()
    } else if (message.conflict != null) {
      busy = null
      seen.set(message.conflict.image, message.conflict.seen)
      say("Changed in another window meanwhile; below is what is stored. What you wrote still stands above.", true)
      shown.innerHTML = message.conflict.html
    } else if (message.failed != null) {
      busy = null
      say(`Not kept: ${message.failed}`, true)
    } else if (message.star) {
      if (model.image) { star.click() }
    } else if (message.told != null) {
      say(message.told)
    } else if (message.download != null) {
      save_text(message.download, "notes.json", "application/json")
    }
  })

  // ---- all notes

  let filter = ""
  const filters = made("div", "filters")
  const list = made("ul", "list")
  list.setAttribute("aria-label", "All notes")
  const fits = (item) => filter === "" || (filter === "★" ? item.bookmarked : item.tags.includes(filter))
  const row = (item) => {
    const node = made("button", "item", {type: "button", title: item.image, disabled: !item.here})
    node.append(made("span", "mark", {textContent: item.bookmarked ? "★" : ""}), made("span", "name", {textContent: item.category || item.image}))
    if (item.category) { node.append(made("span", "muted id", {textContent: item.image})) }
    for (const tag of item.tags) { node.append(made("span", "tag", {textContent: `#${tag}`})) }
    if (item.excerpt) { node.append(made("span", "excerpt muted", {textContent: item.excerpt})) }
    node.addEventListener("click", () => model.send_msg({go: item.image}))
    return made("li", "", {}, node)
  }
  const show_list = () => {
    const known = ["", "★", ...new Set(model.items.flatMap((item) => item.tags))]
    if (!known.includes(filter)) { filter = "" }
    filters.replaceChildren(...known.map((one) => {
      const count = model.items.filter((item) => one === "" || (one === "★" ? item.bookmarked : item.tags.includes(one))).length
      const node = button(`${{"": "All", "★": "★"}[one] ?? `#${one}`} ${count}`, "Show these", () => { filter = one; show_list() }, "filter")
      node.setAttribute("aria-pressed", String(one === filter))
      return node
    }))
    const nodes = model.items.filter(fits).slice(0, 500).map(row)
    list.replaceChildren(...(nodes.length ? nodes : [made("li", "muted", {textContent: "Nothing is noted yet. S bookmarks the photograph in view."})]))
  }

  // ---- files and saved views

  const file = made("input", "", {type: "file", accept: ".json,application/json", hidden: true})
  file.addEventListener("change", async () => {
    const [one] = file.files
    if (one != null && one.size <= 5 * 2 ** 20) { model.send_msg({import: await one.text()}) }
    if (one != null && one.size > 5 * 2 ** 20) { say("Not taken in: a file of notes has at most 5 MB.", true) }
    file.value = ""
  })
  const name = made("input", "view-name", {type: "text", placeholder: "name of this view", maxLength: 60, autocomplete: "off"})
  name.setAttribute("aria-label", "Name of this view")
  const save_view = () => { if (name.value.trim()) { model.send_msg({keep: name.value.trim()}); name.value = "" } }
  name.addEventListener("keydown", (event) => { if (event.key === "Enter") { save_view() } })
  const views = made("ul", "views")
  views.setAttribute("aria-label", "Saved views")
  const show_views = () => {
    views.replaceChildren(...model.views.map((one) => made("li", "", {},
      made("a", "", {href: one.link, textContent: one.name, title: "Open; copy this link to share it"}),
      button("✕", `Delete the view “${one.name}”`, () => model.send_msg({drop: one.name}), "drop"))))
  }
  const files = made("div", "line", {},
    button("Export", "All notes as a file", () => model.send_msg({export: true})),
    button("Import", "Add the notes of a file", () => file.click()), file, made("span", "where muted", {textContent: model.where}))
  const keeping = made("div", "line", {}, name, button("Save view", "Keep exactly this view under a short link", save_view))
  el.append(made("div", "root", {}, editor, made("div", "all", {}, filters, list, keeping, views, files)))

  for (const property of ["note", "image"]) { model.on(property, show) }
  model.on("items", show_list)
  model.on("views", show_views)
  const listening = new AbortController()
  document.addEventListener("gala-viz:bookmark", () => { if (model.image) { star.click() } }, {signal: listening.signal})
  document.addEventListener("visibilitychange", () => { if (later != null) { keep() } }, {signal: listening.signal})
  window.addEventListener("pagehide", () => { if (later != null) { keep() } }, {signal: listening.signal})
  model.on("remove", () => listening.abort())
  say("")
  fill(model.note.image == null ? draft : model.note)
  show()
  show_list()
  show_views()
}
