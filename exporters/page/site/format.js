// SPDX-License-Identifier: Apache-2.0
// Numbers as people read them, and as vqscope doctor writes them (agent/diagnosis/phrases.h).

/**
 * With so many digits after the point. What lies exactly between two goes to the even one, as in C++: 12.5 -> "12".
 * @param {number} value @param {number} [digits]
 */
function fixed(value, digits = 0) {
  const text = value.toFixed(digits), between = /50{19}$/.test(value.toFixed(digits + 20));
  return between && /[13579]$/.test(text) ? (value - 0.5 * 10 ** -digits).toFixed(digits) : text;
}

/**
 * Some digits that count: 12.345 -> "12.3".
 * @param {number} value @param {number} digits
 */
function significant(value, digits) {
  const afterPoint = digits - 1 - Number(value.toExponential(digits - 1).split('e')[1]);
  return String(Number(afterPoint < 0 ? value.toPrecision(digits) : fixed(value, afterPoint)));
}

/**
 * "103,210", "12.5" below 100.
 * @param {number} value
 */
export function grouped(value) {
  if (Math.abs(value) < 100) return significant(value, 3);
  return fixed(value).replace(/\B(?=(\d{3})+$)/g, ',');
}

/**
 * 0.724 -> "72 %".
 * @param {number} share
 */
export function percent(share) {
  if (share > 0 && share < 0.01) return '< 1 %';
  // All but a little is not all.
  if (share > 0.99 && share < 1) return '> 99 %';
  return `${fixed(100 * share)} %`;
}

/**
 * "85 us", "1.2 ms", "31 s".
 * @param {number} seconds
 */
export function duration(seconds) {
  // What would be written as 1000 us or 1000 ms has the next unit.
  if (seconds < 999.5e-6) return `${fixed(seconds * 1e6)} us`;
  if (seconds < 999.5e-3) return `${significant(seconds * 1e3, 3)} ms`;
  return `${significant(seconds, 3)} s`;
}

/**
 * The same, but "340 ns" below 10 us.
 * @param {number} seconds
 */
export function shortDuration(seconds) {
  return seconds < 10e-6 ? `${grouped(Math.round(seconds * 1e9))} ns` : duration(seconds);
}

/**
 * "403 MiB/s".
 * @param {number} bytes
 */
export function throughput(bytes) {
  const MiB = 2 ** 20, GiB = 2 ** 30;
  if (bytes >= 10 * GiB) return `${fixed(bytes / GiB, 1)} GiB/s`;
  return `${bytes >= 10 * MiB ? fixed(bytes / MiB) : significant(bytes / MiB, 2)} MiB/s`;
}

/**
 * "1 queue", "4 queues".
 * @param {number} count @param {string} noun
 */
export const plural = (count, noun) => `${grouped(count)} ${noun}${count === 1 ? '' : 's'}`;

/**
 * "14:03:12", where the reader is.
 * @param {number} time in seconds since 1970
 */
export const clock = (time) => new Date(time * 1000).toLocaleTimeString('en-GB');

/**
 * "27 Nov 2026, 14:03:12", where the reader is.
 * @param {number} time in seconds since 1970
 */
export const dayAndClock = (time) =>
  new Date(time * 1000).toLocaleString('en-GB', {dateStyle: 'medium', timeStyle: 'medium'});

/**
 * "UTC", "CET": where the reader is, at that time.
 * @param {number} time in seconds since 1970
 */
export const zone = (time) => new Intl.DateTimeFormat('en-GB', {timeZoneName: 'short'})
  .formatToParts(time * 1000).find((part) => part.type === 'timeZoneName')?.value ?? '';

/**
 * What was not measured is a dash.
 * @param {number | undefined} value @param {(value: number) => string} format
 */
export const shown = (value, format) => (value === undefined ? '\u2013' : format(value));
