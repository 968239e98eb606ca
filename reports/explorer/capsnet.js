// The capsule network of "Dynamic Routing Between Capsules" (Sabour, Frosst, Hinton 2017): an image
// goes in, class capsules come out, with every step of the routing on the way.
//
// Nothing but pure functions. Arrays are Float32Arrays in row-major order; comments give shapes.
"use strict";

// ---------------------------------------------------------------------------- weights

/** Decodes base64 to bytes. */
function bytesOf(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** Decodes float16 numbers, little end first, to a Float32Array. */
function halvesToFloats(bytes) {
  const values = new Float32Array(bytes.length / 2);
  for (let i = 0; i < values.length; i++) {
    const bits = bytes[2 * i] | (bytes[2 * i + 1] << 8);
    const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 0x1f, fraction = bits & 0x3ff;
    values[i] = sign * (exponent === 0 ? fraction * 2 ** -24            // subnormal
                                       : (1024 + fraction) * POWERS[exponent]);
  }
  return values;
}
const POWERS = Array.from({length: 32}, (_, exponent) => 2 ** (exponent - 25));

/** Cuts one long array into those that the settings list: {path: {data, shape}}. */
function cut(values, arrays) {
  const found = {};
  let start = 0;
  for (const {path, shape} of arrays) {
    const size = shape.reduce((product, length) => product * length, 1);
    found[path] = {data: values.subarray(start, start + size), shape};
    start += size;
  }
  return found;
}

// ---------------------------------------------------------------------------- convolutions

/**
 * Convolves an image with a kernel [size, size, depth, filters].
 *
 * Most pixels of a digit and most features after a ReLU are 0, so each pixel's other channels are
 * listed first. Four of them are added at a time, which saves reading and writing the sums.
 *
 * @param image {data [height, width, depth], height, width, depth}
 * @returns {data [rows, columns, filters], height: rows, width: columns, depth: filters}
 */
function convolution(image, kernel, stride, padding) {
  const {data: x, height, width, depth} = image;
  const [size, , , filters] = kernel.shape, weights = kernel.data;
  const [rows, top] = outputs(height, size, stride, padding);
  const [columns, left] = outputs(width, size, stride, padding);
  const [channels, counts] = nonzeroChannels(x, height * width, depth);
  const sums = new Float32Array(rows * columns * filters);
  for (let ky = 0; ky < size; ky++) for (let kx = 0; kx < size; kx++) {
    const slice = (ky * size + kx) * depth * filters;
    for (let row = 0; row < rows; row++) for (let column = 0; column < columns; column++) {
      const y = row * stride + ky - top, xAt = column * stride + kx - left;
      if (y < 0 || y >= height || xAt < 0 || xAt >= width) continue;
      const pixel = y * width + xAt, first = pixel * depth, count = counts[pixel];
      const out = (row * columns + column) * filters;
      let i = 0;
      for (; i + 3 < count; i += 4) {
        const c0 = channels[first + i], c1 = channels[first + i + 1];
        const c2 = channels[first + i + 2], c3 = channels[first + i + 3];
        const x0 = x[first + c0], x1 = x[first + c1], x2 = x[first + c2], x3 = x[first + c3];
        const w0 = slice + c0 * filters, w1 = slice + c1 * filters;
        const w2 = slice + c2 * filters, w3 = slice + c3 * filters;
        for (let f = 0; f < filters; f++) {
          sums[out + f] += x0 * weights[w0 + f] + x1 * weights[w1 + f]
                         + x2 * weights[w2 + f] + x3 * weights[w3 + f];
        }
      }
      for (; i < count; i++) {
        const c = channels[first + i], value = x[first + c], w = slice + c * filters;
        for (let f = 0; f < filters; f++) sums[out + f] += value * weights[w + f];
      }
    }
  }
  return {data: sums, height: rows, width: columns, depth: filters};
}

/** How many outputs a convolution has along an axis, and how many zeros TensorFlow puts before. */
function outputs(length, size, stride, padding) {
  if (padding === "VALID") return [Math.floor((length - size) / stride) + 1, 0];
  const count = Math.ceil(length / stride);
  return [count, Math.floor(Math.max((count - 1) * stride + size - length, 0) / 2)];
}

function nonzeroChannels(x, pixels, depth) {
  const channels = new Int32Array(pixels * depth), counts = new Int32Array(pixels);
  for (let pixel = 0; pixel < pixels; pixel++) {
    for (let c = 0; c < depth; c++) {
      if (x[pixel * depth + c] !== 0) channels[pixel * depth + counts[pixel]++] = c;
    }
  }
  return [channels, counts];
}

/** Adds a bias [filters] to features [..., filters] and cuts off what is negative, in place. */
function addBiasAndRectify(features, bias) {
  for (let i = 0; i < features.length; i++) {
    features[i] = Math.max(features[i] + bias[i % bias.length], 0);
  }
}

// ---------------------------------------------------------------------------- capsules

/** The length of the vector of `atoms` numbers at a place of an array. */
function norm(values, start, atoms) {
  let squares = 0;
  for (let d = 0; d < atoms; d++) squares += values[start + d] ** 2;
  return Math.sqrt(squares);
}

/** Equation 1, in place: v = |s|^2 / (1 + |s|^2) * s / |s|. */
function squash(values, atoms) {
  for (let start = 0; start < values.length; start += atoms) {
    const length = norm(values, start, atoms), factor = length / (1 + length ** 2);
    for (let d = 0; d < atoms; d++) values[start + d] *= factor;
  }
}

/**
 * Section 4: channels of the second convolution, grouped into capsules.
 *
 * One iteration of routing to all types gives each the same share: 1 / types or, with leaky
 * routing, 1 / (types + 1).
 *
 * @returns {data [types, rows, columns, atoms], types, rows, columns, atoms}
 */
function primaryCapsules(features, bias, leaky) {
  const [types, atoms] = bias.shape, {height: rows, width: columns, depth} = features;
  const places = rows * columns, share = 1 / (leaky ? types + 1 : types);
  const data = new Float32Array(types * places * atoms);
  for (let type = 0; type < types; type++) for (let place = 0; place < places; place++) {
    for (let d = 0; d < atoms; d++) {
      data[(type * places + place) * atoms + d] =
        features.data[place * depth + type * atoms + d] * share + bias.data[type * atoms + d];
    }
  }
  squash(data, atoms);
  return {data, types, rows, columns, atoms};
}

/** Equation 2, right: votes u_hat[i, j] = W[i, j] u[i]. Returns [inCaps, classes * atoms]. */
function makeVotes(capsules, kernel) {
  const [inCaps, inAtoms, width] = kernel.shape;
  const votes = new Float32Array(inCaps * width);
  for (let i = 0; i < inCaps; i++) for (let k = 0; k < inAtoms; k++) {
    const value = capsules[i * inAtoms + k], row = (i * inAtoms + k) * width;
    for (let j = 0; j < width; j++) votes[i * width + j] += value * kernel.data[row + j];
  }
  return votes;
}

/** Equation 3: c[i, :] = softmax(b[i, :]); leaky: one more logit of 0, whose share is dropped. */
function coupling(logits, classes, leaky) {
  const couplings = new Float32Array(logits.length);
  for (let start = 0; start < logits.length; start += classes) {
    let highest = leaky ? 0 : -Infinity;
    for (let j = 0; j < classes; j++) highest = Math.max(highest, logits[start + j]);
    let sum = leaky ? Math.exp(-highest) : 0;
    for (let j = 0; j < classes; j++) {
      sum += couplings[start + j] = Math.exp(logits[start + j] - highest);
    }
    for (let j = 0; j < classes; j++) couplings[start + j] /= sum;
  }
  return couplings;
}

/**
 * Procedure 1: routing by agreement.
 *
 * @param votes [inCaps, classes, atoms]
 * @param bias {data, shape: [classes, atoms]}
 * @returns for each iteration {couplings [inCaps, classes], capsules [classes, atoms]}
 */
function dynamicRouting(votes, bias, iterations, leaky) {
  const [classes, atoms] = bias.shape, width = classes * atoms, inCaps = votes.length / width;
  const logits = new Float32Array(inCaps * classes);                    // b, 0 at first
  const steps = [];
  for (let iteration = 0; iteration < iterations; iteration++) {
    const couplings = coupling(logits, classes, leaky);
    const capsules = Float32Array.from(bias.data);                      // equation 2, left
    for (let i = 0; i < inCaps; i++) for (let j = 0; j < width; j++) {
      capsules[j] += couplings[i * classes + Math.floor(j / atoms)] * votes[i * width + j];
    }
    squash(capsules, atoms);
    steps.push({couplings, capsules});
    for (let i = 0; i < inCaps; i++) for (let j = 0; j < classes; j++) {
      for (let d = 0; d < atoms; d++) {                                 // the agreement
        logits[i * classes + j] += votes[i * width + j * atoms + d] * capsules[j * atoms + d];
      }
    }
  }
  return steps;
}

// ---------------------------------------------------------------------------- decoder

/** A dense layer: inputs [n] times kernel [n, m] plus bias [m]. */
function dense(inputs, kernel, bias) {
  const [, width] = kernel.shape, sums = Float32Array.from(bias.data);
  for (let i = 0; i < inputs.length; i++) {
    const value = inputs[i], row = i * width;
    if (value !== 0) for (let j = 0; j < width; j++) sums[j] += value * kernel.data[row + j];
  }
  return sums;
}

/** Section 4.1: the pixels that one class capsule stands for, the other capsules masked. */
function decode(capsules, target, weights) {
  const atoms = weights["capsule2/bias"].shape[1];
  let values = capsules.map((value, i) => Math.floor(i / atoms) === target ? value : 0);
  for (const layer of [1, 2, 3]) {
    values = dense(values, weights[`recons/recons_${layer}/kernel`],
                   weights[`recons/recons_${layer}/bias`]);
    values = values.map(layer < 3 ? value => Math.max(value, 0) : value => 1 / (1 + Math.exp(-value)));
  }
  return values;
}

// ---------------------------------------------------------------------------- the network

/**
 * Figures 1 and 2: what the network makes of an image.
 *
 * @param pixels [height, width], in [0, 1]
 * @param settings {height, width, padding, leaky, iterations}
 * @returns capsules [classes, atoms], and for each iteration lengths [classes] and shares
 *     [classes, rows * columns]: what part of each place's capsules goes to a class
 */
function read(pixels, weights, settings) {
  const {height, width, padding, leaky, iterations} = settings;
  const features = convolution({data: pixels, height, width, depth: 1},
                               weights["conv1/kernel"], 1, padding);
  addBiasAndRectify(features.data, weights["conv1/bias"].data);
  const primary = primaryCapsules(
    convolution(features, weights["conv_capsule1/kernel"], 2, padding),
    weights["conv_capsule1/bias"], leaky);
  const bias = weights["capsule2/bias"], [classes, atoms] = bias.shape;
  const votes = makeVotes(primary.data, weights["capsule2/kernel"]);
  const steps = dynamicRouting(votes, bias, iterations, leaky);
  return {
    capsules: steps[iterations - 1].capsules,
    rows: primary.rows,
    columns: primary.columns,
    steps: steps.map(step => ({
      lengths: Array.from({length: classes}, (_, j) => norm(step.capsules, j * atoms, atoms)),
      shares: shares(step.couplings, primary, classes)})),
  };
}

/** The classes of the longest capsules, longest first. */
function longest(lengths, count) {
  const classes = Array.from(lengths, (_, j) => j);
  return classes.sort((a, b) => lengths[b] - lengths[a]).slice(0, count);
}

/** The mean coupling coefficients of the types of capsules at each place, weighted by length. */
function shares(couplings, primary, classes) {
  const places = primary.rows * primary.columns;
  const sums = new Float32Array(classes * places), weights = new Float32Array(places);
  for (let i = 0; i < primary.types * places; i++) {
    const length = norm(primary.data, i * primary.atoms, primary.atoms), place = i % places;
    weights[place] += length;
    for (let j = 0; j < classes; j++) {
      sums[j * places + place] += length * couplings[i * classes + j];
    }
  }
  return sums.map((sum, k) => sum / Math.max(weights[k % places], 1e-30));
}
