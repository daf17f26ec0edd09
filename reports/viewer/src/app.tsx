// The page: verdict on top, filters, findings, then what they say together.
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { addressOf, everything, Facet, facets, readAddress, View, writeAddress } from './address';
import { Card } from './card';
import { asText, copy } from './copy';
import { data, text } from './data';
import { choicesOf, shownBy } from './filter';
import { Graphs } from './graph';
import { Help } from './help';
import { Mark, plural } from './parts';
import { Alive, Channels, Leaks, Runs } from './tables';
import { ThemeButton } from './theme';

const page = 100; // findings added at a time
const openAtFirst = 3; // so many are shown opened; of more, the first, and the titles of the others

interface Names {
  full: boolean;
  toggle: () => void;
}

/** Of functions: with their templates and parameters, or without. */
function NamesButton({ names }: { names: Names }) {
  return (
    <button type="button" class="small" aria-pressed={names.full} onClick={names.toggle} aria-keyshortcuts="f">
      Full names <kbd>f</kbd>
    </button>
  );
}

function Top({ help, names }: { help: () => void; names: Names }) {
  return (
    <header class={`top ${data.mood}${data.findings.length > openAtFirst ? ' wide' : ''}`}>
      <div class="wrap">
        <div class="brand">
          <p>
            <b>vigil</b>{' '}
            {data.program === undefined ? (
              `report on ${plural(data.runs.length, 'run')}`
            ) : (
              <>
                report on <span class="mono">{data.program}</span>, process {data.pid}
              </>
            )}
            {data.date ? `, ${data.date}` : ''}
          </p>
          <p class="tools">
            <NamesButton names={names} />
            <ThemeButton />
            <button type="button" class="small" onClick={help} aria-keyshortcuts="?">
              Keys <kbd>?</kbd>
            </button>
          </p>
        </div>
        <h1 class="verdict">
          <Mark mood={data.mood} />
          <span>{data.verdict}</span>
        </h1>
        {data.facts.length > 0 && (
          <dl class="facts">
            {data.facts.map(([name, value, isCode]) => (
              <div>
                <dt>{name}</dt>
                <dd>{isCode ? <code>{value}</code> : value}</dd>
              </div>
            ))}
          </dl>
        )}
        {data.notes.length > 0 && (
          <ul class="notes">
            {data.notes.map((note) => (
              <li>{note}</li>
            ))}
          </ul>
        )}
      </div>
    </header>
  );
}

const facetNames: Record<Facet, string> = { level: 'Level', baseline: 'Baseline', kind: 'Kind', module: 'Program or library', test: 'Test', run: 'Run' };

function Choices({ view, facet, toggle }: { view: View; facet: Facet; toggle: (facet: Facet, value: string) => void }) {
  const [all, showAll] = useState(false);
  const choices = choicesOf(view, facet);
  if (choices.length < 2) return null;
  const most = 10;
  const biggest = Math.max(1, ...choices.map(([, count]) => count));
  const chosen = view.chosen[facet];
  const shown = choices.filter(([value], i) => all || i < most || chosen.includes(value));
  return (
    <fieldset class="choices">
      <legend>{facetNames[facet]}</legend>
      {shown.map(([value, count]) => (
        <button type="button" class={count === 0 ? 'choice none' : 'choice'} aria-pressed={chosen.includes(value)} onClick={() => toggle(facet, value)} title={value}>
          <span class="what">{value}</span>
          <span class="many">{count.toLocaleString('en')}</span>
          <svg class={`bar ${facet === 'level' ? value : ''}`} viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">
            <rect width={(100 * count) / biggest} height="1" />
          </svg>
        </button>
      ))}
      {shown.length < choices.length && (
        <button type="button" class="small" onClick={() => showAll(true)}>
          {choices.length - shown.length} more
        </button>
      )}
    </fieldset>
  );
}

const isTyping = (target: EventTarget | null): boolean => target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement;

