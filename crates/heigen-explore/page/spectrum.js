// The eigenvalues by rank on logarithmic axes; a click selects an eigenvector.

import { $, drawn, number, vectorName } from "./format.js";
import { decades, log, logAxis, range, scale } from "./chart.js";
import { changed, isMoved, on, selected, state } from "./state.js";

const HEIGHT = 220;
const MARGIN = { left: 46, right: 14, top: 12, bottom: 34 };

/** All that is known of the spectrum at the training's weights: values, largest first, and what goes with them. */
export function known() {
  const { spectrum, look } = state;
  const whole = spectrum && !spectrum.moved && spectrum.version === state.picture?.version && $("whole").checked;
  if (whole) return { values: spectrum.eigenvalues, whole, outliers: spectrum.outliers.count };
  if (!look) return null;
  return { values: [...look.eigenvalues, ...[...look.lowest].reverse()], whole: false, outliers: look.outliers };
}

function draw() {
  const box = $("spectrum");
  const width = box.clientWidth || 380;
  const svg = drawn("svg", { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, role: "presentation" });
  const found = known();
  if (!found) {
    box.replaceChildren();
    return;
  }
  const moved = isMoved() && state.there ? state.there.eigenvalues : [];
  const { look } = state;
  const threshold = look?.preconditioned ? null : look?.threshold;
  const rows = found.values.map((value, i) => ({ value, index: i }));
  // Ranks from the end for negative eigenvalues, which stand as hollow marks.
  const below = rows.filter((row) => row.value < 0);
  const values = [...found.values.map(Math.abs), ...moved.filter((v) => v > 0)].map(log);
  const lowest = Math.max(...values.filter(Number.isFinite)) - 12;
  const exponents = range([...values.filter((v) => v > lowest), threshold ? log(threshold) : NaN], 1.5);
  const count = Math.max(12, found.values.length, moved.length);
  const x = scale([0, Math.log10(count)], [MARGIN.left + 8, width - MARGIN.right]);
  const y = scale(exponents, [HEIGHT - MARGIN.bottom, MARGIN.top]);
  logAxis(svg, exponents, y, MARGIN.left, width - MARGIN.right);
  for (const exponent of decades([0, Math.log10(count)], 5)) {
    svg.append(drawn("text", { x: x(exponent), y: HEIGHT - MARGIN.bottom + 16, "text-anchor": "middle" }, String(10 ** exponent)));
  }
  svg.append(
    drawn("text", { class: "title", x: width - MARGIN.right, y: HEIGHT - 4, "text-anchor": "end" }, "rank of λ"),
    drawn("text", { class: "title", x: MARGIN.left, y: HEIGHT - 4 }, width < 360 ? "● λ > 0 \u2003○ −λ" : "● λ > 0, outliers in colour \u2003○ −λ where λ < 0"),
  );
  if (threshold) {
    const at = y(log(threshold));
    svg.append(
      drawn("line", { class: "threshold", x1: MARGIN.left, x2: width - MARGIN.right, y1: at, y2: at }),
      drawn("text", { class: "threshold-label", x: width - MARGIN.right, y: at - 4, "text-anchor": "end" }, thresholdName()),
    );
  }
  const can = state.basis?.eigenvalues.length ?? 0;
  const rank = (row) => (row.value < 0 ? below.length - below.indexOf(row) : row.index + 1);
  for (const row of [...rows].reverse()) {
    const at = [x(Math.log10(rank(row))), y(log(Math.abs(row.value)))];
    if (!at.every(Number.isFinite) || log(Math.abs(row.value)) < exponents[0]) continue;
    const selectable = vectorOf(row.index, found) < can;
    const kind = row.value < 0 ? "negative" : row.index < found.outliers ? "outlier" : "";
    const vector = selectable ? { "data-vector": vectorOf(row.index, found) } : {};
    const dot = drawn("circle", { class: `dot ${kind} ${selectable ? "" : "fixed"}`, cx: at[0], cy: at[1], r: 4.5, ...vector });
    dot.append(drawn("title", {}, `λ${row.value < 0 ? "" : row.index + 1} = ${number(row.value)}`));
    svg.append(dot);
    if (selected() !== null && vectorOf(row.index, found) === selected()) {
      svg.append(drawn("circle", { class: "ring", cx: at[0], cy: at[1], r: 8 }));
    }
  }
  moved.forEach((value, i) => {
    if (value > 0 && log(value) >= exponents[0]) {
      svg.append(drawn("rect", { class: "dot there", x: x(Math.log10(i + 1)) - 4, y: y(log(value)) - 4, width: 8, height: 8 }));
    }
  });
  box.replaceChildren(svg);
  note(found, moved.length > 0);
}

