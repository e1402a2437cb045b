// The plane of the samples: regions, boundary, samples, and what the mouse and the keyboard do there.

import { $, element, sharp, number, vectorName } from "./format.js";
import { classColor, css, diverging, isDark, marker, mix, variable } from "./colors.js";
import { changed, on, state } from "./state.js";

const RADIUS = 5;
let tool = "drag";
let ownClass = 0;
/** The cross of the keyboard, in units of the plane, while the canvas has the focus. */
let cross = null;
let dragged = null;
let offscreen = null;

/** How the plane lies on the canvas: one unit is equally long on both axes. */
function frame(width, height) {
  const { x, y } = state.ground.plane;
  const scale = Math.min(width / (x[1] - x[0]), height / (y[1] - y[0]));
  const [left, top] = [(width - scale * (x[1] - x[0])) / 2, (height - scale * (y[1] - y[0])) / 2];
  return {
    scale, left, top, width: scale * (x[1] - x[0]), height: scale * (y[1] - y[0]),
    to: (px, py) => [left + scale * (px - x[0]), top + scale * (y[1] - py)],
    from: (cx, cy) => [x[0] + (cx - left) / scale, y[1] - (cy - top) / scale],
  };
}

/** An image of `side` by `side` colours, the first row at the bottom. */
function image(side, color) {
  offscreen ??= document.createElement("canvas");
  Object.assign(offscreen, { width: side, height: side });
  const context = offscreen.getContext("2d");
  const pixels = context.createImageData(side, side);
  for (let j = 0; j < side; j++) {
    for (let i = 0; i < side; i++) {
      const at = 4 * ((side - 1 - j) * side + i);
      const [r, g, b] = color(i + side * j);
      pixels.data[at] = r;
      pixels.data[at + 1] = g;
      pixels.data[at + 2] = b;
      pixels.data[at + 3] = 255;
    }
  }
  context.putImageData(pixels, 0, 0);
  return offscreen;
}

/** The largest magnitude of the values that colour the plane; alignments have 1. */
function largest(picture) {
  if (picture.view?.by === "alignment") return 1;
  let most = 1e-12;
  for (const value of picture.values) most = Math.max(most, Math.abs(value));
  return most;
}

function ground(context, at, picture, paper) {
  context.save();
  context.beginPath();
  context.rect(at.left, at.top, at.width, at.height);
  context.clip();
  context.imageSmoothingEnabled = true;
  if (picture.values) {
    const color = diverging(paper);
    const most = largest(picture);
    const side = picture.cells;
    context.drawImage(image(side, (i) => color(picture.values[i] / most)), at.left, at.top, at.width, at.height);
  } else {
    const side = picture.nodes;
    const strongest = isDark() ? 0.5 : 0.42;
    const colors = Array.from({ length: state.ground.n_classes }, (_, c) => classColor(c));
    const color = (i) => mix(paper, colors[picture.classes[i]], 0.1 + (strongest - 0.1) * (picture.certainty[i] / 255));
    // Nodes stand on the edges, so the image is half a cell larger on every side.
    const half = [at.width / (side - 1) / 2, at.height / (side - 1) / 2];
    context.drawImage(image(side, color), at.left - half[0], at.top - half[1], at.width + 2 * half[0], at.height + 2 * half[1]);
  }
  context.restore();
}

function boundary(context, at, picture) {
  context.strokeStyle = css(variable("ink"));
  context.lineWidth = 2;
  context.lineJoin = "round";
  context.beginPath();
  const { starts, lines } = picture;
  starts.forEach((start, i) => {
    const end = i + 1 < starts.length ? starts[i + 1] : lines.length / 2;
    for (let p = start; p < end; p++) {
      const [x, y] = at.to(lines[2 * p], lines[2 * p + 1]);
      if (p === start) context.moveTo(x, y);
      else context.lineTo(x, y);
    }
  });
  context.stroke();
}

