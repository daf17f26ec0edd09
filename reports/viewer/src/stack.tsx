// A stack: the user's frames with their source lines, library frames folded between them, and what it shares with the
// stack beside it folded too.
import { data, functionOf, isInlined, isLibrary, placeOf, shownPath, Snippet, stackOf, text, userFrames } from './data';
import { plural } from './parts';

function Source({ snippet }: { snippet: Snippet }) {
  const [first, marked, stale, ...lines] = snippet;
  return (
    <>
      <pre class="code" tabIndex={0} aria-label={`Source lines ${first} to ${first + lines.length - 1}`} role="group">
        {lines.map((line, i) => (
          <span class={first + i === marked ? 'row hit' : 'row'}>
            <span class="ln">{first + i}</span>
            {line.map((part, at) => (at % 2 === 0 ? null : line[at - 1] === ' ' ? part : <i class={line[at - 1]}>{part}</i>))}
            {'\n'}
          </span>
        ))}
      </pre>
      {stale !== 0 && <p class="stale">This file is newer than the program that ran: the lines may have moved.</p>}
    </>
  );
}

function Name({ frame }: { frame: number }) {
  const place = placeOf(frame);
  const short = functionOf(frame);
  const full = text(data.frames[frame][1]);
  return (
    <>
      {full === '' || full === short ? (
        <span class="fn">{short}</span>
      ) : (
        <>
          <span class="fn short" title={full}>
            {short}
          </span>
          <span class="fn full">{full}</span>
        </>
      )}
      {isInlined(frame) && (
        <span class="inl" title="The compiler put this call's code into its caller">
          inlined
        </span>
      )}
      <span class="at" title={place}>
        {shownPath(place)}
      </span>
    </>
  );
}

interface FrameProps {
  frame: number;
  first?: boolean;
  source?: boolean;
  parts?: boolean;
}
function FrameRow({ frame, first, source, parts }: FrameProps) {
  const number = data.frames[frame][5];
  const snippet = source && number >= 0 ? data.snippets[number] : undefined;
  const name = <Name frame={frame} />;
  return (
    <li class={`frame${first ? ' first' : ''}${isLibrary(frame) ? ' lib' : ''}${parts ? ' parts' : ''}`}>
      {parts && <span class="parting">The two part here</span>}
      {snippet === undefined ? (
        name
      ) : first ? (
        <>
          {name}
          <Source snippet={snippet} />
        </>
      ) : (
        <details>
          <summary>{name}</summary>
          <Source snippet={snippet} />
        </details>
      )}
    </li>
  );
}

function Folded({ frames, words, source }: { frames: number[]; words: string; source?: boolean }) {
  return (
    <li class="frame fold-row">
      <details class="fold">
        <summary>{words}</summary>
        <ol class="stack">
          {frames.map((frame) => (
            <FrameRow frame={frame} source={source} />
          ))}
        </ol>
      </details>
    </li>
  );
}

interface Props {
  id: number;
  common?: number; // so many of the outermost frames are the same in `as`
  as?: string; // "on the other side"
  parts?: boolean; // mark the function in which the two part
}
export function Stack({ id, common = 0, as = '', parts }: Props) {
  const stack = stackOf(id);
  if (stack.length === 0) return <p class="note">No stack is known.</p>;
  const shown = userFrames(stack);
  // The user's innermost frame always stays.
  const own = Math.max(stack.length - common, Math.min(...shown) + 1);
  const folds = own < stack.length && common < stack.length && [...shown].some((i) => i >= own);
  const end = folds ? own : stack.length;
  const parting = parts && folds ? Math.max(...[...shown].filter((i) => i < own)) : -1;
  const rows = [];
  let first = true;
  for (let i = 0; i < end; ) {
    if (shown.has(i)) {
      rows.push(<FrameRow frame={stack[i]} first={first} source parts={i === parting} />);
      first = false;
      ++i;
      continue;
    }
    let to = i;
    while (to < end && !shown.has(to)) ++to;
    rows.push(<Folded frames={stack.slice(i, to)} words={plural(to - i, 'library frame')} />);
    i = to;
  }
  if (folds) rows.push(<Folded frames={stack.slice(own)} words={`${plural(stack.length - own, 'frame')} as ${as}`} source />);
  return <ol class="stack">{rows}</ol>;
}
