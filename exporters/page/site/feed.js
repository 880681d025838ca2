// SPDX-License-Identifier: Apache-2.0
// The agent's history, fetched once a second with a cursor: what is new since the last answer, and nothing else.

/** @typedef {import('../types').Answer} Answer */
/** @typedef {import('../types').Finding} Finding */
/** @typedef {import('../types').Placed} Placed */

// An answer that takes long is told of, but asked for anew only later: a browser may be asking for a password meanwhile.
const ASK_EVERY_MS = 1000, PATIENCE_MS = 10_000, GIVE_UP_MS = 60_000;

const HISTORY = new URL('-/history', location.href);

export class Feed {
  /** @type {Placed[]} the oldest first */
  steps = [];
  /** @type {import('../types').Machine | null} */
  machine = null;
  /** @type {import('../types').Judged[]} the oldest first */
  judged = [];
  /** @type {Finding[]} found last, and those of the history that were not */
  #known = [];
  /** @type {import('../types').Recording | null} of a recording there is no more to come */
  recording = null;
  keptSeconds = 900;
  stepSeconds = 1;
  /** How often the steps were others than before: of another run of the agent, or after a gap. */
  beginnings = 0;
  /** There is more of the past to come. */
  catchingUp = true;
  /** Why the agent does not answer; empty: it does. */
  trouble = '';
  /** It asks for a password, and does not take the one that the browser has given, if any. */
  locked = false;
  /** When it answered last, in seconds since 1970. */
  answered = 0;
  #cursor = '';
  #version = '';

  /** @param {() => void} changed called after each answer and each failure */
  constructor(changed) {
    this.changed = changed;
  }

  /** Number of the oldest and of the newest step; 0 without any. */
  get oldest() {
    return this.steps.length ? this.steps[0].number : 0;
  }
  get newest() {
    return this.steps.length ? this.steps[this.steps.length - 1].number : 0;
  }

  /** @param {number} number */
  step(number) {
    return this.steps[number - this.oldest];
  }

  /**
   * When it was judged what held at a step; undefined: it was not.
   * @param {number} number of the step
   */
  judgedAt(number) {
    return this.judged.filter(({step}) => step <= number).pop();
  }

  /**
   * What held at a step, with what it was then.
   * @param {number} number @returns {Finding[]}
   */
  findingsAt(number) {
    return (this.judgedAt(number)?.findings ?? []).flatMap((held) => {
      const known = this.#known.find(({finding, device}) => finding === held.finding && device === held.device);
      return known ? [{...known, ...held}] : [];
    });
  }

  /**
   * Asks until a password is asked for, which browsers do in the reader's face, each time, or all of a recording is
   * there.
   */
  async run() {
    while (!this.locked && !(this.recording && !this.catchingUp && !this.trouble)) {
      const began = performance.now();
      let more = false;
      try {
        more = await this.#ask();
        this.trouble = '';
        this.answered = Date.now() / 1000;
      } catch (error) {
        this.trouble = error instanceof Error && error.name !== 'AbortError' ? error.message : 'it takes too long';
      }
      this.changed();
      const rest = ASK_EVERY_MS - (performance.now() - began);
      if (!more && rest > 0) await new Promise((resolve) => setTimeout(resolve, rest));
    }
  }

  /**
   * Whether there is more to ask for at once.
   * @returns {Promise<boolean>}
   */
  async #ask() {
    const url = new URL(HISTORY);
    if (this.#cursor) url.searchParams.set('since', this.#cursor);
    const late = setTimeout(() => {
      this.trouble = 'it takes too long';
      this.changed();
    }, PATIENCE_MS);
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(), GIVE_UP_MS);
    try {
      const response = await fetch(url, {signal: patience.signal, cache: 'no-store'});
      this.locked = response.status === 401;
      if (!response.ok) throw new Error(`it answers ${response.status}: ${(await response.text()).trim().slice(0, 200)}`);
      return this.#take(await response.json());
    } finally {
      clearTimeout(late);
      clearTimeout(timer);
    }
  }

  #beginAnew() {
    this.steps = [];
    this.judged = [];
    ++this.beginnings;
  }

  /** @param {Answer} answer */
  #take(answer) {
    // Another version of the agent may have another page.
    if (this.#version && this.#version !== answer.version) location.reload();
    this.#version = answer.version;
    const [run, newest] = answer.cursor.split('-');
    if (!this.#cursor.startsWith(`${run}-`)) this.#beginAnew();
    this.#cursor = answer.cursor;
    this.keptSeconds = answer.kept_seconds;
    this.stepSeconds = answer.step_seconds;
    this.recording = answer.recording ?? null;
    if (answer.machine) this.machine = answer.machine;
    if (answer.findings) this.#known = [...answer.findings, ...answer.found_before ?? []];
    const first = Number(newest) - answer.steps.length + 1;
    // A page that slept for longer than the agent remembers begins anew.
    if (answer.steps.length && this.steps.length && first !== this.newest + 1) this.#beginAnew();
    answer.steps.forEach((step, index) => {
      const before = this.steps[this.steps.length - 1];
      // A clock may be set while an agent runs; of a recording, the time between two steps is a gap.
      const since = this.recording && before ? step.time - before.time : 0;
      this.steps.push({...step, number: first + index, at: (before ? before.at : 0) + Math.max(step.seconds, since)});
    });
    const end = this.steps.length ? this.steps[this.steps.length - 1].at : 0;
    const kept = this.steps.findIndex((step) => step.at > end - this.keptSeconds);
    if (kept > 0) this.steps.splice(0, kept);
    this.judged.push(...answer.judged ?? []);
    // The last one before the oldest step holds there.
    const over = this.judged.filter(({step}) => step <= this.oldest).length - 1;
    if (over > 0) this.judged.splice(0, over);
    this.catchingUp = answer.more;
    return answer.more;
  }
}
