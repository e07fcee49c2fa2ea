// Python: experiment_page.py. The experiment: consent, a check of the screen, keys, practice, blocks, a summary. The server knows what the images show.

const FEEDBACK = {right: "right", wrong: "wrong", "too slow": "slow", "too early": "early"} // the server's word: the text's name
const AHEAD = 8 // stimuli that are fetched and decoded before they are needed
const LEAST_STEADY = 0.9

export async function render({model, el}) {
  texts = model.texts
  const base = new URL(model.api_path, window.location.href)
  const root = node("main", {class: "experiment"})
  const line = node("p", {class: "unsaved", role: "status"})
  el.append(root, line)
  const unsaved = new Unsaved(line, new URL("result", base))
  const server = {
    waited: false, // whether the participant was kept waiting since somebody last asked
    once: (name, request, expected) => ask_once(new URL(name, base), request, expected),
    ask: (name, request, expected) => until_done(() => server.once(name, request, expected), server.wait),
    wait: () => {
      if (root.querySelector(".waiting") == null) { waiting(root) }
      server.waited = true
      unsaved.tell()
    },
  }
  try {
    const about = await awaited(root, server)
    if (about == null) { return }
    unsaved.open(about.experiment)
    const ids = address_ids(about.id_names)
    if (about.begun) {
      unsaved.recover()
      await save_left(server, unsaved)
    } else {
      await consent(root, about, server, ids)
    }
    if (about.left !== 0) {
      const screen = await check_screen(root, about)
      const session = await server.ask("seat", {...screen, ids}, "trials")
      if (session.next < session.trials.length) {
        await explain_keys(root, session)
        await run_blocks(root, base, session, screen, server, unsaved)
      }
    }
    thanks(root, await server.ask("end", {ids}, "ended"))
  } catch (error) {
    await card(root, texts.failed_title, [fill(texts.failed, {reason: error.message})], texts.reload)
    unsaved.leave()
    window.location.reload()
  }
}

/** Ids that a recruiting service put into the page's address, by name; the server checks them. */
function address_ids(names) {
  const address = new URLSearchParams(window.location.search)
  return Object.fromEntries(names.filter((name) => address.has(name)).map((name) => [name, address.get(name)]))
}

function node(tag, attributes = {}, ...children) {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) { made.setAttribute(name, value) }
  made.append(...children)
  return made
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms))

/** A card in the middle; with `action` it resolves when the button is pressed, or Enter or Space. */
function card(root, title, sentences, action = null, extra = []) {
  const made = node("section", {class: "card"}, node("h1", {}, title))
  for (const sentence of sentences) { made.append(node("p", {}, sentence)) }
  made.append(...extra)
  root.replaceChildren(made)
  if (action == null) { return Promise.resolve() }
  const button = node("button", {type: "button", class: "main"}, action)
  made.append(button)
  button.focus({preventScroll: true})
  return new Promise((done) => button.addEventListener("click", () => done(button), {once: true}))
}

function waiting(root) {
  card(root, texts.moment, [texts.server_away])
  root.firstElementChild.classList.add("waiting")
}

/** Send what an earlier page could not save. What the server refuses for good is no longer kept. */
async function save_left(server, unsaved) {
  for (const [name, request] of [...unsaved.results]) {
    try { await server.ask("result", request, "stored") } catch (error) {
      console.warn(`A result of an earlier page was refused: ${error.message}`)
    }
    unsaved.remove(name)
  }
}

async function awaited(root, server) {
  for (let tries = 0; tries < 90; tries++) {
    try { return await server.once("about", null, "title") } catch { /* the stimuli are still being opened */ }
    if (tries === 0) { card(root, texts.moment, [texts.preparing]) }
    await pause(1000)
  }
  card(root, texts.absent_title, [texts.absent])
  return null
}

