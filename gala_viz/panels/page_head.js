// Python: page_head.py. Runs before all other scripts of a page: what it says when it gets no connection, and the link past its header.

function begin_page({skip_link}) {
  watch_first_connection()
  patch_bokeh() // whose script stands before this one
  const ready = () => {
    if (skip_link) { add_skip_link() }
    if (window.Bokeh == null) { cannot_begin("The scripts of this page could not be loaded from its server.") }
  }
  document.addEventListener("DOMContentLoaded", ready, {once: true}) // a library of Panel sends this event a second time
}

function cannot_begin(reason) {
  if (document.querySelector("[data-lost]") != null) { return }
  for (const loader of document.querySelectorAll("#loader")) { loader.remove() }
  connection_banner(`${reason} Load it again. If that does not help, tell whoever runs it: a proxy must pass websockets on, ` +
    `and the server must be started for this address: --allow-websocket-origin ${window.location.host}`)
}

/** Bokeh's websocket, until its first message. A page that waited too long for it is loaded anew, once. */
function watch_first_connection() {
  const Plain = window.WebSocket
  let heard = false
  window.WebSocket = class extends Plain {
    constructor(...how) {
      super(...how)
      if (heard || !new URL(this.url).pathname.endsWith("/ws")) { return }
      this.addEventListener("message", () => { heard = true }, {once: true})
      this.addEventListener("close", () => {
        if (heard || leaving) { return }
        if (!reload_once()) { cannot_begin("The server refused this page its connection.") }
      })
    }
  }
  let leaving = false
  window.addEventListener("pagehide", () => { leaving = true })
}

/** The first stop of the Tab key: a link to the main part, which lies in the shadow of another element. */
function add_skip_link() {
  const link = Object.assign(document.createElement("a"), {href: "#main", textContent: "Skip to the main part"})
  link.style.cssText = "position:fixed;left:8px;z-index:100001;padding:8px 14px;border-radius:0 0 6px 6px;background:#245a92;" +
    "color:#fff;font:14px/1.4 Roboto,system-ui,sans-serif;top:-60px"
  link.addEventListener("focus", () => { link.style.top = "0" })
  link.addEventListener("blur", () => { link.style.top = "-60px" })
  link.addEventListener("click", (event) => {
    event.preventDefault()
    const main = find_deep(document, "main")
    if (main == null) { return }
    main.tabIndex = -1
    main.addEventListener("blur", () => main.removeAttribute("tabindex"), {once: true})
    main.style.outline = "none"
    main.focus()
  })
  const nav = document.createElement("nav")
  nav.setAttribute("aria-label", "Skip")
  nav.append(link)
  document.body.prepend(nav)
}

function find_deep(root, selector) {
  const found = root.querySelector(selector)
  if (found != null) { return found }
  for (const node of root.querySelectorAll("*")) {
    const inside = node.shadowRoot && find_deep(node.shadowRoot, selector)
    if (inside) { return inside }
  }
  return null
}
