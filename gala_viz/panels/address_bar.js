// Python: address_bar.py. The address follows the page, and the page follows back and forward, and other tabs in step with it.

const IN_STEP = "gala_viz in step"

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
  const step = document.createElement("button")
  step.type = "button"
  step.className = "word in-step"
  step.textContent = "In step"
  step.title = "Tabs of this server that are in step show the same photograph, networks, selection and settings of maps"
  root.append(button, step)
  el.append(root)

  const write = () => {
    if (model.query === current()) { return }
    const address = window.location.pathname + (model.query ? `?${model.query}` : "")
    if (model.push_history) { window.history.pushState(null, "", address) } else { window.history.replaceState(null, "", address) }
  }
  const channel = new BroadcastChannel(`${IN_STEP} ${new URL(".", window.location.href).pathname}`)
  const is_in_step = () => sessionStorage.getItem(IN_STEP) === "1"
  const show_step = () => step.setAttribute("aria-pressed", String(is_in_step()))
  const tell = () => { if (is_in_step()) { channel.postMessage(model.query) } }
  step.addEventListener("click", () => {
    sessionStorage.setItem(IN_STEP, is_in_step() ? "0" : "1")
    show_step()
    tell()
  })
  channel.addEventListener("message", ({data}) => { if (is_in_step()) { model.send_msg({follow: data}) } })
  show_step()
  model.on("revision", () => { write(); if (model.tells) { tell() } })
  if (model.revision > 0) { write() } // written before this bar was drawn
  const listening = new AbortController()
  window.addEventListener("popstate", () => model.send_msg({query: current()}), {signal: listening.signal})
  model.on("remove", () => { listening.abort(); channel.close() })
}
