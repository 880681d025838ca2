// SPDX-License-Identifier: Apache-2.0
// The page: what the reader has chosen, and what is shown of the agent's history for it.

import {boundsOf, Chart, cpuMap, latencyMap, line, rowsShown} from './charts.js';
import {byId, keep, make, setAttribute, setText} from './dom.js';
import {Feed} from './feed.js';
import {
  clock, dayAndClock, duration, grouped, plural, shortDuration, shown, throughput, zone,
} from './format.js';
import {
  fillDisks, fillFindings, fillFound, fillLastMinute, fillMatrix, fillNotCounted, fillNumbers, fillTime,
} from './panels.js';

/** @typedef {import('../types').Placed} Placed */
/** @typedef {import('../types').Load} Load */

const RANGES = [60, 300, 900];

/** @type {import('../types').View} */
const view = {disk: '', phase: 'at_device', range: 300};
/**
 * Number of the step that is pointed at.
 * @type {number | undefined}
 */
let pointed;
/** Height in the latency picture at which it is pointed, 0 to 1. */
let pointedHeight = 0;
/**
 * Time of a link's moment until its step is there, in seconds since 1970.
 * @type {number | undefined}
 */
let wantedTime;
let remark = '';

const feed = new Feed(() => {
  forgetWhatIsGone();
  findWanted();
  render();
});

const byElement = {
  queue: /** @type {HTMLSelectElement} */ (byId('queue')),
  phase: /** @type {HTMLSelectElement} */ (byId('phase')),
  range: /** @type {HTMLSelectElement} */ (byId('range')),
  moment: /** @type {HTMLInputElement} */ (byId('moment')),
};
const charts = {
  latency: new Chart(byId('latency'), point),
  requests: new Chart(byId('requests'), point),
  bytes: new Chart(byId('bytes'), point),
  inFlight: new Chart(byId('in-flight'), point),
  interrupts: new Chart(byId('interrupts'), point),
};

// The address -----------------------------------------------------------------------------------------------------------

function readAddress() {
  const parameters = new URLSearchParams(location.hash.slice(1));
  if (!parameters.has('disk')) return;
  view.disk = parameters.get('disk') ?? '';
  const queue = parameters.get('queue'), range = Number(parameters.get('range')), at = parameters.get('at');
  view.queue = queue !== null && /^\d+$/.test(queue) ? Number(queue) : undefined;
  view.phase = parameters.get('latency') === 'before_issue' ? 'before_issue' : 'at_device';
  if (RANGES.includes(range)) view.range = range;
  if (at !== null && Number.isFinite(Number(at))) {
    wantedTime = Number(at);
    findWanted();
  }
}

/**
 * @param {number | undefined} time of a moment, in seconds since 1970
 */
function addressOf(time) {
  const parameters = new URLSearchParams({disk: view.disk});
  if (view.queue !== undefined) parameters.set('queue', String(view.queue));
  if (view.phase !== 'at_device') parameters.set('latency', view.phase);
  parameters.set('range', String(view.range));
  if (time !== undefined) parameters.set('at', String(time));
  return `#${parameters}`;
}

function writeAddress() {
  const step = view.moment === undefined ? undefined : feed.step(view.moment);
  history.replaceState(null, '', addressOf(step?.time ?? wantedTime));
}

/** Shows the moment of a link, once it is known whether it is there. */
function findWanted() {
  if (wantedTime === undefined || feed.steps.length === 0 || feed.catchingUp) return;
  const time = wantedTime;
  wantedTime = undefined;
  const found = feed.steps.find((step) => step.time >= time - 0.001);
  if (!found || found.time - found.seconds > time + 0.001) {
    remark = `The moment of this link, ${clock(time)}, is not kept: the oldest is ${clock(feed.steps[0].time)}. `;
    return;
  }
  view.moment = found.number;
  const newest = feed.steps[feed.steps.length - 1];
  if (found.at > newest.at - view.range) return;
  view.edge = (feed.steps.find((step) => step.at >= found.at + view.range / 4) ?? newest).number;
}

let beginnings = 0;
function forgetWhatIsGone() {
  // The numbers of steps begin anew with them.
  const others = feed.beginnings !== beginnings;
  beginnings = feed.beginnings;
  if (others) pointed = undefined;
  for (const chosen of /** @type {const} */ (['moment', 'edge'])) {
    const number = view[chosen];
    if (number === undefined || (!others && feed.step(number))) continue;
    view[chosen] = undefined;
    remark = 'The moment that was shown is not kept any more. ';
  }
}

// What is shown ---------------------------------------------------------------------------------------------------------

