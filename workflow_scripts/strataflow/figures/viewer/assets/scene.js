// In the page of vtk.js: loads the scene, names its axes, and shows what the viewer asks for.
"use strict"
const facts = FACTS

// Room in pixels that the number of a fault needs.
const ROOM = [24, 17]

// Size of a saved picture relative to the screen.
const PICTURE_SCALE = 3

// Look of the number of a fault.
const NUMBER = "position: fixed; transform: translate(-50%, -50%); pointer-events: none; "
  + "padding: 0 4px; border-radius: 7px; background: #ffffffd0; color: #101010; "
  + "font: bold 12px sans-serif"

function loadDataSet() {
  if (!document.createElement("canvas").getContext("webgl2")) {
    parent.strataflow.noScene("This browser has no WebGL 2, which the 3D scene needs. "
      + "The sections do not need it.")
    return
  }
  fetch("/scene.zip" + location.search).then(async answer => {
    if (!answer.ok) { throw new Error(await answer.text()) }
    OfflineLocalView.load(document.body, {file: await answer.arrayBuffer()})
    waitForScene()
  }).catch(error => parent.strataflow.noScene(`The 3D scene cannot be shown: ${error.message}`))
}

function waitForScene() {
  const window3d = global.renderWindow
  const renderer = window3d && window3d.getRenderers().find(r => actors(r).box)
  if (!renderer || !actors(renderer).box.getCamera()) {
    setTimeout(waitForScene, 15)
    return
  }
  scene.start(window3d, renderer)
}

function actors(renderer) {
  const named = renderer.getViewProps().map(prop => [prop.get("remoteId").remoteId, prop])
  return Object.fromEntries(named)
}

const scene = {
  start(window3d, renderer) {
    this.window3d = window3d
    this.renderer = renderer
    this.actors = actors(renderer)
    this.actors.box.setGenerateTicks(() => facts.ticks)
    this.actors.box.modified()
    this.numbers = facts.labels.map(label => {
      const text = document.createElement("span")
      text.textContent = label.number
      text.style.cssText = NUMBER
      document.body.append(text)
      return {...label, text}
    })
    renderer.getActiveCamera().onModified(() => {
      this.placeNumbers()
      parent.strataflow.turned()
    })
    this.home = renderer.getActiveCamera().get("position", "focalPoint", "viewUp")
    parent.strataflow.sceneReady(this)
  },

  // Show the actors of a set of names, and no others but the sections and the axes.
  show(names) {
    for (const [name, actor] of Object.entries(this.actors)) {
      if (name !== "box" && !this.isSection(name)) { actor.setVisibility(names.has(name)) }
    }
  },

  // Numbers of the faults that are shown, and where they are on the screen, from 0 to 1 to the
  // right and downward. Of numbers that would cover each other, that of the largest fault is kept.
  visibleNumbers() {
    const [width, height] = this.window3d.getViews()[0].getSize()
    const shown = this.numbers.filter(({name}) => this.actors[name].getVisibility())
    const kept = []
    for (const {number, at, text} of shown) {
      const [x, y] = this.renderer.worldToNormalizedDisplay(...at, width / height)
      const place = {number, text, x, y: 1 - y}
      const covers = other => Math.abs(other.x - x) * innerWidth < ROOM[0]
        && Math.abs(other.y - place.y) * innerHeight < ROOM[1]
      if (!kept.some(covers)) { kept.push(place) }
    }
    return kept
  },

  placeNumbers() {
    this.numbers.forEach(({text}) => { text.style.display = "none" })
    for (const {text, x, y} of this.visibleNumbers()) {
      text.style.display = ""
      text.style.left = `${100 * x}vw`
      text.style.top = `${100 * y}vh`
    }
  },

  // Let one actor of a kind stand out, if there is one of that name.
  highlight(kind, chosen) {
    for (const [name, actor] of Object.entries(this.actors)) {
      if (name.startsWith(kind)) {
        actor.getProperty().setOpacity(!this.actors[chosen] || name === chosen ? 1 : 0.25)
      }
    }
  },

  hide(name) { this.actors[name].setVisibility(false) },

  // On which side of the middle the camera is, along (n3, n2): true for large indices.
  sides() {
    const camera = this.renderer.getActiveCamera()
    const [from, to] = [camera.getPosition(), camera.getFocalPoint()]
    return [1, 0].map(axis => (from[axis] - to[axis]) * facts.scale[axis] > 0)
  },

  // Direction on the screen, to the right and downward, of a step along (n3, n2).
  direction(step) {
    const camera = this.renderer.getActiveCamera()
    const ahead = camera.getDirectionOfProjection(), up = camera.getViewUp()
    const cross = (a, b) => [0, 1, 2].map(i => a[(i + 1) % 3] * b[(i + 2) % 3] - a[(i + 2) % 3] * b[(i + 1) % 3])
    const right = cross(ahead, up), upward = cross(right, ahead)
    const along = [step[1] * facts.scale[0], step[0] * facts.scale[1], 0]
    return [right, upward.map(x => -x)].map(v => v.reduce((sum, x, i) => sum + x * along[i], 0))
  },

  isSection(name) { return ["inline", "crossline", "slice"].includes(name) },

  // Map the values of the actors of one kind to colours, or draw each in its own colour.
  colourBy(kind, values) {
    for (const [name, actor] of Object.entries(this.actors)) {
      if (name.startsWith(kind)) { actor.getMapper().setScalarVisibility(values) }
    }
  },

  // Put the picture of a section at its place. `corners` are indices (n2, n3, n1).
  place(name, corners, picture, width, height) {
    const actor = this.actors[name]
    const points = new Float32Array(corners.flatMap(c => c.map((x, i) => x * facts.scale[i])))
    const data = actor.getMapper().getInputData()
    actor.setVisibility(true)
    data.getPoints().setData(points, 3)
    data.modified()
    const texture = actor.getTextures()[0]
    const image = texture.getInputData()
    image.setExtent(0, width - 1, 0, height - 1, 0, 0)
    image.getPointData().getScalars().setData(picture, 4)
    image.modified()
    texture.modified()
  },

  reset() {
    const camera = this.renderer.getActiveCamera()
    camera.set(this.home)
    camera.modified()
    this.draw()
  },

  camera() {
    return this.renderer.getActiveCamera().get("position", "focalPoint", "viewUp")
  },

  // A picture of the scene with its texts, PICTURE_SCALE times as large as on the screen, as an
  // address of data.
  async picture() {
    const {box} = this.actors, texts = ["AxisTextStyle", "TickTextStyle"]
    const sizes = texts.map(text => box[`get${text}`]().fontSize)
    const enlarge = by => texts.forEach((text, i) => box[`set${text}`]({fontSize: sizes[i] * by}))
    enlarge(PICTURE_SCALE)
    try {
      return await this.window3d.captureImages("image/png", {scale: PICTURE_SCALE})[0]
    } finally {
      enlarge(1)
      this.draw()
    }
  },

  draw() {
    this.renderer.resetCameraClippingRange()
    this.placeNumbers()
    this.window3d.render()
  },
}

// Keys act here too.
document.addEventListener("keydown", event => parent.strataflow.key(event), true)
