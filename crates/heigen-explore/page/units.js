// Small maps of all units of a hidden layer; a click colours the plane by one of them.

import { paintCells } from "./canvas.js";
import { $, element } from "./format.js";
import { diverging, variable } from "./colors.js";
import { on, state } from "./state.js";

let send = () => {};
let view = () => {};
/** The layer whose units are shown, from 0; null for none. */
let shown = null;

/** The layer whose units are shown; null for none. */
export const shownLayer = () => shown;

/** Has the units of a layer shown, or of none. */
export function showUnits(layer) {
  shown = layer;
  send("units", { layer });
  choice();
  draw();
}

const widths = () => (state.ground?.embedded ? [] : (state.ground?.widths?.slice(1, -1) ?? []));

/** The list of layers; of a new network, one that it does not have is no longer shown. */
function choice() {
  const list = $("units-layer");
  const layers = widths();
  if (shown !== null && state.ground && shown >= layers.length) {
    shown = null;
    send("units", { layer: null });
  }
  const options = [["no layer", ""], ...layers.map((units, layer) => [`layer ${layer + 1}: ${units}`, String(layer)])];
  const key = options.map(([name]) => name).join();
  if (list.dataset.key !== key) {
    list.dataset.key = key;
    list.replaceChildren(...options.map(([name, value]) => element("option", { value }, name)));
  }
  list.value = shown === null ? "" : String(shown);
  for (const button of document.querySelectorAll("[data-save=units] button")) button.disabled = shown === null;
}

function draw() {
  const box = $("units");
  const { picture, view: now } = state;
  if (shown === null) {
    const why = state.ground?.embedded
      ? "Samples of more than two features have no plane to draw maps of; colour the samples by a unit instead."
      : "Small maps of the input of every unit of a layer, as it is now.";
    box.replaceChildren(element("p", { class: "small" }, why));
    return;
  }
  const count = widths()[shown];
  if (!picture?.units || picture.units_of !== shown || picture.units.length !== count * picture.unit_cells ** 2) return;
  const side = picture.unit_cells;
  if (box.children.length !== count || box.dataset.layer !== String(shown)) {
    box.dataset.layer = shown;
    box.replaceChildren(...Array.from({ length: count }, (_, unit) => element("button", {
      type: "button", "aria-label": `unit ${unit + 1} of layer ${shown + 1}`, title: `unit ${unit + 1}`,
      onclick: () => view({ by: "unit", layer: shown, unit }),
    }, element("canvas", { width: side, height: side }))));
  }
  const color = diverging(variable("panel"));
  [...box.children].forEach((button, unit) => {
    paintCells(button.firstChild, side, (i) => color((picture.units[unit * side * side + i] - 128) / 127));
    button.setAttribute("aria-pressed", now.by === "unit" && now.layer === shown && now.unit === unit);
  });
}

export function setUpUnits(sender, viewer) {
  [send, view] = [sender, viewer];
  on(["ground"], choice);
  on(["picture", "view", "theme", "ground"], draw);
  $("units-layer").addEventListener("change", (event) => showUnits(event.target.value === "" ? null : Number(event.target.value)));
}
