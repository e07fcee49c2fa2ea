// Text that leaves the page: as a file, or for the clipboard.

function save_text(text, filename, type = "text/csv") {
  const link = document.createElement("a")
  link.href = URL.createObjectURL(new Blob([text], {type}))
  link.download = filename
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 1000)
}

async function copy_text(text) {
  if (navigator.clipboard != null) { return navigator.clipboard.writeText(text) }
  const area = document.createElement("textarea")
  area.value = text
  document.body.append(area)
  area.select()
  document.execCommand("copy")
  area.remove()
}
