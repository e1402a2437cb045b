// Who carries what: the pieces of the boundary by eigenvectors, and the parts of the Gauss-Newton matrix in each of them.

import { $, element, number, percent, vectorName } from "./format.js";
import { changed, on, state } from "./state.js";

const FATES = { removed: "removed", shifted: "shifted", unmoved: "where it was" };

const row = (name, cells) => element("tr", {}, ...cells.map((cell) => element(name, cell.number ? { class: "number" } : {}, cell.number ?? cell)));

/** "class 1 | class 3". */
const pair = (classes) => classes.map((c) => c + 1).join(" | ");

function ofPieces({ pieces, moves, eigenvalues }) {
  const head = ["between classes", "length", "carried by", "along v", "along −v"];
  const rows = pieces.map((piece, i) => {
    const shares = piece.carried.map((share, v) => [share, v]).filter(([share]) => share >= 0.01).sort((a, b) => b[0] - a[0]);
    const carriers = shares.map(([share, v]) => `${vectorName(v)} ${percent(share)}`).join(", ");
    const strongest = shares[0]?.[1] ?? 0;
    const fate = (sign) => {
      const moved = moves[2 * strongest + sign];
      return moved ? FATES[moved.fates[i]?.fate] ?? "–" : "loss does not rise so far";
    };
    return row("td", [pair(piece.classes), { number: number(piece.length) }, carriers, fate(0), fate(1)]);
  });
  const caption = `Pieces of the boundary among ${eigenvalues.length} eigenvector${eigenvalues.length === 1 ? "" : "s"}; `
    + `their fate when the weights move along the strongest until the loss has risen by ${number(state.pieces.rise, 1)}`;
  return element("table", {}, element("caption", {}, caption), element("thead", {}, row("th", head)), element("tbody", {}, ...rows));
}

function ofVectors({ shares, eigenvalues }) {
  if (!shares) return element("p", { class: "small" }, "The loss is no cross-entropy, so that its Gauss–Newton matrix has no parts by classes.");
  const head = ["", "λ", "vᵀGv", "classes", "pairs", "samples", "own labels", "tells apart most"];
  const rows = shares.map((share, i) => {
    const part = (value) => ({ number: percent(share.total ? value / share.total : 0) });
    // The pair of classes that contributes most.
    let best = [0, 0, -1];
    share.pairs.forEach((line, c) => line.forEach((value, d) => {
      if (c !== d && value > best[2]) best = [c, d, value];
    }));
    const cells = [vectorName(i), { number: number(eigenvalues[i]) }, { number: number(share.total) }, part(share.class), part(share.cross)];
    return row("td", [...cells, part(share.within), part(share.own), `${best[0] + 1} from ${best[1] + 1}`]);
  });
  const caption = "The Gauss–Newton matrix in the direction of each eigenvector, by the parts that it is the sum of";
  return element("table", {}, element("caption", {}, caption), element("thead", {}, row("th", head)), element("tbody", {}, ...rows));
}

function draw() {
  const box = $("pieces-table");
  const wanted = $("pieces").checked;
  if (!wanted) {
    box.replaceChildren(element("p", { class: "small" }, "The pieces of the boundary, the eigenvectors that carry each, and what becomes of it when the weights move along them."));
  } else if (!state.pieces) {
    box.replaceChildren(element("p", { class: "small" }, state.playing ? "This is computed when training rests." : "This is being computed."));
  } else {
    const old = state.pieces.version !== state.picture?.version;
    // Samples of more than two features have no boundary in the plane.
    const tables = state.ground.embedded ? [] : [ofPieces(state.pieces)];
    box.replaceChildren(element("div", { class: "scroll" }, ...tables, ofVectors(state.pieces)));
    if (old) box.prepend(element("p", { class: "small" }, `As it was at epoch ${state.pieces.epoch}.`));
  }
}

export function setUpPieces(send) {
  on(["pieces", "ground", "playing"], draw);
  $("pieces").addEventListener("change", (event) => {
    send("pieces", { on: event.target.checked });
    changed("pieces");
  });
}
