// SPDX-License-Identifier: Apache-2.0
// Pictures over time on canvases: heat maps and lines. What they show is also on the page as text and tables.

/** @typedef {import('../types').Placed} Placed */
/** @typedef {{steps: Placed[], end: number, range: number}} Span the time that is shown: `end` as Placed.at */
/** @typedef {{left: number, top: number, width: number, height: number}} Frame */
/** @typedef {{y: number, text: string}} Tick */

const MARGIN = {left: 70, right: 6, top: 6, bottom: 18};
const FONT = '11px system-ui, sans-serif';
const SHADES = 48;

/**
 * The frame's x of a moment.
 * @param {Frame} frame @param {Span} span @param {number} at
 */
const xOf = (frame, span, at) => frame.left + (1 - (span.end - at) / span.range) * frame.width;

/** @param {string} name of a custom property of page.css */
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/**
 * From few to many.
 * @returns {string[]}
 */
function shades() {
  const stops = ['--heat-1', '--heat-2', '--heat-3', '--heat-4', '--heat-5'].map((name) => {
    const hex = colour(name);
    return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  });
  return Array.from({length: SHADES}, (_, i) => {
    const place = (i / (SHADES - 1)) * (stops.length - 1), low = Math.min(Math.floor(place), stops.length - 2);
    const mixed = stops[low].map((from, k) => Math.round(from + (stops[low + 1][k] - from) * (place - low)));
    return `rgb(${mixed.join(' ')})`;
  });
}

/**
 * 0 to 1 -> a shade.
 * @param {string[]} palette @param {number} share
 */
const shade = (palette, share) => palette[Math.min(SHADES - 1, Math.floor(share * SHADES))];

/** One picture. It keeps its drawing while only the line at the shown moment moves. */
export class Chart {
  #host;
  #canvas = document.createElement('canvas');
  #line = document.createElement('canvas');
  /** @type {Span | null} */
  #span = null;
  /** @type {((context: CanvasRenderingContext2D, frame: Frame, span: Span) => void) | null} */
  #draw = null;
  /** @type {number | undefined} */
  #moment;

