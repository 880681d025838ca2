// SPDX-License-Identifier: Apache-2.0
// The tables, lists and sentences of the page.

import {keep, make, setAttribute, setText} from './dom.js';
import {clock, duration, grouped, percent, plural, shortDuration, shown, throughput} from './format.js';

/** @typedef {import('../types').Placed} Placed */
/** @typedef {import('../types').DiskStep} DiskStep */
/** @typedef {import('../types').Load} Load */
/** @typedef {import('../types').Finding} Finding */

/** Of so many columns at the most a matrix has one for each vCPU. */
const MOST_CPUS = 16;

const SEVERITIES = /** @type {const} */ (['critical', 'warning', 'info']);

/**
 * @param {number[] | undefined} counts
 */
const sum = (counts) => (counts ?? []).reduce((total, count) => total + count, 0);

/**
 * "vCPU 1, 72 %"; nothing without interrupts.
 * @param {number[] | undefined} interrupts
 */
function busiestCpu(interrupts) {
  const total = sum(interrupts);
  if (!interrupts || total === 0) return undefined;
  const most = Math.max(...interrupts);
  return `vCPU ${interrupts.indexOf(most)}, ${percent(most / total)}`;
}

/**
 * The share of the requests' time; absent where it was not measured.
 * @param {DiskStep | undefined} disk @param {'before_issue_seconds' | 'at_host_seconds'} part
 */
function shareOf(disk, part) {
  const seconds = disk?.time?.[part];
  return disk?.time && seconds !== undefined && disk.time.seconds > 0 ? seconds / disk.time.seconds : undefined;
}

/**
 * "1 warning, 2 info"
 * @param {Finding[]} findings
 */
function countFindings(findings) {
  return SEVERITIES.map((severity) => [findings.filter((finding) => finding.severity === severity).length, severity])
      .filter(([count]) => count !== 0)
      .map(([count, severity]) => `${count} ${severity}`)
      .join(', ');
}

/**
 * @param {HTMLElement} body @param {import('../types').DiskAbout[]} abouts @param {Placed | undefined} step
 * @param {Finding[]} findings @param {string} chosen @param {(disk: string) => void} choose
 */
export function fillDisks(body, abouts, step, findings, chosen, choose) {
  const create = (/** @type {{name: string}} */ {name}) => {
    const button = make('button', {type: 'button'}, name);
    button.addEventListener('click', () => choose(name));
    const cells = ['number', 'number medium', 'number medium', 'number', 'number', 'number medium', 'number wide',
      'number wide', 'number wide', 'number wide', 'findings'].map((kind) => make('td', {class: kind}));
    return make('tr', {}, make('th', {scope: 'row'}, button), ...cells);
  };
  keep(body, abouts, ({name}) => name, create, (row, {name, queues}) => {
    const disk = step?.disks.find((each) => each.name === name);
    const own = findings.filter((finding) => finding.device === name);
    const busiest = busiestCpu(disk?.interrupts);
    const texts = [
      shown(disk?.requests_per_second, grouped),
      shown(disk?.bytes_per_second, throughput),
      shown(disk?.average_in_flight, grouped),
      shown(disk?.at_device?.p50_seconds, duration),
      shown(disk?.at_device?.p99_seconds, duration),
      shown(disk?.at_device?.p999_seconds, duration),
      shown(shareOf(disk, 'before_issue_seconds'), percent),
      shown(shareOf(disk, 'at_host_seconds'), percent),
      String(queues),
      busiest ?? '\u2013',
      countFindings(own) || 'none',
    ];
    [...row.children].slice(1).forEach((cell, i) => setText(cell, texts[i]));
    setAttribute(row, 'class', name === chosen ? 'chosen' : '');
    setAttribute(row.children[0].children[0], 'aria-pressed', String(name === chosen));
    setAttribute(row.children[11], 'class', `findings ${own.map((finding) => finding.severity).sort()[0] ?? ''}`);
  });
}

/**
 * @param {HTMLElement} list @param {DiskStep | undefined} disk @param {Load | undefined} load
 */
export function fillNumbers(list, disk, load) {
  /** @type {[string, string][]} */
  const rows = [
    ['requests/s', shown(load?.requests_per_second, grouped)],
    ['throughput', shown(load?.bytes_per_second, throughput)],
    ['in flight, on average', shown(load?.average_in_flight, grouped)],
    ['in flight, at its end', shown(load?.in_flight, grouped)],
    ['oldest in flight', shown(load?.oldest_seconds, shortDuration)],
  ];
  for (const [name, latency] of /** @type {const} */ ([['at the device', load?.at_device], ['before issue', load?.before_issue]]))
    rows.push([`${name}: mean`, shown(latency?.mean_seconds, shortDuration)],
              [`${name}: median`, shown(latency?.p50_seconds, shortDuration)],
              [`${name}: p99`, shown(latency?.p99_seconds, shortDuration)],
              [`${name}: p99.9`, shown(latency?.p999_seconds, shortDuration)]);
  if (load === disk) rows.push(['interrupts/s', shown(disk?.interrupts_per_second, grouped)]);
  if (load === disk && disk?.errors) rows.push(['failed requests', grouped(disk.errors)]);
  keep(list, rows, ([name]) => name, ([name]) => make('div', {}, make('dt', {}, name), make('dd')),
       (pair, [, value]) => setText(pair.children[1], value));
}

