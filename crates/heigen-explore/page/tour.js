// A tour of seven steps, which tells the story with the page itself.

import { $ } from "./format.js";
import { state } from "./state.js";

const click = (id) => $(id).click();

/** Sets the value of an input and has it act. */
function set(id, value, event) {
  $(id).value = String(value);
  $(id).dispatchEvent(new Event(event));
}

const train = () => state.playing || click("play");
const rest = () => state.playing && click("play");

/** The steps: what is looked at, what is said, and what is done for those who would rather watch. */
const STEPS = [
  {
    at: "plane-panel", title: "A network learns",
    text: "Three classes of points, and a network with two hidden layers. While it trains, the regions in which it predicts each class take shape, and with them the boundary between.",
    button: "Train", act: ({ begin }) => { begin({ data: "gauss_mixtures" }); set("speed", 5, "change"); train(); },
  },
  {
    at: "spectrum", title: "Its loss is curved in few directions",
    text: "Every point here is an eigenvalue of the Hessian, the matrix of the second derivatives of the training loss, on a logarithmic axis. A few stand apart: the outliers. All others lie decades below.",
    button: "Pause", act: rest,
  },
  {
    at: "plane-panel", title: "An outlier belongs to a piece of the boundary",
    text: "The plane is coloured by how well the gradient of each point is aligned with the eigenvector v₁. The sign changes where the boundary is, and the strongest colours lie along the piece that v₁ carries. Choose v₂: it is another piece.",
    button: "Colour by v₁", act: ({ select }) => select(0),
  },
  {
    at: "moves-panel", title: "Move the weights along it",
    text: "The slider adds a multiple of v₁ to all weights. The piece of the boundary that it carries moves, and the loss rises at once.",
    button: "Move along v₁", act: ({ go }) => { rest(); go([[{ vector: 0 }, 0.35 * (state.basis?.reach[0] ?? 1)]]); },
  },
  {
    at: "moves-panel", title: "Nearly all other directions are flat",
    text: "The same distance in a random direction changes next to nothing: neither the boundary nor the loss. What the network has learnt lies in the few directions of the outliers.",
    button: "Move along a random direction", act: ({ go }) => go([[{ vector: 0 }, 0], ["random", 0.35 * (state.basis?.reach[0] ?? 1)]]),
  },
  {
    at: "spectrum", title: "A more complicated boundary has more outliers",
    text: "With four classes in two groups there are more pieces of the boundary, and with labels at random it winds about single points. Train again and count the outliers.",
    button: "Four classes", act: ({ begin }) => { begin({ data: "hierachical" }); train(); },
  },
  {
    at: "course-title", title: "The learning rate bounds the curvature",
    text: "Gradient descent cannot stay where the curvature is above 2/η. Raise the learning rate η while it trains: the line 2/η comes down, and the largest eigenvalue stays below it.",
    button: "Raise η to 0.5", act: () => { set("lr", Math.log10(0.5), "input"); train(); },
  },
];

let step = -1;

function show(api) {
  const box = $("tour");
  document.querySelectorAll(".pointed").forEach((element) => element.classList.remove("pointed"));
  $("tour-open").setAttribute("aria-pressed", step >= 0);
  box.hidden = step < 0;
  if (step < 0) return;
  const { at, title, text, button, act } = STEPS[step];
  $("tour-title").textContent = `${step + 1} of ${STEPS.length}: ${title}`;
  $("tour-text").textContent = text;
  $("tour-act").textContent = button;
  $("tour-act").onclick = () => act(api);
  $("tour-back").disabled = step === 0;
  $("tour-next").textContent = step + 1 < STEPS.length ? "Next" : "End";
  const pointed = $(at).closest(".panel");
  pointed.classList.add("pointed");
  pointed.scrollIntoView({ block: "nearest" });
}

export function setUpTour(api) {
  const go = (to) => {
    step = to;
    show(api);
  };
  $("tour-open").addEventListener("click", () => go(step < 0 ? 0 : -1));
  $("tour-close").addEventListener("click", () => go(-1));
  $("tour-back").addEventListener("click", () => go(step - 1));
  $("tour-next").addEventListener("click", () => go(step + 1 < STEPS.length ? step + 1 : -1));
}
