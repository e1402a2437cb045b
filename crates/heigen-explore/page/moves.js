// Sliders along eigenvectors and a random direction, and the loss plane of two of them.

import { image, label, sharp } from "./canvas.js";
import { $, element, number, subscript, vectorName } from "./format.js";
import { css, lossColor, variable } from "./colors.js";
import { changed, isMoved, on, selected, state } from "./state.js";

/** The most sliders; those of the largest eigenvalues come first. */
const MOST = 5;
let shown = "";
let send = () => {};
let select = () => {};
let dragging = false;

/** The length of a slider along an axis. */
function reach(axis) {
  return (axis === "random" ? state.basis?.reach[0] : state.basis?.reach[axis.vector]) ?? 1;
}

const step = (axis) => (axis === "random" ? state.random : (state.along[axis.vector] ?? 0));

/** Moves the weights to `t` along each of the axes. */
export function go(pairs) {
  for (const [axis, t] of pairs) {
    if (axis === "random") state.random = t;
    else {
      while (state.along.length <= axis.vector) state.along.push(0);
      state.along[axis.vector] = t;
    }
  }
  send("move", { along: state.along, random: state.random });
  changed("moves");
}

function back() {
  state.along = [];
  state.random = 0;
  state.there = null;
  send("move", { along: [], random: 0 });
  changed("moves");
}

/** The vectors that have sliders: the first ones, and the selected one. */
function vectors() {
  const count = state.basis?.eigenvalues.length ?? 0;
  const list = Array.from({ length: Math.min(MOST, count) }, (_, i) => i);
  const own = selected();
  if (own !== null && own >= list.length && own < count) list.push(own);
  return list;
}

/** Makes sliders where the vectors are others than before, and gives all their values. */
function sliders() {
  const box = $("sliders");
  const axes = [...vectors().map((vector) => ({ vector })), "random"];
  const names = axes.map((axis) => (axis === "random" ? "random" : String(axis.vector))).join(" ");
  if (!state.basis) {
    shown = "";
    box.replaceChildren(element("p", { class: "small" }, "The eigenvectors are being computed."));
  } else if (names !== shown) {
    shown = names;
    box.replaceChildren(...axes.map((axis) => {
      const name = axis === "random" ? "random r" : vectorName(axis.vector);
      const spoken = axis === "random" ? "random direction" : `eigenvector ${axis.vector + 1}`;
      const input = element("input", { type: "range", min: -1000, max: 1000, step: 1, "aria-label": `Step along the ${spoken}` });
      input.addEventListener("input", () => go([[axis, (input.value / 1000) * reach(axis)]]));
      input.addEventListener("dblclick", () => go([[axis, 0]]));
      const label = axis === "random"
        ? element("span", {}, name)
        : element("button", { type: "button", title: "Colour the plane by this eigenvector", onclick: () => select(axis.vector) }, name);
      const row = element("div", { class: "slider" }, label, input, element("output"));
      row.axis = axis;
      return row;
    }));
  }
  for (const row of box.children) {
    if (!row.axis) continue;
    const [label, input, output] = row.children;
    const t = step(row.axis);
    if (document.activeElement !== input || t === 0) input.value = Math.round((1000 * t) / reach(row.axis));
    output.textContent = number(t, 2);
    input.setAttribute("aria-valuetext", number(t, 2));
    if (row.axis !== "random") {
      label.setAttribute("aria-pressed", selected() === row.axis.vector);
      label.title = `λ${subscript(row.axis.vector + 1)} = ${number(state.basis.eigenvalues[row.axis.vector])}; click to colour the plane by it`;
    }
  }
  const moved = isMoved();
  $("back").disabled = !moved;
  $("keep").disabled = !moved;
}

const axisName = (axis) => (axis === "random" ? "r" : vectorName(axis.vector));

function axisChoice() {
  const count = Math.min(12, state.basis?.eigenvalues.length ?? 0);
  ["x", "y"].forEach((name, i) => {
    const list = $(`axis-${name}`);
    const wanted = JSON.stringify(state.axes[i]);
    if (list.childElementCount !== count + 1) {
      const axes = [...Array.from({ length: count }, (_, vector) => ({ vector })), "random"];
      list.replaceChildren(...axes.map((axis) => element("option", { value: JSON.stringify(axis) }, axis === "random" ? "random r" : axisName(axis))));
    }
    list.value = wanted;
  });
}

/** The place of the weights on the loss plane, from -1 to 1 on both axes. */
const place = () => state.axes.map((axis, i) => step(axis) / (state.surface?.lengths[i] ?? reach(axis)));

