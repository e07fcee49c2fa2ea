// Python: dark_mode.py. Light or dark: as chosen before, else as the system has it; a choice is kept for the next page.
// And the drawer, which on a telephone would cover the page.

export function render({model}) {
  if (!document.cookie.includes("gala_viz_dark=") && matchMedia("(prefers-color-scheme: dark)").matches) { model.dark = true }
  if (window.innerWidth < 700) { model.drawer = false }
  model.on("dark", () => { document.cookie = `gala_viz_dark=${Number(model.dark)}; path=/; max-age=31536000; samesite=lax` })
}