/**
 * @param {HTMLElement} place @param {HTMLElement} list @param {string[]} sentences
 */
export function fillNotCounted(place, list, sentences) {
  place.hidden = sentences.length === 0;
  // "... [stale_slot]": its reason stays while its numbers change.
  keep(list, sentences, (text) => text.slice(text.lastIndexOf('[')), () => make('li'), setText);
}

/**
 * @param {HTMLElement} sentence @param {HTMLElement} bar @param {HTMLElement} list
 * @param {import('../types').TimeParts | undefined} time
 */
export function fillTime(sentence, bar, list, time) {
  const total = time?.seconds ?? 0;
  setText(sentence, time && total > 0
    ? `Of ${shortDuration(total / time.requests)} that a request takes on average, in ${plural(time.requests, 'request')}:`
    : 'No request ended, or requests are not seen here.');
  /** @type {[string, string, number | undefined][]} */
  const parts = !time || total <= 0 ? [] : time.at_host_seconds === undefined
    ? [['before', 'before issue', time.before_issue_seconds], ['host', 'from issue to completion', time.at_device_seconds]]
    : [['before', 'before issue', time.before_issue_seconds], ['host', 'at the host', time.at_host_seconds],
       ['local', 'in completion, on the submitting vCPU', time.completion_local_seconds],
       ['cross', 'in completion, on another vCPU', time.completion_cross_cpu_seconds]];
  const known = parts.filter(([, , seconds]) => seconds !== undefined);
  keep(bar, known, ([kind]) => kind, ([kind]) => make('span', {class: kind}),
       (part, [, , seconds]) => (part.style.flexGrow = String((seconds ?? 0) / total)));
  const lines = known.map(([kind, name, seconds]) => ({kind, text: `${percent((seconds ?? 0) / total)} ${name}`}));
  if (time?.lock_wait_seconds !== undefined && total > 0)
    lines.push({kind: 'locks', text: `${percent(time.lock_wait_seconds / total)} in waits for locks, within these`});
  keep(list, lines, ({kind}) => kind, ({kind}) => make('li', {}, make('span', {class: `swatch ${kind}`}), make('span')),
       (item, {text}) => setText(item.children[1], text));
}

/**
 * The vCPUs that have a column of their own: the busiest, rising.
 * @param {DiskStep} disk @param {number[]} online
 */
function columnsOf(disk, online) {
  if (online.length <= MOST_CPUS) return online;
  const requests = sum(disk.submissions), interrupts = sum(disk.interrupts);
  const weight = (/** @type {number} */ cpu) =>
    (disk.submissions?.[cpu] ?? 0) / (requests || 1) + (disk.interrupts?.[cpu] ?? 0) / (interrupts || 1);
  return [...online].sort((a, b) => weight(b) - weight(a)).slice(0, MOST_CPUS).sort((a, b) => a - b);
}

/**
 * @param {HTMLElement} table @param {DiskStep} disk @param {number[]} online @param {number | undefined} chosen
 * @param {(queue: number | undefined) => void} choose
 */
export function fillMatrix(table, disk, online, chosen, choose) {
  const cpus = columnsOf(disk, online), others = cpus.length < online.length ? 1 : 0;
  const shape = `${cpus.join()}|${others}`;
  if (table.dataset.shape !== shape) {
    table.dataset.shape = shape;
    const columns = String(cpus.length + others);
    const names = [...cpus.map(String), ...(others ? ['others'] : [])];
    const head = () => names.map((name, i) => make('th', {scope: 'col', class: i === 0 ? 'number first' : 'number'}, name));
    table.replaceChildren(
      make('thead', {},
           make('tr', {}, make('td'), make('th', {scope: 'colgroup', colspan: columns}, 'requests from vCPU'),
                make('th', {scope: 'colgroup', colspan: columns, class: 'first'}, 'interrupts on vCPU')),
           make('tr', {}, make('td'), ...head(), ...head())),
      make('tbody'));
  }
  const totals = [sum(disk.submissions), sum(disk.interrupts)];
  const cellsOf = (/** @type {(number[] | undefined)[]} */ kinds) =>
    kinds.flatMap((counts, kind) => {
      const own = cpus.map((cpu) => counts?.[cpu] ?? 0);
      return [...own, ...(others ? [sum(counts) - sum(own)] : [])].map(
          (count) => (totals[kind] && counts ? count / totals[kind] : undefined));
    });
  /** @type {{key: string, queue?: number, name: string, cells: (number | undefined)[]}[]} */
  const rows = (disk.queues ?? []).map((queue) => ({
    key: String(queue.queue),
    queue: queue.queue,
    name: `queue ${queue.queue}`,
    cells: cellsOf([queue.submissions, queue.interrupts]),
  }));
  if (disk.interrupts_of_several_queues)
    rows.push({key: 'several', name: 'several', cells: cellsOf([undefined, disk.interrupts_of_several_queues])});
  rows.push({key: 'all', name: 'all queues', cells: cellsOf([disk.submissions, disk.interrupts])});
  const create = (/** @type {{key: string, queue?: number, name: string}} */ row) => {
    const button = make('button', {type: 'button'}, row.name);
    button.addEventListener('click', () => choose(row.queue));
    return make('tr', {}, make('th', {scope: 'row'}, row.key === 'several' ? row.name : button));
  };
  keep(table.children[1], rows, ({key}) => key, create, (element, row) => {
    const pressed = element.querySelector('button');
    if (pressed) setAttribute(pressed, 'aria-pressed', String(row.queue === chosen));
    while (element.children.length - 1 > row.cells.length) element.lastElementChild?.remove();
    row.cells.forEach((share, i) => {
      const first = i === cpus.length + others || i === 0 ? 'number first' : 'number';
      const cell = element.children[i + 1] ?? element.appendChild(make('td', {class: first}));
      setText(cell, share === undefined ? '' : share === 0 ? '0' : percent(share));
      if (cell instanceof HTMLElement) cell.style.setProperty('--share', String(share ?? 0));
    });
  });
}

