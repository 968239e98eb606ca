// Runs the network beside the page, so that the pen never waits for it.
"use strict";

let weights, settings;

onmessage = ({data: {kind, ...message}}) => {
  if (kind === "start") {
    settings = message.settings;
    weights = cut(halvesToFloats(bytesOf(message.weights)), settings.arrays);
    postMessage({kind});
  } else if (kind === "read") {
    const answer = read(message.pixels, weights, settings);
    const images = settings.hasDecoder ? longest(answer.steps.at(-1).lengths, settings.numTargets)
      .map(target => decode(answer.capsules, target, weights)) : [];
    postMessage({kind, asked: message.asked, images, ...answer});
  } else {
    postMessage({kind, images: message.targets.map(
      target => decode(message.capsules, target, weights))});
  }
};
