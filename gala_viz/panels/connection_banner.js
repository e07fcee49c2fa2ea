// Read by page_head.py and connection_monitor.py. One line over the whole page about its connection, and a button to load it again.

const RELOAD_PAUSE_MS = 20_000 // a page that was loaded by itself and lost its connection again waits for its visitor

function connection_banner(words) {
  const banner = document.createElement("div")
  banner.setAttribute("role", "alert")
  banner.dataset.lost = ""
  banner.style.cssText = "position:fixed;top:0;left:0;right:0;z-index:100000;padding:10px 16px;background:#8c1d18;color:#fff;" +
    "font:14px/1.4 Roboto,system-ui,sans-serif;display:flex;flex-wrap:wrap;gap:6px 16px;align-items:center;justify-content:center"
  const text = document.createElement("span")
  const again = Object.assign(document.createElement("button"), {type: "button", textContent: "Load the page again"})
  again.style.cssText = "font:inherit;padding:4px 12px"
  again.addEventListener("click", reload)
  banner.append(text, again)
  document.body.append(banner)
  text.textContent = words
  return {say: (more) => { text.textContent = more }, enable: (on) => { again.disabled = !on }}
}

/** Load the page again; parts that keep in the tab what was typed are told that nothing is lost. */
function reload() {
  document.dispatchEvent(new CustomEvent("gala-viz:reload"))
  window.location.reload()
}

/** Load the page again, unless that was done a moment ago; return whether it is done. */
function reload_once() {
  const key = `gala_viz reloaded ${window.location.pathname}`
  try {
    if (Date.now() - Number(sessionStorage.getItem(key) ?? 0) < RELOAD_PAUSE_MS) { return false }
    sessionStorage.setItem(key, String(Date.now()))
  } catch { return false } // without a memory it might go on for ever
  reload()
  return true
}
