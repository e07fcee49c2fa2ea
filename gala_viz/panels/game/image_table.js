// Python: image_table.py. Ids and categories come from files: they are written as text, never as markup.

const COLUMNS = ["image", "category", "rounds", "simulated rounds"]

const made = (tag, ...children) => {
  const node = document.createElement(tag)
  node.append(...children)
  return node
}

export function render({model, el}) {
  const heads = COLUMNS.map((name) => Object.assign(made("th", name), {scope: "col"}))
  const body = made("tbody")
  const caption = Object.assign(made("caption"), {className: "unseen"})
  el.append(made("table", caption, made("thead", made("tr", ...heads)), body))
  const mark = () => {
    for (const button of body.querySelectorAll("button")) { button.setAttribute("aria-pressed", String(button.textContent === model.selected)) }
  }
  const fill = () => {
    caption.textContent = model.caption
    body.replaceChildren(...model.rows.map(([image, ...others]) => {
      const button = Object.assign(made("button", image), {type: "button"})
      button.addEventListener("click", () => { model.selected = image })
      return made("tr", made("td", button), ...others.map((value) => made("td", typeof value === "number" ? value.toLocaleString("en") : value)))
    }))
    mark()
  }
  for (const name of ["caption", "rows"]) { model.on(name, fill) }
  model.on("selected", mark)
  fill()
}
