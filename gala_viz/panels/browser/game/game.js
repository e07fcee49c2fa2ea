// The game: consent, instructions, practice, rounds and their summaries. The server judges; this page shows and paints.

export async function render({model, el}) {
  if (document.querySelector("meta[name=viewport]") == null) { // a phone shows the page at its own width
    document.head.append(node("meta", {name: "viewport", content: "width=device-width, initial-scale=1"}))
  }
  // A page that grows longer moves nothing sideways; the room of its scrollbar has the game's colour.
  document.head.append(node("style", {}, "html { scrollbar-gutter: stable } @media (prefers-color-scheme: dark) { html, body { background: #101418 } }"))
  const base = new URL(model.play_path, window.location.href)
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
    if (tries === 0) { say_plainly("One moment", "The network is being started…") }
    if (tries > 60) { say_plainly("The game does not answer", "The page came, but the game behind it did not start. Whoever runs it finds the reason in the server's log.", ["Try again", () => location.reload()]); return }
    await new Promise((later) => setTimeout(later, 1000))
  }
  if (!about.consented) { await consent(root, base, about, say_plainly) }
  play(root, base, model)
}

async function consent(root, base, about, say_plainly) {
  const card = node("section", {class: "card consent"})
  card.append(node("h1", {}, "ClickMe"), node("p", {class: "lead"}, "Show a computer what matters: paint the parts that give an object away, and watch it guess."))
  const notes = node("ul")
  for (const sentence of about.privacy) { notes.append(node("li", {}, sentence)) }
  const agree = node("button", {type: "button", class: "main"}, "I agree and want to play")
  const wrong = node("p", {class: "wrong", role: "alert"})
  card.append(node("h2", {}, "What is kept, and what is not"), notes, agree, wrong)
  root.replaceChildren(card)
  await new Promise((done) => {
    agree.addEventListener("click", async () => {
      agree.disabled = true
      try {
        const answer = await fetch(new URL("consent", base), {method: "POST", body: JSON.stringify({agreed: true})})
        const told = await answer.json()
        if (told.consented) { done(); return }
        wrong.textContent = `Not possible now: ${told.refused}.`
      } catch {
        wrong.textContent = "The server does not answer. Try again in a moment."
      }
      agree.disabled = false
    })
  })
  await instructions(root)
}

