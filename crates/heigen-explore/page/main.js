// The page: messages of the program change the state, and its parts draw themselves anew.

import { Connection } from "./connection.js";
import { $, element, number, percent, vectorName } from "./format.js";
import { usePalette } from "./colors.js";
import { changed, forget, isMoved, nextFrame, on, recordLook, recordPicture, selected, state } from "./state.js";
import { setUpPlane } from "./plane.js";
import { setUpSpectrum } from "./spectrum.js";
import { setUpCourse } from "./course.js";
import { chooseAxes, go, setUpMoves } from "./moves.js";
import { setUpPieces } from "./pieces.js";
import { begin, setUpSettings } from "./settings.js";
import { setUpUnits } from "./units.js";
import { setUpCompare } from "./compare.js";
import { arrived, giveUp, restore, setUpLink } from "./link.js";
import { drawing, setUpSave } from "./save.js";
import { setUpTour } from "./tour.js";

/** Milliseconds from the last command to the answer that takes it into account, by kind of answer. */
const latency = { picture: null, look: null, spectrum: null, rate: 0 };
const times = [];
let lastMeasured = {};

function measure(kind, since) {
  // Each command is measured once for each kind of answer.
  if (!since || lastMeasured[kind] === since) return;
  lastMeasured[kind] = since;
  const age = connection.age(since);
  if (age !== undefined && age < 20000) latency[kind] = age;
}

const handlers = {
  hello(message) {
    state.hello = message;
    usePalette(message);
    document.title = `heigen explorer ${message.version}`;
    send("whole", { on: $("whole").checked });
    send("surface", { axes: state.axes });
    if ($("pieces").checked) send("pieces", { on: true });
    restore();
    changed("hello", "theme");
  },
  ground(message) {
    forget();
    state.ground = message;
    state.story = { changes: [], lost: false };
    if (state.view.by !== "classes") view({ by: "classes" });
    changed("ground", "picture", "look", "spectrum", "basis", "surface", "pieces", "moves", "playing", "view");
  },
  samples(message) {
    state.samples = message;
    if (state.ground) state.ground.n_classes = message.n_classes;
    changed("samples");
  },
  picture(message) {
    state.picture = message;
    recordPicture(message);
    measure("picture", message.since);
    const now = performance.now();
    times.push(now);
    while (times.length > 0 && times[0] < now - 1000) times.shift();
    latency.rate = times.length;
    nextFrame(() => send("shown", { picture: message.picture }));
    changed("picture");
  },
  playing(message) {
    if (message.playing && !state.playing) Object.assign(state, { along: [], random: 0, there: null });
    state.playing = message.playing;
    if (document.activeElement !== $("speed")) $("speed").value = String(message.epochs);
    changed("playing", "moves");
  },
  look(message) {
    if (message.moved) state.there = message;
    else {
      state.look = message;
      recordLook(message);
    }
    measure("look", message.since);
    changed("look", "moves");
    basis(message);
  },
  spectrum(message) {
    measure("spectrum", message.since);
    if (message.moved) state.there = message;
    else state.spectrum = message;
    changed("spectrum", "moves");
    basis(message);
  },
  surface(message) {
    state.surface = message;
    changed("surface");
  },
  pieces(message) {
    state.pieces = message;
    changed("pieces");
  },
  story(message) {
    state.story = { changes: message.changes, lost: message.lost };
    changed("story");
  },
  restored() {
    arrived();
  },
  drawing,
  error(message) {
    giveUp();
    notice(message.message);
  },
};

function basis(message) {
  if (!message.basis) return;
  const first = !state.basis;
  state.basis = message.basis;
  changed("basis");
  if (first) changed("view");
}

function closed() {
  const again = element("button", { onclick: () => location.reload() }, "Connect again");
  notice("The connection to the program has ended. ", again);
  state.playing = false;
  changed("playing");
}

const connection = new Connection((message) => handlers[message.is]?.(message), closed);

/** Commands by which somebody begins something else than what was said or asked for before. */
const BEGINNINGS = ["setup", "open", "restart"];

function send(command, fields) {
  if (BEGINNINGS.includes(command)) {
    giveUp();
    notice("");
  }
  return connection.send(command, fields);
}

