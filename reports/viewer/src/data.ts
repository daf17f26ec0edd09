// The report as the page holds it: what reports/render/html/data.cpp writes into <script id="data">. Everything is said
// in words there already; this side lays out. Texts, frames, stacks and source lines are kept once each in a table, and
// a member that names one is its number there. A member with a default (false, 1, nothing) may be missing.
//
// Every text is data of the program that was run. It reaches the page as text nodes only, never as markup.

export type TextId = number;
export type StackId = number;

export interface Step {
  stack: StackId;
  doing?: TextId; // what the actor does there, or waits to do
  held?: TextId; // "Holds ..."
  operation?: TextId;
  thing?: number; // index into the finding's things
}

/** One actor with all the stacks the finding has of it. */
export interface Column {
  actor: TextId;
  role?: TextId;
  started?: TextId; // "This task was started in ..."
  created?: StackId;
  steps: Step[];
}

export interface Thing {
  id: TextId;
  type: TextId;
  words: TextId;
  capacity: number; // -1 when it has none
  made?: TextId; // ", made in `main` at shop.cpp:30"
  created?: StackId;
}

export interface RingNode {
  name: TextId;
  detail: TextId;
  actor?: boolean;
  label: TextId; // of the edge to the next node
  shown: number; // which step (counted over all columns) shows that edge; -1: none
}

export type State = 0 | 1 | 2; // running, ready, blocked
export interface Timeline {
  at: number; // ns, when it was found
  lanes: { actor: TextId; spans: [from: number, to: number, state: State, words: TextId][] }[];
}

export interface Finding {
  kind: TextId;
  error?: boolean;
  predicted?: boolean;
  proved?: boolean;
  known?: boolean; // the baseline has it: it does not count
  id: string; // its fingerprint
  title: TextId;
  message?: TextId;
  why?: TextId;
  hint?: TextId;
  place?: TextId; // the first place of the user's own code
  module?: TextId;
  suppression?: TextId;
  test?: TextId; // "Suite.Name"
  count?: number;
  runs?: number[]; // of a report over many runs: which of them
  columns: Column[];
  things?: Thing[];
  ring?: RingNode[];
  timeline?: Timeline;
}

export interface Run {
  name: string;
  link: string;
  verdict: string;
  level: 0 | 1 | 2; // clean, warnings, errors
  ended: string;
  command: string;
}

export interface Graph {
  name: string;
  what: string;
  all: [nodes: number, edges: number];
  cyclic: [nodes: number, edges: number];
  nodes: [id: string, label: string][]; // those on cycles; none when they are too many to draw
  edges: [from: string, to: string, label: string][];
}

/** Flags: 1 not the user's code, 2 inlined. File is a place without a line when no file is known. */
export type Frame = [name: TextId, full: TextId, file: TextId, line: number, flags: number, snippet: number];
/** Each line is a flat list: kind, text, kind, text, ...; a kind is a class of the style sheet or a blank. */
export type Snippet = [first: number, marked: number, stale: number, ...lines: string[][]];

export interface Data {
  mood: 'bad' | 'warn' | 'good';
  verdict: string;
  program?: string; // missing in a report over many runs
  pid?: number;
  date?: string;
  reproduce?: string;
  version: string;
  root: string; // folder that holds all of the user's files, with its final slash, or ""
  facts: [name: string, value: string, isCode: number][];
  notes: string[];
  runs: Run[];
  findings: Finding[];
  state: { actor: TextId; doing: TextId; stack: StackId; count: number }[];
  graphs: Graph[];
  texts: string[];
  frames: Frame[];
  stacks: number[][];
  snippets: Snippet[];
}

export let data: Data;

/** Reads the page's data; a big report's comes deflated and in base64. Everything else waits for it. */
export async function load(): Promise<void> {
  const element = document.getElementById('data')!;
  let json = element.textContent!;
  if (element.dataset.form === 'deflate') {
    const packed = atob(json);
    const bytes = new Uint8Array(packed.length);
    for (let i = 0; i < packed.length; ++i) bytes[i] = packed.charCodeAt(i);
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
    json = await new Response(stream).text();
  }
  data = JSON.parse(json);
  element.remove(); // it is held twice otherwise
}

export const text = (id: TextId | undefined): string => (id === undefined ? '' : data.texts[id]);
export const stackOf = (id: StackId | undefined): number[] => (id === undefined ? [] : data.stacks[id]);

/** A path below the folder of the user's files. */
export const shownPath = (path: string): string =>
  data.root !== '' && path.startsWith(data.root) ? path.slice(data.root.length) : path;

export const isLibrary = (frame: number): boolean => (data.frames[frame][4] & 1) !== 0;
export const isInlined = (frame: number): boolean => (data.frames[frame][4] & 2) !== 0;
export const functionOf = (frame: number): string => text(data.frames[frame][0]) || 'unknown function';
export const placeOf = (frame: number): string => {
  const [, , file, line] = data.frames[frame];
  return line === 0 ? text(file) : `${text(file)}:${line}`;
};

/** The frames to show as the user's: all of them when none is. */
export function userFrames(stack: number[]): Set<number> {
  const own = stack.flatMap((frame, i) => (isLibrary(frame) ? [] : [i]));
  return new Set(own.length > 0 ? own : stack.keys());
}

/** How many of the outermost frames two stacks share. */
export function commonFrames(a: number[], b: number[]): number {
  let common = 0;
  while (common < a.length && common < b.length && a[a.length - 1 - common] === b[b.length - 1 - common]) ++common;
  return common;
}
