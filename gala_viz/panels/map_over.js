// Read by game/game_page.py and compare/own_map_tool.py. Sent by wire.py (encode_map).

const MAP_CELLS = 64

// A map of 64 x 64 bytes over a photograph: strong where much was painted.
function map_over(photo, map, caption) {
  const figure = node("figure")
  const side = photo.width
  const canvas = node("canvas", {width: side, height: side})
  const context = canvas.getContext("2d")
  context.globalAlpha = 0.55
  context.filter = "grayscale(1)"
  context.drawImage(photo, 0, 0)
  context.globalAlpha = 1
  context.filter = "none"
  if (map != null) {
    const bytes = Uint8Array.from(atob(map), (letter) => letter.charCodeAt(0))
    const small = node("canvas", {width: MAP_CELLS, height: MAP_CELLS})
    const pixels = new ImageData(MAP_CELLS, MAP_CELLS)
    bytes.forEach((value, i) => { pixels.data.set([255, 150 + value * 0.35, 30, Math.min(235, value)], 4 * i) })
    small.getContext("2d").putImageData(pixels, 0, 0)
    context.imageSmoothingQuality = "high"
    context.drawImage(small, 0, 0, side, side)
  }
  figure.append(canvas, node("figcaption", {}, caption))
  return figure
}