  /**
   * @param {HTMLElement} host
   * @param {(at: number | null, y: number, chosen: boolean) => void} pointed called with the moment, as Placed.at, and the
   *   height from 0 (below) to 1 at which somebody points; with null when nobody does any more
   */
  constructor(host, pointed) {
    this.#host = host;
    this.#canvas.setAttribute('role', 'img');
    this.#line.setAttribute('aria-hidden', 'true');
    host.replaceChildren(this.#canvas, this.#line);
    /** @param {PointerEvent | MouseEvent} event @param {boolean} chosen */
    const tell = (event, chosen) => {
      if (!this.#span) return;
      const frame = this.#frame(), box = host.getBoundingClientRect();
      const share = (event.clientX - box.left - frame.left) / frame.width;
      const height = 1 - (event.clientY - box.top - frame.top) / frame.height;
      if (share < 0 || share > 1) pointed(null, 0, false);
      else pointed(this.#span.end - (1 - share) * this.#span.range, height, chosen);
    };
    host.addEventListener('pointermove', (event) => tell(event, false));
    host.addEventListener('click', (event) => tell(event, true));
    host.addEventListener('pointerleave', () => pointed(null, 0, false));
    new ResizeObserver(() => this.#redraw()).observe(host);
  }

  /**
   * @param {Span} span @param {string} label what a screen reader says
   * @param {(context: CanvasRenderingContext2D, frame: Frame, span: Span) => void} draw
   */
  show(span, label, draw) {
    this.#span = span;
    this.#draw = draw;
    if (this.#canvas.getAttribute('aria-label') !== label) this.#canvas.setAttribute('aria-label', label);
    this.#redraw();
  }

  /**
   * The line at the moment that is shown, as Placed.at.
   * @param {number | undefined} at
   */
  mark(at) {
    this.#moment = at;
    const context = this.#prepare(this.#line);
    if (!context || !this.#span || at === undefined) return;
    const frame = this.#frame(), x = Math.round(xOf(frame, this.#span, at)) + 0.5;
    if (x < frame.left) return;
    context.strokeStyle = colour('--mark');
    context.beginPath();
    context.moveTo(x, frame.top);
    context.lineTo(x, frame.top + frame.height);
    context.stroke();
  }

  #frame() {
    return {
      left: MARGIN.left,
      top: MARGIN.top,
      width: this.#host.clientWidth - MARGIN.left - MARGIN.right,
      height: this.#host.clientHeight - MARGIN.top - MARGIN.bottom,
    };
  }

  /**
   * Cleared, as sharp as the screen.
   * @param {HTMLCanvasElement} canvas
   */
  #prepare(canvas) {
    const ratio = window.devicePixelRatio || 1;
    const width = Math.round(this.#host.clientWidth * ratio), height = Math.round(this.#host.clientHeight * ratio);
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    const context = canvas.getContext('2d');
    // In the canvas' own pixels: where a reader has made the page smaller, there are fewer of them than CSS has.
    context?.resetTransform();
    context?.clearRect(0, 0, canvas.width, canvas.height);
    context?.setTransform(ratio, 0, 0, ratio, 0, 0);
    return context;
  }

  #redraw() {
    const context = this.#prepare(this.#canvas);
    if (!context || !this.#span || !this.#draw) return;
    context.font = FONT;
    this.#draw(context, this.#frame(), this.#span);
    this.mark(this.#moment);
  }
}

/** @param {CanvasRenderingContext2D} context @param {Frame} frame @param {Tick[]} ticks */
function drawScale(context, frame, ticks) {
  context.textAlign = 'right';
  context.textBaseline = 'middle';
  for (const {y, text} of ticks) {
    context.strokeStyle = colour('--grid');
    context.beginPath();
    context.moveTo(frame.left, Math.round(y) + 0.5);
    context.lineTo(frame.left + frame.width, Math.round(y) + 0.5);
    context.stroke();
    context.fillStyle = colour('--quiet');
    context.fillText(text, frame.left - 6, Math.min(Math.max(y, frame.top + 5), frame.top + frame.height - 3));
  }
}

/** @param {CanvasRenderingContext2D} context @param {Frame} frame @param {Span} span */
function drawTimes(context, frame, span) {
  const last = span.steps[span.steps.length - 1];
  if (!last) return;
  const offset = last.time - last.at, room = 80;
  const every = [10, 15, 30, 60, 120, 300].find((seconds) => (seconds / span.range) * frame.width >= room) ?? 300;
  context.textAlign = 'center';
  context.textBaseline = 'alphabetic';
  context.fillStyle = colour('--quiet');
  const end = span.end + offset;
  for (let time = Math.ceil((end - span.range) / every) * every; time <= end; time += every) {
    const x = xOf(frame, span, time - offset);
    if (x < frame.left + 20 || x > frame.left + frame.width - 22) continue;
    context.fillText(new Date(time * 1000).toLocaleTimeString('en-GB'), x, frame.top + frame.height + 13);
  }
}

/**
 * Values over time; where there is none, the line has a gap.
 * @param {CanvasRenderingContext2D} context @param {Frame} frame @param {Span} span
 * @param {(step: Placed) => number | undefined} heightOf 0 (below) to 1
 * @param {{stroke: string, dash?: number[], halo?: boolean}} style
 */
function drawLine(context, frame, span, heightOf, style) {
  const path = new Path2D();
  let pen = false, end = 0;
  for (const step of span.steps) {
    const height = heightOf(step), follows = step.at - step.seconds < end + step.seconds / 2;
    end = step.at;
    if (!follows) pen = false;
    if (height === undefined) {
      pen = false;
      continue;
    }
    const x = xOf(frame, span, step.at - step.seconds / 2), y = frame.top + (1 - height) * frame.height;
    if (pen) path.lineTo(x, y);
    else path.moveTo(x - 0.75, y), path.lineTo(x, y);
    pen = true;
  }
  context.save();
  context.beginPath();
  context.rect(frame.left, 0, frame.width, frame.top + frame.height);
  context.clip();
  context.lineJoin = 'round';
  if (style.halo) {
    context.strokeStyle = colour('--paper');
    context.lineWidth = 5;
    context.globalAlpha = 0.85;
    context.stroke(path);
    context.globalAlpha = 1;
  }
  context.setLineDash(style.dash ?? []);
  context.strokeStyle = style.stroke;
  context.lineWidth = 1.75;
  context.stroke(path);
  context.restore();
}

/**
 * A round number, at least so much.
 * @param {number} value
 */
function rounded(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 3, 4, 5, 6, 8].find((factor) => factor * power >= value) ?? 10) * power;
}

/**
 * A line from 0 up; its scale is round in units of `unit`.
 * @param {(step: Placed) => number | undefined} valueOf @param {(value: number) => string} format @param {number} unit
 */
export const line = (valueOf, format, unit = 1) =>
  /** @param {CanvasRenderingContext2D} context @param {Frame} frame @param {Span} span */
  (context, frame, span) => {
    const highest = Math.max(0, ...span.steps.map((step) => valueOf(step) ?? 0));
    const most = highest > 0 ? rounded(highest / unit) * unit : unit;
    drawScale(context, frame, [0, 0.5, 1].map((share) => ({
      y: frame.top + (1 - share) * frame.height,
      text: format(share * most),
    })));
    drawTimes(context, frame, span);
    const heightOf = (/** @type {Placed} */ step) => {
      const value = valueOf(step);
      return value === undefined ? undefined : value / most;
    };
    drawLine(context, frame, span, heightOf, {stroke: colour('--line')});
  };

/**
 * Where a duration lies among the rows of a latency, as a number with a fraction.
 * @param {number} seconds
 */
export const rowOf = (seconds) => 2 * Math.log2(seconds) + 42;

/**
 * What a row takes, in seconds: above the first and up to the second.
 * @param {number} row
 */
export const boundsOf = (row) => [row === 0 ? 0 : 2 ** ((row - 42) / 2), 2 ** ((row - 41) / 2)];

/**
 * The rows that a latency picture shows, so that all that was counted is in it.
 * @param {Placed[]} steps @param {(step: Placed) => import('../types').Latency | undefined} latencyOf
 */
export function rowsShown(steps, latencyOf) {
  let first = Infinity, end = -Infinity;
  for (const step of steps) {
    const latency = latencyOf(step);
    if (!latency || latency.rows.length === 0) continue;
    first = Math.min(first, latency.first_row);
    end = Math.max(end, latency.first_row + latency.rows.length);
  }
  if (first > end) return {first: 14, end: 30};
  const least = 8;
  const more = Math.max(0, least - (end - first));
  first = Math.max(0, first - 1 - Math.floor(more / 2));
  return {first, end: Math.max(end + 1, first + least)};
}

/**
 * Latency over time: how many requests took how long, and quantiles.
 * @param {{first: number, end: number}} rows
 * @param {(step: Placed) => import('../types').Latency | undefined} latencyOf @param {(seconds: number) => string} format
 */
export const latencyMap = (rows, latencyOf, format) =>
  /** @param {CanvasRenderingContext2D} context @param {Frame} frame @param {Span} span */
  (context, frame, span) => {
    const palette = shades(), height = frame.height / (rows.end - rows.first);
    const rateOf = (/** @type {number} */ count, /** @type {Placed} */ step) => Math.log1p(count / step.seconds);
    let most = 0;
    for (const step of span.steps)
      for (const count of latencyOf(step)?.rows ?? []) most = Math.max(most, rateOf(count, step));
    const heightOf = (/** @type {number | undefined} */ seconds) =>
      seconds === undefined ? undefined : (rowOf(seconds) - rows.first) / (rows.end - rows.first);
    const ticks = [];
    let room = Infinity;
    for (let power = -7; power <= 2; ++power)
      for (const factor of rows.end - rows.first > 16 ? [1] : [1, 2, 5]) {
        const share = heightOf(factor * 10 ** power) ?? 0, y = frame.top + (1 - share) * frame.height;
        if (share < 0 || share > 1 || room - y < 18) continue;
        ticks.push({y, text: format(factor * 10 ** power)});
        room = y;
      }
    drawScale(context, frame, ticks);
    for (const step of span.steps) {
      const latency = latencyOf(step);
      if (!latency) continue;
      const x = xOf(frame, span, step.at - step.seconds), end = xOf(frame, span, step.at);
      const left = Math.max(Math.floor(x), frame.left), width = Math.max(Math.ceil(end) - left, 1);
      latency.rows.forEach((count, i) => {
        if (count === 0) return;
        context.fillStyle = shade(palette, rateOf(count, step) / most);
        const y = frame.top + frame.height - (latency.first_row + i + 1 - rows.first) * height;
        context.fillRect(left, y, width, height + 0.5);
      });
    }
    drawTimes(context, frame, span);
    drawLine(context, frame, span, (step) => heightOf(latencyOf(step)?.p999_seconds),
             {stroke: colour('--p999'), dash: [2, 3], halo: true});
    drawLine(context, frame, span, (step) => heightOf(latencyOf(step)?.p99_seconds),
             {stroke: colour('--p99'), dash: [7, 3], halo: true});
    drawLine(context, frame, span, (step) => heightOf(latencyOf(step)?.p50_seconds),
             {stroke: colour('--median'), halo: true});
  };

/**
 * A row for each vCPU.
 * @param {number[]} cpus @param {(step: Placed) => number[] | undefined} countsOf
 */
export const cpuMap = (cpus, countsOf) =>
  /** @param {CanvasRenderingContext2D} context @param {Frame} frame @param {Span} span */
  (context, frame, span) => {
    const palette = shades(), height = frame.height / Math.max(cpus.length, 1);
    let most = 0;
    for (const step of span.steps) for (const count of countsOf(step) ?? []) most = Math.max(most, count / step.seconds);
    for (const step of span.steps) {
      const counts = countsOf(step);
      if (!counts) continue;
      const left = Math.max(Math.floor(xOf(frame, span, step.at - step.seconds)), frame.left);
      const width = Math.max(Math.ceil(xOf(frame, span, step.at)) - left, 1);
      cpus.forEach((cpu, row) => {
        if (!counts[cpu]) return;
        context.fillStyle = shade(palette, counts[cpu] / step.seconds / most);
        context.fillRect(left, frame.top + row * height, width, Math.max(height - 1, 1));
      });
    }
    context.textAlign = 'right';
    context.textBaseline = 'middle';
    context.fillStyle = colour('--quiet');
    const every = Math.max(1, Math.ceil(12 / height));
    for (let row = 0; row < cpus.length; row += every)
      context.fillText(`vCPU ${cpus[row]}`, frame.left - 6, frame.top + (row + 0.5) * height);
    drawTimes(context, frame, span);
  };
