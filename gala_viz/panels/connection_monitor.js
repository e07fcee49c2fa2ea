// Python: connection_monitor.py. A page without its server looks alive: it says so, and loads itself anew once the server answers.
// Its address holds what it shows; notes and inputs keep what was typed (notes_panel.js, form.js).

const RETRY_MS = 2000

export function render({view}) {
  let banner = null, leaving = false
  window.addEventListener("pagehide", () => { leaving = true })
  const lost = () => {
    if (banner != null || leaving) { return }
    banner = connection_banner("The connection to the server is lost. The page comes back by itself once the server answers; what you typed is kept.")
    banner.enable(false)
    const address = new URL("static/js/bokeh.min.js", window.location.href) // a proxy's own answers are 502 and the like
    const look = async () => {
      const answer = await fetch(address, {method: "HEAD", cache: "no-store"}).catch(() => null)
      if (answer == null || answer.status >= 500) { setTimeout(look, RETRY_MS); return }
      banner.enable(true)
      if (!reload_once()) { banner.say("The connection to the server was lost again. The server answers: load the page, or wait until the network is steady.") }
    }
    look()
  }
  view.model.document.on_event("connection_lost", lost)
}
