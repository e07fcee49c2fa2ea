// One trial, locked to the frames of the screen. Everything that is shown was decoded and drawn before the trial began;
// in it, only the visibility of three elements changes, each at the beginning of a frame.

/** Times of `count` frames in ms: `frame_ms` is the mean, `steady` the share that lie within a tenth of it.
 *
 * Browsers round times, some to whole milliseconds: at 120 frames a second 8 and 9 ms then take turns, and neither they
 * nor their median is a frame's time. The mean is, where a gap counts as the number of frames that fit into it; and a
 * gap is on time when it differs by no more than the rounding.
 */
async function measured_frames(count = 90) {
  const times = []
  await new Promise((done) => {
    const next = (now) => { times.push(now); times.length > count ? done() : requestAnimationFrame(next) }
    requestAnimationFrame(next)
  })
  return frames_in(times)
}

function frames_in(times) {
  const gaps = times.slice(1).map((time, i) => time - times[i]).sort((a, b) => a - b)
  const median = gaps[Math.floor(gaps.length / 2)]
  const n_frames = gaps.reduce((sum, gap) => sum + Math.max(1, Math.round(gap / median)), 0)
  const frame_ms = (times[times.length - 1] - times[0]) / n_frames
  const rounding = times.every((time) => Number.isInteger(time)) ? 1 : 0
  const allowed = Math.max(0.1 * frame_ms, rounding)
  return {frame_ms, steady: gaps.filter((gap) => Math.abs(gap - frame_ms) <= allowed).length / gaps.length}
}

/** From now on it is noted what happens to the window; the function that is returned ends that and tells.
 *
 * `hidden`: the tab was not in front; `blurred`: the window had no focus; `resized`: it changed its size or zoom;
 * `left_full_screen`: it was in full screen and is not any more.
 */
function watched_window() {
  const size = () => `${window.innerWidth} ${window.innerHeight} ${window.devicePixelRatio}`
  const full = () => document.fullscreenElement != null || window.matchMedia("(display-mode: fullscreen)").matches
  const began = {size: size(), full: full()}
  const marks = {hidden: false, blurred: false, resized: false, left_full_screen: false}
  const look = () => {
    marks.hidden ||= document.hidden
    marks.blurred ||= !document.hasFocus()
    marks.resized ||= size() !== began.size
    marks.left_full_screen ||= began.full && !full()
  }
  const blurred = () => { marks.blurred = true } // by the event: focus may be back before anybody looks
  const events = [[document, "visibilitychange", look], [window, "resize", look], [document, "fullscreenchange", look], [window, "blur", blurred]]
  for (const [target, name, act] of events) { target.addEventListener(name, act) }
  look()
  return () => {
    look()
    for (const [target, name, act] of events) { target.removeEventListener(name, act) }
    return marks
  }
}

function frames_of(ms, frame_ms) {
  return Math.max(1, Math.round(ms / frame_ms))
}

/** Show the fixation, then the stimulus, then nothing until the window has passed or a key came.
 *
 * `parts` are the elements {fixation, stimulus}; `plan` is {fixation_ms, stimulus_ms, window_ms} as asked, `keys` the keys
 * that answer. A frame's time is that at which the browser began it; what is shown in it reaches the screen a frame or
 * so later, alike for onset and offset. Keys count from the beginning of the trial, by the time of their event: one
 * before the onset has a negative rt_ms. Resolves with the result for the server.
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
        window_ms: last - offset,
        dropped_frames: dropped,
      })
    }
    const since = (from, now) => Math.round((now - from) / frame_ms)
    const frame = (now) => {
      if (phase === "stimulus") { dropped += Math.max(0, since(last, now) - 1) }
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
