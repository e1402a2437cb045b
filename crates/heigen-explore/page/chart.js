// What charts have in common: logarithmic axes and their ticks.

import { drawn, number, powerOfTen } from "./format.js";

/** Whole powers of ten in a range of exponents, at most `most` of them. */
export function decades([low, high], most) {
  const [first, last] = [Math.ceil(low - 1e-9), Math.floor(high + 1e-9)];
  const step = Math.max(1, Math.ceil((last - first + 1) / most));
  const ticks = [];
  for (let e = Math.ceil(first / step) * step; e <= last; e += step) ticks.push(e);
  return ticks;
}

/** A scale from exponents of ten to pixels. */
export function scale([low, high], [from, to]) {
  return (exponent) => from + ((exponent - low) / (high - low || 1)) * (to - from);
}

/** The logarithm that leaves out what has none. */
export const log = (value) => (value > 0 ? Math.log10(value) : NaN);

/** The range of the finite among `exponents`, somewhat widened; at least `least` wide. */
export function range(exponents, least = 1) {
  const finite = exponents.filter(Number.isFinite);
  if (finite.length === 0) return [-least, 0];
  let [low, high] = [Math.min(...finite), Math.max(...finite)];
  const lacking = Math.max(0, least - (high - low)) / 2;
  const margin = 0.06 * Math.max(high - low, least);
  return [low - lacking - margin, high + lacking + margin];
}

/** A vertical logarithmic axis with lines across. */
export function logAxis(svg, exponents, y, left, right) {
  const ticks = decades(exponents, 6);
  const all = ticks.length >= 2 ? ticks.map((e) => [e, powerOfTen(e)]) : between(exponents);
  for (const [exponent, text] of all) {
    const at = y(exponent);
    svg.append(
      drawn("line", { class: "axis", x1: left, x2: right, y1: at, y2: at }),
      drawn("text", { x: left - 6, y: at + 4, "text-anchor": "end" }, text),
    );
  }
}

/** Round numbers where there are less than two powers of ten. */
function between([low, high]) {
  const ticks = [];
  for (let e = Math.floor(low); e <= high; e++) {
    for (const m of [1, 2, 5]) {
      const exponent = e + Math.log10(m);
      if (exponent >= low && exponent <= high) ticks.push([exponent, number(m * 10 ** e, 1)]);
    }
  }
  return ticks;
}
