// Python: progress_bar.py. One line: words, a bar, a button that cancels, or starts what can be started.

export function render({model, el}) {
  const text = document.createElement("span")
  text.className = "text"
  text.setAttribute("role", "status")
  const bar = document.createElement("div")
  bar.className = "bar"
  bar.setAttribute("role", "progressbar")
  bar.setAttribute("aria-label", "Progress")
  const fill = document.createElement("div")
  bar.append(fill)
  const button = document.createElement("button")
  button.type = "button"
  button.addEventListener("click", () => model.send_msg({press: model.busy ? "cancel" : "start"}))
  const root = document.createElement("div")
  root.className = "root"
  if (model.start_label) { root.append(button, bar, text) } else { root.append(text, bar, button) }
  el.append(root)
  const show = () => {
    text.textContent = model.text
    fill.style.width = `${100 * model.fraction}%`
    bar.setAttribute("aria-valuenow", String(Math.round(100 * model.fraction)))
    bar.classList.toggle("idle", model.text === "")
    button.textContent = model.busy || !model.start_label ? "Cancel" : model.start_label
    button.disabled = !model.busy && !model.start_label
  }
  for (const name of ["text", "fraction", "busy", "start_label"]) { model.on(name, show) }
  show()
}
