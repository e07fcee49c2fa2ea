// Python: ../engine/results/reliability.py. What of a delta lies within its error: no more than ERRORS standard errors from 0.

const ERRORS = 2

// 1 for each cell beyond its error; null where errors are not known, or lie on another grid.
function beyond_error(values, error) {
  if (values == null || error == null || values.length !== error.length || values.length < 2) { return null }
  return Uint8Array.from(values, (value, i) => (Math.abs(value) > ERRORS * error[i] ? 1 : 0))
}

// Packed RGBA of the same grid: what is within its error shows the photograph alone ("hidden"), or is outlined.
function within_error_picture(mask, [rows, columns], photo, style) {
  const picture = new Uint32Array(rows * columns)
  if (style === "hidden") {
    for (let i = 0; i < picture.length; i++) { if (mask[i] === 0) { picture[i] = photo[i] } }
    return picture
  }
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const i = y * columns + x
      const edge = (x > 0 && mask[i - 1] !== mask[i]) || (x + 1 < columns && mask[i + 1] !== mask[i]) ||
        (y > 0 && mask[i - columns] !== mask[i]) || (y + 1 < rows && mask[i + columns] !== mask[i])
      if (edge && mask[i] === 1) { picture[i] = 0xff000000 } // dark, on the side that is beyond its error
    }
  }
  return picture
}
