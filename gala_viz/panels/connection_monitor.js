// Python: connection_monitor.py. A page without its server looks alive: it says so until it is loaded anew, which is offered once the server answers.

const RETRY_MS = 2000

export function render({view}) {
  measure_figures_once_laid_out() // here, as every page has this component from its beginning
  let banner = null, leaving = false
  window.addEventListener("pagehide", () => { leaving = true })
  const lost = () => {
    if (banner != null || leaving) { return }
    banner = document.createElement("div")
    banner.setAttribute("role", "alert")
    banner.dataset.lost = ""
    banner.style.cssText = "position:fixed;top:0;left:0;right:0;z-index:100000;padding:10px 16px;background:#8c1d18;color:#fff;" +
      "font:14px/1.4 Roboto,sans-serif;display:flex;gap:16px;align-items:center;justify-content:center"
    const words = document.createElement("span")
    words.textContent = "The connection to the server is lost: nothing more is computed, and nothing that you write is kept."
    const again = Object.assign(document.createElement("button"), {type: "button", textContent: "Load the page again", disabled: true})
    again.style.cssText = "font:inherit;padding:4px 12px"
    again.addEventListener("click", () => window.location.reload())
    banner.append(words, again)
    document.body.append(banner)
    const look = () => fetch(window.location.href, {method: "HEAD", cache: "no-store"}).then(
      () => { again.disabled = false }, () => { again.disabled = true; setTimeout(look, RETRY_MS) })
    look()
  }
  view.model.document.on_event("connection_lost", lost)
}