async function consent(root, about, server, ids) {
  const request = {agreed: true, client_key: random_key(), ids}
  const names = Object.keys(ids)
  const kept = names.length === 0 ? about.privacy : [...about.privacy, fill(texts.privacy_ids, {names: names.join(", ")})]
  const list = node("ul", {}, ...kept.map((sentence) => node("li", {}, sentence)))
  const wrong = node("p", {class: "wrong", role: "alert"})
  const lead = fill(about.minutes === 1 ? texts.lead_one_minute : texts.lead, {...about, answers: about.answers.join(texts.or)})
  for (;;) {
    await card(root, texts.title, [lead], texts.agree, [node("h2", {}, texts.privacy_title), list, wrong])
    try { await until_done(() => consented(server, request), server.wait); return } catch (error) { wrong.textContent = fill(texts.not_possible, {reason: error.message}) }
  }
}

/** Too many newcomers is an answer to somebody who waits for a button, not a reason to try for an hour. */
async function consented(server, request) {
  try { return await server.once("consent", request, "consented") } catch (error) {
    throw error.status === 429 ? new Refused(error.message, 403) : error
  }
}

async function check_screen(root, about) {
  const mobile = !window.matchMedia("(any-hover: hover)").matches
  for (;;) {
    card(root, texts.checking_title, [texts.checking])
    const {frame_ms, steady} = await measured_frames()
    const room = Math.min(window.innerWidth, window.innerHeight)
    const problems = []
    if (room < about.shown_px + 40) { problems.push(fill(texts.window_small, {needed: about.shown_px + 40, room})) }
    if (steady < LEAST_STEADY) { problems.push(fill(texts.screen_unsteady, {percent: Math.round(100 * steady)})) }
    if (mobile) { problems.push(texts.no_keyboard) }
    const screen = {frame_ms, window_px: [window.innerWidth, window.innerHeight], mobile}
    const frame_rate = fill(texts.frame_rate, {per_second: Math.round(1000 / frame_ms)})
    if (problems.length === 0) {
      await card(root, texts.screen_ready, [frame_rate, texts.sit], texts.go_on)
      return screen
    }
    const anyway = node("button", {type: "button"}, texts.go_on_anyway)
    const chosen = await Promise.race([
      card(root, texts.please_check, [frame_rate, ...problems], texts.check_again, [anyway]),
      new Promise((done) => anyway.addEventListener("click", () => done(anyway), {once: true})),
    ])
    if (chosen === anyway) { return screen }
  }
}

function key_row(session) {
  const row = node("div", {class: "keys"})
  for (const [key, answer] of Object.entries(session.keys)) { row.append(node("div", {}, node("kbd", {}, key.toUpperCase()), node("span", {}, answer))) }
  return row
}

function explain_keys(root, session) {
  const left = session.trials.length - session.next
  const first = session.next === 0
    ? texts.instructions
    : [fill(texts.welcome_back, {left})]
  return card(root, texts.keys_title, first, texts.begin, [key_row(session)])
}

async function run_blocks(root, base, session, screen, server, unsaved) {
  const own = {sitting: session.sitting, client_key: random_key()} // of this page: what it says again is known to be the same
  const began = performance.now()
  const ready = new Map() // number -> promise of a drawn canvas
  const want = (number) => { if (number < session.trials.length && !ready.has(number)) { ready.set(number, decoded(base, number)) } }
  const stage = stage_of(session)
  server.waited = false
  const keys = Object.keys(session.keys)
  for (const trial of session.trials.slice(session.next)) {
    for (let ahead = 0; ahead < AHEAD; ahead++) { want(trial.number + ahead) }
    const canvas = await notify_if_slow(ready.get(trial.number), server.wait)
    ready.delete(trial.number)
    await go_on_if_waited(root, session, server) // before it is stored that the image is shown: the page may be left here
    await server.ask("begin", {...own, number: trial.number}, "begun")
    await go_on_if_waited(root, session, server)
    stage.put(root, canvas)
    const marks = watched_window()
    await pause(session.pause_ms)
    const result = await run_trial(stage.parts, {...trial, stimulus_ms: session.stimulus_ms, window_ms: session.window_ms}, keys, screen.frame_ms)
    const name = unsaved.add({...own, number: trial.number, elapsed_ms: performance.now() - began, frame_ms: screen.frame_ms, ...result, ...marks()})
    const answer = await saved(server, unsaved, name)
    if (answer.feedback !== "") {
      stage.put(root, canvas)
      stage.say(answer.feedback, FEEDBACK[answer.feedback])
      await pause(700)
    }
    if (answer.block != null && trial.number < session.trials.length - 1) {
      await rest(root, session, answer.block)
      server.waited = false
    }
  }
}

