// What drawings on canvases have in common: sharpness, images of cells, labels with a halo.

import { css, variable } from "./colors.js";

/** Makes the canvas as sharp as the screen, and returns its context and its size in CSS pixels. */
export function sharp(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return { context, width, height };
}

let offscreen = null;

/** An image of `side` by `side` colours, the first row at the bottom; it holds until the next one is asked for. */
export function image(side, color) {
  offscreen ??= document.createElement("canvas");
  Object.assign(offscreen, { width: side, height: side });
  paintCells(offscreen, side, color);
  return offscreen;
}

/** Paints a canvas of `side` by `side` pixels, the first row at the bottom. */
export function paintCells(canvas, side, color) {
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(side, side);
  for (let j = 0; j < side; j++) {
    for (let i = 0; i < side; i++) {
      const at = 4 * ((side - 1 - j) * side + i);
      const [r, g, b] = color(i + side * j);
      pixels.data[at] = r;
      pixels.data[at + 1] = g;
      pixels.data[at + 2] = b;
      pixels.data[at + 3] = 255;
    }
  }
  context.putImageData(pixels, 0, 0);
}

/** Writes a text with a halo, which is readable on any ground. */
export function label(context, text, x, y, { align = "left", font = "11px", halo = css(variable("panel")), ink = css(variable("ink")), width = 3 } = {}) {
  context.font = `${font} system-ui, 'DejaVu Sans', sans-serif`;
  context.textAlign = align;
  context.lineWidth = width;
  context.strokeStyle = halo;
  context.fillStyle = ink;
  context.strokeText(text, x, y);
  context.fillText(text, x, y);
}