async function instructions(root) {
  const card = node("section", {class: "card consent"})
  const steps = [
    "You see a photograph and the name of what is on it.",
    "Press on the most telling part and move on from there: the brush follows you, without holding the button (with a finger, keep touching).",
    "The network sees nothing but the small squares that you uncover. Its guesses appear beside the photograph.",
    "The sooner it has the name among its first guesses, the more points. You have a few seconds. If you cannot tell what it is, skip.",
  ]
  const list = node("ol")
  for (const step of steps) { list.append(node("li", {}, step)) }
  const begin = node("button", {type: "button", class: "main"}, "Practise once")
  card.append(node("h1", {}, "How it goes"), list, begin)
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
  const skip = node("select", {class: "skip", "aria-label": "Skip this photograph because"})
  const next = node("button", {type: "button", class: "main"}, "Next photograph")
  const loud = node("button", {type: "button", class: "quiet"})
  const name = node("input", {type: "text", maxlength: 24, placeholder: "Nickname (optional)", "aria-label": "Nickname", autocomplete: "off"})
  const number = node("p", {class: "best"})

  const line = make_connection(base, {
    on_open: () => {
      banner.hidden = true
      const touch = matchMedia("(pointer: coarse)").matches
      line.say({type: "hello", pointer: surface?.kind ?? (touch ? "touch" : "mouse"), mobile: touch && Math.min(screen.width, screen.height) < 700, screen_px: [screen.width, screen.height], surface_rule: SURFACE_RULE})
    },
    on_lost: () => {
      banner.hidden = false
      banner.textContent = over ? "The connection is lost. Trying again…" : "The connection is lost, and this round with it. Trying again…"
      if (!over) { end_round() }
    },
    on_message: (message) => hear[message.type]?.(message),
  })
  // Points go at once while the network keeps up; while it has not answered, they go together, five times a second.
  let waiting = []
  let answered = true
  let sent_ms = 0
  const send_points = () => {
    const now = performance.now()
    if (waiting.length === 0 || (!answered && now - sent_ms < 200)) { return }
    line.say({type: "paint", round: shown.round, points: waiting})
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
    hint.textContent = "Preparing a photograph…"
    line.say({type: "next", ...(asked == null ? {} : {image: asked})})
    asked = null
  }
  const leaders = make_leaders((span) => line.say({type: "leaders", span}))
  const tell_sound = () => { loud.textContent = sound.on ? "Sound is on" : "Sound is off"; loud.setAttribute("aria-pressed", String(sound.on)) }
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

  const hear = {
    welcome: (told) => {
      const again = spec != null
      spec = told.spec
      if (!again) {
        surface = make_surface(spec, {
          on_point: (point) => { waiting.push(point); send_points() },
          on_first: () => { clock.start(); hint.textContent = "Keep going…" },
        })
        stage.append(surface.root, summary)
        skip.append(node("option", {value: ""}, "Skip…"), ...told.skip_reasons.map((reason) => node("option", {value: reason}, reason)))
        const network = node("figure", {class: "network"})
        network.append(surface.seen, node("figcaption", {}, `What ${told.network} sees`))
        side.append(title, clock.root, hint, guesses.root, network, skip)
        const foot = node("footer")
        const settings = node("div", {class: "settings"})
        settings.append(name, loud, number)
        foot.append(leaders.root, settings)
        root.replaceChildren(banner, stage, side, foot)
        name.value = told.nickname ?? ""
        number.textContent = `Your number: ${told.player}`
      }
      leaders.ask()
      if (over) { want() }
    },
    round: async (told) => {
      shown = told
      waiting = []
      answered = true
      wanted = false
      clock.reset(spec.limit_ms)
      guesses.clear()
      title.textContent = told.category // which may take a line or two: only then is there a photograph to press on
      await surface.show(told.picture)
      over = false
      summary.hidden = true
      hint.textContent = `${told.practice ? "Practice: press" : "Press"} on the most telling part.` + (told.combo > 1 ? ` Combo: ${told.combo} in a row.` : "")
    },
    guess: (told) => {
      if (told.round !== shown?.round) { return }
      answered = true
      send_points()
      guesses.show(told.guesses, shown.category)
    },
    end: (told) => {
      if (told.round !== shown?.round) { return }
      end_round()
      if (told.outcome === "won") { sound.won() } else { sound.lost() }
      const words = {won: `${told.score.toFixed(0)} points`, lost: "Time is up", skipped: "Skipped", interrupted: "Interrupted"}
      const photo = surface.root.querySelector(".photo")
      const maps = node("div", {class: "maps"})
      maps.append(map_over(photo, told.own, told.own == null ? "You painted nothing" : "You"))
      if (told.others != null) {
        const who = told.others.simulated ? "simulated participants" : (told.others.n === 1 ? "another player" : "others")
        maps.append(map_over(photo, told.others.map, told.others.n == null ? `Painted by ${who}` : `Painted by ${told.others.n} ${who}`))
      } else {
        const why = told.others_known ? "Nobody else has painted this photograph yet." : "What others painted cannot be read at the moment."
        maps.append(node("p", {class: "hint"}, why))
      }
      summary.replaceChildren(node("h2", {}, words[told.outcome] ?? told.outcome), node("p", {}, told.practice ? "That was practice; from now on it counts." : (told.combo > 1 ? `${told.combo} in a row!` : "")), maps, next)
      summary.hidden = false
      hint.textContent = " "
      next.focus({preventScroll: true})
      leaders.ask()
    },
    leaders: (told) => leaders.show(told),
    named: (told) => { name.value = told.nickname ?? ""; leaders.ask() },
    paused: () => { wanted = false; hint.textContent = "The game is paused at the moment. Come back later." },
    finished: () => { wanted = false; title.textContent = "You have seen every photograph"; hint.textContent = "Thank you! There is none left that you have not painted." },
    waiting: () => { if (over) { hint.textContent = "The records cannot be reached at the moment. What you painted is kept; the game goes on when they are back." } },
    elsewhere: () => stop_for_good("The game goes on in another window of yours. Reload this page to play here."),
    deleted: () => stop_for_good("Everything that was kept of you was deleted, as was asked for. Reload this page to begin anew."),
    refused: (told) => {
      hint.textContent = told.reason
      if (over && wanted) { setTimeout(() => { if (wanted) { want() } }, 2000) }
    },
  }
  model.on("remove", () => line.close())
}
