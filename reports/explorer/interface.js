// What happens between the page and the network.
"use strict";

const PLAY_MILLISECONDS = 900, SPOKEN_AFTER = 500;
const LARGEST_ATOM = 0.75;          // of a slider; lengths are below 1

const element = id => document.getElementById(id);
const settings = JSON.parse(element("settings").textContent);
const {height, width, classNames, numTargets, iterations, hasDecoder, digitBox} = settings;
const classes = classNames.map((_, number) => number);
const even = 1 / (classes.length + (settings.leaky ? 1 : 0));

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
 * @param answered {kind: function of the worker's message of this kind and its milliseconds}
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
    answered[data.kind](data, performance.now() - data.id);
    next();
  };
  return message => {
    waiting.set(message.kind, {...message, id: performance.now()});
    next();
  };
}

const send = startNetwork({
  start: look,
  read(answer, milliseconds) {
    state.answer = answer;
    showAnswer();
    element("time").textContent = `Answered in ${Math.round(milliseconds)} ms`;
  },
  decode({images: [image]}) { showTurned(image); },
});

/** Lets the network read what is on the pad. */
function look() {
  const {width: columns, height: rows} = element("pad");
  if (state.example !== null) {
    state.pixels = images[state.example];
  } else if (digitBox && element("prepare").checked) {
    state.pixels = asDigit(pad.ink(), rows, columns, digitBox, height, width);
  } else {
    state.pixels = resized(pad.ink(), rows, columns, height, width);
  }
  const isEmpty = state.pixels.every(value => value === 0);
  element("pad-hint").hidden = !isEmpty;
  send({kind: "read", pixels: state.pixels});
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
  const found = winners(), isEmpty = state.pixels.every(value => value === 0);
  const names = found.map(target => classNames[target]);
  const values = found.map(target => lengths()[target].toFixed(2));
  const words = isEmpty ? "Nothing drawn yet"
    : `Read as ${names.join(" and ")}, length ${values.join(" and ")}`;
  element("verdict").replaceChildren(...(isEmpty ? [words] : [
    "Read as ", make("strong", {textContent: names.join(" and ")}),
    `, length ${values.join(" and ")}`]));
  clearTimeout(speaking);         // screen readers hear the last of several answers
  speaking = setTimeout(() => { element("spoken").textContent = words; }, SPOKEN_AFTER);
  element("pad").setAttribute("aria-label", `Drawing pad: ${isEmpty ? "empty" : words}`);

  [...element("lengths").children].forEach((row, target) => {
    const length = lengths()[target], meter = row.querySelector(".track");
    row.classList.toggle("winner", !isEmpty && found.includes(target));
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

// ---------------------------------------------------------------------------- routing

function makeRouting() {
  for (let i = 0; i < iterations; i++) {
    const button = make("button", {type: "button", textContent: i + 1, onclick() {
      stopPlaying();
      state.iteration = i;
      showRouting();
    }});
    button.setAttribute("aria-label", `Iteration ${i + 1}`);
    element("iterations").append(button);
  }
  element("play").hidden = iterations < 2;
  for (const name of classNames) {
    element("maps").append(make("li", {}, make("canvas", {role: "img"}),
      make("span", {}, make("b", {textContent: name}), make("span"))));
  }
}

function showRouting() {
  [...element("iterations").children].forEach((button, i) => {
    button.setAttribute("aria-pressed", String(i === state.iteration));
  });
  if (!state.answer) return;
  const {steps, rows, columns} = state.answer, found = winners();
  const fromEven = steps.map(({shares}) => shares.map(share => share - even));
  // Of all iterations, so that colours compare; a few extreme places do not pale the others.
  const limit = Math.max(percentile(fromEven.flatMap(values => [...values].map(Math.abs)), 0.985),
                         1e-3);
  const places = rows * columns, {lengths: now} = steps[state.iteration];
  const share = target => even + fromEven[state.iteration]
    .subarray(target * places, (target + 1) * places)
    .reduce((sum, value) => sum + value, 0) / places;
  [...element("maps").children].forEach((map, target) => {
    const name = classNames[target], words = percent(share(target));
    drawMap(map.firstChild, state.pixels, height, width,
            fromEven[state.iteration].subarray(target * places, (target + 1) * places),
            rows, columns, limit);
    map.firstChild.setAttribute("aria-label", `Class ${name}: ${words} of the votes in iteration ` +
      `${state.iteration + 1}, length ${now[target].toFixed(2)}`);
    map.lastChild.lastChild.textContent = words;
    map.classList.toggle("winner", found.includes(target));
  });
  element("scale-low").textContent = percent(Math.max(even - limit, 0));
  element("scale-high").textContent = `${percent(Math.min(even + limit, 1))} of a place’s votes`;
  element("routing-words").textContent = routingWords(found, found.map(share), now);
}

function routingWords(found, shares, now) {
  const names = found.map(target => classNames[target]).join(" and ");
  const lengthsNow = found.map(target => now[target].toFixed(2)).join(" and ");
  const start = `Iteration ${state.iteration + 1}: `;
  if (state.iteration === 0) {
    return `${start}no capsule knows better yet, so each divides its votes evenly, ` +
      `${percent(even)} for every class. The capsule of ${names} gets length ${lengthsNow}.`;
  }
  return `${start}capsules that agree with class ${names} now give it more of their votes, ` +
    `${shares.map(percent).join(" and ")} on average. Its length is now ${lengthsNow}.`;
}

let playing = null;

function stopPlaying() {
  clearInterval(playing);
  playing = null;
  element("play").textContent = "Play";
}

element("play").onclick = () => {
  if (playing) return stopPlaying();
  state.iteration = 0;
  showRouting();
  element("play").textContent = "Stop";
  playing = setInterval(() => {
    state.iteration++;
    showRouting();
    if (state.iteration === iterations - 1) stopPlaying();
  }, PLAY_MILLISECONDS);
};

// ---------------------------------------------------------------------------- dimensions

const atoms = settings.arrays.find(({path}) => path === "capsule2/bias").shape[1];
const target = () => state.target ?? winners()[0];

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
  const start = target() * atoms;
  state.turned = state.answer.capsules.slice(start, start + atoms);
  [...element("sliders").children].forEach((label, i) => {
    const value = state.turned[i];
    label.querySelector("input").value = value;
    label.querySelector("output").textContent = value.toFixed(2);
    label.classList.remove("turned");
    const part = Math.min(Math.max(value / LARGEST_ATOM, -1), 1);      // the thumb is 16 wide
    label.querySelector(".tick").style.left = `calc(50% + ${part / 2} * (100% - 16px))`;
  });
  decodeTurned();
}

function turn(number, value) {
  state.turned[number] = value;
  const label = element("sliders").children[number];
  label.querySelector("output").textContent = value.toFixed(2);
  label.classList.add("turned");
  decodeTurned();
}

function decodeTurned() {
  const capsules = new Float32Array(classes.length * atoms);
  capsules.set(state.turned, target() * atoms);
  send({kind: "decode", capsules, targets: [target()]});
}

function showTurned(image) {
  const turned = document.querySelectorAll("#sliders .turned").length;
  drawGrey(element("turned"), image, height, width);
  element("turned").setAttribute("aria-label", `Decoded from the capsule of ` +
    `${classNames[target()]}, ${turned} of ${atoms} dimensions turned`);
}

showExamples();
makeAnswer();
makeRouting();
makeSliders();
showRouting();
send({kind: "start", settings, weights: element("weights").textContent});
element("weights").remove();
