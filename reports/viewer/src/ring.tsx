// A ring of actors and objects on an ellipse, as the static form draws it, but its arrows lead to the stacks that show
// them.
import { RingNode, text } from './data';

const width = 720;
const box = { width: 190, height: 54 };
const longest = 23; // characters in a box

const cut = (words: string): string => {
  const characters = [...words];
  return characters.length > longest ? `${characters.slice(0, longest).join('')}\u2026` : words;
};

interface Point {
  x: number;
  y: number;
}
const inside = (p: Point, c: Point, margin: number): boolean =>
  Math.abs(p.x - c.x) < box.width / 2 + margin && Math.abs(p.y - c.y) < box.height / 2 + margin;
const path = (points: Point[]): string => points.map((p, i) => `${i === 0 ? 'M' : 'L'}${p.x.toFixed(1)} ${p.y.toFixed(1)}`).join('');

export function tipAt(end: Point, before: Point): string {
  const length = Math.hypot(end.x - before.x, end.y - before.y) || 1;
  const [x, y] = [(end.x - before.x) / length, (end.y - before.y) / length];
  return `${path([
    { x: end.x + x * 3, y: end.y + y * 3 },
    { x: end.x - x * 9 - y * 5.5, y: end.y - y * 9 + x * 5.5 },
    { x: end.x - x * 9 + y * 5.5, y: end.y - y * 9 - x * 5.5 },
  ])}Z`;
}

/** What a click on an edge does; it works from the keyboard as well. */
export const pressed = (act: () => void) => ({
  tabindex: 0, // in SVG the name's case counts
  role: 'button',
  onClick: act,
  onKeyDown: (event: KeyboardEvent) => {
    if (event.key !== 'Enter' && event.key !== ' ') return;
    event.preventDefault();
    event.stopPropagation();
    act();
  },
});

export function Ring({ nodes, go }: { nodes: RingNode[]; go: (step: number) => void }) {
  const height = Math.max(250, 70 * nodes.length);
  const [rx, ry] = [(width - box.width) / 2 - 10, (height - box.height) / 2 - 8];
  const at = (step: number): Point => {
    const angle = (step / nodes.length) * 2 * Math.PI - Math.PI / 2;
    return { x: width / 2 + rx * Math.cos(angle), y: height / 2 + ry * Math.sin(angle) };
  };
  const steps = 80;
  const edges = nodes.map((node, from) => {
    const along = (i: number) => at(from + i / steps);
    let first = 0;
    while (first < steps / 2 && inside(along(first), at(from), 4)) ++first;
    let last = steps;
    while (last > steps / 2 && inside(along(last), at(from + 1), 9)) --last;
    const points = [];
    for (let i = first; i <= last; ++i) points.push(along(i));
    const middle = along((first + last) / 2);
    const next = nodes[(from + 1) % nodes.length];
    const words = `${text(node.name)} ${text(node.label)} ${text(next.name)}`;
    const act = node.shown < 0 ? {} : { ...pressed(() => go(node.shown)), 'aria-label': `${words}: show the stack` };
    return (
      <g class={node.shown < 0 ? 'edge' : 'edge live'} {...act}>
        <path class="reach" d={path(points)} />
        <path class="arrow" d={path(points)} />
        <path class="tip" d={tipAt(along(last + 1.2), along(last - 2))} />
        <text class="label" x={middle.x} y={middle.y + 4}>
          {text(node.label)}
        </text>
      </g>
    );
  });
  return (
    <figure class="ring">
      <svg viewBox={`0 0 ${width} ${height}`} role="group" aria-label="Who waits for whom">
        {edges}
        {nodes.map((node, i) => {
          const c = at(i);
          const detail = text(node.detail);
          return (
            <g>
              <title>{`${text(node.name)} ${detail}`}</title>
              <rect class={node.actor ? 'box actor' : 'box'} x={c.x - box.width / 2} y={c.y - box.height / 2} width={box.width} height={box.height} rx={node.actor ? 27 : 6} />
              <text class="name" x={c.x} y={c.y + (detail === '' ? 5 : -4)}>
                {cut(text(node.name))}
              </text>
              {detail !== '' && (
                <text class="detail" x={c.x} y={c.y + 15}>
                  {cut(detail)}
                </text>
              )}
            </g>
          );
        })}
      </svg>
      <figcaption>{nodes.map((node) => `${text(node.name)} ${text(node.label)} `).join('') + text(nodes[0].name)}</figcaption>
    </figure>
  );
}
