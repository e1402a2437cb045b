// All that the page knows, and who is told when it changes.

/** All that belongs to an experiment, at its beginning. */
const fresh = () => ({
  /** The last picture of the plane. */
  picture: null,
  /** The last extreme eigenvalues at the training's weights, and at the weights that are shown if these are others. */
  look: null,
  there: null,
  /** The last whole spectrum, with the version of the weights that it belongs to. */
  spectrum: null,
  /** The eigenvectors that can be chosen: eigenvalues, reach, signs, epoch, version. */
  basis: null,
  surface: null,
  pieces: null,
  playing: false,
  /** Steps along the eigenvectors and along the random direction. */
  along: [],
  random: 0,
  /** Curves along the training. */
  course: { epochs: [], train: [], test: [], lookEpochs: [], eigenvalues: [], threshold: [], sharpness: [], preconditioned: false },
});

export const state = {
  /** The first message: gallery, limits, palette. */
  hello: null,
  /** The experiment: name, setup, experiment, n_params, n_samples, n_classes, plane, embedded, widths. */
  ground: null,
  /** The changes since the beginning, and whether any was lost. */
  story: { changes: [], lost: false },
  /** points, classes, parts. */
  samples: null,
  /** What colours the plane, as the protocol has it. */
  view: { by: "classes" },
  /** The directions of the loss plane. */
  axes: [{ vector: 0 }, { vector: 1 }],
  ...fresh(),
};

const listeners = new Map();

/** Has `listener` called when one of `topics` has changed, at most once a frame. */
export function on(topics, listener) {
  for (const topic of topics) {
    if (!listeners.has(topic)) listeners.set(topic, new Set());
    listeners.get(topic).add(listener);
  }
}

/** Calls `work` with the next frame, or a little later where there is none: pages that are not to be seen have no frames. */
export function nextFrame(work) {
  const once = () => {
    clearTimeout(timer);
    cancelAnimationFrame(frame);
    work();
  };
  const timer = setTimeout(once, document.hidden ? 50 : 250);
  const frame = requestAnimationFrame(once);
}

let due = new Set();

/** Says that something has changed. */
export function changed(...topics) {
  if (due.size === 0) nextFrame(() => {
    const now = due;
    due = new Set();
    for (const listener of now) listener();
  });
  for (const topic of topics) for (const listener of listeners.get(topic) ?? []) due.add(listener);
}

/** The eigenvector that is selected; null if there is none. */
export function selected() {
  return state.view.by === "alignment" ? state.view.vector : null;
}

export const isMoved = () => state.random !== 0 || state.along.some((t) => t !== 0);

const MOST = 4000;

/** Adds a point to the curves of losses; a curve that is too long loses every second point. */
export function recordPicture(picture) {
  const { course } = state;
  const last = course.epochs.at(-1);
  if (picture.moved || (last !== undefined && picture.epoch < last)) return;
  if (picture.epoch === last) for (const key of ["epochs", "train", "test"]) course[key].pop();
  course.epochs.push(picture.epoch);
  course.train.push(picture.parts[0]?.loss ?? NaN);
  course.test.push(picture.parts[1]?.loss ?? NaN);
  if (course.epochs.length > MOST) {
    for (const key of ["epochs", "train", "test"]) course[key] = course[key].filter((_, i) => i % 2 === 0);
  }
}

const OF_LOOKS = ["lookEpochs", "eigenvalues", "threshold", "sharpness"];

/** Adds a point to the curves of eigenvalues. */
export function recordLook(look) {
  const { course } = state;
  const last = course.lookEpochs.at(-1);
  if (look.moved || (last !== undefined && look.epoch < last)) return;
  if (look.epoch === last) for (const key of OF_LOOKS) course[key].pop();
  course.lookEpochs.push(look.epoch);
  course.eigenvalues.push(look.eigenvalues.slice(0, 3));
  course.threshold.push(look.threshold ?? NaN);
  course.sharpness.push(look.sharpness ?? NaN);
  course.preconditioned = look.preconditioned;
  if (course.lookEpochs.length > MOST) {
    for (const key of OF_LOOKS) course[key] = course[key].filter((_, i) => i % 2 === 0);
  }
}

/** Forgets all that belongs to an experiment. */
export function forget() {
  Object.assign(state, fresh());
}
