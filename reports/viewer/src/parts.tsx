// Small parts that many others are made of.
import { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { copy } from './copy';

/** Text in which `backticks` mark code. */
export function Prose({ children }: { children: string }) {
  const parts = children.split(/`([^`]*)`/);
  return <>{parts.map((part, i) => (i % 2 === 1 ? <code>{part}</code> : part))}</>;
}

/** Three shapes, so that a level does not hang on its colour. */
export function Mark({ mood }: { mood: 'bad' | 'warn' | 'good' }) {
  const shapes = {
    bad: [<path fill="currentColor" d="M10.2 2h11.6L30 10.2v11.6L21.8 30H10.2L2 21.8V10.2z" />, 'M11 11l10 10M21 11L11 21'],
    warn: [<path fill="currentColor" d="M16 2.5L31 29H1z" />, 'M16 12v8M16 24.2v.3'],
    good: [<circle cx="16" cy="16" r="14.5" fill="currentColor" />, 'M9.5 16.5l4.5 4.5 8.5-9.5'],
  } as const;
  const [ground, sign] = shapes[mood];
  return (
    <svg class={`mark ${mood}`} viewBox="0 0 32 32" aria-hidden="true">
      {ground}
      <path d={sign} fill="none" class="sign" stroke-width="3.2" stroke-linecap="round" stroke-linejoin="round" />
    </svg>
  );
}

export function Badge({ error }: { error?: boolean }) {
  return <span class={`badge ${error ? 'error' : 'warning'}`}>{error ? 'error' : 'warning'}</span>;
}

/** A button that copies, and says so for a moment. */
export function Copy({ what, children, title }: { what: () => string; children: ComponentChildren; title?: string }) {
  const [said, say] = useState('');
  const click = async () => {
    say((await copy(what())) ? 'Copied' : 'Could not copy');
    setTimeout(() => say(''), 1600);
  };
  return (
    <button type="button" class="small" onClick={click} title={title}>
      {said || children}
      <span class="offscreen" role="status">
        {said}
      </span>
    </button>
  );
}

export const plural = (count: number, one: string, many = `${one}s`): string => `${count.toLocaleString('en')} ${count === 1 ? one : many}`;
