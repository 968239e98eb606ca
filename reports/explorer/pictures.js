// Arrays of numbers as pictures on canvases.
"use strict";

const MAP_SIZE = 168;                               // pixels
const STRONGEST = 0.85, INK = 0.5;                  // opacities
const ABOVE = [213, 94, 0], BELOW = [0, 114, 178];  // Okabe and Ito's vermillion and blue

/** Returns pixels [height, width] in [0, 1] as black ink on nothing. */
function greyImage(pixels, height, width) {
  const image = new ImageData(width, height);
  pixels.forEach((value, i) => { image.data[4 * i + 3] = Math.round(255 * value); });
  return image;
}

function drawGrey(canvas, pixels, height, width) {
  canvas.width = width;
  canvas.height = height;
  canvas.classList.add("grey");
  canvas.getContext("2d").putImageData(greyImage(pixels, height, width), 0, 0);
}

/** Returns a canvas with pixels [height, width] in [0, 1] as ink of a colour. */
function inked(pixels, height, width, colour) {
  const canvas = new OffscreenCanvas(width, height), context = canvas.getContext("2d");
  context.putImageData(greyImage(pixels, height, width), 0, 0);
  context.globalCompositeOperation = "source-in";
  context.fillStyle = colour;
  context.fillRect(0, 0, width, height);
  return canvas;
}

/**
 * Draws a class's shares as colours, and the image in pale ink over them.
 *
 * @param differences [rows, columns], from the even share
 * @param limit what has the strongest colour
 */
function drawMap(canvas, pixels, height, width, differences, rows, columns, limit) {
  canvas.width = MAP_SIZE;
  canvas.height = Math.round(MAP_SIZE * height / width);
  const context = canvas.getContext("2d");
  const edge = (number, count, size) => Math.round(number * size / count);
  differences.forEach((difference, i) => {
    const strength = Math.min(Math.abs(difference) / limit, 1) * STRONGEST;
    const [y, x] = [Math.floor(i / columns), i % columns];
    const left = edge(x, columns, canvas.width), top = edge(y, rows, canvas.height);
    context.fillStyle = `rgb(${(difference > 0 ? ABOVE : BELOW).join(" ")} / ${strength})`;
    context.fillRect(left, top, edge(x + 1, columns, canvas.width) - left,
                     edge(y + 1, rows, canvas.height) - top);
  });
  context.globalAlpha = INK;
  context.drawImage(inked(pixels, height, width, getComputedStyle(canvas).color), 0, 0,
                    canvas.width, canvas.height);
}

/** Returns the value that a part of the values, such as 0.95, does not exceed. */
function percentile(values, part) {
  const sorted = Float32Array.from(values).sort();
  return sorted[Math.floor(part * (sorted.length - 1))];
}
