// Python: address_bar.py. The address follows the page, and the page follows back and forward.

export function render({model, el}) {
  const current = () => window.location.search.replace(/^\?/, "")
  const button = document.createElement("button")
  button.type = "button"
  button.className = "word"
  button.textContent = "Copy link"
  button.title = "Copy the address of exactly this view"
  button.addEventListener("click", async () => {
    const link = new URL(window.location.href)
    link.search = model.query
    await copy_text(link.href)
    button.textContent = "Copied"
    setTimeout(() => { button.textContent = "Copy link" }, 1200)
  })
  const root = document.createElement("div")
  root.className = "root"
  root.append(button)
  el.append(root)

  const write = () => {
    if (model.query === current()) { return }
    const address = window.location.pathname + (model.query ? `?${model.query}` : "")
    if (model.push_history) { window.history.pushState(null, "", address) } else { window.history.replaceState(null, "", address) }
  }
  model.on("revision", write)
  if (model.revision > 0) { write() } // written before this bar was drawn
  const listening = new AbortController()
  window.addEventListener("popstate", () => model.send_msg({query: current()}), {signal: listening.signal})
  model.on("remove", () => listening.abort())
}
