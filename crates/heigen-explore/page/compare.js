// Two minima side by side: a second session follows the one of the page, with one thing different, over the same changes and epochs.

import { Connection } from "./connection.js";
import { $, drawn, element, number, percent } from "./format.js";
import { log, logAxis, range, scale } from "./chart.js";
import { css, variable } from "./colors.js";
import { paint } from "./paint.js";
import { changed, on, state } from "./state.js";

/** What can differ, and how. */
const DIFFERENCES = {
  adversarial: { name: "adversarial start", change: ({ start }) => ({ start: start === "adversarial" ? "fresh" : "adversarial" }), otherwise: "fresh start" },
  SAM: { name: "SAM", change: ({ optimizer }) => ({ optimizer: optimizer === "SAM" ? "SGD" : "SAM" }), otherwise: "SGD" },
  seed: { name: "another seed", change: ({ seed }) => ({ seed: seed + 1 }) },
  random_labels: { name: "random labels", change: ({ random_labels }) => ({ random_labels: !random_labels }), otherwise: "true labels" },
};

let kind = null;
let connection = null;
/** The other session: its ground, samples, picture, look. */
let other = {};
/** The number of epochs that the other session is on its way to; null if it is on no way. */
let target = null;
/** What to do with the number under which the other session has handed its side over, for a drawing of both. */
let receive = null;
/** Whether the other session has to begin anew. */
let anew = true;

export const comparedWith = () => kind;

/** Names of what differs: here, and on the other side. */
function names() {
  const { setup } = state.ground;
  const { name, otherwise } = DIFFERENCES[kind];
  const swapped = (kind === "adversarial" && setup.start === "adversarial") || (kind === "SAM" && setup.optimizer === "SAM")
    || (kind === "random_labels" && setup.random_labels);
  const first = otherwise ?? "this seed";
  return swapped ? [name, first] : [first, name];
}

/** Compares with something else, or with nothing. */
export function compareWith(wanted) {
  connection?.close();
  [kind, connection, other, target, anew] = [wanted || null, null, {}, null, true];
  $("compare-with").value = kind ?? "";
  if (kind && state.ground?.setup) {
    const own = new Connection((message) => own === connection && handlers[message.is]?.(message), () => own === connection && lost());
    connection = own;
  }
  changed("compare");
}

function lost() {
  connection = null;
  $("compare-note").textContent = "The second session has ended; there may be as many pages open as the program has room for. Choose again.";
  changed("compare");
}

const handlers = {
  hello: () => follow(),
  ground(message) {
    Object.assign(other, { ground: message, picture: null, look: null });
  },
  samples(message) {
    other.samples = message;
  },
  picture(message) {
    other.picture = message;
    connection.send("shown", { picture: message.picture });
    changed("compare");
  },
  look(message) {
    if (!message.moved) other.look = message;
    changed("compare");
  },
  restored() {
    target = null;
    follow();
  },
  handed({ number }) {
    receive?.(number, names());
    receive = null;
  },
  error(message) {
    target = null;
    $("compare-note").textContent = message.message;
  },
};

/** Has the other session hand its side over; `then` is called with the number of it and the names of both sides. */
export function handOver(then) {
  if (!connection?.open || !other.look || !state.look) return;
  receive = then;
  connection.send("hand");
}

/** Sends the other session to where the page's own is. */
function follow() {
  const { ground, picture, story } = state;
  if (!connection?.open || !ground?.setup || !picture || picture.moved) return;
  if (anew || picture.epoch < (other.picture?.epoch ?? 0)) {
    anew = false;
    target = picture.epoch;
    // Moves along eigenvectors belong to the minimum where they were made.
    const changes = story.changes.filter(({ edit }) => edit.do !== "keep" && (kind !== "random_labels" || edit.do !== "flip"));
    connection.send("restore", { setup: { ...ground.setup, ...DIFFERENCES[kind].change(ground.setup) }, changes, epochs: target });
    connection.send("view", { view: state.view });
  } else if (target === null && picture.epoch > (other.picture?.epoch ?? 0)) {
    target = picture.epoch;
    connection.send("until", { epochs: target });
  }
}

function beginAnew() {
  anew = true;
  if (kind && !connection && state.ground?.setup) compareWith(kind);
  follow();
}

