// One finding: a line when closed; opened, what happened, why it is real, what to do, and everybody's stacks.
import { Component } from 'preact';
import { asMarkdown, asText } from './copy';
import { addressOf, everything } from './address';
import { Column, commonFrames, data, Finding, stackOf, text } from './data';
import { Badge, Copy, plural, Prose } from './parts';
import { Ring } from './ring';
import { Stack } from './stack';
import { TimelineView } from './timeline';

const stepName = (finding: Finding, step: number): string => `s-${finding.id}-${step}`;

/** Leads to a step's stack and marks it for a moment. */
function go(finding: Finding, step: number): void {
  const at = document.getElementById(stepName(finding, step));
  if (at === null) return;
  at.scrollIntoView({ block: 'center' });
  at.focus({ preventScroll: true });
  at.classList.remove('flash');
  void at.offsetWidth; // so that the mark starts anew
  at.classList.add('flash');
}

function Created({ words, stack }: { words: string; stack: number }) {
  return (
    <details class="more">
      <summary>
        <Prose>{words}</Prose>
      </summary>
      <div class="plain">
        <Stack id={stack} />
      </div>
    </details>
  );
}

function Side({ finding, column, first, other }: { finding: Finding; column: Column; first: number; other?: Column }) {
  const stack = stackOf(column.steps[0]?.stack);
  const beside = stackOf(other?.steps[0]?.stack);
  return (
    <section class="side">
      <h3>
        {text(column.actor)} {column.role !== undefined && <span class="role">{text(column.role)}</span>}
      </h3>
      {column.steps.map((step, i) => {
        const mine = stackOf(step.stack);
        // Later stacks of one actor repeat its callers; the first one is set against the other side's.
        const [common, as] = i === 0 ? [commonFrames(stack, beside), 'on the other side'] : [commonFrames(mine, stack), 'above'];
        return (
          <div class={i === 0 ? '' : 'step'} id={stepName(finding, first + i)} tabIndex={-1}>
            {step.doing !== undefined && (
              <p class="doing">
                <Prose>{text(step.doing)}</Prose>
              </p>
            )}
            {step.held !== undefined && (
              <p class="held">
                <Prose>{text(step.held)}</Prose>
              </p>
            )}
            <Stack id={step.stack} common={common} as={as} parts={i === 0} />
          </div>
        );
      })}
      {column.started !== undefined && column.created !== undefined && <Created words={text(column.started)} stack={column.created} />}
    </section>
  );
}

