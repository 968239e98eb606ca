// The drawing pad, and how a drawing becomes an image like those that the network was trained on.
"use strict";

const PAD_WIDTH = 280, PEN_WIDTH = 22, KEY_STEP = 10;       // pixels of the pad

/**
 * Makes a canvas a drawing pad, for pointers and for the keyboard.
 *
 * @param changed function without arguments, called when the drawing has changed
 * @returns {ink(): Float32Array [height, width] in [0, 1], clear(), show(pixels, height, width)}
 */
function drawingPad(canvas, pen, height, width, changed) {
  canvas.width = PAD_WIDTH;
  canvas.height = Math.round(PAD_WIDTH * height / width);
  const context = canvas.getContext("2d", {willReadFrequently: true});
  Object.assign(context, {lineWidth: PEN_WIDTH, lineCap: "round", lineJoin: "round"});

  const stroke = (from, to) => {
    context.beginPath();
    context.moveTo(...from);
    context.lineTo(...to);
    context.stroke();
    changed();
  };
  drawByPointer(canvas, stroke);
  const clear = () => context.clearRect(0, 0, canvas.width, canvas.height);
  drawByKeys(canvas, pen, stroke, () => { clear(); changed(); });

  return {
    clear,
    ink() {
      const {data} = context.getImageData(0, 0, canvas.width, canvas.height);
      return Float32Array.from({length: data.length / 4}, (_, i) => data[4 * i + 3] / 255);
    },
    show(pixels) {
      clear();
      context.drawImage(inked(pixels, height, width, "black"), 0, 0, canvas.width, canvas.height);
    },
  };
}

function drawByPointer(canvas, stroke) {
  let last = null;
  const place = event => {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) * canvas.width / box.width,
            (event.clientY - box.top) * canvas.height / box.height];
  };
  canvas.addEventListener("pointerdown", event => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    last = place(event);
    stroke(last, last);
  });
  canvas.addEventListener("pointermove", event => {
    if (!last) return;
    const parts = event.getCoalescedEvents?.() ?? [];       // what came since the last frame
    for (const part of parts.length ? parts : [event]) {
      const next = place(part);
      stroke(last, next);
      last = next;
    }
  });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, () => { last = null; });
  }
}

function drawByKeys(canvas, pen, stroke, clear) {
  const arrows = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
  let at = [canvas.width / 2, canvas.height / 4], isDown = false;
  const show = () => {
    pen.style.left = `${100 * at[0] / canvas.width}%`;
    pen.style.top = `${100 * at[1] / canvas.height}%`;
    pen.classList.toggle("down", isDown);
  };
  canvas.addEventListener("focus", () => {
    pen.hidden = !canvas.matches(":focus-visible");
    show();
  });
  canvas.addEventListener("blur", () => { pen.hidden = true; isDown = false; });
  canvas.addEventListener("keydown", event => {
    const step = arrows[event.key];
    if (step) {
      const next = [Math.min(Math.max(at[0] + KEY_STEP * step[0], 0), canvas.width),
                    Math.min(Math.max(at[1] + KEY_STEP * step[1], 0), canvas.height)];
      if (isDown) stroke(at, next);
      at = next;
    } else if (event.key === " ") {
      isDown = !isDown;
      if (isDown) stroke(at, at);
    } else if (event.key === "Delete" || event.key === "Backspace") {
      isDown = false;
      clear();
    } else return;
    event.preventDefault();
    pen.hidden = false;
    show();
  });
}

/**
 * Scales ink into a box and centres its mass, as MNIST's digits were made.
 *
 * @param ink [rows, columns] in [0, 1]
 * @param box the larger side of the scaled digit, in pixels
 * @returns [height, width] in [0, 1]; zeros where there is no ink
 */
function asDigit(ink, rows, columns, box, height, width) {
  const result = new Float32Array(height * width);
  const {cropped, size: [inkRows, inkColumns]} = crop(ink, rows, columns);
  if (!inkRows) return result;
  const scale = Math.min(box, height, width) / Math.max(inkRows, inkColumns);
  const [tall, wide] = [inkRows, inkColumns].map(size => Math.max(1, Math.round(scale * size)));
  const digit = resized(cropped, inkRows, inkColumns, tall, wide);
  const highest = digit.reduce((most, value) => Math.max(most, value), 0);
  let mass = 0, massY = 0, massX = 0;
  digit.forEach((value, i) => {
    mass += value;
    massY += value * Math.floor(i / wide);
    massX += value * (i % wide);
  });
  const place = (size, room, centre) =>
    Math.min(Math.max(Math.round(size / 2 - centre), 0), size - room);
  const top = place(height, tall, massY / mass), left = place(width, wide, massX / mass);
  digit.forEach((value, i) => {
    result[(top + Math.floor(i / wide)) * width + left + i % wide] = value / highest;
  });
  return result;
}

/** Returns the smallest rectangle with all the ink, and its size. */
function crop(ink, rows, columns) {
  let top = rows, bottom = -1, left = columns, right = -1;
  ink.forEach((value, i) => {
    if (value > 0) {
      const y = Math.floor(i / columns), x = i % columns;
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
      left = Math.min(left, x);
      right = Math.max(right, x);
    }
  });
  if (bottom < 0) return {size: [0, 0]};
  const size = [bottom - top + 1, right - left + 1];
  const cropped = Float32Array.from({length: size[0] * size[1]}, (_, i) =>
    ink[(top + Math.floor(i / size[1])) * columns + left + i % size[1]]);
  return {cropped, size};
}

/** Returns an image of another size; a pixel is the mean of the area that it covers. */
function resized(values, rows, columns, newRows, newColumns) {
  return narrowed(narrowed(values, rows, columns, newColumns), newColumns, rows, newRows);
}

/** Scales [rows, columns] to [rows, newColumns], and returns it transposed. */
function narrowed(values, rows, columns, newColumns) {
  const result = new Float32Array(newColumns * rows), step = columns / newColumns;
  for (let column = 0; column < newColumns; column++) {
    const start = column * step, end = start + step;
    for (let x = Math.floor(start); x < Math.min(end, columns); x++) {
      const part = (Math.min(x + 1, end) - Math.max(x, start)) / step;
      for (let y = 0; y < rows; y++) {
        result[column * rows + y] += part * values[y * columns + x];
      }
    }
  }
  return result;
}
