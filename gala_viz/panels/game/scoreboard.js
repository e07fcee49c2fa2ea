// What stands beside the photograph: guesses, the clock, the leaderboard, the maps of a round that is over.

function make_guesses() {
  const list = node("ol", {class: "guesses", "aria-label": texts.guesses_label, "aria-live": "polite"})
  return {
    root: list,
    clear: () => list.replaceChildren(node("li", {class: "wait"}, texts.network_sees_nothing)),
    show: (guesses, category) => {
      list.replaceChildren(...guesses.map(([name, probability]) => {
        const line = node("li", {class: name === category ? "right" : ""})
        const bar = node("span", {class: "bar"})
        bar.style.width = `${Math.max(1, 100 * probability)}%`
        line.append(node("span", {class: "name"}, name), node("span", {class: "p"}, `${(100 * probability).toFixed(0)} %`), bar)
        return line
      }))
    },
  }
}

function make_clock() {
  const root = node("div", {class: "clock"})
  const bar = node("div", {class: "left"})
  const points = node("output", {class: "points"}, "100")
  root.append(bar, points)
  let began = null
  let limit = 1
  const tick = () => {
    if (began == null) { return }
    const left = Math.max(0, 1 - (performance.now() - began) / limit)
    bar.style.transform = `scaleX(${left})`
    points.textContent = String(Math.round(100 * left ** 3))
    if (left > 0) { requestAnimationFrame(tick) }
  }
  return {
    root,
    reset: (limit_ms) => { began = null; limit = limit_ms; bar.style.transform = "scaleX(1)"; points.textContent = "100" },
    start: () => { began = performance.now(); tick() },
    stop: () => { began = null },
  }
}

function make_leaders(ask) {
  const root = node("section", {class: "leaders", "aria-label": texts.leaderboard})
  const tabs = node("div", {class: "tabs", role: "tablist"})
  const table = node("ol")
  const own = node("p", {class: "best"})
  let span = "today"
  for (const [name, text] of [["today", texts.period_today], ["week", texts.period_week], ["all", texts.period_all]]) {
    const tab = node("button", {type: "button", role: "tab", "data-span": name}, text)
    tab.addEventListener("click", () => { span = name; ask(span) })
    tabs.append(tab)
  }
  root.append(node("h2", {}, texts.leaderboard), tabs, table, own)
  return {
    root,
    ask: () => ask(span),
    show: ({span: shown, rows, best}) => {
      for (const tab of tabs.children) { tab.setAttribute("aria-selected", String(tab.dataset.span === shown)) }
      table.replaceChildren(...rows.map((row) => {
        const line = node("li", {class: row.own ? "own" : ""})
        line.append(node("span", {class: "place"}, `${row.place}.`), node("span", {class: "name"}, row.own ? fill(texts.leaderboard_own, row) : row.name), node("span", {class: "p"}, row.score.toFixed(0)))
        return line
      }))
      if (rows.length === 0) { table.replaceChildren(node("li", {class: "wait"}, texts.leaderboard_empty)) }
      const fastest = best.fastest_ms == null ? "" : fill(texts.own_fastest, {seconds: (best.fastest_ms / 1000).toFixed(1)})
      own.textContent = best.n_rounds === 0 ? "" : fill(texts.own_record, {...best, score: best.score.toFixed(0), best: best.best_score.toFixed(0), fastest, combo: best.longest_combo})
    },
  }
}
