// Draws the plane of the samples: regions, boundary, samples.

import { image, label, sharp } from "./canvas.js";
import { classColor, css, diverging, isDark, marker, mix, variable } from "./colors.js";
import { number, vectorName } from "./format.js";

/** How the plane lies on the canvas: one unit is equally long on both axes. */
export function frame({ x, y }, width, height) {
  const scale = Math.min(width / (x[1] - x[0]), height / (y[1] - y[0]));
  const [left, top] = [(width - scale * (x[1] - x[0])) / 2, (height - scale * (y[1] - y[0])) / 2];
  return {
    scale, left, top, width: scale * (x[1] - x[0]), height: scale * (y[1] - y[0]),
    to: (px, py) => [left + scale * (px - x[0]), top + scale * (y[1] - py)],
    from: (cx, cy) => [x[0] + (cx - left) / scale, y[1] - (cy - top) / scale],
  };
}

/** The largest magnitude of the numbers that colours stand for; alignments have 1. */
export function largest(picture) {
  if (picture.view?.by === "alignment") return 1;
  let most = 1e-12;
  for (const value of picture.values ?? picture.of_samples ?? []) most = Math.max(most, Math.abs(value));
  return most;
}

function regions(context, at, { ground, picture }, paper) {
  context.save();
  context.beginPath();
  context.rect(at.left, at.top, at.width, at.height);
  context.clip();
  context.imageSmoothingEnabled = true;
  if (picture.values) {
    const color = diverging(paper);
    const most = largest(picture);
    const side = picture.cells;
    context.drawImage(image(side, (i) => color(picture.values[i] / most)), at.left, at.top, at.width, at.height);
  } else {
    const side = picture.nodes;
    const strongest = isDark() ? 0.5 : 0.42;
    const colors = Array.from({ length: ground.n_classes }, (_, c) => classColor(c));
    const color = (i) => mix(paper, colors[picture.classes[i]], 0.1 + (strongest - 0.1) * (picture.certainty[i] / 255));
    // Nodes stand on the edges, so the image is half a cell larger on every side.
    const half = [at.width / (side - 1) / 2, at.height / (side - 1) / 2];
    context.drawImage(image(side, color), at.left - half[0], at.top - half[1], at.width + 2 * half[0], at.height + 2 * half[1]);
  }
  context.restore();
}

function boundary(context, at, picture) {
  context.strokeStyle = css(variable("ink"));
  context.lineWidth = 2;
  context.lineJoin = "round";
  context.beginPath();
  const { starts, lines } = picture;
  starts.forEach((start, i) => {
    const end = i + 1 < starts.length ? starts[i + 1] : lines.length / 2;
    for (let p = start; p < end; p++) {
      const [x, y] = at.to(lines[2 * p], lines[2 * p + 1]);
      if (p === start) context.moveTo(x, y);
      else context.lineTo(x, y);
    }
  });
  context.stroke();
}

function samplesOn(context, at, { ground, samples, picture }, paper, radius) {
  if (!samples) return;
  const fits = (array) => (array?.length === samples.classes.length ? array : null);
  const coloured = fits(picture?.of_samples);
  // Without regions, samples that are taken for another class have a cross.
  const predicted = ground.embedded ? fits(picture?.predicted) : null;
  const color = diverging(paper);
  const most = picture ? largest(picture) : 1;
  // Test samples first, so that those of the training lie above them.
  for (const part of [2, 1, 0]) {
    for (let n = 0; n < samples.classes.length; n++) {
      if (samples.parts[n] !== part) continue;
      const [x, y] = at.to(samples.points[2 * n], samples.points[2 * n + 1]);
      const own = classColor(samples.classes[n]);
      marker(context, samples.classes[n], x, y, part === 0 ? radius : radius * 0.62);
      if (coloured) {
        context.fillStyle = css(color(coloured[n] / most));
        context.strokeStyle = css(own);
        context.lineWidth = part === 0 ? 2 : 1;
      } else {
        context.fillStyle = css(part === 0 ? own : mix(own, paper, 0.25));
        context.strokeStyle = css(paper);
        context.lineWidth = 1.2;
      }
      context.fill();
      context.stroke();
      if (predicted && predicted[n] !== samples.classes[n]) cross(context, x, y, radius * 1.5);
    }
  }
}

/** A cross at a place. */
function cross(context, x, y, size) {
  context.strokeStyle = css(variable("ink"));
  context.lineWidth = 1.5;
  context.beginPath();
  for (const [dx, dy] of [[1, 0], [0, 1]]) {
    context.moveTo(x - size * dx, y - size * dy);
    context.lineTo(x + size * dx, y + size * dy);
  }
  context.stroke();
}

function axes(context, at, { ground }) {
  context.strokeStyle = css(variable("line"));
  context.lineWidth = 1;
  context.strokeRect(at.left + 0.5, at.top + 0.5, at.width - 1, at.height - 1);
  // The places of a t-SNE have no units.
  if (ground.embedded) return;
  const { x, y } = ground.plane;
  const [bottom, right] = [at.top + at.height, at.left + at.width];
  for (let tick = Math.ceil(x[0]); tick <= x[1]; tick++) {
    const [px] = at.to(tick, 0);
    if (px > at.left + 14 && px < right - 30) label(context, number(tick, 1), px, bottom - 6, { align: "center" });
  }
  for (let tick = Math.ceil(y[0]); tick <= y[1]; tick++) {
    const [, py] = at.to(0, tick);
    if (py > at.top + 24 && py < bottom - 22) label(context, number(tick, 1), at.left + 6, py + 4);
  }
  label(context, "x₁", right - 8, bottom - 6, { align: "right" });
  label(context, "x₂", at.left + 6, at.top + 15);
}

/** The boundary's pieces with the names of the vectors that carry most of them. */
function carriers(context, at, { pieces, picture }) {
  if (!pieces || picture.version !== pieces.version || picture.moved) return;
  pieces.lines.forEach((line, i) => {
    if (line.length < 3) return;
    const carried = pieces.pieces[i].carried;
    const strongest = carried.indexOf(Math.max(...carried));
    const [x, y] = at.to(...line[Math.floor(line.length / 2)]);
    label(context, vectorName(strongest), x, y - 6, { align: "center", font: "bold 13px", width: 4 });
  });
}

/**
 * Draws a scene, which has the ground, the samples and a picture, and may have pieces of the boundary and a cross of the keyboard;
 * returns how the plane lies on the canvas.
 */
export function paint(canvas, scene, radius = 5) {
  const { context, width, height } = sharp(canvas);
  context.clearRect(0, 0, width, height);
  if (!scene.ground) return null;
  const at = frame(scene.ground.plane, width, height);
  const paper = variable("panel");
  const drawn = scene.picture && !scene.ground.embedded;
  if (drawn) {
    regions(context, at, scene, paper);
    boundary(context, at, scene.picture);
  }
  samplesOn(context, at, scene, paper, radius);
  if (drawn) carriers(context, at, scene);
  axes(context, at, scene);
  if (scene.cross) cross(context, ...at.to(...scene.cross), 12);
  return at;
}
