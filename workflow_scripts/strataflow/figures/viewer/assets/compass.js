// An arrow to the north, with the side on which east is, and the picture of the 3D scene.
"use strict"

window.strataflowCompass = (() => {
  const SIZE = 64

  // SVG of an arrow; `north` and `east` are directions on the screen, to the right and downward.
  function svg(north, east) {
    const [n, e] = [north, east].map(v => v.map(x => x / (Math.hypot(...v) || 1)))
    const at = (v, r) => v.map(x => (SIZE / 2 + r * x).toFixed(1))
    const line = (from, to, more) =>
      `<line x1="${from[0]}" y1="${from[1]}" x2="${to[0]}" y2="${to[1]}" stroke="#101010" ${more}/>`
    const word = (text, place) => `<text x="${place[0]}" y="${place[1]}" text-anchor="middle" `
      + `dominant-baseline="central" font-family="sans-serif" font-size="13" font-weight="bold">${text}</text>`
    const wing = [n[1], -n[0]]
    const head = [at(n, 17), at([n[0] * 0.5 + wing[0] * 0.25, n[1] * 0.5 + wing[1] * 0.25], 17),
      at([n[0] * 0.5 - wing[0] * 0.25, n[1] * 0.5 - wing[1] * 0.25], 17)]
    return `<svg xmlns="http://www.w3.org/2000/svg" width="${SIZE}" height="${SIZE}">`
      + `<circle cx="${SIZE / 2}" cy="${SIZE / 2}" r="${SIZE / 2}" fill="#ffffff" fill-opacity="0.85"/>`
      + line(at(n, -18), at(n, 11), 'stroke-width="2"') + line(at(e, 0), at(e, 13), 'stroke-width="1.2"')
      + `<polygon points="${head.join(" ")}" fill="#101010"/>`
      + word("N", at(n, 25)) + word("E", at(e, 21)) + "</svg>"
  }

  // The same as a picture that a canvas can draw.
  async function image(north, east) {
    const picture = new Image()
    picture.src = "data:image/svg+xml," + encodeURIComponent(svg(north, east))
    await picture.decode()
    return picture
  }

  // A picture of the 3D scene with its title, numbers of faults, arrow, legend and colour bars, as
  // an address of data.
  async function scenePicture(address, {title, numbers, compass, legend, bars}) {
    const scene = new Image()
    scene.src = address
    await scene.decode()
    const unit = scene.width / 100, canvas = document.createElement("canvas")
    const rows = Math.ceil(legend.length / 6) + bars.length
    canvas.width = scene.width
    canvas.height = scene.height + unit * (5 + 2.6 * rows)
    const pen = canvas.getContext("2d")
    pen.fillStyle = "#ffffff"
    pen.fillRect(0, 0, canvas.width, canvas.height)
    pen.drawImage(scene, 0, 4 * unit)
    if (compass) { pen.drawImage(await image(...compass), 90 * unit, 5 * unit, 8 * unit, 8 * unit) }
    const write = (text, x, y, size) => {
      pen.fillStyle = "#101010"
      pen.font = `${size * unit}px sans-serif`
      pen.fillText(text, x * unit, y)
    }
    write(title, 1, 2.7 * unit, 1.8)
    pen.textAlign = "center"
    for (const {number, x, y} of numbers) {
      const [across, down] = [100 * x, 4 * unit + y * scene.height]
      pen.fillStyle = "#ffffffd0"
      pen.fillRect((across - 0.7) * unit, down - 0.75 * unit, 1.4 * unit, 1.5 * unit)
      write(number, across, down + 0.45 * unit, 1.2)
    }
    pen.textAlign = "start"
    let y = scene.height + 6.2 * unit
    legend.forEach(({name, colour}, i) => {
      const x = 1 + 16.3 * (i % 6), row = y + 2.6 * unit * Math.floor(i / 6)
      pen.fillStyle = colour
      pen.fillRect(x * unit, row - 1.2 * unit, 2.2 * unit, 1.4 * unit)
      write(name, x + 2.8, row, 1.3)
    })
    y += 2.6 * unit * Math.ceil(legend.length / 6)
    for (const bar of bars) {
      write(`${bar.label}: ${bar.low} `, 1, y, 1.3)
      const left = 1 + pen.measureText(`${bar.label}: ${bar.low}  `).width / unit
      bar.colours.forEach((colour, i) => {
        pen.fillStyle = colour
        const width = 20 / bar.colours.length
        pen.fillRect((left + i * width) * unit, y - 1.2 * unit, width * unit + 1, 1.4 * unit)
      })
      write(bar.high, left + 20.6, y, 1.3)
      y += 2.6 * unit
    }
    return canvas.toDataURL("image/png")
  }

  return {svg, scenePicture}
})()
