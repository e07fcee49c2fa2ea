// Titles in as many lines as their figures' width asks for.

const pen = document.createElement("canvas").getContext("2d")

// `text` in lines no wider than `room` px of a CSS `font`; what is beyond `most` lines is cut, and says so.
function lines_of(text, room, font, most) {
  pen.font = font
  const fits = (line) => pen.measureText(line).width <= room
  const lines = [""]
  for (const word of text.split(" ")) {
    const longer = lines.at(-1) === "" ? word : `${lines.at(-1)} ${word}`
    if (fits(longer) || lines.at(-1) === "") { lines[lines.length - 1] = longer } else { lines.push(word) }
  }
  const kept = lines.slice(0, most)
  if (lines.length > most) { kept[most - 1] += "…" }
  return kept.map((line) => {
    if (fits(line)) { return line }
    let end = line.length - 1
    while (end > 1 && !fits(`${line.slice(0, end).trimEnd()}…`)) { end-- }
    return `${line.slice(0, end).trimEnd()}…`
  })
}

// Lines set low in a block of `count`, so that neighbours end at one height.
function block(lines, count) {
  return [...Array(Math.max(0, count - lines.length)).fill(""), ...lines].join("\n")
}
