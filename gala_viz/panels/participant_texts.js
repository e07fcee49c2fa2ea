// Python: ../participant_texts/. The words of the participants' language, which the server sends with the page.

let texts = {}

/** A text with its {names} filled in. */
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => String(values[name]))
