// The page's address holds what is shown, so that a link shows the same: #kind=data-race&q=cache&f=0123456789abcdef.
// The short form #f-0123456789abcdef is a link to one finding; it works without script too.

export const facets = ['level', 'baseline', 'kind', 'module', 'test', 'run'] as const;
export type Facet = (typeof facets)[number];

export interface View {
  query: string;
  chosen: Record<Facet, string[]>; // none chosen: all are shown
  finding: string; // fingerprint, or ""
}

export const everything = (): View => ({ query: '', chosen: { level: [], baseline: [], kind: [], module: [], test: [], run: [] }, finding: '' });

export function readAddress(hash: string): View {
  const view = everything();
  const short = /^#f-([0-9a-f]{1,16})$/.exec(hash);
  if (short) return { ...view, finding: short[1] };
  const members = new URLSearchParams(hash.slice(1));
  view.query = members.get('q') ?? '';
  view.finding = members.get('f') ?? '';
  for (const facet of facets) view.chosen[facet] = members.getAll(facet);
  return view;
}

export function addressOf(view: View): string {
  const members = new URLSearchParams();
  for (const facet of facets) for (const value of view.chosen[facet]) members.append(facet, value);
  if (view.query !== '') members.set('q', view.query);
  if (view.finding === '') return members.toString() === '' ? '' : `#${members}`;
  if (members.toString() === '') return `#f-${view.finding}`;
  members.set('f', view.finding);
  return `#${members}`;
}

/** Writes it without a step in the history. A page in a sandbox may not; then the address stays as it was. */
export function writeAddress(view: View): void {
  try {
    history.replaceState(null, '', addressOf(view) || location.href.split('#')[0]);
  } catch {
    // nothing is lost but the link
  }
}