/** Tells people something; nothing without a text. */
function notice(text, ...more) {
  const box = $("notice");
  box.hidden = !text;
  box.replaceChildren(text, ...more);
  if (text && more.length === 0) {
    box.append(element("button", { "aria-label": "Close this message", onclick: () => notice("") }, "Close"));
  }
}

/** Has the plane coloured by something else. */
function view(wanted) {
  state.view = wanted;
  send("view", { view: wanted });
  changed("view", "picture");
}

/** Selects an eigenvector, or none; the selected one once more is no longer selected. */
function select(vector) {
  view(vector === null || vector === selected() ? { by: "classes" } : { by: "alignment", vector });
}

function colours() {
  const list = $("colour");
  const { ground, basis: known, view: now } = state;
  const options = [["predicted class", { by: "classes" }]];
  const count = known?.eigenvalues.length ?? 0;
  const vectors = Array.from({ length: Math.min(12, count) }, (_, i) => i);
  if (selected() !== null && selected() >= vectors.length) vectors.push(selected());
  for (const vector of vectors) options.push([`alignment with ${vectorName(vector)}`, { by: "alignment", vector }]);
  ground?.widths?.slice(1, -1).forEach((units, layer) => {
    for (let unit = 0; unit < units; unit++) options.push([`layer ${layer + 1}, unit ${unit + 1}`, { by: "unit", layer, unit }]);
  });
  const key = options.map(([name]) => name).join();
  if (list.dataset.key !== key) {
    list.dataset.key = key;
    list.replaceChildren(...options.map(([name, value]) => element("option", { value: JSON.stringify(value) }, name)));
  }
  list.value = JSON.stringify(now);
}

function facts() {
  const { picture, playing } = state;
  $("play").setAttribute("aria-pressed", playing);
  $("play").firstElementChild.textContent = playing ? "❚❚" : "▶";
  $("play").lastElementChild.textContent = playing ? "Pause" : "Train";
  if (!picture) return;
  $("epoch").textContent = picture.epoch;
  const [train, test] = picture.parts;
  $("loss-train").textContent = number(train?.loss);
  $("loss-test").textContent = number(test?.loss);
  $("accuracy-train").textContent = percent(train?.accuracy);
  $("accuracy-test").textContent = percent(test?.accuracy);
  $("facts").classList.toggle("moved", picture.moved);
  $("facts").title = picture.moved ? "At the weights that you have moved to" : "";
  const box = $("latency-box");
  const ms = (value) => (value === null ? "–" : `${Math.round(value)} ms`);
  box.textContent = `picture  ${ms(latency.picture)}\ntop ten  ${ms(latency.look)}\nwhole    ${ms(latency.spectrum)}\n${latency.rate} pictures/s`;
}

function toggleLatency() {
  const box = $("latency-box");
  box.hidden = !box.hidden;
  $("latency").setAttribute("aria-pressed", !box.hidden);
}

function setUpHeader() {
  $("play").addEventListener("click", () => send(state.playing ? "pause" : "play"));
  $("step").addEventListener("click", () => {
    Object.assign(state, { along: [], random: 0, there: null });
    send("step");
    changed("moves");
  });
  $("restart").addEventListener("click", () => send("restart"));
  $("speed").addEventListener("change", (event) => send("speed", { epochs: Number(event.target.value) }));
  $("latency").addEventListener("click", toggleLatency);
  $("theme").addEventListener("change", (event) => {
    const theme = event.target.value;
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    changed("theme");
  });
  $("colour").addEventListener("change", (event) => view(JSON.parse(event.target.value)));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target.matches("input, select, button, canvas, summary, a, [tabindex]");
    if (event.key === "l" && !event.target.matches("input, select")) toggleLatency();
    else if (event.key === " " && !typing) {
      event.preventDefault();
      $("play").click();
    }
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => changed("theme"));
  new ResizeObserver(() => changed("size")).observe(document.body);
  on(["picture", "playing", "look", "spectrum"], facts);
  on(["basis", "view", "ground"], colours);
  on(["moves"], () => {
    if (!isMoved()) state.there = null;
  });
}

setUpHeader();
setUpSettings(send);
setUpPlane(send, notice);
setUpSpectrum(send, select);
setUpCourse();
setUpMoves(send, select);
setUpPieces(send);
setUpUnits(send, view);
setUpCompare();
setUpLink({ send, notice, view, axes: chooseAxes });
setUpSave(send, notice);
setUpTour({ begin, go, select });
