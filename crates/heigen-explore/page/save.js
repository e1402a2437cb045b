// Files: drawings of what the page shows, made by the program's own figures, and the experiment at hand.

import { $, element } from "./format.js";
import { handOver } from "./compare.js";
import { state } from "./state.js";

/** The most points of a curve in a drawing. */
const MOST = 400;

/** Hands a file to the person at the page. */
export function hand(content, name, type) {
  const address = URL.createObjectURL(new Blob([content], { type }));
  element("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

/** The curves against epochs as groups of named points. */
function panels() {
  const { course } = state;
  const curve = (epochs, values) => {
    const points = epochs.map((epoch, i) => [epoch, values[i]]).filter(([, value]) => Number.isFinite(value) && value > 0);
    const step = Math.max(1, Math.ceil(points.length / MOST));
    return points.filter((_, i) => i % step === 0 || i === points.length - 1);
  };
  const some = (curves) => curves.filter(([, points]) => points.length > 0);
  const ranks = [0, 1, 2].map((i) => [`$\\lambda_${i + 1}$`, curve(course.lookEpochs, course.eigenvalues.map((values) => values[i] ?? NaN))]);
  return [
    some([["training", curve(course.epochs, course.train)], ["test", curve(course.epochs, course.test)]]),
    some([...ranks, ["stable below", curve(course.lookEpochs, course.threshold)]]),
  ].filter((curves) => curves.length > 0);
}

/** Takes a drawing from the program. */
export function drawing({ bytes, name, form }) {
  hand(bytes, name, form === "svg" ? "image/svg+xml" : "image/png");
}

/** The experiment at hand as a file that the command line takes, with as many epochs as it has been trained for. */
export function experimentFile() {
  const { experiment } = state.ground;
  const epochs = state.picture?.epoch || experiment.trainer.num_epochs;
  return JSON.stringify({ ...experiment, trainer: { ...experiment.trainer, num_epochs: epochs } }, null, 2);
}

const fileOf = (name) => `${name.replace(/.*\//, "")}.json`;

/** Saves the experiment, and the one that it starts from if it starts from one. */
function saveExperiment(notice) {
  const { before } = state.ground;
  const own = fileOf(state.ground.name);
  hand(experimentFile(), own, "application/json");
  if (before) hand(JSON.stringify(before.experiment, null, 2), fileOf(before.name), "application/json");
  const said = [`heigen hessian ${own} takes the file as it stands.`];
  const { weights } = state.ground;
  if (weights) said.push(`It begins at fresh weights: those of this page began at the ones in ${weights}.`);
  if (before) said.push(`It starts from ${fileOf(before.name)}, which has to lie beside it.`);
  if (state.story.changes.length > 0) said.push("Changes by hand are not in it: it has the samples of the data set, and one learning rate.");
  notice(said.join(" "));
}

/** Asks for a drawing; that of two minima needs what the other session hands over first. */
function draw(of, form, send) {
  if (of === "compare") handOver((handed, names) => send("draw", { what: { of, handed, names }, form }));
  else send("draw", { what: of === "course" ? { of, panels: panels() } : { of }, form });
}

/** Puts the buttons that save into every panel that has a drawing, and those that explain. */
export function setUpSave(send, notice) {
  for (const place of document.querySelectorAll("[data-save]")) {
    const [of, name] = [place.dataset.save, place.dataset.name];
    for (const form of ["svg", "png"]) {
      place.append(element("button", {
        type: "button", class: "quiet", "data-form": form, "aria-label": `Save ${name} as ${form.toUpperCase()}`, title: `Save ${name} as ${form.toUpperCase()}`,
        onclick: () => draw(of, form, send),
      }, form.toUpperCase()));
    }
  }
  $("save").addEventListener("click", () => saveExperiment(notice));
}
