"""What every page offers to keyboards and screen readers: names, a visible focus, headings, a main part, contrast.

With axe-core's ``axe.min.js`` named in GALA_VIZ_AXE its serious and critical findings count as well.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

LEAST_CONTRAST = 4.5
MAX_STOPS = 200
TEXTS = """
() => {
  const numbers = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number)
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true})
  const rgba = (colour) => {  // whatever notation the browser gives
    const [red, green, blue, alpha] = numbers(colour)
    if (colour.startsWith("rgb")) return [red, green, blue, alpha ?? 1]
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1)
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data
    return [r, g, b, a / 255]
  }
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1)
  const light = ([r, g, b]) => {
    const part = (v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4 }
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b)
  }
  const up = (node) => node.assignedSlot ?? node.parentElement ?? node.getRootNode().host ?? null
  const found = []
  const look = (root) => {
    for (const node of root.querySelectorAll("*")) {
      if (node.shadowRoot) look(node.shadowRoot)
      const text = [...node.childNodes].filter((n) => n.nodeType === 3).map((n) => n.data.trim()).join("")
      if (text === "" || ["SCRIPT", "STYLE", "OPTION", "NOSCRIPT"].includes(node.tagName)) continue
      if (!node.checkVisibility({opacityProperty: true, visibilityProperty: true})) continue
      if (node.closest(":disabled, [aria-hidden=true], .unseen, .marks, .learnt") != null) continue
      let opacity = 1, layers = [], picture = false
      for (let one = node; one != null; one = up(one)) {
        const style = getComputedStyle(one)
        opacity *= Number(style.opacity)
        if (style.backgroundImage !== "none") picture = true
        layers.push(rgba(style.backgroundColor))
        if (layers.at(-1)[3] === 1) break
      }
      if (picture) continue
      const ground = layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1])
      const style = getComputedStyle(node)
      const ink = rgba(style.color)
      const drawn = over([ink[0], ink[1], ink[2], ink[3] * opacity], ground)
      const [a, b] = [light(drawn), light(ground)].sort((x, y) => y - x)
      const size = parseFloat(style.fontSize)
      const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700)
      const contrast = (a + 0.05) / (b + 0.05)
      if (contrast < (large ? 3 : LEAST)) found.push(`${text.slice(0, 40)}: ${contrast.toFixed(2)}`)
    }
  }
  look(document)
  return found
}
""".replace("LEAST", str(LEAST_CONTRAST))
STOP = """
() => {
  let node = document.activeElement
  while (node?.shadowRoot?.activeElement) node = node.shadowRoot.activeElement
  if (node == null || node === document.body) return null
  const box = node.getBoundingClientRect(), style = getComputedStyle(node)
  window.stops ??= new Map()
  if (!window.stops.has(node)) window.stops.set(node, window.stops.size)
  return {
    number: window.stops.get(node),
    what: `${node.tagName} ${node.getAttribute("aria-label") ?? node.textContent.trim().slice(0, 30)}`,
    seen: box.width > 0 && box.height > 0 && node.checkVisibility({opacityProperty: true, visibilityProperty: true}),
    outlined: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0,
  }
}
"""


def nameless(page: Any) -> list[str]:
    """Roles of what can have the focus and has no name, by the browser's own accessibility tree."""
    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    session.detach()
    found = []
    for node in nodes:
        focusable = any(one["name"] == "focusable" and one["value"].get("value") for one in node.get("properties", []))
        role = node.get("role", {}).get("value", "")
        if focusable and not node["ignored"] and role != "RootWebArea" and not node.get("name", {}).get("value"):
            found.append(role)
    return found


def headings(page: Any) -> list[tuple[int, str]]:
    """Level and text of all headings, in order."""
    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    session.detach()
    return [
        (next(one["value"]["value"] for one in node["properties"] if one["name"] == "level"), node["name"]["value"])
        for node in nodes
        if not node["ignored"] and node.get("role", {}).get("value") == "heading"
    ]


def stops(page: Any) -> list[dict[str, Any]]:
    """Where the Tab key stops, in order, from the beginning of the page to its end."""
    page.evaluate("document.activeElement?.blur(); window.stops = undefined")
    found: list[dict[str, Any]] = []
    for _ in range(MAX_STOPS):
        page.keyboard.press("Tab")
        stop = page.evaluate(STOP)
        if stop is None or stop["number"] < len(found):
            if found:
                return found
            continue
        found.append(stop)
    return found


def check_accessible(page: Any, *, tab: bool = True) -> None:
    """Fail where a control has no name, a Tab stop cannot be seen, a text has little contrast, a heading is missing."""
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.title() not in ("", "Panel Application")
    assert page.get_by_role("main").count() == 1
    assert nameless(page) == []
    found = headings(page)
    assert any(level == 1 for level, _ in found)
    assert all(text.strip() for _, text in found), found
    assert page.evaluate(TEXTS) == []
    if tab:
        for stop in stops(page):
            assert stop["seen"], stop
            assert stop["outlined"], stop
    axe = os.environ.get("GALA_VIZ_AXE")
    if axe:
        page.evaluate(Path(axe).read_text(encoding="utf-8"))
        result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        worst = [one for one in result["violations"] if one["impact"] in ("serious", "critical")]
        assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in worst] == []
