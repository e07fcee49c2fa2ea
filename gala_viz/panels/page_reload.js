// Python: page_reload.py. The waiting page gives way to the real one by loading anew: figures are then built in one go with their page.

export function render({model}) {
  let done = false
  const look = () => {
    if (model.asked > 0 && !done) {
      done = true
      model.heard = true
      setTimeout(() => window.location.reload(), 300) // after the first handshake with the server
    }
  }
  model.on("asked", look)
  look()
}
