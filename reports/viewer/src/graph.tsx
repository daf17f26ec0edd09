// A graph's cyclic part, laid out by dagre. The report has bounded it to what is laid out in a moment; a bigger one comes
// without nodes, and only its size is said.
import { graphlib, layout } from '@dagrejs/dagre';
import { useMemo } from 'preact/hooks';
import { data, Graph } from './data';
import { plural } from './parts';
import { pressed, tipAt } from './ring';

const letter = 7.4; // px, about the width of one in the labels' font
const lengthOf = (words: string): number => Math.min(34, [...words].length);
const cut = (words: string): string => ([...words].length > 34 ? `${[...words].slice(0, 33).join('')}\u2026` : words);

/** The first finding that tells of both ends of an edge. */
function findingOf(from: string, to: string): string | undefined {
  const about = (words: string[]) => [from, to].every((id) => words.some((word) => word === id.toLowerCase()));
  return data.findings.find((finding) => {
    const actors = finding.columns.map((column) => data.texts[column.actor].toLowerCase().replace(/ \(.*/, ''));
    const things = (finding.things ?? []).map((thing) => data.texts[thing.id].toLowerCase());
    return (finding.ring !== undefined || finding.columns.length > 1) && about([...actors.map((a) => (a === 'main thread' ? 'main' : a)), ...things]);
  })?.id;
}

function Drawing({ graph, open }: { graph: Graph; open: (finding: string) => void }) {
  const laid = useMemo(() => {
    const g = new graphlib.Graph({ multigraph: true });
    g.setGraph({ rankdir: 'LR', nodesep: 26, ranksep: 54, edgesep: 18, marginx: 12, marginy: 12 });
    g.setDefaultEdgeLabel(() => ({}));
    for (const [id, label] of graph.nodes) g.setNode(id, { label, width: lengthOf(label) * letter + 28, height: 38 });
    graph.edges.forEach(([from, to, label], i) => g.setEdge(from, to, { label, width: lengthOf(label) * 6.6 + 8, height: 18, labelpos: 'c' }, String(i)));
    layout(g);
    return g;
  }, [graph]);
  const { width = 0, height = 0 } = laid.graph() as { width?: number; height?: number };
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={graph.name}>
      <svg class="graph" viewBox={`0 0 ${width} ${height}`} width={width} height={height} role="group" aria-label={`${graph.name}, ${graph.what}`}>
        {laid.edges().map((e) => {
          const edge = laid.edge(e) as { points: { x: number; y: number }[]; x: number; y: number; label: string };
          const finding = findingOf(e.v, e.w);
          const last = edge.points.length - 1;
          const act = finding === undefined ? {} : { ...pressed(() => open(finding)), 'aria-label': `${e.v} ${edge.label} ${e.w}: show the finding` };
          const line = edge.points.map((p, i) => `${i === 0 ? 'M' : 'L'}${p.x.toFixed(1)} ${p.y.toFixed(1)}`).join('');
          return (
            <g class={finding === undefined ? 'edge' : 'edge live'} {...act}>
              <path class="reach" d={line} />
              <path class="arrow" d={line} />
              <path class="tip" d={tipAt(edge.points[last], edge.points[last - 1])} />
              <text class="label" x={edge.x} y={edge.y + 4}>
                {cut(edge.label)}
              </text>
            </g>
          );
        })}
        {laid.nodes().map((id) => {
          const node = laid.node(id) as { x: number; y: number; width: number; height: number; label: string };
          const actor = /^(task|thread|main)\b/.test(id);
          return (
            <g>
              <title>{node.label}</title>
              <rect class={actor ? 'box actor' : 'box'} x={node.x - node.width / 2} y={node.y - node.height / 2} width={node.width} height={node.height} rx={actor ? 19 : 6} />
              <text class="name" x={node.x} y={node.y + 5}>
                {cut(node.label)}
              </text>
            </g>
          );
        })}
      </svg>
    </div>
  );
}

export function Graphs({ open }: { open: (finding: string) => void }) {
  return (
    <>
      {data.graphs.map((graph) => (
        <section class="panel">
          <h2 class="section-name">{graph.name}</h2>
          <p class="note">
            {graph.nodes.length > 0 ? `Drawn: ${graph.what}` : 'The part on cycles is too big to be drawn'}, {plural(graph.cyclic[0], 'node')} and{' '}
            {plural(graph.cyclic[1], 'edge')} of {graph.all[0].toLocaleString('en')} and {graph.all[1].toLocaleString('en')}.
            {graph.nodes.length === 0 && ' The report\u2019s dot form has all of it.'}
          </p>
          {graph.nodes.length > 0 && <Drawing graph={graph} open={open} />}
        </section>
      ))}
    </>
  );
}