function samplesOn(context, at, paper) {
  const { samples, picture } = state;
  if (!samples) return;
  const aligned = picture?.of_samples?.length === samples.classes.length ? picture.of_samples : null;
  const color = diverging(paper);
  // Test samples first, so that those of the training lie above them.
  for (const part of [2, 1, 0]) {
    for (let n = 0; n < samples.classes.length; n++) {
      if (samples.parts[n] !== part) continue;
      const [x, y] = at.to(samples.points[2 * n], samples.points[2 * n + 1]);
      const own = classColor(samples.classes[n]);
      marker(context, samples.classes[n], x, y, part === 0 ? RADIUS : RADIUS * 0.62);
      if (aligned) {
        context.fillStyle = css(color(aligned[n]));
        context.strokeStyle = css(own);
        context.lineWidth = part === 0 ? 2 : 1;
      } else {
        context.fillStyle = css(part === 0 ? own : mix(own, paper, 0.25));
        context.strokeStyle = css(paper);
        context.lineWidth = 1.2;
      }
      context.fill();
      context.stroke();
    }
  }
}

function axes(context, at, width, height) {
  const { x, y } = state.ground.plane;
  context.fillStyle = css(variable("ink"));
  context.strokeStyle = css(variable("line"));
  context.lineWidth = 1;
  context.strokeRect(at.left + 0.5, at.top + 0.5, at.width - 1, at.height - 1);
  context.font = "11px system-ui, 'DejaVu Sans', sans-serif";
  const paper = css(variable("panel"));
  const label = (text, px, py, align) => {
    context.textAlign = align;
    context.lineWidth = 3;
    context.strokeStyle = paper;
    context.strokeText(text, px, py);
    context.fillText(text, px, py);
  };
  for (let tick = Math.ceil(x[0]); tick <= x[1]; tick++) {
    const [px] = at.to(tick, 0);
    if (px > at.left + 14 && px < at.left + at.width - 30) label(number(tick, 1), px, at.top + at.height - 6, "center");
  }
  for (let tick = Math.ceil(y[0]); tick <= y[1]; tick++) {
    const [, py] = at.to(0, tick);
    if (py > at.top + 24 && py < at.top + at.height - 22) label(number(tick, 1), at.left + 6, py + 4, "left");
  }
  label("x₁", at.left + at.width - 8, at.top + at.height - 6, "right");
  label("x₂", at.left + 6, at.top + 15, "left");
}

/** The boundary's pieces with the names of the vectors that carry most of them. */
function carriers(context, at) {
  const { pieces, picture } = state;
  if (!pieces || !$("pieces").checked || picture.version !== pieces.version || picture.moved) return;
  context.font = "bold 13px system-ui, 'DejaVu Sans', sans-serif";
  pieces.lines.forEach((line, i) => {
    if (line.length < 3) return;
    const carried = pieces.pieces[i].carried;
    const strongest = carried.indexOf(Math.max(...carried));
    const [x, y] = at.to(...line[Math.floor(line.length / 2)]);
    context.textAlign = "center";
    context.lineWidth = 4;
    context.strokeStyle = css(variable("panel"));
    context.fillStyle = css(variable("ink"));
    context.strokeText(vectorName(strongest), x, y - 6);
    context.fillText(vectorName(strongest), x, y - 6);
  });
}

function draw() {
  const canvas = $("plane");
  const { context, width, height } = sharp(canvas);
  context.clearRect(0, 0, width, height);
  if (!state.ground) return;
  const at = frame(width, height);
  const paper = variable("panel");
  if (state.picture) {
    ground(context, at, state.picture, paper);
    boundary(context, at, state.picture);
  }
  samplesOn(context, at, paper);
  if (state.picture) carriers(context, at);
  axes(context, at, width, height);
  if (cross && document.activeElement === canvas) {
    const [x, y] = at.to(...cross);
    context.strokeStyle = css(variable("ink"));
    context.lineWidth = 1.5;
    context.beginPath();
    for (const [dx, dy] of [[1, 0], [0, 1]]) {
      context.moveTo(x - 12 * dx, y - 12 * dy);
      context.lineTo(x + 12 * dx, y + 12 * dy);
    }
    context.stroke();
  }
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
  if (view.by === "alignment" && picture?.values) {
    bar("−1", "1", `alignment with ${vectorName(view.vector)}`);
  } else if (view.by === "unit" && picture?.values) {
    const most = number(largest(picture), 2);
    bar(`−${most}`, most, `input of unit ${view.unit + 1} of layer ${view.layer + 1}`);
  }
  for (let c = 0; c < ground.n_classes; c++) box.append(element("span", {}, swatch(c), ` class ${c + 1}`));
  box.append(element("span", {}, "large: training, small: test"));
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
  const now = () => frame(canvas.clientWidth, canvas.clientHeight);
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