export function App() {
  const [view, setView] = useState<View>(() => readAddress(location.hash));
  const [opened, setOpened] = useState<ReadonlySet<string>>(() => {
    // Who was sent to one finding came for that one.
    const first = data.findings.length <= openAtFirst ? openAtFirst : view.finding === '' ? 1 : 0;
    return new Set(data.findings.slice(0, first).map((f) => f.id));
  });
  const [most, setMost] = useState(page);
  const [printing, setPrinting] = useState(false);
  const [said, say] = useState('');
  const [fullNames, setFullNames] = useState(false);
  // A class of the page: no card is drawn anew.
  useLayoutEffect(() => void document.documentElement.classList.toggle('full-names', fullNames), [fullNames]);
  const names: Names = { full: fullNames, toggle: () => setFullNames(!fullNames) };
  const search = useRef<HTMLInputElement>(null);
  const help = useRef<HTMLDialogElement>(null);
  const shown = useMemo(() => shownBy(view), [view.query, view.chosen]);

  // What a key acts on: keys come faster than drawings.
  const now = useRef(view);
  const change = useCallback((next: View) => {
    now.current = next;
    setView(next);
    writeAddress(next);
  }, []);

  const toggle = useCallback((id: string) => {
    setOpened((old) => {
      const next = new Set(old);
      if (!next.delete(id)) next.add(id);
      return next;
    });
    change({ ...now.current, finding: id });
  }, []);

  /** Opens a finding, whatever the filters hide. */
  const open = useCallback((id: string) => {
    setOpened((old) => new Set(old).add(id));
    const seen = shownBy(now.current).some((index) => data.findings[index].id === id);
    const next = { ...(seen ? now.current : everything()), finding: id };
    setMost((m) => Math.max(m, shownBy(next).findIndex((index) => data.findings[index].id === id) + 1));
    change(next);
    requestAnimationFrame(() => requestAnimationFrame(() => document.getElementById(`f-${id}`)?.scrollIntoView({ block: 'start' })));
  }, []);

  useEffect(() => {
    const follow = () => {
      const next = readAddress(location.hash);
      if (next.finding !== '' && data.findings.some((f) => f.id === next.finding)) {
        now.current = next;
        open(next.finding);
      } else if (location.hash === '' || addressOf(next) !== '') {
        now.current = next;
        setView(next);
      }
    };
    follow();
    addEventListener('hashchange', follow);
    const before = () => setPrinting(true);
    const after = () => setPrinting(false);
    addEventListener('beforeprint', before);
    addEventListener('afterprint', after);
    return () => {
      removeEventListener('hashchange', follow);
      removeEventListener('beforeprint', before);
      removeEventListener('afterprint', after);
    };
  }, []);

  const chooseValue = (facet: Facet, value: string) => {
    const chosen = view.chosen[facet];
    const next = chosen.includes(value) ? chosen.filter((v) => v !== value) : [...chosen, value];
    setMost(page);
    change({ ...view, chosen: { ...view.chosen, [facet]: next } });
  };

  const step = (by: number) => {
    if (shown.length === 0) return;
    const at = shown.findIndex((index) => data.findings[index].id === now.current.finding);
    const next = at < 0 ? (by > 0 ? 0 : shown.length - 1) : Math.min(shown.length - 1, Math.max(0, at + by));
    if (next >= most) setMost(next + page);
    const id = data.findings[shown[next]].id;
    change({ ...now.current, finding: id });
    requestAnimationFrame(() => {
      const card = document.getElementById(`f-${id}`);
      card?.scrollIntoView({ block: 'nearest' });
      card?.querySelector<HTMLElement>('.opener')?.focus({ preventScroll: true });
    });
  };

  useLayoutEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || help.current?.open) return;
      if (isTyping(event.target)) {
        if (event.key === 'Escape') (event.target as HTMLElement).blur();
        return;
      }
      const finding = data.findings.find((f) => f.id === now.current.finding);
      const keys: Record<string, () => void> = {
        '/': () => search.current?.focus(),
        j: () => step(1),
        k: () => step(-1),
        o: () => finding && toggle(finding.id),
        c: () => {
          if (finding) void copy(asText(finding)).then((done) => say(done ? `Copied ${text(finding.kind)} ${finding.id}` : 'Could not copy'));
        },
        f: names.toggle,
        '?': () => help.current?.showModal(),
      };
      const act = keys[event.key];
      if (act === undefined) return;
      event.preventDefault();
      act();
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  });

  useEffect(() => {
    if (said === '') return;
    const gone = setTimeout(() => say(''), 2500);
    return () => clearTimeout(gone);
  }, [said]);

  const many = data.findings.length > openAtFirst;
  const filtered = shown.length !== data.findings.length;
  const visible = shown.slice(0, printing ? Math.max(most, 200) : most);
  const allOpened = visible.every((index) => opened.has(data.findings[index].id));
  const openAll = () => setOpened(new Set(allOpened ? [] : visible.map((index) => data.findings[index].id)));

  return (
    <>
      <a class="skip" href="#findings" onClick={(event) => (event.preventDefault(), document.getElementById('findings')?.focus())}>
        To the findings
      </a>
      <Top help={() => help.current?.showModal()} names={names} />
      <main id="findings" tabIndex={-1}>
        <div class={many ? 'wrap columns' : 'wrap'}>
          {many && (
            <aside class="filters" aria-label="Filters">
              <label class="search">
                <span class="offscreen">Search titles, functions, files, tasks</span>
                <input
                  ref={search}
                  type="search"
                  placeholder="Search"
                  value={view.query}
                  aria-keyshortcuts="/"
                  onInput={(event) => {
                    setMost(page);
                    change({ ...view, query: event.currentTarget.value });
                  }}
                />
                <kbd aria-hidden="true">/</kbd>
              </label>
              {facets.map((facet) => (
                <Choices view={view} facet={facet} toggle={chooseValue} />
              ))}
            </aside>
          )}
          <div class="list">
            <Runs runs={data.runs} choose={(run) => change({ ...everything(), chosen: { ...everything().chosen, run: [run] } })} />
            {data.findings.length === 0 && (
              <div class="nothing">
                <p>vigil watched {data.runs.length > 0 ? 'these runs' : 'this run'} from beginning to end and found no defect.</p>
                <p>Another run, with other timing or input, may show what this one did not.</p>
              </div>
            )}
            {many && (
              <div class="bar-line">
                <h2 class="section-name">
                  <span role="status">{filtered ? `${shown.length.toLocaleString('en')} of ${plural(data.findings.length, 'finding')}` : plural(shown.length, 'finding')}</span>
                </h2>
                {filtered && (
                  <button type="button" class="small" onClick={() => change(everything())}>
                    Clear filters
                  </button>
                )}
                <button type="button" class="small" onClick={openAll}>
                  {allOpened ? 'Close all' : 'Open all'}
                </button>
              </div>
            )}
            {shown.length === 0 && data.findings.length > 0 && <p class="nothing">No finding matches.</p>}
            <div class={many ? 'cards' : 'cards few'}>
              {visible.map((index) => {
                const finding = data.findings[index];
                return <Card key={finding.id + text(finding.kind)} finding={finding} opened={printing || opened.has(finding.id)} chosen={finding.id === view.finding} toggle={toggle} />;
              })}
            </div>
            {visible.length < shown.length && (
              <button type="button" class="small further" onClick={() => setMost(most + page)}>
                Show {Math.min(page, shown.length - visible.length)} more of {(shown.length - visible.length).toLocaleString('en')}
              </button>
            )}
            <Leaks open={open} />
            <Channels open={open} />
            <Graphs open={open} />
            <Alive />
          </div>
        </div>
      </main>
      <footer class={many ? 'page-foot wide' : 'page-foot'}>
        <div class="wrap">
          Made by vigil{data.version && ` ${data.version}`}. Frames of the runtime and of system libraries are folded away; an arrow opens them.
        </div>
      </footer>
      <p class={said === '' ? 'toast' : 'toast on'} role="status">
        {said}
      </p>
      <Help dialog={help} />
    </>
  );
}
