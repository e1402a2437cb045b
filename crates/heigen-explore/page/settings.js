// The settings on the left: they begin anew, but for the learning rate and the weight decay.

import { $, element, number } from "./format.js";
import { classColor, css } from "./colors.js";
import { on, state } from "./state.js";

let send = () => {};
/** The settings that are shown. */
let setup = null;
/** The settings that were sent and not answered yet, as text, and the time after which no answer is waited for. */
let asked = null;
let waiting = 0;
const ANSWERED = 3000;

/** Places that stand for each data set in the gallery: its samples as the program last sent them are not there yet. */
const SKETCHES = {
  gauss_mixtures: () => blobs([[0, 1, 0], [-0.9, -0.7, 1], [0.9, -0.7, 2]], 0.28),
  hierachical: () => blobs([[-1, 0.8, 0], [-1, -0.3, 1], [0.9, 0.3, 2], [0.9, -0.9, 3]], 0.22),
  circle: () => turn((i, n) => { const a = (2 * Math.PI * i) / n; const r = i % 2 ? 0.5 : 1; return [1.1 * r * Math.cos(a), 1.1 * r * Math.sin(a), i % 2]; }),
  half_moon: () => turn((i, n) => { const a = (Math.PI * i) / n; return i % 2 ? [0.5 - Math.cos(a), 0.25 - Math.sin(a), 1] : [Math.cos(a) - 0.5, Math.sin(a) - 0.25, 0]; }),
  gauss_checkerboard_linear_close: () => blobs([[-0.8, 0.7, 0], [0.8, 0.7, 1], [-0.8, -0.7, 0], [0.8, -0.7, 1]], 0.25),
  gauss_checkerboard_noisy_close: () => blobs([[-0.5, 0.7, 0], [0.5, 0.7, 1], [-0.5, -0.7, 1], [0.5, -0.7, 0]], 0.33),
  iris: () => blobs([[-1, 0.2, 0], [0.4, 0.4, 1], [0.8, -0.3, 2]], 0.35),
};

function turn(at) {
  return Array.from({ length: 60 }, (_, i) => at(i, 60));
}

function blobs(centres, size) {
  // Places on a spiral of the golden angle.
  return centres.flatMap(([x, y, c]) => turn((i) => {
    const [r, a] = [size * Math.sqrt(i / 15), 2.4 * i];
    return [x + r * Math.cos(a), y + r * Math.sin(a), c];
  }));
}

function gallery() {
  const box = $("gallery");
  box.replaceChildren(...state.hello.gallery.map((set) => {
    const canvas = element("canvas", { width: 72, height: 72, "aria-hidden": "true" });
    const context = canvas.getContext("2d");
    for (const [x, y, c] of SKETCHES[set.name]?.() ?? []) {
      context.fillStyle = css(classColor(c));
      context.beginPath();
      context.arc(36 + 19 * x, 36 - 19 * y, 2.2, 0, 7);
      context.fill();
    }
    const chosen = setup?.data === set.name;
    return element("button", {
      type: "button", role: "radio", "aria-checked": chosen, "data-set": set.name,
      onclick: () => begin({ data: set.name }),
    }, canvas, set.title);
  }));
}

/** Begins anew with some settings changed. */
export function begin(changes) {
  setup = { ...setup, ...changes };
  asked = JSON.stringify(setup);
  clearTimeout(waiting);
  waiting = setTimeout(() => { forget(); adopt(); }, ANSWERED);
  send("setup", { setup });
  show();
}

/** Waits for no answer any more. */
function forget() {
  clearTimeout(waiting);
  asked = null;
}

const set = () => state.hello.gallery.find((one) => one.name === setup.data);

function show() {
  if (!state.hello || !setup) return;
  gallery();
  const value = (id, v, text) => {
    if (document.activeElement !== $(id)) $(id).value = v;
    $(`${id}-value`).textContent = text;
  };
  value("noise", setup.noise, number(setup.noise, 2));
  value("fraction", setup.train_fraction, `${Math.round(100 * setup.train_fraction)} %`);
  value("lr", Math.log10(setup.lr), number(setup.lr, 2));
  value("decay", setup.weight_decay > 0 ? Math.log10(setup.weight_decay) : -5, setup.weight_decay > 0 ? number(setup.weight_decay, 2) : "none");
  value("momentum", setup.momentum, number(setup.momentum, 2));
  const off = (id, is, why) => {
    $(id).disabled = is;
    const row = $(id).closest(".row");
    row.classList.toggle("off", is);
    row.title = is ? why : "";
  };
  off("noise", !set().noisy, "These samples are drawn once; circles and half moons have noise.");
  off("decay", setup.optimizer === "Adam", "The program's Adam has no weight decay.");
  off("momentum", setup.optimizer === "Adam", "Adam's momentum is 0.9.");
  $("random-labels").checked = setup.random_labels;
  $("activation").value = setup.activation;
  $("optimizer").value = setup.optimizer;
  $("batch").value = String(setup.batch_size);
  $("start").value = setup.start;
  if (document.activeElement !== $("seed")) $("seed").value = setup.seed;
  $("layers-value").textContent = setup.hidden.length;
  $("fewer-layers").disabled = setup.hidden.length === 0;
  $("more-layers").disabled = setup.hidden.length >= state.hello.most_layers;
  const box = $("widths");
  if (box.childElementCount !== setup.hidden.length) {
    box.replaceChildren(...setup.hidden.map((_, layer) => {
      const input = element("input", { type: "range", min: 1, max: state.hello.most_units, step: 1, "aria-label": `Units of hidden layer ${layer + 1}` });
      input.addEventListener("input", () => (input.previousElementSibling.textContent = input.value));
      input.addEventListener("change", () => begin({ hidden: setup.hidden.map((units, l) => (l === layer ? Number(input.value) : units)) }));
      return element("label", { class: "row" }, `Layer ${layer + 1}`, element("output"), input);
    }));
  }
  [...box.children].forEach((row, layer) => {
    const [output, input] = row.children;
    output.textContent = setup.hidden[layer];
    if (document.activeElement !== input) input.value = setup.hidden[layer];
  });
}