/**
 * @param {HTMLElement} body @param {Placed[]} steps the newest last @param {(step: Placed) => Load | undefined} loadOf
 * @param {import('../types').Phase} phase
 */
export function fillLastMinute(body, steps, loadOf, phase) {
  keep(body, [...steps].reverse(), ({number}) => String(number),
       () => make('tr', {}, make('th', {scope: 'row'}), ...Array.from({length: 7}, () => make('td', {class: 'number'}))),
       (row, step) => {
         const load = loadOf(step), latency = load?.[phase];
         const texts = [
           clock(step.time), shown(load?.requests_per_second, grouped), shown(load?.bytes_per_second, throughput),
           shown(load?.average_in_flight, grouped), shown(latency?.mean_seconds, shortDuration),
           shown(latency?.p50_seconds, shortDuration), shown(latency?.p99_seconds, shortDuration),
           shown(latency?.p999_seconds, shortDuration),
         ];
         [...row.children].forEach((cell, i) => setText(cell, texts[i]));
       });
}

/**
 * @param {import('../types').RemedyStep} step
 */
function remedyStep(step) {
  const parts = [make('p', {}, make('strong', {}, `${step.where}: `), step.text)];
  /** @type {HTMLElement[]} */
  const all = [...parts];
  if (step.snippet) all.push(make('pre', {tabindex: '0'}, make('code', {}, step.snippet)));
  const cautions = [['Check first', step.check_first], ['Interrupts', step.interrupts], ['To go back', step.undo],
                    ['At risk', step.risk]];
  const told = cautions.flatMap(([name, text]) => (text ? [make('dt', {}, `${name}:`), make('dd', {}, text)] : []));
  if (told.length) all.push(make('dl', {class: 'cautions'}, ...told));
  return make('li', {}, ...all);
}

/**
 * How many there are, of the guest too, for those who do not see the list.
 * @param {HTMLElement} line @param {Finding[]} findings
 */
export function fillFound(line, findings) {
  line.hidden = findings.length === 0;
  setText(line.children[0], `Found in the whole guest: ${countFindings(findings)}`);
}

/**
 * The worst first.
 * @param {HTMLElement} place @param {Finding[]} unsorted
 */
export function fillFindings(place, unsorted) {
  const findings = SEVERITIES.flatMap((severity) => unsorted.filter((finding) => finding.severity === severity));
  const create = (/** @type {Finding} */ finding) => {
    const article = make('article', {}, make('h3'), make('ul'), make('p', {class: 'quiet'}));
    if (finding.remedy.summary)
      article.append(make('details', {}, make('summary', {}, 'What to do'), make('p'), make('ol', {class: 'remedy'})));
    return article;
  };
  // The remedy can change with the guest, and is then made anew.
  keep(place, findings, ({finding, device, remedy}) => `${finding} ${device} ${remedy.summary}`, create, (article, finding) => {
    const [title, evidence, explanation, remedy] = article.children;
    setAttribute(article, 'class', finding.severity);
    setText(title, `${finding.severity.toUpperCase()}  ${finding.device || 'guest'}: ${finding.title}`);
    keep(evidence, finding.evidence.map((text, i) => ({text, i})), ({i}) => String(i), () => make('li'),
         (item, {text}) => setText(item, text));
    setText(explanation, `${finding.explanation} [${finding.finding}]`);
    if (!remedy) return;
    setText(remedy.children[1], finding.remedy.summary);
    const steps = JSON.stringify(finding.remedy.steps);
    if (article.dataset.steps === steps) return;
    article.dataset.steps = steps;
    remedy.children[2].replaceChildren(...finding.remedy.steps.map(remedyStep));
  });
}
