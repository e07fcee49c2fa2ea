// All notes, saved views and files, beside the editor; and what every script of the notes uses.

const ASK_MS = 5000

function made(tag, className, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), {className, ...properties})
  node.append(...children)
  return node
}

function press(text, title, act, className = "") {
  const node = made("button", className, {type: "button", textContent: text, title})
  node.addEventListener("click", act)
  return node
}

// A button that takes something away: it asks first, for a few seconds; a double click or a held key is one press.
function press_twice(text, title, question, act, className) {
  let asking = null
  const rest = () => {
    clearTimeout(asking)
    asking = null
    node.textContent = text
    node.classList.remove("asking")
  }
  const node = press(text, title, (event) => {
    if (event.detail > 1) { return }
    if (asking != null) { rest(); act(); return }
    node.textContent = question
    node.classList.add("asking")
    asking = setTimeout(rest, ASK_MS)
  }, className)
  node.addEventListener("keydown", (event) => { if (event.repeat) { event.preventDefault() } })
  return node
}

// A line that tells what became of what was asked with the controls beside it.
function status_line(className) {
  const node = made("span", `${className} told muted`)
  node.setAttribute("role", "status")
  const say = (words, wrong = false) => {
    node.textContent = words
    node.classList.toggle("wrong", wrong)
  }
  return {node, say}
}

function all_notes(model) {
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
      const node = press(`${{"": "All", "★": "★"}[one] ?? `#${one}`} ${count}`, "Show these", () => { filter = one; show_list() }, "filter")
      node.setAttribute("aria-pressed", String(one === filter))
      return node
    }))
    const nodes = model.items.filter(fits).slice(0, 500).map(row)
    list.replaceChildren(...(nodes.length ? nodes : [made("li", "muted", {textContent: model.read_only ? "Nothing is noted." : "Nothing is noted yet. S bookmarks the photograph in view."})]))
  }

  // ---- files and saved views

  const of_views = status_line("views-told")
  const of_files = status_line("files-told")
  const file = made("input", "", {type: "file", accept: ".json,application/json", hidden: true})
  file.addEventListener("change", async () => {
    const [one] = file.files
    if (one == null) { return }
    of_files.say("")
    if (one.size > 5 * 2 ** 20) { of_files.say("Nothing was taken in: a file of notes has at most 5 MB.", true) }
    else { model.send_msg({import: await one.text()}) }
    file.value = ""
  })
  const name = made("input", "view-name", {type: "text", placeholder: "name of this view", autocomplete: "off"})
  name.setAttribute("aria-label", "Name of this view")
  const save_view = () => {
    const given = name.value.trim()
    of_views.say("")
    if (given) { model.send_msg({keep: given}) } else { of_views.say("A name was expected, none came: type one first.", true); name.focus() }
  }
  name.addEventListener("keydown", (event) => { if (event.key === "Enter") { save_view() } })
  const views = made("ul", "views")
  views.setAttribute("aria-label", "Saved views")
  const show_views = () => {
    views.replaceChildren(...model.views.map((one) => made("li", "", {},
      made("a", "", {href: one.link, textContent: one.name, title: "Open; copy this link to share it"}),
      model.read_only ? "" : press_twice("✕", `Delete the view “${one.name}”`, "Delete?", () => model.send_msg({drop: one.name}), "drop"))))
  }
  const files = made("div", "line", {},
    press("Export", "All notes as a file", () => model.send_msg({export: true})),
    model.read_only ? "" : press("Import", "Add the notes of a file", () => file.click()), file,
    made("span", "where muted", {textContent: model.read_only ? "" : model.where}))
  const keeping = made("div", "line", {hidden: model.read_only}, name, press("Save view", "Keep exactly this view under a short link", save_view))

  model.on("msg:custom", (message) => {
    if (message.about === "views") {
      of_views.say(message.told, message.wrong)
      if (message.kept != null && message.kept === name.value.trim()) { name.value = "" }
    } else if (message.about === "files") {
      of_files.say(message.told, message.wrong)
    } else if (message.download != null) {
      of_files.say("")
      save_text(message.download, "notes.json", "application/json")
    }
  })
  model.on("items", show_list)
  model.on("views", show_views)
  show_list()
  show_views()
  return made("div", "all", {}, filters, list, keeping, of_views.node, views, files, of_files.node)
}
