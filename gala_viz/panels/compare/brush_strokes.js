// Python: brush_strokes.py. Strokes as text, and the pixels that they paint: the same whole numbers in both languages.

const HIDDEN = 1
const KEPT = 2

// An empty stroke of a brush that is put down at a pixel; `extend` moves it on and returns the new points.
function make_stroke(hides, radius, [x, y], alphabet) {
  const digit = (value) => alphabet[value]
  const stroke = {hides, radius, points: [[x, y]], text: (hides ? "h" : "k") + digit(radius) + [x, y].map((value) => digit(value >> 6) + digit(value & 63)).join("")}
  stroke.extend = ([to_x, to_y]) => {
    const added = []
    for (;;) {
      const [at_x, at_y] = stroke.points[stroke.points.length - 1]
      const [dx, dy] = [to_x - at_x, to_y - at_y]
      const longest = Math.max(Math.abs(dx), Math.abs(dy))
      if (longest === 0) { return added }
      const share = Math.min(1, 31 / longest)
      const step = [Math.trunc(dx * share), Math.trunc(dy * share)]
      stroke.text += step.map((value) => digit(value + 32)).join("")
      stroke.points.push([at_x + step[0], at_y + step[1]])
      added.push(stroke.points[stroke.points.length - 1])
    }
  }
  return stroke
}

function parse_strokes(text, alphabet) {
  return text.split(".").filter((part) => part !== "").map((part) => {
    const [radius, ...numbers] = [...part.slice(1)].map((letter) => alphabet.indexOf(letter))
    let [x, y] = [64 * numbers[0] + numbers[1], 64 * numbers[2] + numbers[3]]
    const points = [[x, y]]
    for (let i = 4; i + 1 < numbers.length; i += 2) {
      x += numbers[i] - 32
      y += numbers[i + 1] - 32
      points.push([x, y])
    }
    return {hides: part[0] === "h", radius, points}
  })
}

// Paint the line between two points of a stroke into `painted` (0: not painted, HIDDEN, KEPT), rows x columns pixels.
function paint_line(painted, [rows, columns], {hides, radius}, [x0, y0], [x1, y1]) {
  const [step_x, step_y, far_2] = [x1 - x0, y1 - y0, radius * radius]
  const length_2 = step_x * step_x + step_y * step_y
  for (let y = Math.max(Math.min(y0, y1) - radius, 0); y <= Math.min(Math.max(y0, y1) + radius, rows - 1); y++) {
    for (let x = Math.max(Math.min(x0, x1) - radius, 0); x <= Math.min(Math.max(x0, x1) + radius, columns - 1); x++) {
      const along = (x - x0) * step_x + (y - y0) * step_y
      const across = (x - x0) * step_y - (y - y0) * step_x
      const near = along <= 0 ? (x - x0) ** 2 + (y - y0) ** 2 <= far_2
        : along >= length_2 ? (x - x1) ** 2 + (y - y1) ** 2 <= far_2 : across * across <= far_2 * length_2
      if (near) { painted[y * columns + x] = hides ? HIDDEN : KEPT }
    }
  }
}

function paint_strokes(strokes, shape) {
  const painted = new Uint8Array(shape[0] * shape[1])
  for (const stroke of strokes) {
    const {points} = stroke
    for (let i = 0; i < Math.max(points.length - 1, 1); i++) { paint_line(painted, shape, stroke, points[i], points[i + 1] ?? points[i]) }
  }
  return painted
}
