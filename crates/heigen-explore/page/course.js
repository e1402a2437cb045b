// Losses and eigenvalues against epochs.

import { $, drawn, number, subscript } from "./format.js";
import { css, classColor, mix, variable } from "./colors.js";
import { log, logAxis, range, scale } from "./chart.js";
import { on, state } from "./state.js";
import { thresholdName } from "./spectrum.js";

const HEIGHT = 150;
const MARGIN = { left: 46, right: 66, top: 10, bottom: 24 };

/** A path through points; it is broken where a point has no place. */
function path(xs, ys) {
  let text = "";
  let open = false;
  // Not more points than pixels.
  const step = Math.max(1, Math.floor(xs.length / 600));
  for (let i = 0; i < xs.length; i += i + step < xs.length ? step : Math.max(1, xs.length - 1 - i)) {
    if (Number.isFinite(ys[i])) {
      text += `${open ? "L" : "M"}${xs[i].toFixed(1)} ${ys[i].toFixed(1)}`;
      open = true;
    } else open = false;
  }
  return text;
}

/** Draws curves `{ name, values, color, kind }` over `epochs` on a logarithmic axis, their names at their ends. */
function chart(box, epochs, curves, last) {
  const width = box.clientWidth || 380;
  const svg = drawn("svg", { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, role: "img" });
  const exponents = range(curves.flatMap((curve) => curve.values.map(log)), 0.5);
  const x = scale([0, Math.max(1, last)], [MARGIN.left + 4, width - MARGIN.right]);
  const y = scale(exponents, [HEIGHT - MARGIN.bottom, MARGIN.top]);
  logAxis(svg, exponents, y, MARGIN.left, width - MARGIN.right);
  for (const fraction of [0, 0.5, 1]) {
    const epoch = Math.round(fraction * Math.max(1, last));
    svg.append(drawn("text", { x: x(epoch), y: HEIGHT - 8, "text-anchor": fraction === 0 ? "start" : fraction === 1 ? "end" : "middle" }, fraction === 0.5 ? `epoch ${epoch}` : String(epoch)));
  }
  const xs = epochs.map(x);
  const ends = [];
  for (const curve of curves) {
    const ys = curve.values.map((value) => y(log(value)));
    const line = drawn("path", { class: `course ${curve.kind ?? ""}`, d: path(xs, ys) });
    if (curve.color) line.setAttribute("stroke", curve.color);
    svg.append(line);
    const end = ys.findLast(Number.isFinite);
    if (end !== undefined) ends.push({ end, curve });
    if (xs.length === 1 && end !== undefined) {
      svg.append(drawn("circle", { cx: xs[0], cy: end, r: 2.5, fill: curve.color ?? css(variable("warm")) }));
    }
  }
  // Names that would lie on each other are moved apart.
  ends.sort((a, b) => a.end - b.end);
  let above = MARGIN.top - 8;
  for (const { end, curve } of ends) {
    const at = Math.max(end, above + 12);
    above = at;
    const text = drawn("text", { x: width - MARGIN.right + 5, y: Math.min(at, HEIGHT - MARGIN.bottom + 8) + 4 }, curve.name);
    text.setAttribute("class", curve.kind === "threshold" ? "threshold-label" : "title");
    svg.append(text);
  }
  const spoken = curves.map((curve) => `${curve.name} ${number(curve.values.findLast(Number.isFinite))}`).join(", ");
  svg.setAttribute("aria-label", `Against epochs, now: ${spoken}`);
  box.replaceChildren(svg);
}

function draw() {
  const { course } = state;
  const last = Math.max(course.epochs.at(-1) ?? 0, course.lookEpochs.at(-1) ?? 0);
  const ink = variable("ink");
  const [blue, orange, green] = [0, 1, 2].map((c) => css(classColor(c)));
  if (course.epochs.length > 0) {
    chart($("losses"), course.epochs, [
      { name: "training", values: course.train, color: blue },
      { name: "test loss", values: course.test, color: orange },
    ], last);
  } else $("losses").replaceChildren();
  if (course.lookEpochs.length > 0) {
    const colors = [css(ink), css(mix(ink, variable("panel"), 0.4)), css(mix(ink, variable("panel"), 0.65))];
    const lines = colors.map((color, i) => ({
      name: `λ${subscript(i + 1)}`, color, values: course.eigenvalues.map((values) => values[i] ?? NaN),
    }));
    if (course.preconditioned) lines.push({ name: "Adam's λ₁", values: course.sharpness, color: green });
    if (course.threshold.some(Number.isFinite)) {
      const name = course.preconditioned ? "stable below" : thresholdName();
      lines.push({ name, values: course.threshold, kind: "threshold" });
    }
    chart($("eigenvalues"), course.lookEpochs, lines, last);
  } else $("eigenvalues").replaceChildren();
}

export function setUpCourse() {
  on(["picture", "look", "theme", "size", "ground"], draw);
}
