// One trial, locked to the frames of the screen. Everything that is shown was decoded and drawn before the trial began;
// in it, only the visibility of three elements changes, each at the beginning of a frame.

/** Times of `count` frames in ms: `frame_ms` is their median, `steady` the share that lie within a tenth of it. */
async function measured_frames(count = 90) {
  const times = []
  await new Promise((done) => {
    const next = (now) => { times.push(now); times.length > count ? done() : requestAnimationFrame(next) }
    requestAnimationFrame(next)
  })
  const gaps = times.slice(1).map((time, i) => time - times[i]).sort((a, b) => a - b)
  const frame_ms = gaps[Math.floor(gaps.length / 2)]
  return {frame_ms, steady: gaps.filter((gap) => Math.abs(gap - frame_ms) < 0.1 * frame_ms).length / gaps.length}
}

function frames_of(ms, frame_ms) {
  return Math.max(1, Math.round(ms / frame_ms))
}

/** Show the fixation, then the stimulus, then nothing until the window has passed or a key came.
 *
 * `parts` are the elements {fixation, stimulus}; `plan` is {fixation_ms, stimulus_ms, window_ms} as asked, `keys` the keys
 * that answer. A frame's time is that at which the browser began it; what is shown in it reaches the screen a frame or
 * so later, alike for onset and offset. Keys count from the beginning of the trial, by the time of their event: one
 * before the onset has a negative rt_ms. Resolves with what the server is told.
 */
function run_trial(parts, plan, keys, frame_ms) {
  const show = (name) => { for (const [one, node] of Object.entries(parts)) { node.style.visibility = one === name ? "visible" : "hidden" } }
  const asked = {
    fixation: frames_of(plan.fixation_ms, frame_ms),
    stimulus: frames_of(plan.stimulus_ms, frame_ms),
    window: Math.round(plan.window_ms / frame_ms),
  }
  return new Promise((done) => {
    let phase = "before"
    let [began, onset, offset, last] = [null, null, null, null]
    let dropped = 0
    let pressed = null // the first answering key: {key, at}
    const listen = (event) => {
      const key = event.key.toLowerCase()
      if (event.repeat || event.ctrlKey || event.altKey || event.metaKey || !keys.includes(key)) { return }
      event.preventDefault()
      pressed ??= {key, at: event.timeStamp}
    }
    window.addEventListener("keydown", listen, true)
    const finish = () => {
      window.removeEventListener("keydown", listen, true)
      show(null)
      done({
        key: pressed?.key ?? null,
        rt_ms: pressed == null ? null : pressed.at - onset,
        fixation_ms: onset - began,
        stimulus_ms: offset - onset,
        dropped_frames: dropped,
      })
    }
    const since = (from, now) => Math.round((now - from) / frame_ms)
    const frame = (now) => {
      if (last != null && (phase === "fixation" || phase === "stimulus")) { dropped += Math.max(0, since(last, now) - 1) }
      last = now
      if (phase === "before") {
        show("fixation")
        began = now
        phase = "fixation"
      } else if (phase === "fixation" && since(began, now) >= asked.fixation) {
        show("stimulus")
        onset = now
        phase = "stimulus"
      } else if (phase === "stimulus" && since(onset, now) >= asked.stimulus) {
        show(null)
        offset = now
        phase = "window"
      }
      if (phase === "window" && (pressed != null || since(offset, now) >= asked.window)) { finish(); return }
      requestAnimationFrame(frame)
    }
    requestAnimationFrame(frame)
  })
}
