// What many findings say together: leaks by where their tasks were made and what they wait for, channels with who waits
// on them, the runs of a report over many, and who was alive when the program died.
import { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { Column, data, Finding, Run, stackOf, text, userFrames, functionOf, placeOf, shownPath } from './data';
import { Mark, plural, Prose } from './parts';
import { Stack } from './stack';

type Open = (finding: string) => void;

function Table({ name, heads, children }: { name: string; heads: string[]; children: ComponentChildren }) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={name}>
      <table class="runs">
        <thead>
          <tr>
            {heads.map((head) => (
              <th scope="col">{head}</th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

function Findings({ findings, open }: { findings: Finding[]; open: Open }) {
  const most = 4;
  return (
    <>
      {findings.slice(0, most).map((finding) => (
        <a
          class="link"
          href={`#f-${finding.id}`}
          title={text(finding.title).replace(/`/g, '')}
          onClick={(event) => {
            event.preventDefault();
            open(finding.id);
          }}
        >
          {finding.place === undefined ? finding.id : text(finding.place)}
        </a>
      ))}
      {findings.length > most && <span class="tag">and {findings.length - most} more</span>}
    </>
  );
}

/** "serve  gateway.cpp:120" of the user's innermost frame. */
function Where({ stack }: { stack: number[] }) {
  const [at] = userFrames(stack);
  if (at === undefined) return <>unknown</>;
  return (
    <>
      <span class="fn">{functionOf(stack[at])}</span> <span class="at">{shownPath(placeOf(stack[at]))}</span>
    </>
  );
}

export function Leaks({ open }: { open: Open }) {
  const groups = new Map<string, { column: Column; waits: string; findings: Finding[]; tasks: number }>();
  for (const finding of data.findings) {
    const kind = text(finding.kind);
    const column = finding.columns[0];
    if ((kind !== 'task-leak' && kind !== 'cancelled-but-alive') || column === undefined) continue;
    const step = column.steps[0];
    const thing = step?.thing === undefined ? '' : text(finding.things?.[step.thing]?.type).replace(/-/g, ' ');
    const waits = [text(step?.operation), thing].filter(Boolean).join(', ') || 'unknown';
    const key = `${column.created ?? text(column.actor)} ${waits}`;
    const group = groups.get(key) ?? { column, waits, findings: [], tasks: 0 };
    group.findings.push(finding);
    group.tasks += finding.count ?? 1;
    groups.set(key, group);
  }
  const found = [...groups.values()].sort((a, b) => b.tasks - a.tasks);
  if (found.reduce((sum, group) => sum + group.findings.length, 0) < 2) return null;
  return (
    <section class="panel" id="leaks">
      <h2 class="section-name">Leaked tasks, by origin and wait</h2>
      <Table name="Leaked tasks" heads={['Tasks', 'Started in', 'Waits to', 'Findings']}>
        {found.slice(0, 100).map((group) => (
          <tr>
            <td class="number">{group.tasks.toLocaleString('en')}</td>
            <td>
              <Where stack={stackOf(group.column.created)} />
            </td>
            <td>{group.waits}</td>
            <td>
              <Findings findings={group.findings} open={open} />
            </td>
          </tr>
        ))}
      </Table>
    </section>
  );
}

export function Channels({ open }: { open: Open }) {
  interface Row {
    words: string;
    made: number[];
    receives: number;
    sends: number;
    selects: number;
    findings: Finding[];
  }
  const rows = new Map<string, Row>();
  for (const finding of data.findings) {
    (finding.things ?? []).forEach((thing, index) => {
      if (text(thing.type) !== 'channel') return;
      const key = `${thing.words} ${thing.created}`;
      const row = rows.get(key) ?? { words: text(thing.words), made: stackOf(thing.created), receives: 0, sends: 0, selects: 0, findings: [] };
      if (!row.findings.includes(finding)) row.findings.push(finding);
      for (const step of finding.columns.flatMap((column) => column.steps)) {
        if (step.thing !== index || !/^(task-leak|deadlock|cancelled-but-alive)$/.test(text(finding.kind))) continue;
        const many = finding.count ?? 1;
        if (/receive|range/.test(text(step.operation))) row.receives += many;
        if (/send/.test(text(step.operation))) row.sends += many;
        if (/select/.test(text(step.operation))) row.selects += many;
      }
      rows.set(key, row);
    });
  }
  if (rows.size < 2) return null;
  const most = 100;
  return (
    <section class="panel" id="channels">
      <h2 class="section-name">Channels</h2>
      <Table name="Channels" heads={['Channel', 'Made in', 'Receivers waiting', 'Senders waiting', 'In a select', 'Findings']}>
        {[...rows.values()].slice(0, most).map((row) => (
          <tr>
            <td>
              <Prose>{row.words}</Prose>
            </td>
            <td>
              <Where stack={row.made} />
            </td>
            <td class="number">{row.receives || ''}</td>
            <td class="number">{row.sends || ''}</td>
            <td class="number">{row.selects || ''}</td>
            <td>
              <Findings findings={row.findings} open={open} />
            </td>
          </tr>
        ))}
      </Table>
      {rows.size > most && <p class="note">And {plural(rows.size - most, 'more channel')}.</p>}
    </section>
  );
}

export function Runs({ runs, choose }: { runs: Run[]; choose: (run: string) => void }) {
  const [all, showAll] = useState(false);
  if (runs.length === 0) return null;
  const counts = new Map<number, number>();
  for (const finding of data.findings) for (const run of finding.runs ?? []) counts.set(run, (counts.get(run) ?? 0) + 1);
  const most = 12;
  const moods = ['good', 'warn', 'bad'] as const;
  return (
    <section class="panel" id="runs">
      <h2 class="section-name">Runs</h2>
      <Table name="Runs" heads={['Run', 'Verdict', 'Findings', 'Ended']}>
        {runs.slice(0, all ? runs.length : most).map((run, i) => (
          <tr>
            <td>
              <span class="run">
                <Mark mood={moods[run.level]} />
                {run.link === '' ? run.name : <a href={run.link}>{run.name}</a>}
              </span>
            </td>
            <td>{run.verdict}</td>
            <td class="number">
              {(counts.get(i) ?? 0) > 0 && (
                <button type="button" class="small" onClick={() => choose(run.name)}>
                  {counts.get(i)}
                  <span class="offscreen"> of {run.name}: show only these</span>
                </button>
              )}
            </td>
            <td>{run.ended}</td>
          </tr>
        ))}
      </Table>
      {runs.length > most && !all && (
        <button type="button" class="small" onClick={() => showAll(true)}>
          Show all {runs.length.toLocaleString('en')} runs
        </button>
      )}
    </section>
  );
}

export function Alive() {
  const [most, setMost] = useState(20);
  if (data.state.length === 0) return null;
  return (
    <section id="state">
      <h2 class="section-name">Alive when the program ended</h2>
      {data.state.slice(0, most).map((entry) => (
        <article class="card state">
          <h3>{text(entry.actor)}</h3>
          <p class="doing">
            <Prose>{text(entry.doing)}</Prose>
          </p>
          <Stack id={entry.stack} />
        </article>
      ))}
      {data.state.length > most && (
        <button type="button" class="small" onClick={() => setMost(most + 200)}>
          Show {Math.min(200, data.state.length - most)} more
        </button>
      )}
    </section>
  );
}
