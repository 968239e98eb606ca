// The panel of dimensions: a slider for each number of a class capsule, and what it decodes to.
"use strict";

const LARGEST_ATOM = 0.75;          // of a slider; lengths are below 1

/** The class whose capsule is turned. */
const target = () => state.target ?? winners()[0];

const inWords = value => value.toFixed(2).replace(/^-0\.00$/, "0.00");

function makeSliders() {
  element("dimensions").hidden = !hasDecoder;
  element("capsule").append(make("option", {value: "", textContent: "the longest"}),
    ...classNames.map((name, i) => make("option", {value: i, textContent: `of ${name}`})));
  element("capsule").onchange = ({target: {value}}) => {
    state.target = value === "" ? null : Number(value);
    showCapsule();
  };
  element("reset").onclick = showCapsule;
  for (let i = 0; i < atoms; i++) {
    const slider = make("input", {type: "range", min: -LARGEST_ATOM, max: LARGEST_ATOM,
                                  step: 0.01, oninput() { turn(i, slider.valueAsNumber); }});
    slider.setAttribute("aria-label", `Dimension ${i + 1}`);
    element("sliders").append(make("label", {},
      make("span", {className: "words"}, make("span", {textContent: i + 1}), make("output")),
      slider, make("span", {className: "tick"})));
  }
}

/** Sets the sliders to the capsule of the drawing. */
function showCapsule() {
  if (!state.answer) return;
  const start = target() * atoms;
  state.turned = state.answer.capsules.slice(start, start + atoms);
  [...element("sliders").children].forEach((label, i) => {
    const value = state.turned[i];
    label.querySelector("input").value = value;
    label.querySelector("output").textContent = inWords(value);
    label.classList.remove("turned");
    const part = Math.min(Math.max(value / LARGEST_ATOM, -1), 1);      // the thumb is 16 wide
    label.querySelector(".tick").style.left = `calc(50% + ${part / 2} * (100% - 16px))`;
  });
  decodeTurned();
}

function turn(number, value) {
  if (!state.answer) return;
  state.turned[number] = value;
  const label = element("sliders").children[number];
  label.querySelector("output").textContent = inWords(value);
  label.classList.add("turned");
  decodeTurned();
}

function decodeTurned() {
  const capsules = new Float32Array(classNames.length * atoms);
  capsules.set(state.turned, target() * atoms);
  send({kind: "decode", capsules, targets: [target()]});
}

function showTurned(image) {
  const turned = document.querySelectorAll("#sliders .turned").length;
  drawGrey(element("turned"), image, height, width);
  element("turned").setAttribute("aria-label", `Decoded from the capsule of ` +
    `${classNames[target()]}, ${turned} of ${atoms} dimensions turned`);
}
