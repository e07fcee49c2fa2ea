// Requests that are repeated until the server has answered them, and results that wait in the browser until they are stored.

const ANSWER_WITHIN_MS = 15_000
const FIRST_WAIT_MS = 250
const LONGEST_WAIT_MS = 8_000
const SLOW_MS = 2_000 // a participant who waits longer is told why

/** The server's own no: asking again would change nothing. */
class Refused extends Error {
  constructor(reason, status) { super(reason); this.status = status }
}

/** A random text by which the server knows a request that comes again; also on pages without https. */
function random_key() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (one) => one.toString(16).padStart(2, "0")).join("")
}

/** One request of the experiment's server: a GET, or a POST of `request`.
 *
 * Resolves with the answer, which has the entry `expected`. Throws Refused for a refusal of that server; whatever else
 * is thrown (no line, no answer in time, a proxy's page) means that it is not known whether the request arrived.
 */
function ask_once(address, request, expected) {
  const how = request == null ? {} : {method: "POST", body: JSON.stringify(request)}
  return in_time(async (signal) => {
    const answer = await fetch(address, {...how, signal})
    const said = await answer.json().catch(() => null)
    if (answer.ok && said?.[expected] !== undefined) { return said }
    throw failure(answer, said)
  })
}

/** `act` with a signal that aborts it after ANSWER_WITHIN_MS. */
async function in_time(act) {
  const stop = new AbortController()
  const timer = setTimeout(() => stop.abort(), ANSWER_WITHIN_MS)
  try { return await act(stop.signal) } finally { clearTimeout(timer) }
}

function failure(answer, said) {
  const refused = answer.status >= 400 && answer.status < 500 && said?.refused !== undefined
  return refused ? new Refused(said.refused, answer.status) : new Error(`the answer was ${answer.status}`)
}

/** `act` again and again until it neither fails nor is asked to slow down; `waits` is called when that takes time. */
async function until_done(act, waits) {
  return notify_if_slow((async () => {
    for (let tries = 0; ; tries++) {
      try { return await act() } catch (error) {
        if (error instanceof Refused && error.status !== 429) { throw error }
      }
      if (tries > 0) { waits() } // the first failure is often gone before anybody could read of it
      await back_off(tries)
    }
  })(), waits)
}

async function notify_if_slow(promise, waits) {
  const slow = setTimeout(waits, SLOW_MS)
  try { return await promise } finally { clearTimeout(slow) }
}

/** Longer from try to try, but no longer than until the network is back; pages that failed together come back apart. */
function back_off(tries) {
  const ms = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 1.6 ** tries) * (0.75 + 0.5 * Math.random())
  return new Promise((done) => {
    const over = () => { clearTimeout(timer); window.removeEventListener("online", over); done() }
    const timer = setTimeout(over, ms)
    window.addEventListener("online", over)
  })
}

/** Results that the server has not stored yet, in memory and in the browser's storage, from which a later page sends
 * them. `line` is the element that says how many there are; while there are any, closing the page warns.
 */
class Unsaved {
  constructor(line, address) {
    this.line = line
    this.address = address // of the results
    this.prefix = null
    this.results = new Map() // name in the storage -> the request that stores the result
    this.late = false
    this.warn = (event) => { event.preventDefault(); event.returnValue = "" }
    window.addEventListener("pagehide", () => { // a last try; whether it arrives or not, a later page sends them again
      for (const request of this.results.values()) { navigator.sendBeacon?.(this.address, JSON.stringify(request)) }
    })
  }

  open(experiment) { this.prefix = `gala_viz ${this.address.pathname} ${experiment} ` }

  /** Those that an earlier page of this experiment left behind come back. */
  recover() {
    try {
      for (const name of Object.keys(localStorage).filter((one) => one.startsWith(this.prefix))) {
        try { this.results.set(name, JSON.parse(localStorage.getItem(name))) } catch { localStorage.removeItem(name) }
      }
    } catch { /* a browser that stores nothing for this page: results wait in memory alone */ }
    this.show()
  }

  add(request) {
    const name = `${this.prefix}${request.sitting} ${request.number}`
    this.results.set(name, request)
    try { localStorage.setItem(name, JSON.stringify(request)) } catch { /* full or forbidden; it is in memory */ }
    this.show()
    return name
  }

  remove(name) {
    this.results.delete(name)
    try { localStorage.removeItem(name) } catch { /* then it is not there either */ }
    if (this.results.size === 0) { this.late = false }
    this.show()
  }

  /** From now on it is said on the page that something waits. */
  tell() { this.late = true; this.show() }

  show() {
    const n = this.results.size
    window[n > 0 ? "addEventListener" : "removeEventListener"]("beforeunload", this.warn)
    this.line.textContent = n > 0 && this.late ? fill(n === 1 ? texts.unsaved_one : texts.unsaved, {n}) : ""
  }

  /** The page reloads itself, with everything in the storage: no warning. */
  leave() { window.removeEventListener("beforeunload", this.warn) }
}
