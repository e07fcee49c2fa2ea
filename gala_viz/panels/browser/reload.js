// The waiting page gives way to the real one by loading anew: figures are then built in one go with their page.

export function render({model}) {
  const look = () => { if (model.ready) { setTimeout(() => window.location.reload(), 400) } } // after the first handshake
  model.on("ready", look)
  look()
}
