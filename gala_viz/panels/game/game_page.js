// Python: game_page.py. The game: consent, instructions, practice, rounds and their summaries. The server judges; this page shows and paints.

export async function render({model, el}) {
  texts = model.texts
  const base = new URL(model.api_path, window.location.href)
  const root = node("main", {class: "game"})
  el.append(root)
  const say_plainly = (title, sentence, action = null) => {
    const card = node("section", {class: "card"})
    card.append(node("h1", {}, title), node("p", {}, sentence))
    if (action != null) {
      const button = node("button", {type: "button", class: "main"}, action[0])
      button.addEventListener("click", action[1])
      card.append(button)
    }
    root.replaceChildren(card)
  }
  let about = null
  for (let tries = 0; about == null; tries++) {
    try {
      const answer = await fetch(new URL("about", base))
      if (answer.ok) { about = await answer.json() }
    } catch { /* the server is not there yet, or not any more */ }
    if (about != null) { break }
    if (tries === 0) { say_plainly(texts.starting_title, texts.starting) }
    if (tries > 60) { say_plainly(texts.absent_title, texts.absent, [texts.try_again, () => location.reload()]); return }
    await new Promise((later) => setTimeout(later, 1000))
  }
  if (!about.consented) { await consent(root, base, about, say_plainly) }
  play(root, base, model)
}

async function consent(root, base, about, say_plainly) {
  const card = node("section", {class: "card consent"})
  card.append(node("h1", {}, texts.title), node("p", {class: "lead"}, texts.lead))
  const notes = node("ul")
  for (const sentence of about.privacy) { notes.append(node("li", {}, sentence)) }
  const agree = node("button", {type: "button", class: "main"}, texts.agree)
  const wrong = node("p", {class: "wrong", role: "alert"})
  card.append(node("h2", {}, texts.privacy_title), notes, agree, wrong)
  root.replaceChildren(card)
  await new Promise((done) => {
    agree.addEventListener("click", async () => {
      agree.disabled = true
      try {
        const answer = await fetch(new URL("consent", base), {method: "POST", body: JSON.stringify({agreed: true})})
        const reply = await answer.json()
        if (reply.consented) { done(); return }
        wrong.textContent = fill(texts.not_possible, {reason: reply.refused})
      } catch {
        wrong.textContent = texts.no_answer
      }
      agree.disabled = false
    })
  })
  await instructions(root)
}

async function instructions(root) {
  const card = node("section", {class: "card consent"})
  const list = node("ol")
  for (const step of texts.instructions) { list.append(node("li", {}, step)) }
  const begin = node("button", {type: "button", class: "main"}, texts.practise)
  card.append(node("h1", {}, texts.instructions_title), list, begin)
  root.replaceChildren(card)
  await new Promise((done) => begin.addEventListener("click", done))
}

