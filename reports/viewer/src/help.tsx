// The keys, in a dialog.
import { RefObject } from 'preact';

const keys: [key: string, does: string][] = [
  ['/', 'search: titles, functions, files, tasks, fingerprints'],
  ['j', 'next finding'],
  ['k', 'finding before'],
  ['o', 'open or close the finding'],
  ['c', 'copy the finding as text'],
  ['f', 'names of functions in full, or short'],
  ['?', 'this help'],
  ['Esc', 'leave the search or this help'],
];

export function Help({ dialog }: { dialog: RefObject<HTMLDialogElement | null> }) {
  return (
    <dialog ref={dialog} aria-labelledby="help-name">
      <h2 id="help-name">Keys</h2>
      <dl class="keys">
        {keys.map(([key, does]) => (
          <div>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <p class="note">The address holds what is shown, filters and search too: a link to it shows the same. A finding keeps its name from run to run.</p>
      <button type="button" class="small" onClick={() => dialog.current?.close()}>
        Close
      </button>
    </dialog>
  );
}