function surface() {
  const canvas = $("surface");
  const { context, width, height } = sharp(canvas);
  context.clearRect(0, 0, width, height);
  context.fillStyle = css(variable("field"));
  context.fillRect(0, 0, width, height);
  const found = state.surface;
  if (!found || JSON.stringify(found.axes) !== JSON.stringify(state.axes)) {
    $("surface-note").textContent = state.playing ? "The loss plane is computed when training rests." : "The loss plane is being computed.";
    return;
  }
  const { side, values } = found;
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value > 0) [low, high] = [Math.min(low, value), Math.max(high, value)];
  }
  const [a, b] = [Math.log(low), Math.log(high)];
  const level = (value) => (value > 0 ? (Math.log(value) - a) / (b - a || 1) : 0);
  context.imageSmoothingEnabled = true;
  context.imageSmoothingQuality = "high";
  const half = width / (side - 1) / 2;
  context.drawImage(image(side, (i) => lossColor(level(values[i]))), -half, -half, width + 2 * half, height + 2 * half);
  const at = (u, v) => [((u + 1) / 2) * width, ((1 - v) / 2) * height];
  context.strokeStyle = "rgb(0 0 0 / 35%)";
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(...at(-1, 0));
  context.lineTo(...at(1, 0));
  context.moveTo(...at(0, -1));
  context.lineTo(...at(0, 1));
  context.stroke();
  const [x, y] = at(...place());
  for (const [color, line] of [["#fff", 5], ["#000", 2.5]]) {
    context.strokeStyle = color;
    context.lineWidth = line;
    context.beginPath();
    context.arc(x, y, 7, 0, 2 * Math.PI);
    context.stroke();
  }
  const [nx, ny] = state.axes.map(axisName);
  const onColour = { font: "12px", halo: "#fff", ink: "#000" };
  const [far, up] = found.lengths.map((length) => number(length, 2));
  label(context, `${far} ${nx}`, width - 6, height / 2 - 6, { ...onColour, align: "right" });
  label(context, `−${far} ${nx}`, 6, height / 2 - 6, onColour);
  label(context, `${up} ${ny}`, width / 2 + 6, 14, onColour);
  label(context, `−${up} ${ny}`, width / 2 + 6, height - 6, onColour);
  $("surface-note").textContent = `blue: loss ${number(low)}, red: ${number(high)}, logarithmic between; the ring is where the weights are. Drag it.`;
}

function setUpSurface() {
  const canvas = $("surface");
  const to = (event) => {
    const box = canvas.getBoundingClientRect();
    const u = ((event.clientX - box.left) / box.width) * 2 - 1;
    const v = 1 - ((event.clientY - box.top) / box.height) * 2;
    walk(u, v);
  };
  const walk = (u, v) => {
    if (!state.surface) return;
    const clamp = (x) => Math.max(-1, Math.min(1, x));
    const { lengths } = state.surface;
    const [one, other] = state.axes;
    if (JSON.stringify(one) === JSON.stringify(other)) go([[one, clamp(u) * lengths[0]]]);
    else go([[one, clamp(u) * lengths[0]], [other, clamp(v) * lengths[1]]]);
  };
  canvas.addEventListener("pointerdown", (event) => {
    dragging = true;
    canvas.setPointerCapture(event.pointerId);
    to(event);
  });
  canvas.addEventListener("pointermove", (event) => dragging && to(event));
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (dragging = false));
  canvas.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    const [u, v] = place();
    walk(u + 0.03 * move[0], v + 0.03 * move[1]);
  });
  ["x", "y"].forEach((name, i) => $(`axis-${name}`).addEventListener("change", (event) => {
    chooseAxes(state.axes.map((axis, j) => (j === i ? JSON.parse(event.target.value) : axis)));
  }));
}

/** Has the loss plane computed along two directions. */
export function chooseAxes(axes) {
  Object.assign(state, { axes, surface: null });
  send("surface", { axes });
  axisChoice();
  changed("surface");
}

export function setUpMoves(sender, selector) {
  [send, select] = [sender, selector];
  on(["basis", "moves", "view", "ground"], sliders);
  on(["basis", "ground"], axisChoice);
  on(["surface", "moves", "theme", "size", "playing", "ground"], surface);
  $("back").addEventListener("click", back);
  $("keep").addEventListener("click", () => {
    send("keep");
    Object.assign(state, { along: [], random: 0, there: null });
    changed("moves");
  });
  setUpSurface();
}
