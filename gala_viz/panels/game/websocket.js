// The page's line to the server: it comes back by itself, and tells what it hears.

function make_connection(base, {on_message, on_open, on_lost}) {
  const address = new URL("socket", base)
  address.protocol = address.protocol.replace("http", "ws")
  let socket = null
  let tries = 0
  let closed = false
  const open = () => {
    socket = new WebSocket(address)
    socket.addEventListener("open", () => { tries = 0; on_open() })
    socket.addEventListener("message", (event) => on_message(JSON.parse(event.data)))
    socket.addEventListener("close", () => {
      if (closed) { return }
      tries += 1
      on_lost(tries)
      setTimeout(open, Math.min(5000, 300 * 1.6 ** tries))
    })
  }
  open()
  return {
    say: (message) => { if (socket.readyState === WebSocket.OPEN) { socket.send(JSON.stringify(message)) } },
    close: () => { closed = true; socket.close() },
  }
}