function Body({ finding }: { finding: Finding }) {
  let steps = 0;
  const columns = finding.columns.map((column, i) => {
    const first = steps;
    steps += column.steps.length;
    return <Side finding={finding} column={column} first={first} other={finding.columns.length === 2 ? finding.columns[1 - i] : undefined} />;
  });
  const same = finding.columns.length === 2 && finding.columns[0].steps[0]?.stack === finding.columns[1].steps[0]?.stack;
  return (
    <div class="body" id={`b-${finding.id}`}>
      {finding.message !== undefined && (
        <p class="message">
          <Prose>{text(finding.message)}</Prose>
        </p>
      )}
      {finding.why !== undefined && (
        <p class="why">
          <b>Why it is real.</b> <Prose>{text(finding.why)}</Prose>
        </p>
      )}
      {finding.hint !== undefined && (
        <p class="todo">
          <b>What to do.</b> <Prose>{text(finding.hint)}</Prose>
        </p>
      )}
      {finding.ring !== undefined && <Ring nodes={finding.ring} go={(step) => go(finding, step)} />}
      {same && <p class="note">Both are at the same place in the code.</p>}
      <div class="sides">{columns}</div>
      {finding.timeline !== undefined && <TimelineView timeline={finding.timeline} />}
      {finding.things !== undefined && (
        <div class="objects">
          <h3>What it is about</h3>
          <ul>
            {finding.things.map((thing) => (
              <li>
                {thing.created === undefined ? <Prose>{text(thing.words)}</Prose> : <Created words={text(thing.words) + text(thing.made)} stack={thing.created} />}
              </li>
            ))}
          </ul>
        </div>
      )}
      {finding.runs !== undefined && (
        <p class="seen">
          Seen in {plural(finding.runs.length, 'run')}:{' '}
          {finding.runs.slice(0, 20).map((run, i) => (
            <>
              {i > 0 && ', '}
              {data.runs[run].link === '' ? data.runs[run].name : <a href={`${data.runs[run].link}#f-${finding.id}`}>{data.runs[run].name}</a>}
            </>
          ))}
          {finding.runs.length > 20 && ` and ${finding.runs.length - 20} more`}
        </p>
      )}
      <div class="foot">
        {finding.suppression !== undefined && (
          <p class="line">
            <span>To suppress</span> <code>{text(finding.suppression)}</code> <Copy what={() => text(finding.suppression)}>Copy</Copy>
          </p>
        )}
        {data.reproduce !== undefined && data.reproduce !== '' && (
          <p class="line">
            <span>To reproduce</span> <code>{data.reproduce}</code> <Copy what={() => data.reproduce!}>Copy</Copy>
          </p>
        )}
        <p class="line buttons">
          <Copy what={() => location.href.split('#')[0] + addressOf({ ...everything(), finding: finding.id })} title="A link to this finding; its name is the same in every run">
            Copy link
          </Copy>
          <Copy what={() => asText(finding)}>Copy as text</Copy>
          <Copy what={() => asMarkdown(finding)}>Copy as Markdown</Copy>
          <span class="mono">{finding.id}</span>
        </p>
      </div>
    </div>
  );
}

interface Props {
  finding: Finding;
  opened: boolean;
  chosen: boolean;
  toggle: (id: string) => void;
}
/** Drawn anew only when something about it has changed: a page of a hundred stays quick under every key. */
export class Card extends Component<Props> {
  shouldComponentUpdate(next: Props): boolean {
    return next.finding !== this.props.finding || next.opened !== this.props.opened || next.chosen !== this.props.chosen;
  }
  render(props: Props) {
    return <CardView {...props} />;
  }
}

function CardView({ finding, opened, chosen, toggle }: Props) {
  const tags = [
    finding.predicted && <span class="tag" title="It did not happen in this run; the order of events proves that it can">predicted</span>,
    finding.known && (
      <span class="tag known" title="The baseline has it: it does not count">
        known
      </span>
    ),
    finding.proved && <span class="tag" title="Nothing alive can reach what it waits for">proved</span>,
    (finding.count ?? 1) > 1 && (
      <span class="tag">
        seen <b>{finding.count!.toLocaleString('en')}</b> times
      </span>
    ),
    finding.test !== undefined && (
      <span class="tag">
        in test <b>{text(finding.test)}</b>
      </span>
    ),
    (finding.runs?.length ?? 0) > 1 && <span class="tag">in {finding.runs!.length} runs</span>,
  ];
  return (
    <article class={`card ${finding.error ? 'error' : 'warning'}${finding.known ? ' known' : ''}${opened ? ' opened' : ''}${chosen ? ' chosen' : ''}`} id={`f-${finding.id}`}>
      <header>
        <p class="meta">
          <Badge error={finding.error} />
          <span class="tag">
            <b>{text(finding.kind)}</b>
          </span>
          {tags}
          {finding.place !== undefined && <span class="place mono">{text(finding.place)}</span>}
        </p>
        <h2>
          <button type="button" class="opener" aria-expanded={opened} aria-controls={opened ? `b-${finding.id}` : undefined} onClick={() => toggle(finding.id)}>
            <Prose>{text(finding.title)}</Prose>
          </button>
        </h2>
      </header>
      {opened && <Body finding={finding} />}
    </article>
  );
}
