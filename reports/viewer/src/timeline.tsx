// What the actors around a finding did: one lane each, running, ready or blocked, and the moment it was found. Patterns
// and words say what colours say.
import { State, text, Timeline } from './data';

const width = 1000;
const lane = { left: 150, height: 26, gap: 8, top: 26 };
const names = ['running', 'ready', 'blocked'] as const;

const duration = (ns: number): string => {
  const size = Math.abs(ns);
  if (size < 1e3) return `${ns} ns`;
  if (size < 1e6) return `${+(ns / 1e3).toPrecision(3)} \u00b5s`;
  if (size < 1e9) return `${+(ns / 1e6).toPrecision(3)} ms`;
  return `${+(ns / 1e9).toPrecision(3)} s`;
};

/** Steps of 1, 2 or 5 times a power of ten, about five of them. */
function ticks(from: number, to: number): number[] {
  const rough = (to - from) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * (rough / power < 2 ? 2 : rough / power < 5 ? 5 : 10);
  const result = [];
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) result.push(at);
  return result;
}

/** Neighbours too narrow to be seen are drawn as one, in the state that lasted longest. */
function drawn(spans: Timeline['lanes'][number]['spans'], scale: number): { from: number; to: number; state: State; words: string }[] {
  const result: { from: number; to: number; state: State; words: string; lasted: number[] }[] = [];
  for (const [from, to, state, words] of spans) {
    const last = result[result.length - 1];
    const narrow = (to - from) * scale < 1.5;
    if (last && narrow && (last.to - last.from) * scale < 3 && (from - last.to) * scale < 1) {
      last.to = to;
      last.lasted[state] += to - from;
      last.state = last.lasted.indexOf(Math.max(...last.lasted)) as State;
      last.words = `mostly ${names[last.state]}`;
    } else {
      const lasted = [0, 0, 0];
      lasted[state] = to - from;
      result.push({ from, to, state, words: text(words), lasted });
    }
  }
  return result;
}

export function TimelineView({ timeline }: { timeline: Timeline }) {
  const spans = timeline.lanes.flatMap((l) => l.spans);
  const from = Math.min(timeline.at, ...spans.map((s) => s[0]));
  const to = Math.max(timeline.at, ...spans.map((s) => s[1]), from + 1);
  const scale = (width - lane.left - 26) / (to - from);
  const x = (at: number): number => lane.left + (at - from) * scale;
  const height = lane.top + timeline.lanes.length * (lane.height + lane.gap) + 4;
  return (
    <section class="timeline">
      <h3>Before it was found</h3>
      <div class="scroll" tabIndex={0} role="region" aria-label="Timeline">
        <svg viewBox={`0 0 ${width} ${height}`} role="group" aria-label="What the actors did, by time">
          <defs>
            <pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
              <path d="M0 0V6" class="hatch" />
            </pattern>
          </defs>
          {ticks(from - timeline.at, to - timeline.at).map((tick) => (
            <g class="tick">
              <path d={`M${x(tick + timeline.at).toFixed(1)} ${lane.top - 6}V${height}`} />
              <text x={x(tick + timeline.at)} y={14}>
                {tick === 0 ? 'found' : duration(tick)}
              </text>
            </g>
          ))}
          {timeline.lanes.map((one, i) => {
            const y = lane.top + i * (lane.height + lane.gap);
            return (
              <g>
                <text class="who" x={0} y={y + lane.height / 2 + 5}>
                  {text(one.actor).slice(0, 20)}
                </text>
                {drawn(one.spans, scale).map((span) => {
                  const place = { x: x(span.from), y, width: Math.max(1, (span.to - span.from) * scale), height: lane.height, rx: 3 };
                  return (
                    <g>
                      <title>{`${text(one.actor)}: ${span.words}, ${duration(span.to - span.from)}`}</title>
                      <rect class={`span ${names[span.state]}`} {...place} />
                      {span.state === 2 && <rect fill="url(#hatch)" {...place} />}
                      {place.width > span.words.length * 7 + 12 && (
                        <text class={`what ${names[span.state]}`} x={place.x + 8} y={y + lane.height / 2 + 4}>
                          {span.words}
                        </text>
                      )}
                    </g>
                  );
                })}
              </g>
            );
          })}
          <path class="moment" d={`M${x(timeline.at).toFixed(1)} ${lane.top - 8}V${height}`} />
        </svg>
      </div>
      <p class="legend" aria-hidden="true">
        {names.map((name) => (
          <span>
            <i class={`key ${name}`} />
            {name}
          </span>
        ))}
      </p>
    </section>
  );
}
