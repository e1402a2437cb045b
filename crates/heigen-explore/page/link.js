// The address behind its #: settings, changes and epochs, with which the program comes to the same weights again, and the view of them.

import { $, element } from "./format.js";
import { comparedWith, compareWith } from "./compare.js";
import { changed, isMoved, on, state } from "./state.js";
import { showUnits, shownLayer } from "./units.js";

let api = null;
/** The link that is being gone through. */
let wanted = null;
/** Steps to take as soon as the eigenvectors of these weights are known. */
let steps = null;
let timer = null;

/** The most characters of an address that is still handed on everywhere. */
const LONGEST = 30000;

/** The steps as they are with every eigenvector turned so that its entry of largest magnitude is positive, and back. */
const turned = (along) => along.map((t, i) => t * (state.basis?.signs[i] ?? 1));

/** What a link holds. */
function now() {
  const { ground, picture, story, view, axes, along, random } = state;
  const link = { setup: ground.setup, changes: story.changes, epochs: picture?.epoch ?? 0, view, axes };
  if (view.by === "classes") delete link.view;
  if (isMoved()) Object.assign(link, { along: turned(along), random });
  if ($("whole").checked) link.whole = true;
  if ($("pieces").checked) link.pieces = true;
  if (shownLayer() !== null) link.units = shownLayer();
  if (comparedWith()) link.compare = comparedWith();
  // Where the way to these weights is not known, the settings are still worth handing on.
  return story.lost ? { setup: ground.setup, changes: [], epochs: 0, lost: true } : link;
}

function write() {
  timer = null;
  if (!state.ground || wanted || steps || state.playing) return;
  let text = encodeURIComponent(JSON.stringify(now()));
  if (text.length > LONGEST) text = encodeURIComponent(JSON.stringify({ setup: state.ground.setup, changes: [], epochs: 0, lost: true }));
  history.replaceState(null, "", `#${text}`);
}

function soon() {
  timer ??= setTimeout(write, 300);
}

/** What the address holds behind its #; null if nothing, or nothing that can be read. */
function read() {
  try {
    const link = location.hash ? JSON.parse(decodeURIComponent(location.hash.slice(1))) : null;
    return link && Array.isArray(link.changes) ? link : null;
  } catch {
    return null;
  }
}

/** Goes through the link of the address, if there is one; returns whether there is. */
export function restore() {
  wanted = read();
  if (!wanted) return false;
  const { setup, changes, epochs } = wanted;
  api.send("restore", { setup: setup ?? null, changes, epochs });
  if (epochs > 0) api.notice(`The link is being gone through: ${epochs} epochs.`);
  return true;
}

/** Shows what the link asks for, at the weights that it asked for. */
export function arrived() {
  if (!wanted) return;
  const { view, axes, along, random, whole, pieces, units, compare, lost } = wanted;
  wanted = null;
  api.notice(lost ? "This link holds the settings only: there were too many changes to go through them again." : "");
  for (const [id, on] of [["whole", whole], ["pieces", pieces]]) if (on && !$(id).checked) $(id).click();
  if (axes) api.axes(axes);
  if (view) api.view(view);
  if (units !== undefined) showUnits(units);
  if (compare) compareWith(compare);
  steps = along ? { along, random } : null;
  // The eigenvectors may have come before.
  take();
  soon();
}

/** Takes the link's steps along the eigenvectors, once these are those of the weights that are shown. */
function take() {
  if (!steps || !state.basis || state.basis.version !== state.picture?.version) return;
  const { along, random } = steps;
  steps = null;
  Object.assign(state, { along: turned(along), random });
  api.send("move", { along: state.along, random });
  changed("moves");
}

/** Gives up the link: somebody does something else. */
export function giveUp() {
  wanted = null;
  steps = null;
}

async function copy() {
  write();
  try {
    await navigator.clipboard.writeText(location.href);
    api.notice(state.story.lost ? "The link is copied; it holds the settings only, since there were too many changes." : "The link is copied. It brings back this view as long as this program runs.");
  } catch {
    // In a frame no address is to be seen.
    api.notice("The browser does not let the page copy. ", element("a", { href: location.href, target: "_blank", rel: "noopener" }, "This is the link."));
  }
}

export function setUpLink(functions) {
  api = functions;
  on(["ground", "story", "picture", "view", "moves", "surface", "playing", "pieces", "spectrum", "compare"], soon);
  on(["basis", "picture"], take);
  $("link").addEventListener("click", copy);
}
