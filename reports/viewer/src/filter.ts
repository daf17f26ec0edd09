// Which findings a view shows, and how many each choice would leave. Built once; 10,000 findings are filtered in a few
// milliseconds, a search's first letter costs some tens more.
import { data, Finding, functionOf, placeOf, stackOf, text } from './data';
import { Facet, facets, View } from './address';

export function valuesOf(finding: Finding, facet: Facet): string[] {
  switch (facet) {
    case 'level':
      return [finding.error ? 'error' : 'warning'];
    case 'baseline':
      return [finding.known ? 'known' : 'new'];
    case 'kind':
      return [text(finding.kind)];
    case 'module':
      return finding.module === undefined ? [] : [text(finding.module)];
    case 'test':
      return finding.test === undefined ? [] : [text(finding.test)];
    case 'run':
      return (finding.runs ?? []).map((run) => data.runs[run].name);
  }
}

const stackWords = new Map<number, string>();
function wordsOfStack(id: number): string {
  let words = stackWords.get(id);
  if (words === undefined) {
    words = stackOf(id)
      .map((frame) => `${functionOf(frame)} ${text(data.frames[frame][1])} ${placeOf(frame)}`)
      .join('\n')
      .toLowerCase();
    stackWords.set(id, words);
  }
  return words;
}

const haystacks: string[] = [];
function haystack(index: number): string {
  if (haystacks[index] === undefined) {
    const finding = data.findings[index];
    const parts = [finding.kind, finding.title, finding.message, finding.hint, finding.test, finding.suppression].map(text);
    parts.push(finding.id, ...valuesOf(finding, 'run'));
    for (const column of finding.columns) parts.push(text(column.actor));
    for (const thing of finding.things ?? []) parts.push(text(thing.words));
    const stacks = finding.columns.flatMap((c) => [...c.steps.map((s) => s.stack), ...(c.created === undefined ? [] : [c.created])]);
    haystacks[index] = `${parts.join('\n').toLowerCase()}\n${stacks.map(wordsOfStack).join('\n')}`;
  }
  return haystacks[index];
}

function matches(index: number, view: View, words: string[], except?: Facet): boolean {
  const finding = data.findings[index];
  for (const facet of facets) {
    const chosen = view.chosen[facet];
    if (facet === except || chosen.length === 0) continue;
    if (!valuesOf(finding, facet).some((value) => chosen.includes(value))) return false;
  }
  return words.every((word) => haystack(index).includes(word));
}

const wordsOf = (query: string): string[] => query.toLowerCase().split(/\s+/).filter(Boolean);

/** Indices of the findings that a view shows, in the report's order. */
export function shownBy(view: View): number[] {
  const words = wordsOf(view.query);
  return [...data.findings.keys()].filter((index) => matches(index, view, words));
}

/** For each value of a facet how many findings choosing it would show, the most frequent first. */
export function choicesOf(view: View, facet: Facet): [value: string, count: number][] {
  const words = wordsOf(view.query);
  const counts = new Map<string, number>();
  data.findings.forEach((finding, index) => {
    const hit = matches(index, view, words, facet) ? 1 : 0;
    for (const value of valuesOf(finding, facet)) counts.set(value, (counts.get(value) ?? 0) + hit);
  });
  return [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
}
