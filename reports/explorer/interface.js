// What happens between the page and the network.
"use strict";

const SPOKEN_AFTER = 500;           // milliseconds

const element = id => document.getElementById(id);
const settings = JSON.parse(element("settings").textContent);
const {height, width, classNames, numTargets, iterations, hasDecoder, digitBox} = settings;
const atoms = settings.arrays.find(({path}) => path === "capsule2/bias").shape[1];
const even = 1 / (classNames.length + (settings.leaky ? 1 : 0));

const state = {
  example: null,                    // number of the test image on the pad, if it is untouched
  pixels: new Float32Array(height * width),     // the network's input
  answer: null,                     // what the network makes of them
  iteration: iterations - 1,
  target: null,                     // class whose capsule is turned; null: the winner
  turned: null,                     // that capsule's numbers, as the sliders have them
};

/** Creates an element: make("li", {className: "winner"}, child, ...). */
function make(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

// ---------------------------------------------------------------------------- the network's worker

/**
 * Starts the network.
 *
 * @param answered {kind: function of the worker's message of this kind}
 * @returns function that sends a message; while the worker computes, the latest of each kind waits
 */
function startNetwork(answered) {
  const code = [element("network").textContent, element("worker").textContent];
  const worker = new Worker(URL.createObjectURL(new Blob(code, {type: "text/javascript"})));
  const waiting = new Map();
  let busy = false;
  const next = () => {
    const [message] = waiting.values();
    if (message && !busy) {
      waiting.delete(message.kind);
      busy = true;
      worker.postMessage(message);
    }
    document.querySelector("main").setAttribute("aria-busy", String(busy));
  };
  worker.onmessage = ({data}) => {
    busy = false;
    answered[data.kind](data);
    next();
  };
  return message => {
    waiting.set(message.kind, message);
    next();
  };
}

const send = startNetwork({
  start: look,
  read(answer) {
    state.answer = answer;
    showAnswer();
    element("time").textContent = `Answered in ${Math.round(performance.now() - answer.asked)} ms`;
  },
  decode({images: [image]}) { showTurned(image); },
});

/** Lets the network read what is on the pad. */
function look() {
  const asked = performance.now(), {width: columns, height: rows} = element("pad");
  if (state.example !== null) {
    state.pixels = images[state.example];
  } else if (digitBox && element("prepare").checked) {
    state.pixels = asDigit(pad.ink(), rows, columns, digitBox, height, width);
  } else {
    state.pixels = resized(pad.ink(), rows, columns, height, width);
  }
  element("pad-hint").hidden = !isEmpty();
  send({kind: "read", pixels: state.pixels, asked});
}

// ---------------------------------------------------------------------------- drawing

const pad = drawingPad(element("pad"), element("pen"), height, width, () => {
  choose(null);
  look();
});

const images = (() => {
  const floats = new Float32Array(bytesOf(element("images").textContent).buffer);
  return settings.numbers.map((_, i) => floats.subarray(i * height * width,
                                                        (i + 1) * height * width));
})();

/** Marks a test image as the one on the pad; null for a drawing. */
function choose(number) {
  state.example = number;
  [...element("examples").children].forEach((button, i) => {
    button.setAttribute("aria-pressed", String(i === number));
  });
}

function showExamples() {
  settings.numbers.forEach((number, i) => {
    const names = settings.targets[i].map(target => classNames[target]).join(" and ");
    const canvas = make("canvas");
    drawGrey(canvas, images[i], height, width);
    const button = make("button", {type: "button", title: `Test image ${number}: ${names}`},
                        canvas);
    button.setAttribute("aria-label", button.title);
    button.onclick = () => {
      choose(i);
      pad.show(images[i]);
      look();
    };
    element("examples").append(button);
  });
  choose(null);
}

element("clear").onclick = () => {
  pad.clear();
  choose(null);
  look();
};
element("prepare").onchange = look;
element("prepare-row").hidden = !digitBox;

// ---------------------------------------------------------------------------- answer

const percent = share => `${(100 * share).toFixed(1)} %`;
const lengths = () => state.answer.steps.at(-1).lengths;

const winners = () => longest(lengths(), numTargets);
const isEmpty = () => state.pixels.every(value => value === 0);

function makeAnswer() {
  for (const name of classNames) {
    const track = make("div", {className: "track"}, make("div", {className: "bar"}));
    for (const [key, value] of Object.entries({
      role: "meter", "aria-label": `Length of class ${name}`, "aria-valuemin": 0,
      "aria-valuemax": 1, "aria-valuenow": 0})) track.setAttribute(key, value);
    element("lengths").append(make("li", {}, make("span", {textContent: name}), track,
                                   make("span", {className: "value"})));
  }
  for (let i = 0; hasDecoder && i < numTargets; i++) {
    element("pictures").append(make("figure", {className: "reconstruction"},
      make("canvas", {role: "img"}), make("figcaption")));
  }
}

let speaking;

function showAnswer() {
  const found = winners();
  const names = found.map(target => classNames[target]);
  const values = found.map(target => lengths()[target].toFixed(2));
  const words = isEmpty() ? "Nothing drawn yet"
    : `Read as ${names.join(" and ")}, length ${values.join(" and ")}`;
  element("verdict").replaceChildren(...(isEmpty() ? [words] : [
    "Read as ", make("strong", {textContent: names.join(" and ")}),
    `, length ${values.join(" and ")}`]));
  clearTimeout(speaking);         // screen readers hear the last of several answers
  speaking = setTimeout(() => { element("spoken").textContent = words; }, SPOKEN_AFTER);
  element("pad").setAttribute("aria-label", `Drawing pad: ${isEmpty() ? "empty" : words}`);

  [...element("lengths").children].forEach((row, target) => {
    const length = lengths()[target], meter = row.querySelector(".track");
    row.classList.toggle("winner", !isEmpty() && found.includes(target));
    meter.setAttribute("aria-valuenow", length);
    meter.firstChild.style.width = `${100 * length}%`;
    row.querySelector(".value").textContent = length.toFixed(3);
  });
  drawGrey(element("input"), state.pixels, height, width);
  element("input").setAttribute("aria-label", `The network's input: ${width} by ${height} pixels`);
  [...document.querySelectorAll(".reconstruction")].forEach((figure, i) => {
    drawGrey(figure.firstChild, state.answer.images[i], height, width);
    figure.firstChild.setAttribute("aria-label", `Reconstruction from the capsule of ${names[i]}`);
    figure.lastChild.textContent = `Reconstruction (${names[i]})`;
  });
  showRouting();
  if (hasDecoder) showCapsule();
}

showExamples();
makeAnswer();
makeRouting();
makeSliders();
showRouting();
send({kind: "start", settings, weights: element("weights").textContent});
element("weights").remove();
