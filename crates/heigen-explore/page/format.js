// Numbers, names and small pieces of the document.

const MINUS = "\u2212";
const SUPERSCRIPT = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };
const SUBSCRIPT = "₀₁₂₃₄₅₆₇₈₉";

/** A power of ten, as in 10⁻³. */
export function powerOfTen(exponent) {
  return "10" + [...String(exponent)].map((digit) => SUPERSCRIPT[digit]).join("");
}

/** A number with `digits` significant digits, as people write it. */
export function number(value, digits = 3) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const exponent = Math.floor(Math.log10(Math.abs(value)));
  let text;
  if (exponent < -3 || exponent > 5) {
    const [mantissa, power] = value.toExponential(digits - 1).split("e");
    text = `${mantissa}·${powerOfTen(Number(power))}`;
  } else {
    text = value.toFixed(Math.max(0, digits - 1 - exponent));
  }
  return text.replace("-", MINUS);
}

export function percent(value) {
  return value === null || value === undefined ? "–" : `${(100 * value).toFixed(value === 1 ? 0 : 1)} %`;
}

/** The index of an eigenvector from 1 on, as a subscript. */
export function subscript(index) {
  return [...String(index)].map((digit) => SUBSCRIPT[digit]).join("");
}

/** The name of the eigenvector `index`, counted from 0. */
export function vectorName(index) {
  return `v${subscript(index + 1)}`;
}

export const $ = (id) => document.getElementById(id);

/** A new element with attributes and children. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key.startsWith("aria-")) made.setAttribute(key, String(value));
    else if (value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

const SVG = "http://www.w3.org/2000/svg";

/** A new element of a drawing. */
export function drawn(name, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}
