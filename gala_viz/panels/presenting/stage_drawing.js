// Pictures of a stage: a photograph with a map over it, and the bar of the map's colours.

function packed_to_image(packed) {
  const [rows, columns] = packed.shape
  const image = new ImageData(columns, rows)
  new Uint32Array(image.data.buffer).set(packed)
  return image
}

function coloured(values, [low, high], palette, opacity) {
  const [rows, columns] = values.shape
  const image = new ImageData(columns, rows)
  const colours = palette.map((text) => [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16)))
  const gone = palette.map((text) => text.length > 7 && text.endsWith("00"))
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    if (!Number.isFinite(value)) { continue }
    const at = Math.min(Math.max(Math.floor(((value - low) / (high - low)) * palette.length), 0), palette.length - 1)
    if (gone[at]) { continue }
    image.data.set([...colours[at], Math.round(255 * opacity)], 4 * i)
  }
  return image
}

function as_canvas(image) {
  const canvas = document.createElement("canvas")
  canvas.width = image.width
  canvas.height = image.height
  canvas.getContext("2d").putImageData(image, 0, 0)
  return canvas
}

// `map` is null, or {values, limits, palette, opacity, above}: `above` is a packed picture over it; the photograph is smooth, a map's cells stay visible.
function draw_panel(canvas, photo, map) {
  const context = canvas.getContext("2d")
  context.clearRect(0, 0, canvas.width, canvas.height)
  context.imageSmoothingEnabled = true
  context.imageSmoothingQuality = "high"
  if (photo != null) { context.drawImage(as_canvas(packed_to_image(photo)), 0, 0, canvas.width, canvas.height) }
  if (map == null) { return }
  context.imageSmoothingEnabled = false
  context.drawImage(as_canvas(coloured(map.values, map.limits, map.palette, map.opacity)), 0, 0, canvas.width, canvas.height)
  if (map.above != null) { context.drawImage(as_canvas(packed_to_image(map.above)), 0, 0, canvas.width, canvas.height) }
}

function bar_style(palette) {
  const stops = palette.filter((_, i) => i % 8 === 0 || i === palette.length - 1).map((text) => text.slice(0, 7))
  return `linear-gradient(to right, ${stops.join(", ")})`
}

// Limits and palettes of every map of a scene; the two networks follow one rule, as on the page.
function maps_of(scene, palettes, diverging) {
  const {scale, palette, opacity, threshold} = scene.looks
  const sequential = palettes[palette]
  const {human, a, b, delta} = scene.arrays
  const found = {}
  const put = (name, values, limits, colours) => {
    found[name] = {values, limits, opacity, full: colours, palette: thresholded(colours, values, limits, threshold)}
  }
  const there = [a, b].filter((values) => values != null)
  const limits = there.length > 0 ? pair_limits(there, scale, scene.from_zero === true, scene.own_scales === true) : []
  there.forEach((values, i) => {
    const both_ways = limits[i][0] < 0 && limits[i][1] === -limits[i][0]
    put(values === a ? "a" : "b", values, limits[i], both_ways ? diverging : sequential)
  })
  if (human != null) { put("human", human, colour_limits([human], scale === "raw" ? "raw" : "per map")[0], sequential) }
  if (delta != null) {
    const {size} = order(delta)
    const end = (scale === "raw" ? size[size.length - 1] : quantile(size, CLIP_PERCENTILE)) || 1
    put("delta", delta, [-end, end], diverging)
    const {photo, delta_error: error} = scene.arrays
    const mask = scene.looks.within_error === "shown" ? null : beyond_error(delta, error)
    if (mask != null && photo?.length === delta.length) {
      found.delta.above = Object.assign(within_error_picture(mask, delta.shape, photo, scene.looks.within_error), {shape: delta.shape})
    }
  }
  return found
}

// Lays `panels` out in `box`, in the columns that make them largest while all their words have room; their width.
function lay_out(box, panels, aspect, least) {
  const {width, height} = box.getBoundingClientRect()
  const gap = parseFloat(getComputedStyle(box).columnGap)
  const titles = panels.map((panel) => panel.querySelector(".title"))
  const put = (columns, side) => {
    box.style.gridTemplateColumns = `repeat(${columns}, ${side}px)`
    for (const title of titles) { title.style.minHeight = "" }
    const heights = titles.map((title) => title.getBoundingClientRect().height)
    for (const [i, title] of titles.entries()) { // pictures of a row stand at one height
      const first = i - (i % columns)
      title.style.minHeight = `${Math.max(...heights.slice(first, first + columns))}px`
    }
  }
  const taken = () => {
    const bounds = panels.map((panel) => panel.getBoundingClientRect())
    return Math.max(...bounds.map((one) => one.bottom)) - Math.min(...bounds.map((one) => one.top))
  }
  let best = {columns: Math.min(Math.max(Math.floor((width + gap) / (least + gap)), 1), panels.length), side: least}
  for (let rows = 1; rows <= panels.length; rows++) {
    const columns = Math.ceil(panels.length / rows)
    let side = Math.floor(Math.min((width - gap * (columns - 1)) / columns, height / rows / aspect))
    while (side > best.side) { // narrower panels may need more lines
      put(columns, side)
      const over = taken() - height
      if (over <= 0) { best = {columns, side}; break }
      side -= Math.ceil(over / rows / aspect)
    }
  }
  put(best.columns, best.side)
  return best.side
}
