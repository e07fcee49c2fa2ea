// Python: ../plots/colour_scale.py. Numbers of a map: order statistics, colour limits, percentiles. The same rules as gala_viz/plots/colour_scale.py.

const CLIP_PERCENTILE = 99.5
const orders = new WeakMap()

// The finite values of a map in rising order, by value and by size; kept as long as the map itself lives.
function order(values) {
  let known = orders.get(values)
  if (known == null) {
    const plain = Float32Array.from(values).filter(Number.isFinite).sort()
    const signed = plain.length > 0 && plain[0] < 0
    known = {plain, signed, size: signed ? plain.map(Math.abs).sort() : plain}
    orders.set(values, known)
  }
  return known
}

function quantile(sorted, percentile) {
  if (sorted.length === 0) { return 0 }
  const place = (percentile / 100) * (sorted.length - 1)
  const below = Math.floor(place)
  const above = Math.min(below + 1, sorted.length - 1)
  return sorted[below] + (place - below) * (sorted[above] - sorted[below])
}

function percentile_of(sorted, value) {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (sorted[middle] <= value) { low = middle + 1 } else { high = middle }
  }
  return sorted.length > 0 ? (100 * low) / sorted.length : NaN
}

// One [low, high] per map; see colour_limits in colour_scale.py.
function colour_limits(maps, scale, from_zero = false) {
  const all = maps.map(order)
  const signed = all.some((one) => one.signed)
  const last = (sorted) => (sorted.length > 0 ? sorted[sorted.length - 1] : 0)
  let ends = all.map((one) => (scale === "raw" ? last(one.size) : quantile(one.size, CLIP_PERCENTILE)))
  if (scale !== "per map") { ends = ends.map(() => Math.max(...ends)) }
  ends = ends.map((end) => (end > 0 ? end : 1))
  if (signed) { return ends.map((end) => [-end, end]) }
  const lowest = scale === "raw" && !from_zero ? Math.min(...all.map((one) => one.plain[0] ?? Infinity)) : 0
  return ends.map((end) => [lowest < end ? lowest : 0, end])
}

// Limits of the two networks' maps; where their units are two, `apart`, neither says anything of the other's.
function pair_limits(maps, scale, from_zero, apart) {
  return apart ? maps.map((one) => colour_limits([one], scale, from_zero)[0]) : colour_limits(maps, scale, from_zero)
}

// The palette with `gone` in place of the colours of the weakest `percent` of a map's pixels.
function thresholded(palette, values, [low, high], percent, gone = "#00000000") {
  if (percent <= 0) { return palette }
  const {size} = order(values)
  const cut = quantile(size, percent)
  const step = (high - low) / palette.length
  return palette.map((colour, i) => {
    const [from, to] = [low + i * step, low + (i + 1) * step]
    const strongest = i === palette.length - 1 ? Infinity : Math.max(Math.abs(from), Math.abs(to))
    return (i === 0 && low < 0) || strongest > cut ? colour : gone
  })
}

// The value of a data source's image, or of another column on its grid, at a position in the frame; NaN outside.
function value_at(source, x, y, column_name = "image") {
  const image = source.get_column(column_name)?.[0]
  if (image == null) { return NaN }
  const [rows, columns] = image.shape
  const column = Math.floor((x / source.get_column("dw")[0]) * columns)
  const row = Math.floor((y / source.get_column("dh")[0]) * rows)
  return row < 0 || column < 0 || row >= rows || column >= columns ? NaN : image[row * columns + column]
}
