// SPDX-License-Identifier: Apache-2.0
// What /-/history answers, for the checks of the page's scripts; README.md has the meaning of each key.
export interface Latency {
  count: number;
  mean_seconds?: number;
  p50_seconds?: number;
  p99_seconds?: number;
  p999_seconds?: number;
  first_row: number;
  rows: number[];
}

export type Phase = 'at_device' | 'before_issue';

/** Of a disk, or of one of its queues. */
export interface Load {
  requests_per_second?: number;
  bytes_per_second?: number;
  average_in_flight?: number;
  in_flight?: number;
  oldest_seconds?: number;
  at_device?: Latency;
  before_issue?: Latency;
  submissions?: number[];
  interrupts?: number[];
}

export interface QueueStep extends Load {
  queue: number;
}

export interface TimeParts {
  requests: number;
  seconds: number;
  before_issue_seconds?: number;
  at_device_seconds?: number;
  at_host_seconds?: number;
  completion_seconds?: number;
  completion_local_seconds?: number;
  completion_cross_cpu_seconds?: number;
  lock_wait_seconds?: number;
}

export interface DiskStep extends Load {
  name: string;
  requests?: number;
  errors?: number;
  interrupts_per_second?: number;
  time?: TimeParts;
  queues?: QueueStep[];
  interrupts_of_several_queues?: number[];
}

export interface Step {
  time: number;
  seconds: number;
  lost?: Record<string, number>;
  not_counted?: string[];
  left_out_disks?: number;
  disks: DiskStep[];
}

/** A step and its place in the history: its number, and where it ends in seconds since the first one. */
export interface Placed extends Step {
  number: number;
  at: number;
}

export interface DiskAbout {
  name: string;
  about: string;
  setup: string;
  layers: string;
  queues: number;
}

export interface Machine {
  host: string;
  vmm: string;
  guest: boolean;
  online_cpus: number[];
  disks: DiskAbout[];
  probes: {name: string; up: boolean; reason: string}[];
}

export interface RemedyStep {
  where: string;
  text: string;
  snippet: string;
  check_first?: string;
  interrupts?: string;
  undo?: string;
  risk?: string;
}

export interface Finding {
  finding: string;
  severity: 'info' | 'warning' | 'critical';
  device: string;
  title: string;
  evidence: string[];
  explanation: string;
  remedy: {summary: string; steps: RemedyStep[]};
}

/** What was found in the last seconds up to a step; it holds until there is another. */
export interface Judged {
  step: number;
  seconds: number;
  findings: Pick<Finding, 'finding' | 'severity' | 'device' | 'evidence'>[];
}

/** What is shown is of a recording, from `begin` to `end`, in seconds since 1970. */
export interface Recording {
  note: string;
  begin: number;
  end: number;
  /** Of what there was no room for. */
  goes_on_until?: number;
}

export interface Answer {
  version: string;
  cursor: string;
  more: boolean;
  step_seconds: number;
  kept_seconds: number;
  recording?: Recording;
  machine?: Machine;
  findings?: Finding[];
  found_before?: Finding[];
  judged?: Judged[];
  steps: Step[];
}

/** What the reader has chosen; it is also what the address's fragment says. */
export interface View {
  disk: string;
  /** Absent: all together. */
  queue?: number;
  phase: Phase;
  range: number;
  /** Number of the step that is shown; absent: the newest. */
  moment?: number;
  /** Number of the step at the right edge; absent: the newest. */
  edge?: number;
}