/**
 * @param {Placed | undefined} step
 */
const diskOf = (step) => step?.disks.find((disk) => disk.name === view.disk);

/**
 * Of the disk, or of its queue if one is chosen.
 * @param {Placed | undefined} step @returns {Load | undefined}
 */
function loadOf(step) {
  const disk = diskOf(step);
  return view.queue === undefined ? disk : disk?.queues?.find((queue) => queue.queue === view.queue);
}

/** The steps between the edges of the pictures. */
function spanShown() {
  const edge = feed.step(view.edge ?? feed.newest);
  const steps = feed.steps.filter((step) => step.at <= edge.at && step.at > edge.at - view.range);
  return {steps, end: edge.at, range: view.range};
}

const latencyOf = (/** @type {Placed} */ step) => loadOf(step)?.[view.phase];

/**
 * @param {Placed} step @param {import('./charts.js').Span} span
 */
function renderPictures(step, span) {
  const load = loadOf(step), latency = latencyOf(step);
  const requests = shown(load?.requests_per_second, grouped), bytes = shown(load?.bytes_per_second, throughput),
        inFlight = shown(load?.average_in_flight, grouped);
  const over = `over ${plural(view.range / 60, 'minute')}; at ${clock(step.time)}`;
  rows = rowsShown(span.steps, latencyOf);
  charts.latency.show(
      span, `Latency ${over}: median ${shown(latency?.p50_seconds, shortDuration)}, ` +
        `p99 ${shown(latency?.p99_seconds, shortDuration)}, p99.9 ${shown(latency?.p999_seconds, shortDuration)}`,
      latencyMap(rows, latencyOf, shortDuration));
  charts.requests.show(span, `Requests per second ${over}: ${requests}`,
                       line((each) => loadOf(each)?.requests_per_second, grouped));
  charts.bytes.show(span, `Throughput ${over}: ${bytes}`, line((each) => loadOf(each)?.bytes_per_second, throughput, 2 ** 20));
  charts.inFlight.show(span, `Requests in flight on average ${over}: ${inFlight}`,
                       line((each) => loadOf(each)?.average_in_flight, grouped));
  const cpus = feed.machine?.online_cpus ?? [];
  charts.interrupts.show(span, `Interrupts by vCPU ${over}: the table of queues and vCPUs has the numbers`,
                         cpuMap(cpus, (each) => loadOf(each)?.interrupts));
  const interrupts = span.steps.flatMap((each) => loadOf(each)?.interrupts ?? []);
  const none = loadOf(step)?.interrupts && interrupts.every((count) => count === 0) ? 'none was seen' : '';
  [requests, bytes, inFlight, none].forEach((text, i) => setText(document.querySelectorAll('figcaption output')[i], text));
}
let rows = {first: 0, end: 1};

function renderCell() {
  const step = pointed === undefined ? undefined : feed.step(pointed);
  const latency = step && latencyOf(step);
  if (!step || !latency || pointedHeight < 0 || pointedHeight >= 1) {
    setText(byId('cell'), 'Point at the picture for values; click to stay at a moment.');
    return;
  }
  const row = rows.first + Math.floor(pointedHeight * (rows.end - rows.first));
  const [above, upTo] = boundsOf(row);
  setText(byId('cell'), `${clock(step.time)}: ${grouped(latency.rows[row - latency.first_row] ?? 0)} of ` +
    `${plural(latency.count, 'request')} took more than ${shortDuration(above)} and up to ${shortDuration(upTo)}.`);
}

/**
 * @param {Placed} step
 */
function renderControls(step) {
  const about = feed.machine?.disks.find((disk) => disk.name === view.disk);
  setText(byId('disk-title'), view.queue === undefined ? view.disk : `${view.disk}, queue ${view.queue}`);
  setText(byId('disk-about'), about ? [about.about, about.layers, about.setup].filter(Boolean).join('. ') + '.'
    : 'This disk is not there, or it is not measured. What is kept of it is shown.');
  setText(byId('latency-of'), view.phase === 'at_device' ? 'at the device' : 'before issue');
  const queues = Array.from({length: about?.queues ?? 0}, (_, queue) => String(queue));
  keep(byElement.queue, ['', ...queues], (value) => value, (value) => make('option', {value}),
       (option, value) => setText(option, value === '' ? 'all together' : `queue ${value}`));
  byElement.queue.value = view.queue === undefined ? '' : String(view.queue);
  byElement.phase.value = view.phase;
  byElement.range.value = String(view.range);
  const paused = view.edge !== undefined;
  setAttribute(byId('pause'), 'aria-pressed', String(paused));
  setText(byId('pause'), paused ? 'Go on' : 'Pause');
  setAttribute(byId('link'), 'href', addressOf(step.time));
}

