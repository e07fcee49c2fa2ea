// Python: page_reload.py. The waiting page gives way to the real one by loading anew: figures are then built in one go with their page.

export function render({model}) {
  let done = false
  const look = () => {
    if (model.n_requests > 0 && !done) {
      done = true
      model.acknowledged = true
      setTimeout(() => window.location.reload(), 300) // after the first handshake with the server
    }
  }
  model.on("n_requests", look)
  look()
}