/** Takes over the settings of the experiment at hand. */
function adopt() {
  const { ground, hello } = state;
  if (!hello || !ground) return;
  $("open").hidden = !hello.opened;
  if (hello.opened) $("open").textContent = hello.opened;
  $("open").setAttribute("aria-pressed", ground.setup === null);
  // What comes before the answer belongs to earlier settings, and would take back what was changed since.
  if (asked !== null && JSON.stringify(ground.setup) !== asked) return render();
  forget();
  if (ground.setup) setup = { ...ground.setup };
  else {
    // An experiment of a file: the settings show what they can of it.
    const { optimizer, trainer, seed } = ground.experiment;
    const { lr, momentum = 0, weight_decay = 0 } = optimizer.args;
    const hidden = ground.widths?.slice(1, -1).map((units) => Math.min(units, hello.most_units)) ?? [];
    const data = hello.gallery.find((one) => one.name === ground.experiment.dataset.type)?.name;
    setup = {
      ...(setup ?? hello.setup), optimizer: optimizer.type, lr, momentum, weight_decay, seed: Math.min(seed, 2 ** 32 - 1),
      hidden: hidden.slice(0, hello.most_layers), batch_size: trainer.batch_size === "full" ? 0 : trainer.batch_size, start: "fresh",
      ...(data ? { data } : {}),
    };
    if (![0, 16, 64].includes(setup.batch_size)) setup.batch_size = 64;
  }
  render();
}

/** Shows the settings; where the experiment is that of a file, no data set of the gallery is chosen. */
function render() {
  show();
  if (state.ground && !state.ground.setup) for (const button of $("gallery").children) button.setAttribute("aria-checked", "false");
}

/** Takes over the rates that training has now: a link may have changed them along its way. */
function adoptRates() {
  const last = state.story.changes.findLast(({ edit }) => edit.do === "tune")?.edit;
  if (!last || !setup) return;
  const { lr, weight_decay } = last;
  setup = { ...setup, lr, weight_decay };
  Object.assign(state.ground.experiment.optimizer.args, setup.optimizer === "Adam" ? { lr } : { lr, weight_decay });
  render();
}

export function setUpSettings(sender) {
  send = sender;
  on(["ground"], adopt);
  on(["story"], adoptRates);
  on(["theme"], render);
  on(["hello"], () => {
    $("activation").replaceChildren(...state.hello.activations.map((name) => element("option", { value: name }, name)));
  });
  $("settings").addEventListener("submit", (event) => event.preventDefault());
  $("open").addEventListener("click", () => {
    forget();
    send("open");
  });
  const slider = (id, key, to, text, change) => {
    $(id).addEventListener("input", () => {
      const value = to(Number($(id).value));
      $(`${id}-value`).textContent = text(value);
      if (change === "at once") tune({ [key]: value });
    });
    if (change !== "at once") $(id).addEventListener("change", () => begin({ [key]: to(Number($(id).value)) }));
  };
  const rounded = (value) => Number(value.toPrecision(2));
  const power = (exponent) => rounded(10 ** exponent);
  slider("noise", "noise", rounded, (v) => number(v, 2));
  slider("fraction", "train_fraction", rounded, (v) => `${Math.round(100 * v)} %`);
  slider("momentum", "momentum", rounded, (v) => number(v, 2));
  slider("lr", "lr", power, (v) => number(v, 2), "at once");
  slider("decay", "weight_decay", (e) => (e <= -5 ? 0 : power(e)), (v) => (v > 0 ? number(v, 2) : "none"), "at once");
  $("random-labels").addEventListener("change", (event) => begin({ random_labels: event.target.checked }));
  $("activation").addEventListener("change", (event) => begin({ activation: event.target.value }));
  $("optimizer").addEventListener("change", (event) => begin({ optimizer: event.target.value }));
  $("start").addEventListener("change", (event) => begin({ start: event.target.value }));
  $("batch").addEventListener("change", (event) => begin({ batch_size: Number(event.target.value) }));
  $("seed").addEventListener("change", (event) => begin({ seed: Math.max(0, Math.min(2 ** 32 - 1, Math.round(Number(event.target.value)))) }));
  $("fewer-layers").addEventListener("click", () => begin({ hidden: setup.hidden.slice(0, -1) }));
  $("more-layers").addEventListener("click", () => begin({ hidden: [...setup.hidden, setup.hidden.at(-1) ?? 30] }));
}

/** Changes the learning rate or the weight decay while training goes on. */
function tune(changes) {
  setup = { ...setup, ...changes };
  send("tune", { lr: setup.lr, weight_decay: setup.weight_decay });
}