/**
 * @param {Placed} step @param {import('./charts.js').Span} span
 */
function renderMoment(step, span) {
  const slider = byElement.moment;
  const last = span.steps[span.steps.length - 1];
  slider.min = String(span.steps[0].number);
  slider.max = String(last.number);
  slider.value = String(step.number);
  const load = loadOf(step);
  setAttribute(slider, 'aria-valuetext', `${clock(step.time)}, ${shown(load?.requests_per_second, grouped)} requests per ` +
    `second, median ${shown(latencyOf(step)?.p50_seconds, shortDuration)}`);
  const now = pointed === undefined && view.moment === undefined && view.edge === undefined;
  const title = `${now ? (feed.recording ? 'The end, ' : 'Now, ') : ''}${clock(step.time)}, over ${duration(step.seconds)}`;
  setText(byId('moment-title'), title);
  setText(byId('disks-moment'), title);
  for (const chart of Object.values(charts)) chart.mark(now ? undefined : step.at - step.seconds / 2);
}

/**
 * @param {import('../types').Recording} recording
 */
function aboutRecording(recording) {
  const {note, begin, end, goes_on_until: more} = recording;
  return `A recording${note && ` (${note})`}, from ${dayAndClock(begin)} to ${dayAndClock(end)} ${zone(end)}.` +
    (more ? ` It goes on until ${dayAndClock(more)}: serve --from shows more of it.` : '');
}

function renderStatus() {
  const edge = view.edge === undefined ? undefined : feed.step(view.edge);
  const moment = view.moment === undefined ? undefined : feed.step(view.moment);
  let text = feed.recording ? aboutRecording(feed.recording) : 'Live.';
  if (feed.locked) text = 'The agent asks for a password. Reload the page to give it.';
  else if (feed.trouble && feed.answered)
    text = `The agent has not answered since ${clock(feed.answered)}: ${feed.trouble}. Asking again.`;
  else if (feed.trouble) text = `The agent does not answer: ${feed.trouble}. Asking again.`;
  else if (feed.steps.length === 0) text = 'The agent has just started; the first second is being measured.';
  else if (feed.recording) text += moment ? ` The numbers are those of ${clock(moment.time)}.` : '';
  else if (edge) text = `Paused at ${clock(edge.time)}.`;
  else if (moment) text = `Live; the numbers are those of ${clock(moment.time)}.`;
  setText(byId('status'), remark + text);
  document.body.classList.toggle('away', feed.trouble !== '');
}

function renderMachine() {
  const machine = feed.machine;
  if (!machine) return;
  setText(byId('host'), machine.host);
  const title = machine.host ? `${machine.host} - vqscope` : 'vqscope';
  if (document.title !== title) document.title = title;
  const cpus = plural(machine.online_cpus.length, machine.guest ? 'online vCPU' : 'online CPU');
  const off = machine.probes.filter((probe) => !probe.up).map((probe) => ` The ${probe.name} probe is off: ${probe.reason}.`);
  setText(byId('guest'), `${machine.guest ? `Guest${machine.vmm && ` (${machine.vmm})`}` : 'No guest'}, ${cpus}.${off.join('')}`);
}

/** Number of the step that the reader stays at, whatever is pointed at: lists do not move under the pointer. */
const chosenStep = () => view.moment ?? view.edge ?? feed.newest;

function renderFindings() {
  const judged = feed.judgedAt(chosenStep()), findings = feed.findingsAt(chosenStep());
  const step = judged && feed.step(judged.step);
  setText(byId('findings-moment'), judged ? `in the ${duration(judged.seconds)}${step ? ` to ${clock(step.time)}` : ''}` : '');
  setText(byId('no-findings'), judged ? 'Nothing was found.' : feed.recording ? 'Nothing had been judged by then.' : 'Nothing has been judged yet: that takes some seconds.');
  byId('no-findings').hidden = findings.length > 0;
  fillFindings(byId('findings'), findings);
  fillFound(byId('found'), findings);
}

let adapted = false;
/** What is of now only is not there of a recording, of which all is shown at first. */
function adaptToRecording() {
  if (!feed.recording || adapted) return;
  adapted = true;
  document.body.classList.add('recorded');
  setText(byId('live'), 'Back to the end');
  const seconds = feed.recording.end - feed.recording.begin;
  if (!location.hash) view.range = RANGES.find((range) => range >= seconds) ?? RANGES[RANGES.length - 1];
}

