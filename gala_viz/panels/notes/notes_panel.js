// Python: notes_panel.py. Notes on the photograph in view, kept while they are typed; all notes and saved views beside them.
// Where the server keeps them read-only it refuses every change; here the controls are only shut.
// Names, tags and excerpts are written as text; only `html`, which the server makes of Markdown, is markup.

const SAVE_MS = 500
const LOOK_MS = 2000
const CHANGED = "Changed in another window. What you wrote stands here and is not kept yet; what is stored is shown below it."

export function render({model, view, el}) {
  const star = press("☆", "Bookmark this photograph (S)", () => { draft.bookmarked = !draft.bookmarked; changed(0) }, "star")
  const tags = made("input", "tags", {type: "text", placeholder: "tags, with commas between", autocomplete: "off"})
  tags.setAttribute("aria-label", "Tags")
  const text = made("textarea", "text", {rows: 4, placeholder: "Notes on this photograph, in Markdown"})
  text.setAttribute("aria-label", "Notes")
  const status = status_line("note-told")
  const again = press("Save mine", "Replace what is stored by what stands here", () => save_mine(), "again")
  const leave = press_twice("Drop mine", "Forget what stands here and go on from what is stored", "Drop it?", () => drop_mine(), "leave")
  const shown = made("div", "shown")
  const state = made("div", "line state", {}, status.node, again, leave)
  const locked = made("div", "line locked muted", {textContent: model.owner_text, title: model.read_only_reason, hidden: !model.read_only})
  const editor = made("div", "editor", {}, locked, made("div", "line", {}, star, tags), state, text, shown)

  let draft = {image: "", bookmarked: false, tags: "", text: "", html: ""}
  const versions = new Map() // image -> when its note was last changed, as the server said
  const queue = new Map() // image -> draft that waits to be kept
  const unsaved = new Map() // image -> what of its draft stands only here, and why: {kind, words, draft, stored}
  let busy = null
  let later = null

  const show_star = () => {
    star.textContent = draft.bookmarked ? "★" : "☆"
    star.setAttribute("aria-pressed", String(draft.bookmarked))
  }
  const say = (words, kind = null) => {
    status.say(words, kind != null)
    again.hidden = kind !== "conflict" && kind !== "failed"
    leave.hidden = kind !== "conflict"
  }
  const show_held = () => {
    const {kind, words, stored} = unsaved.get(draft.image)
    say(words, kind)
    if (stored != null) { shown.innerHTML = stored.html }
  }
  const fill = (note) => {
    draft = {...note}
    tags.value = note.tags
    text.value = note.text
    shown.innerHTML = note.html
    show_star()
    if (unsaved.has(draft.image)) { show_held() }
  }
  const hold = (image, kind, words, stored = null) => {
    unsaved.set(image, {kind, words, stored, draft: image === draft.image ? {...draft} : queue.get(image) ?? busy})
    if (kind === "conflict") { queue.delete(image) }
    if (image === draft.image) { show_held() } else { say(`${image}: ${words}`, "elsewhere") }
  }
  const waits = (image) => unsaved.get(image)?.kind === "conflict" // for a choice between mine and what is stored
  const same = (one, other) => one.text === other.text && one.tags === other.tags && one.bookmarked === other.bookmarked
  const pump = () => {
    if (busy != null || queue.size === 0) { return }
    const [image, one] = queue.entries().next().value
    queue.delete(image)
    busy = one
    model.send_msg({save: {image, bookmarked: one.bookmarked, tags: one.tags, text: one.text, seen: versions.get(image) ?? 0}})
  }
  const keep = () => {
    clearTimeout(later)
    later = null
    if (draft.image && !waits(draft.image)) { queue.set(draft.image, {...draft}) }
    pump()
  }
  const changed = (wait) => {
    draft.tags = tags.value
    draft.text = text.value
    show_star()
    if (waits(draft.image)) { return }
    if (!unsaved.has(draft.image)) { say("…") }
    clearTimeout(later)
    later = setTimeout(keep, wait)
  }
  const save_mine = () => {
    unsaved.delete(draft.image)
    changed(0)
  }
  const drop_mine = () => {
    const {stored} = unsaved.get(draft.image)
    unsaved.delete(draft.image)
    say("")
    fill(stored)
  }
  tags.addEventListener("input", () => changed(SAVE_MS))
  text.addEventListener("input", () => changed(SAVE_MS))
  for (const node of [tags, text]) { node.addEventListener("blur", () => { if (later != null) { keep() } }) }

  const show = () => {
    editor.classList.toggle("off", !model.image)
    for (const node of [star, tags, text]) { node.disabled = !model.image || model.read_only }
    const note = model.note
    const here = note.image === draft.image
    const coming = queue.get(note.image) ?? (busy?.image === note.image ? busy : null)
    if (here && (later != null || coming != null || unsaved.has(note.image))) { return } // what stands here is newer
    if (later != null) { keep() } // of the photograph before
    if (!here && unsaved.has(draft.image)) { unsaved.get(draft.image).draft = {...draft} }
    if (!here) { say("") }
    const mine = coming ?? unsaved.get(note.image)?.draft
    if (mine == null) { versions.set(note.image, note.seen) }
    fill(mine ?? note)
  }

  model.on("msg:custom", (message) => {
    if (message.saved != null) {
      const {image} = message.saved
      versions.set(image, message.saved.seen)
      const last = image === draft.image && later == null && !queue.has(image)
      if (last) { draft.html = shown.innerHTML = message.saved.html }
      if (message.refused) { hold(image, "refused", message.refused) } else { unsaved.delete(image) }
      if (last && !message.refused) { say("Kept.") }
      busy = null
      pump()
    } else if (message.conflict != null) {
      versions.set(message.conflict.image, message.conflict.seen)
      if (busy != null && same(busy, message.conflict)) { unsaved.delete(busy.image) } // it had arrived before the line broke
      else { hold(message.conflict.image, "conflict", CHANGED, message.conflict) }
      busy = null
      pump()
    } else if (message.stored != null) { // it was changed once more
      const {image} = message.stored
      if (!waits(image)) { return }
      versions.set(image, message.stored.seen)
      unsaved.get(image).stored = message.stored
      if (image === draft.image) { show_held() }
    } else if (message.failed != null) {
      if (busy != null) { hold(busy.image, "failed", `Not kept: ${message.failed}`) }
      busy = null
      pump()
    } else if (message.about === "note") {
      if (!unsaved.has(draft.image)) { say(message.told, "elsewhere") }
    } else if (message.star) {
      if (model.image) { star.click() }
    }
  })

  el.append(made("div", "root", {}, editor, all_notes(model)))

  for (const property of ["note", "image"]) { model.on(property, show) }
  const looking = setInterval(() => {
    if (!document.hidden && waits(draft.image)) { model.send_msg({look: draft.image}) }
  }, LOOK_MS)
  const listening = new AbortController()
  const hear = (where, what, act) => where.addEventListener(what, act, {signal: listening.signal})
  hear(document, "gala-viz:bookmark", () => { if (model.image) { star.click() } })
  hear(document, "visibilitychange", () => { if (later != null) { keep() } })
  let reloading = false
  hear(document, "gala-viz:reload", () => { reloading = true })
  hear(window, "pagehide", () => {
    if (later != null) { keep() }
    const drafts = new Map([...unsaved].map(([image, one]) => [image, one.draft]))
    for (const one of [busy, ...queue.values()]) { if (one != null) { drafts.set(one.image, one) } }
    keep_in_tab("notes", [...drafts.values()].map((one) => ({...one, seen: versions.get(one.image) ?? 0})))
  })
  hear(window, "beforeunload", (event) => {
    if (later != null) { keep() }
    if (!reloading && (unsaved.size > 0 || queue.size > 0)) { event.preventDefault() } // the browser asks before this is lost
  })
  model.on("remove", () => { listening.abort(); clearInterval(looking) })
  say("")
  fill(model.note.image == null ? draft : model.note)
  for (const {seen, ...one} of take_from_tab("notes")) { // typed while the server was away, before the page loaded itself anew
    versions.set(one.image, seen)
    queue.set(one.image, one)
    if (one.image === draft.image) { fill(one) }
  }
  if (queue.size > 0) { once_ready(view, pump) }
  show()
}
