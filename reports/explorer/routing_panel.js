// The panel of routing: a map for each class, and the choice of an iteration.
"use strict";

const PLAY_MILLISECONDS = 900;      // an iteration

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
  element("play").onclick = play;
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
  const {steps, rows, columns} = state.answer, found = isEmpty() ? [] : winners();
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
  if (!found.length) return "Draw something, and see who gets the votes.";
  const names = found.map(target => classNames[target]).join(" and ");
  const lengthsNow = found.map(target => now[target].toFixed(2)).join(" and ");
  const start = `Iteration ${state.iteration + 1}: `;
  if (state.iteration === 0) {
    return `${start}no capsule knows better yet, so each divides its votes evenly, ` +
      `${percent(even)} for every class. Length of class ${names} so far: ${lengthsNow}.`;
  }
  return `${start}capsules that agree with class ${names} now give it more of their votes, ` +
    `${shares.map(percent).join(" and ")} on average. Length of class ${names} now: ${lengthsNow}.`;
}

let playing = null;

function play() {
  if (playing) return stopPlaying();
  state.iteration = 0;
  showRouting();
  element("play").textContent = "Stop";
  playing = setInterval(() => {
    state.iteration++;
    showRouting();
    if (state.iteration === iterations - 1) stopPlaying();
  }, PLAY_MILLISECONDS);
}

function stopPlaying() {
  clearInterval(playing);
  playing = null;
  element("play").textContent = "Play";
}
