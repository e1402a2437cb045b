// The plane of the samples: its legend, and what the mouse and the keyboard do there.

import { $, element, number, vectorName } from "./format.js";
import { classColor, css, diverging, marker, variable } from "./colors.js";
import { frame, largest, paint } from "./paint.js";
import { changed, on, state } from "./state.js";

let tool = "drag";
let ownClass = 0;
/** The cross of the keyboard, in units of the plane, while the canvas has the focus. */
let cross = null;
let dragged = null;

function draw() {
  const canvas = $("plane");
  const { ground, samples, picture } = state;
  const shown = cross && document.activeElement === canvas ? cross : null;
  if (ground) canvas.style.aspectRatio = ground.embedded ? String(shape(ground.plane)) : "";
  paint(canvas, { ground, samples, picture, pieces: $("pieces").checked ? state.pieces : null, cross: shown });
  const name = ground?.embedded ? "Samples by t-SNE" : "Plane of the samples";
  if ($("plane-title").textContent !== name) $("plane-title").textContent = name;
}

/** The width of a plane in parts of its height, within reason: a t-SNE has any shape. */
function shape({ x, y }) {
  return clamp((x[1] - x[0]) / (y[1] - y[0]), [1, 2.4]);
}

/** The sample nearest to a place of the canvas, within `reach` pixels. */
function nearest(at, cx, cy, reach = 14) {
  let [best, distance] = [null, reach];
  const { points, classes } = state.samples;
  for (let n = 0; n < classes.length; n++) {
    const [x, y] = at.to(points[2 * n], points[2 * n + 1]);
    const d = Math.hypot(x - cx, y - cy);
    if (d <= distance) [best, distance] = [n, d];
  }
  return best;
}

const clamp = (value, [low, high]) => Math.min(high, Math.max(low, value));

function inPlane([x, y]) {
  return [clamp(x, state.ground.plane.x), clamp(y, state.ground.plane.y)];
}

/** Does what the tool does at a place of the plane; `near` is the sample there. */
function act(place, near, send) {
  const [x, y] = inPlane(place);
  if (tool === "add") send("add", { x, y, class: ownClass });
  else if (near === null) return;
  else if (tool === "flip") send("flip", { sample: near });
  else if (tool === "delete") send("delete", { sample: near });
}

function legend() {
  const box = $("legend");
  box.replaceChildren();
  const { ground, picture, view } = state;
  if (!ground) return;
  const bar = (low, high, title) => {
    const canvas = element("canvas", { class: "bar", width: 120, height: 1, role: "img", "aria-label": title });
    const context = canvas.getContext("2d");
    const color = diverging(variable("panel"));
    for (let i = 0; i < 120; i++) {
      context.fillStyle = css(color(-1 + (2 * i) / 119));
      context.fillRect(i, 0, 1, 1);
    }
    box.append(element("span", {}, title), element("span", {}, low), canvas, element("span", {}, high));
  };
  const coloured = picture?.of_samples && picture.view?.by === view.by;
  if (view.by === "alignment" && coloured) {
    bar("−1", "1", `alignment with ${vectorName(view.vector)}`);
  } else if (view.by === "unit" && coloured) {
    const most = number(largest(picture), 2);
    bar(`−${most}`, most, `input of unit ${view.unit + 1} of layer ${view.layer + 1}`);
  }
  for (let c = 0; c < ground.n_classes; c++) box.append(element("span", {}, swatch(c), ` class ${c + 1}`));
  box.append(element("span", {}, ground.embedded ? "large: training, small: test; +: taken for another class" : "large: training, small: test"));
}

/** The marker of a class as a small picture. */
export function swatch(c) {
  const canvas = element("canvas", { width: 28, height: 28, "aria-hidden": "true" });
  Object.assign(canvas.style, { width: "14px", height: "14px", verticalAlign: "-2px" });
  const context = canvas.getContext("2d");
  marker(context, c, 14, 15, 9);
  context.fillStyle = css(classColor(c));
  context.fill();
  return canvas;
}

function classChoice() {
  const box = $("class-choice");
  box.replaceChildren();
  if (!state.ground) return;
  // A place of the t-SNE does not say what the features of a sample there would be.
  const { embedded } = state.ground;
  for (const button of $("tools").children) button.hidden = embedded && ["drag", "add"].includes(button.dataset.tool);
  box.hidden = embedded;
  $("embedded-help").hidden = !embedded;
  if (embedded && ["drag", "add"].includes(tool)) chooseTool("flip");
  ownClass = Math.min(ownClass, state.ground.n_classes - 1);
  for (let c = 0; c < state.ground.n_classes; c++) {
    box.append(element("button", {
      type: "button", role: "radio", "aria-checked": c === ownClass, "aria-label": `class ${c + 1}`, title: `class ${c + 1}`,
      onclick: () => {
        ownClass = c;
        chooseTool("add");
        classChoice();
      },
    }, swatch(c)));
  }
}

function chooseTool(name) {
  tool = name;
  for (const button of $("tools").children) button.setAttribute("aria-checked", button.dataset.tool === name);
  $("plane").style.cursor = name === "drag" ? "grab" : "crosshair";
}

export function setUpPlane(send, say) {
  on(["picture", "samples", "ground", "theme", "pieces", "size"], draw);
  on(["picture", "ground", "theme", "view"], legend);
  on(["ground", "theme"], classChoice);
  for (const button of $("tools").children) button.addEventListener("click", () => chooseTool(button.dataset.tool));
  const canvas = $("plane");
  const here = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const now = () => frame(state.ground.plane, canvas.clientWidth, canvas.clientHeight);
  canvas.addEventListener("pointerdown", (event) => {
    if (!state.samples) return;
    cross = null;
    const at = now();
    const [x, y] = here(event);
    const near = nearest(at, x, y);
    if (tool === "drag" && near !== null) {
      dragged = near;
      canvas.setPointerCapture(event.pointerId);
    } else {
      act(at.from(x, y), near, send);
    }
  });
  canvas.addEventListener("pointermove", (event) => {
    if (dragged === null) return;
    const [x, y] = inPlane(now().from(...here(event)));
    state.samples.points.set([x, y], 2 * dragged);
    send("shift", { sample: dragged, x, y });
    changed("samples");
  });
  const drop = () => (dragged = null);
  canvas.addEventListener("pointerup", drop);
  canvas.addEventListener("pointercancel", drop);
  canvas.addEventListener("keydown", (event) => {
    if (!state.samples) return;
    const { x, y } = state.ground.plane;
    const step = ((x[1] - x[0]) / 100) * (event.shiftKey ? 5 : 1);
    const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
    const at = now();
    if (moves[event.key]) {
      cross ??= [(x[0] + x[1]) / 2, (y[0] + y[1]) / 2];
      cross = inPlane([cross[0] + moves[event.key][0], cross[1] + moves[event.key][1]]);
      if (dragged !== null) {
        state.samples.points.set(cross, 2 * dragged);
        send("shift", { sample: dragged, x: cross[0], y: cross[1] });
      }
    } else if (event.key === "Enter" && cross) {
      const near = nearest(at, ...at.to(...cross));
      if (tool !== "drag") act(cross, near, send);
      else if (dragged !== null) dragged = null;
      else if (near !== null) {
        dragged = near;
        say("The sample at the cross is picked up; arrow keys move it, Enter lets it go.");
      }
    } else if (event.key === "Escape") {
      dragged = null;
      cross = null;
    } else return;
    event.preventDefault();
    changed("samples");
  });
  canvas.addEventListener("focus", () => changed("samples"));
  canvas.addEventListener("blur", () => {
    dragged = null;
    changed("samples");
  });
}