/** The numbers of both sides, each with how it is written. */
const ROWS = [
  ["epoch", ({ picture }) => picture?.epoch ?? "–"],
  ["training loss", ({ picture }) => number(picture?.parts[0]?.loss)],
  ["test loss", ({ picture }) => number(picture?.parts[1]?.loss)],
  ["training accuracy", ({ picture }) => percent(picture?.parts[0]?.accuracy)],
  ["test accuracy", ({ picture }) => percent(picture?.parts[1]?.accuracy)],
  ["λ₁", ({ look }) => number(look?.eigenvalues[0])],
  ["λ₁ + … + λ₁₀", ({ look }) => number(look?.eigenvalues.reduce((sum, value) => sum + value, 0))],
  ["outliers", ({ look }) => look?.outliers ?? "–"],
];

function table(sides, heads) {
  const cells = (name, list) => element("tr", {}, ...list.map((text, i) => element(name, i > 0 ? { class: "number" } : { scope: "row" }, String(text))));
  const rows = ROWS.map(([name, of]) => cells("td", [name, ...sides.map(of)]));
  return element("table", {}, element("thead", {}, cells("th", ["", ...heads])), element("tbody", {}, ...rows));
}

/** The largest eigenvalues of both sides by rank. */
function spectra(sides, heads) {
  const [width, height] = [300, 200];
  const [left, right, top, bottom] = [46, 10, 24, 20];
  const values = sides.map(({ look }) => (look?.eigenvalues ?? []).map(log));
  const exponents = range(values.flat(), 1);
  const x = scale([1, 10], [left + 10, width - right - 6]);
  const y = scale(exponents, [height - bottom, top]);
  const said = heads.map((head, s) => `${head}: λ₁ = ${number(sides[s].look?.eigenvalues[0])}`).join(", ");
  const svg = drawn("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": said });
  logAxis(svg, exponents, y, left, width - right);
  const colors = [css(variable("accent")), css(variable("warm"))];
  values.forEach((list, side) => list.forEach((value, i) => {
    if (!Number.isFinite(value)) return;
    const [cx, cy] = [x(i + 1), y(value)];
    svg.append(side === 0
      ? drawn("circle", { cx, cy, r: 4, fill: colors[0] })
      : drawn("rect", { x: cx - 4, y: cy - 4, width: 8, height: 8, fill: "none", stroke: colors[1], "stroke-width": 2 }));
  }));
  for (const rank of [1, 5, 10]) svg.append(drawn("text", { x: x(rank), y: height - 4, "text-anchor": rank === 10 ? "end" : "middle" }, rank === 10 ? "rank 10" : String(rank)));
  heads.forEach((head, side) => svg.append(drawn("text", { class: "title", x: left + 150 * side, y: 12, fill: colors[side] }, `${"●□"[side]} ${head}`)));
  return svg;
}

function draw() {
  $("compare").hidden = !kind;
  const ready = Boolean(kind && connection && other.look && state.look);
  for (const button of document.querySelectorAll("[data-save=compare] button")) button.disabled = !ready;
  const setup = state.ground?.setup;
  const note = $("compare-note");
  if (!kind) {
    note.textContent = "A second session is trained beside this one, with one thing different: what does another start, or another rule, make of boundary and spectrum?";
    return;
  }
  if (!setup) {
    note.textContent = "The experiment of a file is compared with nothing: choose a data set of the gallery first.";
    $("compare").hidden = true;
    return;
  }
  const own = { ground: state.ground, samples: state.samples, picture: state.picture, look: state.look };
  const heads = names();
  ["own", "other"].forEach((side, i) => {
    $(`compare-${side}-name`).textContent = heads[i];
    paint($(`compare-${side}`), i === 0 ? own : other, 3.5);
  });
  $("compare-numbers").replaceChildren(table([own, other], heads), spectra([own, other], heads));
  if (connection) note.textContent = target === null ? "Both have been trained for as many epochs." : `The other one is on its way to epoch ${target}.`;
}

export function setUpCompare() {
  $("compare-with").append(...Object.entries(DIFFERENCES).map(([value, { name }]) => element("option", { value }, name)));
  $("compare-with").addEventListener("change", (event) => compareWith(event.target.value));
  on(["compare", "picture", "look", "ground", "theme", "size"], draw);
  on(["picture"], follow);
  on(["ground", "story"], beginAnew);
  on(["view"], () => connection?.open && connection.send("view", { view: state.view }));
}