function render() {
  adaptToRecording();
  renderStatus();
  renderMachine();
  renderFindings();
  if (feed.steps.length === 0 || !feed.machine) return;
  const step = feed.step(pointed ?? view.moment ?? view.edge ?? feed.newest) ?? feed.steps[feed.steps.length - 1];
  const abouts = feed.machine.disks;
  if (!view.disk) view.disk = busiestDisk(step) ?? abouts[0]?.name ?? '';
  byId('no-disks').hidden = abouts.length > 0;
  const leftOut = step.left_out_disks ?? 0;
  byId('left-out').hidden = leftOut === 0;
  setText(byId('left-out'), `There are too many disks to keep all of them: ${plural(leftOut, 'quieter disk')} left out here.`);
  fillDisks(byId('disk-rows'), abouts, step, feed.findingsAt(chosenStep()), view.disk, (disk) => choose({disk, queue: undefined}));
  byId('disk').hidden = view.disk === '';
  if (view.disk === '') return;
  const span = spanShown(), disk = diskOf(step);
  renderControls(step);
  renderPictures(step, span);
  renderCell();
  renderMoment(step, span);
  fillNumbers(byId('numbers'), disk, loadOf(step));
  fillNotCounted(byId('not-counted'), byId('losses'), step.not_counted ?? []);
  fillTime(byId('time-of'), byId('time-bar'), byId('time-parts'), disk?.time);
  renderMatrix(disk);
  if (byId('table-details').hasAttribute('open'))
    fillLastMinute(byId('last-minute-rows'), span.steps.slice(-60), loadOf, view.phase);
  document.body.dataset.step = String(step.number);
}

/**
 * @param {import('../types').DiskStep | undefined} disk
 */
function renderMatrix(disk) {
  const counts = [...(disk?.submissions ?? []), ...(disk?.interrupts ?? [])];
  const some = counts.some((count) => count > 0);
  byId('matrix').hidden = !some;
  byId('no-matrix').hidden = some;
  setText(byId('no-matrix'), !disk ? 'There are no numbers of this disk at this moment.' : disk.interrupts
    ? 'No interrupt and no request that is seen here came at this moment.'
    : 'So many disks and vCPUs are measured here that the history does not keep who submitted and who was interrupted.');
  if (some && disk)
    fillMatrix(byId('matrix'), disk, feed.machine?.online_cpus ?? [], view.queue, (queue) => choose({queue}));
}

/**
 * @param {Placed} step
 */
function busiestDisk(step) {
  const busy = [...step.disks].sort((a, b) => (b.requests_per_second ?? 0) - (a.requests_per_second ?? 0));
  return busy[0]?.name;
}

// What the reader does --------------------------------------------------------------------------------------------------

let drawing = 0;
function renderSoon() {
  cancelAnimationFrame(drawing);
  drawing = requestAnimationFrame(render);
}

/**
 * @param {Partial<import('../types').View>} change
 */
function choose(change) {
  Object.assign(view, change);
  remark = '';
  writeAddress();
  renderSoon();
}

/**
 * @param {number | null} at @param {number} height @param {boolean} chosen
 */
function point(at, height, chosen) {
  const step = at === null ? undefined : feed.steps.find((each) => each.at >= at);
  pointed = step?.number;
  pointedHeight = height;
  if (chosen && step) choose({moment: step.number});
  else renderSoon();
}

byElement.queue.addEventListener('change', () => {
  choose({queue: byElement.queue.value === '' ? undefined : Number(byElement.queue.value)});
});
byElement.phase.addEventListener('change', () => {
  choose({phase: byElement.phase.value === 'before_issue' ? 'before_issue' : 'at_device'});
});
byElement.range.addEventListener('change', () => choose({range: Number(byElement.range.value)}));
byElement.moment.addEventListener('input', () => choose({moment: Number(byElement.moment.value)}));
byId('pause').addEventListener('click', () => choose({edge: view.edge === undefined ? feed.newest : undefined}));
byId('live').addEventListener('click', () => choose({edge: undefined, moment: undefined}));
byId('table-details').addEventListener('toggle', renderSoon);
window.addEventListener('hashchange', () => {
  // Such as after "Skip to the disks".
  if (!location.hash.includes('disk=') && view.disk) writeAddress();
  readAddress();
  renderSoon();
});
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') choose({edge: undefined, moment: undefined});
});
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', renderSoon);

// A user and a password in the address would be in every link that is made of it. The browser remembers them.
if (new URL(document.URL).username) location.replace(location.origin + location.pathname + location.search + location.hash);
else {
  readAddress();
  feed.run();
}
