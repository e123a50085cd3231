// Controls, keys and the pointer of the page. It asks Python for a view and shows the answer.
"use strict"

window.strataflow = (() => {
  const AXES = {inline: [1, 2], crossline: [0, 2], slice: [1, 0], line: [null, 2]}
  const PLACES = ["inline", "crossline", "vertical"]
  let model, facts, view = {}, pending = {}, busy = 0, count = 0, drawing = false, overlaysOff = null
  let zoom, scale = null, pictures = {}, placed = {}, picks = {faults: [], horizons: []}, scene3d = null, bars = []
  const byId = (id) => document.getElementById(id)
  const all = (selector) => [...document.querySelectorAll(selector)]

  // Ask Python for a change of the view; requests that wait are joined.
  function ask(change) {
    Object.assign(view, change)
    Object.assign(pending, change)
    showControls()
    if (!busy) { send() }
  }

  function send() {
    const change = pending
    pending = {}
    busy = setTimeout(() => { busy = 0 }, 5000)
    model.asked.data = {view: [JSON.stringify(change)], count: [++count]}
  }

  // What Python has drawn, or read.
  function heard(source) {
    if (source.name === "picks") { showPicks() } else { showTold() }
  }

  function showTold() {
    const told = JSON.parse(model.told.data.view[0])
    clearTimeout(busy)
    busy = 0
    view = {...told.view, ...pending}
    bars = told.bars
    showNotes(told.notes)
    showControls()
    showBars()
    showLayout()
    showScene()
    history.replaceState(null, "", told.link)
    byId("picture").href = "/picture.png" + told.link.replace(/^[^?]*/, "")
    document.body.dataset.drawn = told.count
    if (Object.keys(pending).length) { send() }
  }

  function start(args) {
    model = args
    facts = args.facts
    zoom = facts.axes.map(axis => [...axis.range])
    document.addEventListener("keydown", key, true)
    for (const control of all("[data-field]")) {
      const live = control.type === "range" || control.type === "checkbox"
      control.addEventListener(live ? "input" : "change", () => changed(control))
    }
    for (const button of all("[data-tab]")) {
      button.onclick = () => ask({tab: button.dataset.tab})
      // The 3D scene begins to load before the click.
      if (button.dataset.tab === "scene") { button.onpointerenter = loadScene }
    }
    for (const button of all("[data-all]")) {
      button.onclick = () => ask({[button.dataset.all]: ""})
    }
    for (const button of all("[data-none]")) {
      const field = button.dataset.none
      const rows = () => field === "hide" ? picks.faults : picks.horizons
      button.onclick = () => ask({[field]: rows().map(row => row.number).join(",")})
    }
    byId("menu").onclick = toggleMenu
    byId("draw").onclick = () => drawing ? endLine() : startLine()
    byId("zoom").onclick = zoomOut
    byId("keys").onclick = () => byId("help").showModal()
    byId("link").onclick = copyLink
    byId("picture").onclick = savePicture
    for (const figure of Object.values(model.figures)) {
      for (const name of ["inner_width", "inner_height"]) {
        figure.properties[name].change.connect(() => { view.aspect === "true" ? fit() : pointNorth() })
      }
    }
    showTold()
    showPicks()
    if (view.window) {
      const w = view.window.split(",").map(Number)
      zoom = [0, 1, 2].map(axis => [w[2 * axis], w[2 * axis + 1]])
    }
    fit()
    document.body.dataset.ready = Math.round(performance.now())
  }

  // Attributes that are known on faults alone.
  const ON_FAULTS = ["fdip", "fstrike", "fthin", "fthrow", "fault_id"]

  function changed(control) {
    const field = control.dataset.field
    const value = control.type === "checkbox" ? control.checked : control.value
    const number = ["number", "range"].includes(control.type)
    if (number && value === "") { showControls(); return }
    ask({[field]: number ? Number(value) : value})
    if (PLACES.includes(field)) { bringSections() }
    if (field.startsWith("overlay")) {
      hint(view.faults && ON_FAULTS.includes(value) ? "Lines of picked faults lie over it: F hides them." : "")
    }
    // Keys belong to the sections again.
    control.blur()
    if (["aspect", "exaggeration", "velocity"].includes(field)) { scale = null; fit() }
    if (["exaggeration", "velocity"].includes(field)) { reloadScene() }
  }

  function showControls() {
    for (const control of all("[data-field]")) {
      const value = view[control.dataset.field]
      if (control.type === "checkbox") { control.checked = value }
      else if (control !== document.activeElement || control.type !== "number") {
        control.value = control.type === "number" ? Number(value.toFixed(4)) : value
      }
      const output = control.nextElementSibling
      if (output && output.tagName === "OUTPUT") {
        output.textContent = Number(value).toFixed(2).replace(/\.?0+$/, "") + (output.dataset.unit || "")
      }
    }
    for (const button of all("[data-tab]")) {
      button.classList.toggle("on", button.dataset.tab === view.tab)
    }
    byId("draw").classList.toggle("on", drawing)
    byId("draw").textContent = drawing ? "End line" : "Draw line"
    markRows()
  }

  function showNotes(notes) {
    byId("notes").hidden = !notes.length
    byId("notes").querySelector("ul").replaceChildren(...notes.map(text => element("li", {}, text)))
  }

  function element(tag, attributes, ...children) {
    const made = document.createElement(tag)
    for (const [name, value] of Object.entries(attributes)) {
      if (name in made) { made[name] = value } else { made.setAttribute(name, value) }
    }
    made.append(...children)
    return made
  }

  function showBars() {
    const shown = view.tab === "scene" ? [...bars, ...sceneBars()] : bars
    byId("bars").replaceChildren(...shown.map(bar => {
      const colour = element("i", {})
      colour.style.backgroundImage = `linear-gradient(90deg, ${bar.colours.join(", ")})`
      const ends = [bar.low, bar.high].map(short)
      return element("span", {className: "bar"}, bar.label, element("span", {}, ends[0]), colour,
        element("span", {}, ends[1]))
    }))
    if (view.tab === "scene" || view.aspect === "true") {
      byId("bars").append(element("span", {}, exaggerationText()))
    }
  }

  function exaggerationText() {
    const velocity = facts.domain === "time" ? ` at ${view.velocity.toLocaleString("en-US")} m/s` : ""
    return `vertical exaggeration ${short(view.exaggeration)}${velocity}`
  }

  function sceneBars() {
    const found = view.colour === "throw" && picks.throw_bar ? [picks.throw_bar] : []
    const row = picks.horizons.find(h => h.number === surface())
    return row && row.bar ? [...found, row.bar] : found
  }

  function short(number) { return Number(number.toPrecision(3)).toLocaleString("en-US") }

  // Lists of faults and horizons.
  function showPicks() {
    const lists = JSON.parse(model.picks.data.lists[0])
    if (!lists.faults) { return }
    picks = lists
    showList("faults", "hide", "fault", "no picked faults")
    showList("horizons", "hide_horizons", "horizon", "no horizons")
    const options = [[0, "none"], ...picks.horizons.map(h => [h.number, h.title])]
    byId("surface").replaceChildren(...options.map(o => element("option", {value: o[0]}, o[1])))
    showControls()
    showBars()
    updateScene()
  }

  function showList(kind, field, one, nothing) {
    const rows = picks[kind].map(row => {
      const box = element("input", {type: "checkbox", ariaLabel: `show ${row.name}`})
      box.oninput = () => { toggle(field, row.number); box.blur() }
      const swatch = element("span", {className: "swatch"})
      swatch.style.background = row.colour
      const name = element("button", {title: "Go there, and show its numbers"}, row.title || row.name)
      name.onclick = () => { goTo(one, row); name.blur() }
      const note = element("span", {className: "note"}, row.note)
      const made = element("li", {}, box, swatch, name, note)
      made.dataset.number = row.number
      return made
    })
    byId(kind).replaceChildren(...(rows.length ? rows : [element("li", {className: "empty"}, nothing)]))
  }

  function numbers(text) { return text ? String(text).split(",").map(Number) : [] }

  function toggle(field, number) {
    const off = new Set(numbers(view[field]))
    if (!off.delete(number)) { off.add(number) }
    ask({[field]: [...off].join(",")})
  }

  function goTo(one, row) {
    if (view[one] === row.number) { ask({[one]: 0}); return }
    const change = {fault: 0, horizon: 0, [one]: row.number}
    const field = one === "fault" ? "hide" : "hide_horizons"
    change[field] = numbers(view[field]).filter(n => n !== row.number).join(",")
    change[one + "s"] = true
    if (row.at) { PLACES.forEach((name, axis) => { change[name] = row.at[axis] }) }
    ask(change)
  }

  function markRows() {
    for (const [kind, field, one] of [["faults", "hide", "fault"], ["horizons", "hide_horizons", "horizon"]]) {
      const off = new Set(numbers(view[field]))
      for (const item of byId(kind).querySelectorAll("li[data-number]")) {
        const number = Number(item.dataset.number)
        item.querySelector("input").checked = !off.has(number)
        item.classList.toggle("on", view[one] === number)
      }
    }
    const row = picks.faults.find(f => f.number === view.fault)
      || picks.horizons.find(h => h.number === view.horizon)
    byId("about").hidden = !row
    if (row) {
      byId("about").querySelector("legend").textContent = row.title || row.name
      const pairs = Object.entries(row.details)
      byId("about").querySelector("dl").replaceChildren(
        ...pairs.flatMap(([name, text]) => [element("dt", {}, name), element("dd", {}, text)]))
    }
  }

  // Panels.
  function showLayout() {
    const shown = view.large ? [view.large]
      : Object.keys(AXES).filter(name => name !== "line" || linePoints().length > 1)
    for (const name of Object.keys(AXES)) { byId("panel-" + name).hidden = !shown.includes(name) }
    byId("panels").classList.toggle("four", shown.length > 3)
    byId("panels").classList.toggle("alone", shown.length === 1)
    document.body.classList.toggle("in-scene", view.tab === "scene")
  }

  function toggleMenu() {
    const narrow = matchMedia("(max-width: 900px)").matches
    document.body.classList.toggle(narrow ? "menu" : "bare")
  }

  // The length of a unit of an axis on the ground.
  function length(axis) {
    if (axis === null) { return 1 }
    const {spacing, step} = facts.axes[axis]
    if (axis < 2) { return spacing / Math.abs(step) }
    const metres = facts.domain === "time" ? view.velocity / 2000 : facts.axes[2].metres
    return view.exaggeration * metres / facts.axes[0].metres
  }

  function sizes(figure) { return [figure.inner_width, figure.inner_height] }

  // Set the ranges of the panels, but for one that the visitor has just set.
  function fit(except) {
    const shown = Object.entries(model.figures).filter(([name]) => !byId("panel-" + name).hidden)
    const isTrue = view.aspect === "true"
    if (isTrue && scale === null) {
      scale = Math.max(...shown.flatMap(([name, figure]) => sizes(figure).map((pixels, i) => {
        const axis = AXES[name][i]
        return axis === null ? 0 : (zoom[axis][1] - zoom[axis][0]) * length(axis) / pixels
      })))
    }
    for (const [name, figure] of shown) {
      if (name === except) { continue }
      AXES[name].forEach((axis, i) => {
        let [low, high] = axis === null ? lineEnds() : zoom[axis]
        if (isTrue) {
          const half = sizes(figure)[i] * scale / length(axis) / 2
          const middle = (low + high) / 2
          low = middle - half
          high = middle + half
        }
        const range = i === 0 ? figure.x_range : figure.y_range
        const ends = i === 0 ? {start: low, end: high} : {start: high, end: low}
        if (range.start !== ends.start || range.end !== ends.end) { range.setv(ends) }
      })
    }
    pointNorth()
    askWindow()
  }

  // The arrow to the north on the slice, as the panel is stretched.
  function pointNorth() {
    if (!facts.compass) { return }
    const {x_range, y_range, inner_width, inner_height} = model.figures.slice
    const directions = facts.compass.map(([inline, crossline]) => [
      crossline * facts.axes[1].step * inner_width / (x_range.end - x_range.start),
      inline * facts.axes[0].step * inner_height / (y_range.start - y_range.end)])
    byId("north").innerHTML = strataflowCompass.svg(directions[1], directions[0])
  }

  let waiting = 0
  function askWindow() {
    clearTimeout(waiting)
    waiting = setTimeout(() => {
      const full = facts.axes.every((axis, i) => axis.range.every((end, k) => end === zoom[i][k]))
      const window = full ? "" : zoom.flat().map(n => Number(n.toPrecision(8))).join(",")
      if (window !== view.window || view.aspect === "true") { ask({window}) }
    }, 120)
  }

  function zoomed(name) {
    const figure = model.figures[name]
    AXES[name].forEach((axis, i) => {
      const range = i === 0 ? figure.x_range : figure.y_range
      if (axis !== null) { zoom[axis] = [Math.min(range.start, range.end), Math.max(range.start, range.end)] }
      if (view.aspect === "true" && i === 0) {
        scale = Math.abs(range.end - range.start) * length(axis) / sizes(figure)[0]
      }
    })
    fit(name)
  }

  function zoomOut() {
    zoom = facts.axes.map(axis => [...axis.range])
    scale = null
    fit()
    if (scene3d) { scene3d.reset() }
  }

  // The line on the slice.
  function linePoints() {
    return view.line ? view.line.split(";").map(pair => pair.split(",").map(Number)) : []
  }

  function corners() {
    const points = linePoints()
    const at = [0]
    for (let i = 1; i < points.length; i++) {
      const steps = [0, 1].map(a => (points[i][a] - points[i - 1][a]) * length(a))
      at.push(at[i - 1] + Math.hypot(...steps))
    }
    return at
  }

  function lineEnds() {
    const at = corners()
    return [0, at[at.length - 1] || 1]
  }

  function startLine() {
    drawing = true
    hint("Click points on the slice. Enter ends the line, Escape removes it.")
    ask({line: "", tab: "sections", large: ""})
  }

  function endLine() {
    drawing = false
    hint("")
    showControls()
  }

  function hint(text) { byId("hint").textContent = text }

  // The pointer: numbers of the three axes at a place of a panel.
  function place(name, x, y) {
    const numbers = [view.inline, view.crossline, view.vertical]
    if (name !== "line") {
      AXES[name].forEach((axis, i) => { numbers[axis] = i === 0 ? x : y })
      return numbers
    }
    const at = corners(), points = linePoints()
    const k = Math.min(Math.max(at.findIndex(d => d > x), 1), at.length - 1)
    const part = (x - at[k - 1]) / (at[k] - at[k - 1])
    return [...[0, 1].map(a => points[k - 1][a] + part * (points[k][a] - points[k - 1][a])), y]
  }

  function tap(name, event) {
    if (drawing) {
      if (name === "slice") { ask({line: [...linePoints(), [event.y, event.x]].join(";")}) }
      return
    }
    const numbers = place(name, event.x, event.y)
    const change = {}
    PLACES.forEach((field, axis) => {
      if (name === "line" || AXES[name].includes(axis)) { change[field] = numbers[axis] }
    })
    ask(change)
  }

  function doubletap(name) {
    if (drawing) { endLine() } else { alone(name) }
  }

  function alone(name) {
    if (name === "line" && linePoints().length < 2) {
      hint("There is no line yet: L draws one.")
      return
    }
    scale = null
    ask({large: view.large === name ? "" : name})
  }

  let reading = false, next = null
  function pointed(name, event) {
    next = place(name, event.x, event.y)
    if (!reading) { readValues() }
  }

  async function readValues() {
    reading = true
    while (next) {
      const [inline, crossline, vertical] = next
      next = null
      const query = new URLSearchParams({inline, crossline, vertical})
      try {
        const answer = await fetch("/values?" + query)
        showValues(answer.ok ? await answer.json() : {})
      } catch { hint("The viewer does not answer. Is it still running?") }
    }
    reading = false
  }

  function left() { next = null }

  function showValues(found) {
    const {values, live, ...position} = found
    const parts = Object.entries(position).map(([name, number]) => part(name, number, name))
    if (live === false) { parts.push(element("span", {}, "dead trace")) }
    for (const [name, value] of Object.entries(values || {})) {
      if (name === "fault_id") {
        if (value > 0) { parts.push(part("fault", value)) }
      } else if (value !== null) { parts.push(part(name, value)) }
    }
    byId("readout").replaceChildren(...(parts.length ? parts : ["outside of the volume"]))
  }

  function part(name, number) {
    const unit = name === facts.domain ? " " + facts.axes[2].unit : ""
    const degrees = ["fdip", "fstrike"].includes(name) ? "°" : ""
    return element("span", {}, name + " ", element("b", {}, Number(number).toLocaleString("en-US",
      {maximumSignificantDigits: ["x", "y"].includes(name) ? 12 : 6}) + unit + degrees))
  }

  // Keys act wherever the focus is; in a number field, what edits the number stays there.
  const EDITING = /^([-\d.,e]|Backspace|Delete|ArrowLeft|ArrowRight|Home|End|Tab|Enter)$/
  const MOVES = {ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowDown: [1, -1], ArrowUp: [1, 1],
    PageUp: [2, -1], PageDown: [2, 1]}
  const TOGGLES = {f: "faults", h: "horizons", n: "names", c: "cuts", b: "far"}

  function key(event) {
    const target = event.composedPath()[0]
    const editing = target.tagName === "INPUT" && target.type === "number"
    if (event.ctrlKey || event.altKey || event.metaKey || (editing && EDITING.test(event.key))) { return }
    if (byId("help").open && event.key !== "?") { return }
    if (act(event)) {
      event.preventDefault()
      event.stopPropagation()
    }
  }

  function act(event) {
    const name = event.key.length === 1 ? event.key.toLowerCase() : event.key
    if (name in MOVES) { move(...MOVES[name], event.shiftKey ? 10 : 1) }
    else if (name in TOGGLES) { ask({[TOGGLES[name]]: !view[TOGGLES[name]]}) }
    else if ("1234".includes(name)) { alone(Object.keys(AXES)[name - 1]) }
    else if (name === "0") { zoomOut() }
    else if (name === "l") { byId("draw").click() }
    else if (name === "Enter" && drawing) { endLine() }
    else if (name === "Escape" && (drawing || view.line)) { endLine(); ask({line: ""}) }
    else if (name === "o") { toggleOverlays() }
    else if (name === "w") { nextOption("traces") }
    else if (name === "+" || name === "=") { gain(1.25) }
    else if (name === "-") { gain(0.8) }
    else if (name === "t") { ask({tab: view.tab === "scene" ? "sections" : "scene"}) }
    else if (name === "p") { byId("picture").click() }
    else if (name === "m") { toggleMenu() }
    else if (name === "?") { byId("help").open ? byId("help").close() : byId("help").showModal() }
    else { return false }
    return true
  }

  function move(axis, direction, times) {
    const {first, step, count} = facts.axes[axis]
    if (count === 1) { return }
    const now = Math.round((view[PLACES[axis]] - first) / step)
    const sign = axis === 2 ? 1 : Math.sign(step)
    const index = Math.min(Math.max(now + sign * direction * times, 0), count - 1)
    if (index !== now) {
      bringSections()
      ask({[PLACES[axis]]: first + step * index})
    }
  }

  // Who moves a section in 3D wants to see it move.
  function bringSections() {
    if (view.tab === "scene" && view.far) { ask({far: false}) }
  }

  function gain(factor) {
    ask({gain: Math.min(Math.max(Number((view.gain * factor).toPrecision(3)), 0.1), 20)})
  }

  function nextOption(field) {
    const values = [...byId(field).options].map(option => option.value)
    ask({[field]: values[(values.indexOf(view[field]) + 1) % values.length]})
  }

  function toggleOverlays() {
    if (view.overlay === "none" && view.overlay2 === "none") {
      ask(overlaysOff || {})
    } else {
      overlaysOff = {overlay: view.overlay, overlay2: view.overlay2}
      ask({overlay: "none", overlay2: "none"})
    }
  }

  async function copyLink() {
    try {
      await navigator.clipboard.writeText(location.href)
      hint("Link copied.")
    } catch { hint("Copy the address of this page: it restores the view.") }
  }

  // The 3D scene, in a frame of its own.
  function showScene() {
    if (view.tab !== "scene") { return }
    loadScene()
    updateScene()
  }

  function loadScene() {
    if (byId("scene").querySelector("iframe")) { return }
    const {exaggeration, velocity} = view
    const frame = element("iframe", {title: "3D scene"})
    frame.src = "/scene?" + new URLSearchParams({exaggeration, velocity})
    byId("scene").append(frame)
  }

  function reloadScene() {
    const frame = byId("scene").querySelector("iframe")
    if (frame) { frame.remove() }
    scene3d = null
    placed = {}
    if (frame || view.tab === "scene") { loadScene() }
  }

  function noScene(text) {
    byId("scene").querySelector("iframe").hidden = true
    byId("no-scene").textContent = text
    byId("no-scene").hidden = false
  }

  function sceneReady(scene) {
    scene3d = scene
    updateScene()
    document.body.dataset.scene = Math.round(performance.now())
  }

  function surface() { return Number(view.surface) }

  function updateScene() {
    if (!scene3d) { return }
    const off = new Set(numbers(view.hide))
    const faults = view.faults ? picks.faults.filter(f => !off.has(f.number)) : []
    const horizons = picks.horizons.filter(h => h.number === surface())
    scene3d.show(new Set([...faults, ...horizons].map(row => row.name)))
    scene3d.colourBy("fault", view.colour === "throw")
    scene3d.colourBy("horizon", true)
    const chosen = faults.find(f => f.number === view.fault)
    scene3d.highlight("fault", chosen && chosen.name)
    for (const name of ["inline", "crossline", "slice"]) {
      if (!view.far) { placed[name] = ""; placeSection(name) }
      else if (name === "slice") { scene3d.hide(name) }
      else { placeFar(name) }
    }
    turned()
    scene3d.draw()
  }

  // What follows the camera: the arrow to the north, and the sides that are far.
  function turned() {
    if (!scene3d) { return }
    if (facts.compass) {
      byId("north3d").innerHTML = strataflowCompass.svg(...compass3d())
    }
    if (view.far && view.tab === "scene") { ["inline", "crossline"].forEach(placeFar) }
  }

  function compass3d() {
    const [east, north] = facts.compass.map(step => scene3d.direction(step))
    return [north, east]
  }

  // A section at the side of the survey that is far from the camera.
  const LOOKS = ["ground", "palette", "clip", "gain", "overlay", "opacity", "overlay2", "opacity2",
    "threshold", "smooth"]

  async function placeFar(panel) {
    const axis = PLACES.indexOf(panel)
    const number = facts.far[panel][scene3d.sides()[axis] ? 0 : 1]
    const looks = Object.fromEntries(LOOKS.map(name => [name, view[name]]))
    const query = new URLSearchParams({...looks, panel, [panel]: number}).toString()
    if (placed[panel] === query) { return }
    placed[panel] = query
    pictures[query] = pictures[query] || pixelsOf(query)
    const found = await pictures[query].catch(error => {
      hint(`A section cannot be shown: ${error.message}`)
    })
    if (!found || !scene3d || !view.far || placed[panel] !== query) { return }
    scene3d.place(panel, cornersOf(panel, found.box, number), found.bytes, found.width, found.height)
    scene3d.draw()
  }

  async function pixelsOf(query) {
    const answer = await fetch("/section.json?" + query)
    if (!answer.ok) { throw new Error(await answer.text()) }
    const {box, picture} = await answer.json()
    const image = new Image()
    image.src = picture
    await image.decode()
    const {width, height} = image
    const pen = element("canvas", {width, height}).getContext("2d")
    pen.drawImage(image, 0, 0)
    return {box, width, height, bytes: new Uint8Array(pen.getImageData(0, 0, width, height).data.buffer)}
  }

  // Corners, as indices (n2, n3, n1), of a picture with left, width, top and height in a section.
  function cornersOf(panel, [left, width, top, height], number) {
    const [across, down] = AXES[panel]
    const fixed = [0, 1, 2].find(axis => axis !== across && axis !== down)
    const index = (axis, value) => (value - facts.axes[axis].first) / facts.axes[axis].step
    return [[0, 0], [1, 0], [1, 1], [0, 1]].map(([i, k]) => {
      const at = [0, 0, 0]
      at[across] = index(across, left + i * width)
      at[down] = index(down, top + k * height)
      at[fixed] = index(fixed, number)
      return [at[1], at[0], at[2]]
    })
  }

  // A section as its panel shows it.
  function placeSection(name) {
    const {picture, x, y, dw, dh} = model.figures[name].renderers[0].data_source.data
    if (!picture.length) { return }
    const pixels = picture[0]
    const bytes = new Uint8Array(pixels.buffer.slice(pixels.byteOffset, pixels.byteOffset + pixels.byteLength))
    for (let i = 3; i < bytes.length; i += 4) {
      // Dead traces are grey, as in the panels.
      if (bytes[i] === 0) { bytes[i - 3] = 217; bytes[i - 2] = 221; bytes[i - 1] = 226 }
      bytes[i] = 255
    }
    const [rows, columns] = pixels.shape
    const number = view[PLACES[["inline", "crossline", "slice"].indexOf(name)]]
    scene3d.place(name, cornersOf(name, [x[0], dw[0], y[0], dh[0]], number), bytes, columns, rows)
  }

  async function savePicture(event) {
    if (view.tab !== "scene" || !scene3d) { return }
    event.preventDefault()
    const off = new Set(numbers(view.hide))
    const faults = view.faults ? picks.faults.filter(f => !off.has(f.number)) : []
    const address = await strataflowCompass.scenePicture(await scene3d.picture(), {
      title: `${facts.name}, ${exaggerationText()}`,
      numbers: scene3d.visibleNumbers(),
      compass: facts.compass && compass3d(),
      legend: view.colour === "throw" ? [] : faults.slice(0, 24),
      bars: [...bars, ...sceneBars()].map(bar => ({...bar, low: short(bar.low), high: short(bar.high)})),
    })
    element("a", {href: address, download: facts.name + "-3d.png"}).click()
  }

  return {start, heard, tap, doubletap, pointed, left, zoomed, key, noScene, turned, sceneReady,
    state: () => ({view, zoom, drawing, busy: Boolean(busy), scene: Boolean(scene3d)})}
})()
