// Colours: those of the figures, which the program sends, on the paper of the page's scheme.

let classes = [];
let alignment = [];
let loss = [];

const parse = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
const mix = (a, b, t) => a.map((x, i) => x + (b[i] - x) * t);
export const css = (color) => `rgb(${color.map(Math.round).join(" ")})`;

export function usePalette(hello) {
  classes = hello.classes.map(parse);
  alignment = hello.alignment.map(parse);
  loss = hello.loss.map(parse);
}

/** The value of a variable of the style sheet as a colour. */
export function variable(name) {
  return parse(getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim());
}

export function isDark() {
  return document.documentElement.dataset.theme === "dark"
    || (document.documentElement.dataset.theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
}

/** The colour of a class; black classes are light on dark pages. */
export function classColor(index) {
  const color = classes[index] ?? [128, 128, 128];
  return isDark() && color.every((c) => c < 40) ? [230, 230, 230] : color;
}

/** A colour map as a function of -1..1: the figures' ends, with the paper in its middle. */
export function diverging(paper) {
  const [low, high] = [alignment[0], alignment[alignment.length - 1]];
  return (t) => mix(paper, t < 0 ? low : high, Math.min(1, Math.abs(t)));
}

/** A colour map as a function of 0..1, for losses. */
export function lossColor(t) {
  const at = Math.max(0, Math.min(1, t)) * (loss.length - 1);
  const i = Math.min(loss.length - 2, Math.floor(at));
  return mix(loss[i], loss[i + 1], at - i);
}

export { mix };

/** Draws the marker of a class around (x, y): each class has its own shape, too. */
export function marker(context, shape, x, y, r) {
  context.beginPath();
  const polygon = (count, turn, scale) => {
    for (let i = 0; i < count; i++) {
      const angle = turn + (2 * Math.PI * i) / count;
      context.lineTo(x + scale * r * Math.cos(angle), y + scale * r * Math.sin(angle));
    }
    context.closePath();
  };
  switch (shape % 6) {
    case 0: context.arc(x, y, r, 0, 2 * Math.PI); break;
    case 1: polygon(3, -Math.PI / 2, 1.3); break;
    case 2: polygon(4, Math.PI / 4, 1.2); break;
    case 3: polygon(4, 0, 1.3); break;
    case 4: polygon(3, Math.PI / 2, 1.3); break;
    default: polygon(5, -Math.PI / 2, 1.2);
  }
}
