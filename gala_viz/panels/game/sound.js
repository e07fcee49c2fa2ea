// Short tones, off until the player asks for them.

function make_sound() {
  let context = null
  let on = localStorage.getItem("gala_viz_sound") === "1"
  const tone = (hertz, seconds, at = 0) => {
    if (!on) { return }
    context ??= new AudioContext()
    const [oscillator, gain] = [context.createOscillator(), context.createGain()]
    const begin = context.currentTime + at
    oscillator.frequency.value = hertz
    gain.gain.setValueAtTime(0.08, begin)
    gain.gain.exponentialRampToValueAtTime(0.001, begin + seconds)
    oscillator.connect(gain).connect(context.destination)
    oscillator.start(begin)
    oscillator.stop(begin + seconds)
  }
  return {
    get on() { return on },
    turn: () => { on = !on; localStorage.setItem("gala_viz_sound", String(Number(on))); return on },
    won: () => [523, 659, 784].forEach((hertz, i) => tone(hertz, 0.18, i * 0.09)),
    lost: () => tone(196, 0.3),
  }
}
