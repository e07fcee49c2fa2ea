// Read by form.py and notes/notes_panel.py. What was typed and not received by the server, until the page is loaded again in the same tab.

const tab_key = (name) => `gala_viz ${window.location.pathname} ${name}`

function keep_in_tab(name, value) {
  try {
    if (value.length > 0) { sessionStorage.setItem(tab_key(name), JSON.stringify(value)) } else { sessionStorage.removeItem(tab_key(name)) }
  } catch { /* a browser that stores nothing for this page */ }
}

/** The list that was kept under `name`, once; an empty one where there is none. */
function take_from_tab(name) {
  try {
    const value = JSON.parse(sessionStorage.getItem(tab_key(name)) ?? "[]")
    sessionStorage.removeItem(tab_key(name))
    return value
  } catch { return [] }
}

/** Act once the server knows that the page stands: what it changes before does not reach the page. */
function once_ready(view, act) {
  const soon = () => setTimeout(act, 500)
  if (view.model.document.is_idle) { soon() } else { view.model.document.on_event("document_ready", soon) }
}