/** The number of the eigenvector of an eigenvalue, which stands as far from the beginning or from the end as the value does. */
function vectorOf(index, { values, whole }) {
  const known = state.basis?.eigenvalues ?? [];
  // The vectors of these very values may come a moment later; until then those of a moment before stand for them.
  if (!whole && known.length === values.length) return index;
  const near = (place) => Math.abs((known[place] ?? NaN) - values[index]) <= 1e-6 * Math.abs(values[0]);
  return [index, known.length - (values.length - index)].find(near) ?? Infinity;
}

export function thresholdName() {
  const args = state.ground?.experiment.optimizer.args ?? {};
  return args.momentum ? "2(1 + β)/η" : "2/η";
}

function note(found, moved) {
  const { look, spectrum, basis } = state;
  const parts = [];
  if (found.whole) {
    const { certificate } = spectrum;
    parts.push(`rank ${spectrum.rank} of ${spectrum.n_params}`);
    parts.push(`certified: residuals ≤ ${number(certificate.residual_max, 2)}, what is left out ≤ ${number(certificate.outside_bound, 2)}`);
  } else if (look) {
    parts.push(`λ₁ = ${number(found.values[0])}`, `${look.eigenvalues.length} largest and ${look.lowest.length} lowest`);
  }
  const certain = found.whole || look?.outliers_certain;
  parts.push(`${found.outliers} outlier${found.outliers === 1 ? "" : "s"}${certain ? "" : " at least"}`);
  if (basis && state.playing) parts.push(`of epoch ${basis.epoch}`);
  if (moved) {
    const { eigenvalues, certificate, rank } = state.there;
    const sure = certificate ? `, rank ${rank}, certified: residuals ≤ ${number(certificate.residual_max, 2)}` : "";
    parts.push(`□ where the weights are now: λ₁ = ${number(eigenvalues[0])}${sure}`);
  }
  const index = selected();
  if (index !== null && basis?.eigenvalues[index] !== undefined) {
    parts.unshift(`selected: ${vectorName(index)}, λ = ${number(basis.eigenvalues[index])}`);
  }
  $("spectrum-note").textContent = parts.join(" · ");
}

export function setUpSpectrum(send, select) {
  on(["look", "basis", "spectrum", "view", "theme", "size", "ground", "moves", "playing"], draw);
  // The dots may be drawn anew between press and release, so that the click is that of the whole.
  $("spectrum").addEventListener("click", ({ clientX, clientY }) => {
    const vector = document.elementFromPoint(clientX, clientY)?.dataset?.vector;
    if (vector !== undefined) select(Number(vector));
  });
  $("whole").addEventListener("change", (event) => {
    send("whole", { on: event.target.checked });
    changed("spectrum");
  });
  $("spectrum").addEventListener("keydown", (event) => {
    const count = state.basis?.eigenvalues.length ?? 0;
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!count || (!step && event.key !== "Escape")) return;
    event.preventDefault();
    if (!step) return select(null);
    const now = selected();
    select(now === null ? 0 : Math.min(count - 1, Math.max(0, now + step)));
  });
}