function play(root, base, model) {
  let spec = null
  let surface = null
  let shown = null // the round that is on the screen
  let over = true
  let asked = model.image || null
  const sound = make_sound()
  const guesses = make_guesses()
  const clock = make_clock()
  const banner = node("p", {class: "banner", role: "status", hidden: ""})
  const title = node("h1", {class: "category"}, " ")
  const hint = node("p", {class: "hint"}, " ")
  const stage = node("div", {class: "stage"})
  const side = node("div", {class: "side"})
  const summary = node("section", {class: "summary", hidden: "", "aria-live": "polite"})
  const skip = node("select", {class: "skip", "aria-label": texts.skip_label})
  const next = node("button", {type: "button", class: "main"}, texts.next)
  const loud = node("button", {type: "button", class: "quiet"})
  const name = node("input", {type: "text", maxlength: 24, placeholder: texts.nickname_hint, "aria-label": texts.nickname_label, autocomplete: "off"})
  const number = node("p", {class: "best"})

  const line = make_connection(base, {
    on_open: () => {
      banner.hidden = true
      const touch = matchMedia("(pointer: coarse)").matches
      line.say({type: "hello", pointer: surface?.kind ?? (touch ? "touch" : "mouse"), mobile: touch && Math.min(screen.width, screen.height) < 700, screen_px: [screen.width, screen.height], surface_rule: SURFACE_RULE})
    },
    on_lost: () => {
      banner.hidden = false
      banner.textContent = over ? texts.connection_lost : texts.connection_lost_in_round
      if (!over) { end_round() }
    },
    on_message: (message) => hear[message.type]?.(message),
  })
  // Points go at once while the network keeps up; while it has not answered, they go together, five times a second.
  let waiting = []
  let answered = true
  let sent_ms = 0
  // Where the server refuses a point it says which count: the page takes back the others, and goes on from there.
  let n_refusals = 0 // that this page has heard of in this round: what left before is not looked at
  let held_ms = 0 // by how much its times are held back since
  const send_points = () => {
    const now = performance.now()
    if (waiting.length === 0 || (!answered && now - sent_ms < 200)) { return }
    line.say({type: "paint", round: shown.round, points: waiting, n_refusals})
    waiting = []
    answered = false
    sent_ms = now
  }
  const end_round = () => { over = true; surface?.stop(); clock.stop() }
  const stop_for_good = (sentence) => { line.close(); end_round(); wanted = false; banner.hidden = false; banner.textContent = sentence }
  let wanted = false // a photograph is asked for and has not come
  const want = () => {
    if (!over) { return }
    wanted = true
    summary.hidden = true
    hint.textContent = texts.preparing
    line.say({type: "next", ...(asked == null ? {} : {image: asked})})
    asked = null
  }
  const leaders = make_leaders((span) => line.say({type: "leaders", span}))
  const tell_sound = () => { loud.textContent = sound.on ? texts.sound_on : texts.sound_off; loud.setAttribute("aria-pressed", String(sound.on)) }
  loud.addEventListener("click", () => { sound.turn(); tell_sound() })
  tell_sound()
  name.addEventListener("change", () => line.say({type: "name", nickname: name.value}))
  next.addEventListener("click", want)
  document.addEventListener("keydown", (event) => {
    if ((event.key === "Enter" || event.key === " ") && over && !summary.hidden && event.composedPath()[0] !== name) { event.preventDefault(); want() }
  })
  skip.addEventListener("change", () => {
    if (shown != null && !over && skip.value !== "") { line.say({type: "skip", round: shown.round, reason: skip.value}) }
    skip.selectedIndex = 0
  })

  let saving = null // shows a word while the end of a round is not stored yet
  const back_in_step = (message) => {
    n_refusals = message.n_refusals
    held_ms += message.ahead_ms
    waiting = []
    answered = true
    surface.return_to(message.n_points)
    if (message.n_points === 0) {
      clock.reset(spec.limit_ms)
      hint.textContent = shown.practice ? texts.practice_press : texts.press
    }
  }
  const hear = {
    welcome: (message) => {
      const again = spec != null
      spec = message.spec
      if (!again) {
        surface = make_surface(spec, {
          on_point: ([x, y, now]) => { waiting.push([x, y, now - held_ms]); send_points() },
          on_first: () => { clock.start(); hint.textContent = texts.keep_going },
          sees_label: texts.network_sees_label,
        })
        stage.append(surface.root, summary)
        skip.append(node("option", {value: ""}, texts.skip), ...message.skip_reasons.map((reason) => node("option", {value: reason}, reason)))
        const network = node("figure", {class: "network"})
        network.append(surface.seen, node("figcaption", {}, fill(texts.network_sees, message)))
        side.append(title, clock.root, hint, guesses.root, network, skip)
        const foot = node("footer")
        const settings = node("div", {class: "settings"})
        settings.append(name, loud, number)
        foot.append(leaders.root, settings)
        root.replaceChildren(banner, stage, side, foot)
        window.scrollTo(0, 0) // from the button below the instructions
        name.value = message.nickname ?? ""
        number.textContent = fill(texts.number, message)
      }
      if (again && name.value !== (message.nickname ?? "")) { line.say({type: "name", nickname: name.value}) } // typed while the line was away
      leaders.ask()
      if (over) { want() }
    },
    round: async (message) => {
      shown = message
      waiting = []
      answered = true
      n_refusals = 0
      held_ms = 0
      wanted = false
      clock.reset(spec.limit_ms)
      guesses.clear()
      title.textContent = message.category // which may take a line or two: only then is there a photograph to press on
      await surface.show(message.picture)
      over = false
      summary.hidden = true
      hint.textContent = (message.practice ? texts.practice_press : texts.press) + (message.combo > 1 ? fill(texts.combo_before, message) : "")
    },
    guess: (message) => {
      if (message.round !== shown?.round) { return }
      answered = true
      send_points()
      guesses.show(message.guesses, shown.category)
    },
    time_up: (message) => {
      if (message.round !== shown?.round) { return }
      surface.stop()
      clock.stop()
      hint.textContent = texts.time_up
    },
    over: (message) => {
      if (message.round !== shown?.round) { return }
      end_round()
      saving = setTimeout(() => { hint.textContent = texts.saving }, 400)
    },
    end: (message) => {
      if (message.round !== shown?.round) { return }
      clearTimeout(saving)
      end_round()
      if (message.outcome === "won") { sound.won() } else { sound.lost() }
      const words = {won: fill(texts.won, {score: message.score.toFixed(0)}), lost: texts.lost, skipped: texts.skipped, interrupted: message.network_failed ? texts.network_failed : texts.interrupted}
      const photo = surface.root.querySelector(".photo")
      const maps = node("div", {class: "maps"})
      maps.append(map_over(photo, message.own, message.own == null ? texts.own_map_empty : texts.own_map))
      if (message.others != null) {
        const who = message.others.simulated ? texts.others_simulated : (message.others.n === 1 ? texts.others_one : texts.others_many)
        maps.append(map_over(photo, message.others.map, fill(message.others.n == null ? texts.others_map : texts.others_map_n, {n: message.others.n, who})))
      } else {
        const why = message.others_known ? texts.others_none : texts.others_unknown
        maps.append(node("p", {class: "hint"}, why))
      }
      summary.replaceChildren(node("h2", {}, words[message.outcome] ?? message.outcome), node("p", {}, message.network_failed ? texts.network_failed_more : message.practice ? texts.practice_over : (message.combo > 1 ? fill(texts.combo_after, message) : "")), maps, next)
      summary.hidden = false
      hint.textContent = " "
      next.focus({preventScroll: true})
      leaders.ask()
    },
    leaders: (message) => leaders.show(message),
    named: (message) => { name.value = message.nickname ?? ""; leaders.ask() },
    paused: () => { wanted = false; hint.textContent = texts.paused },
    finished: () => { wanted = false; title.textContent = texts.finished_title; hint.textContent = texts.finished },
    waiting: () => { if (over) { hint.textContent = texts.records_away } },
    elsewhere: () => stop_for_good(texts.elsewhere),
    deleted: () => stop_for_good(texts.deleted),
    refused: (message) => {
      if (message.round != null) {
        if (message.round === shown?.round && !over) { back_in_step(message) }
        return
      }
      hint.textContent = texts.busy
      if (over && wanted) { setTimeout(() => { if (wanted) { want() } }, 2000) }
    },
  }
  model.on("remove", () => line.close())
}