/** A result is stored on the server, or refused for good; only then is it no longer kept here. */
async function saved(server, unsaved, name) {
  try {
    const answer = await server.ask("result", unsaved.results.get(name), "stored")
    unsaved.remove(name)
    return answer
  } catch (error) {
    if (error.status !== 403) { unsaved.remove(name) }
    throw error
  }
}

/** A stimulus fetched, decoded and drawn, before its trial. */
function decoded(base, number) {
  const address = new URL(`stimulus?number=${number}`, base)
  const fetched = () => in_time(async (signal) => {
    const answer = await fetch(address, {signal})
    if (!answer.ok) { throw failure(answer, await answer.json().catch(() => null)) }
    const bitmap = await createImageBitmap(await answer.blob())
    const canvas = node("canvas", {width: bitmap.width, height: bitmap.height, class: "stimulus"})
    canvas.getContext("2d").drawImage(bitmap, 0, 0)
    bitmap.close()
    return canvas
  })
  return until_done(fetched, () => {}) // it comes while others are shown; who has to wait for it learns it from the loop
}

function stage_of(session) {
  const place = node("div", {class: "stage"})
  place.style.setProperty("--side", `${session.shown_px}px`)
  const fixation = node("div", {class: "fixation", "aria-hidden": "true"}, "+")
  const words = node("p", {class: "feedback", role: "status"})
  const parts = {fixation, stimulus: null}
  return {
    parts,
    put: (root, canvas) => {
      parts.stimulus = canvas
      fixation.style.visibility = "hidden"
      canvas.style.visibility = "hidden"
      words.textContent = ""
      place.replaceChildren(canvas, fixation, words)
      if (!root.contains(place)) { root.replaceChildren(place) }
    },
    say: (feedback, name) => { words.textContent = texts[name] ?? feedback; words.dataset.feedback = feedback },
  }
}

function rest(root, session, block) {
  const title = block.block === 0 ? texts.practice_over : fill(texts.block_over, {block: block.block, n_blocks: session.n_blocks})
  const sentences = block.n === 0 ? [texts.no_answers]
    : [fill(texts.block_result, {percent: Math.round(100 * block.accuracy), rt_ms: Math.round(block.rt_ms)})]
  if (block.block === 0) { sentences.push(texts.feedback_ends) }
  sentences.push(texts.rest)
  return card(root, title, sentences, texts.go_on, [key_row(session)])
}

/** After a wait the next image does not come unawares. */
async function go_on_if_waited(root, session, server) {
  if (!server.waited) { return }
  await card(root, texts.goes_on, [texts.goes_on_ready], texts.go_on, [key_row(session)])
  server.waited = false
}

/** Said when it is true: `ended` is what the server has stored. `completion` leads back to who recruits, and is not known before. */
function thanks(root, {ended, completion}) {
  const missing = ended.n_trials - ended.n_stored
  const summary = fill(missing === 0 ? texts.all_saved : missing === 1 ? texts.one_missing : texts.some_missing, ended)
  if (completion == null) { card(root, texts.thanks, [summary, texts.close]); return }
  const link = node("a", {href: completion, class: "main", rel: "noreferrer"}, texts.completion)
  card(root, texts.thanks, [summary, texts.completion_hint], null, [link])
  link.focus({preventScroll: true})
}
