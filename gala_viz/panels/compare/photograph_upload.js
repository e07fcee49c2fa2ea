// Python: photograph_upload.py. Photographs and their human maps from the visitor's disk, by button or dropped anywhere on the page, sent in small pieces.

const TYPES = ["image/png", "image/jpeg", "image/webp"]
const PIECE = 1 << 20
const WORDS = "Upload photographs and maps"

export function render({model, el}) {
  const button = document.createElement("button")
  button.type = "button"
  button.className = "choose"
  button.textContent = WORDS
  button.title = `PNG, JPEG or WebP photographs, several at once, with or without human maps. ${model.map_names}`
  const input = document.createElement("input")
  input.type = "file"
  input.accept = [...TYPES, ...model.map_suffixes].join(",")
  input.multiple = true
  input.hidden = true // the button opens it
  button.addEventListener("click", () => input.click())
  const message = document.createElement("div")
  message.className = "message"
  message.setAttribute("role", "alert")
  message.hidden = true
  const dismiss = document.createElement("button")
  dismiss.type = "button"
  dismiss.textContent = "×"
  dismiss.setAttribute("aria-label", "Dismiss")
  const words = document.createElement("span")
  message.append(words, dismiss)
  dismiss.addEventListener("click", () => { message.hidden = true })
  el.append(button, input, message)

  const say = (sentence) => { words.textContent = sentence; message.hidden = sentence === "" }
  const busy = (sentence) => { button.textContent = sentence || WORDS; button.disabled = sentence !== "" }

  const is_array = (file) => model.map_suffixes.some((suffix) => file.name.toLowerCase().endsWith(suffix))
  // A map needs its photograph: arrays come last, and a PNG, which may be a map, after other pictures and shorter names.
  const rank = (file) => (is_array(file) ? 2 : file.type === "image/png" ? 1 : 0)
  const in_order = (files) => files.toSorted((one, other) => rank(one) - rank(other) || (rank(one) === 1 ? one.name.length - other.name.length : 0))

  const refusal = (file) => {
    const size = (file.size / 1e6).toFixed(1)
    if (!TYPES.includes(file.type) && !is_array(file)) { return `“${file.name}” is not a PNG, JPEG or WebP photograph, and no NPY or NPZ map. Save it as one of these and try again.` }
    if (file.size > model.limit_bytes) { return `“${file.name}” has ${size} MB; at most ${model.limit_bytes / 1e6} MB are taken. Make it smaller and try again.` }
    return file.size === 0 ? `“${file.name}” is empty.` : ""
  }
  /** Send one file, and return why it was refused, and what is to be said of it. The first of several is shown. */
  const send = async (file, show, place) => {
    const reason = refusal(file)
    if (reason !== "") { return {refused: reason, note: ""} }
    const answered = new Promise((done) => { answer = done })
    const pieces = Math.ceil(file.size / PIECE)
    const upload = crypto.getRandomValues(new Uint32Array(1))[0]
    for (let i = 0; i < pieces; i++) {
      busy(`Sending ${place}${Math.round((100 * i) / pieces)} %`)
      const data = await file.slice(i * PIECE, (i + 1) * PIECE).arrayBuffer()
      model.send_msg({upload, name: file.name, piece: i, pieces, data, show})
    }
    busy(`Reading ${place}…`)
    return answered
  }
  let answer = () => {}
  const choose = async (files) => {
    const sentences = []
    let shown = false
    say("")
    for (const [i, file] of in_order(files).entries()) {
      const {refused, note} = await send(file, !shown, files.length > 1 ? `${i + 1} of ${files.length}: ` : "")
      shown ||= refused === ""
      sentences.push(refused || note)
    }
    busy("")
    say(sentences.filter((one) => one !== "").join(" "))
  }
  input.addEventListener("change", () => { choose([...input.files]); input.value = "" })
  model.on("msg:custom", (event) => { const {refused = "", note = ""} = event.data ?? event; answer({refused, note}) })

  const listening = new AbortController()
  const {signal} = listening
  document.addEventListener("dragover", (event) => {
    if (event.dataTransfer?.types.includes("Files")) { event.preventDefault(); button.classList.add("over") }
  }, {signal})
  document.addEventListener("dragleave", () => button.classList.remove("over"), {signal})
  document.addEventListener("drop", (event) => {
    button.classList.remove("over")
    if (event.dataTransfer?.files.length > 0) { event.preventDefault(); choose([...event.dataTransfer.files]) }
  }, {signal})
  model.on("remove", () => listening.abort())
}
