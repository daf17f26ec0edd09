// Findings as plain text and as Markdown, for issues and chats; and the way to the clipboard.
import { data, Finding, functionOf, placeOf, shownPath, stackOf, text, userFrames } from './data';

const plain = (prose: string): string => prose.replace(/`/g, '');

// What Markdown would take for markup stays text: names of a program may hold anything. Code spans are left as they are.
const markdown = (prose: string): string =>
  prose
    .split(/(`[^`]*`)/)
    .map((part, i) => (i % 2 === 1 ? part : part.replace(/[\\*_[\]<>#|~]/g, '\\$&')))
    .join('');

function stackLines(id: number | undefined): string[] {
  const stack = stackOf(id);
  const shown = userFrames(stack);
  return stack.flatMap((frame, i) => (shown.has(i) ? [`${functionOf(frame)}  ${shownPath(placeOf(frame))}`] : []));
}

const marks = (finding: Finding): string[] => [...(finding.predicted ? ['predicted'] : []), ...(finding.known ? ['known'] : [])];

export function asText(finding: Finding): string {
  const lines = [`${finding.error ? 'ERROR' : 'warning'}: ${text(finding.kind)}${marks(finding).map((mark) => ` (${mark})`).join('')}`];
  lines.push(plain(text(finding.title)));
  if (finding.message !== undefined) lines.push(plain(text(finding.message)));
  if (finding.test !== undefined) lines.push(`in test ${text(finding.test)}`);
  for (const column of finding.columns) {
    lines.push('', plain([text(column.actor), text(column.role)].filter(Boolean).join(', ')));
    for (const step of column.steps) {
      if (step.doing !== undefined) lines.push(`  ${plain(text(step.doing))}`);
      if (step.held !== undefined) lines.push(`  ${plain(text(step.held))}`);
      lines.push(...stackLines(step.stack).map((line) => `    ${line}`));
    }
    if (column.started !== undefined) lines.push(`  ${plain(text(column.started))}`);
  }
  for (const thing of finding.things ?? []) lines.push('', plain(text(thing.words) + text(thing.made)));
  lines.push('');
  if (finding.hint !== undefined) lines.push(`What to do:   ${plain(text(finding.hint))}`);
  if (finding.suppression !== undefined) lines.push(`To suppress:  ${text(finding.suppression)}`);
  if (data.reproduce) lines.push(`To reproduce: ${data.reproduce}`);
  lines.push(`Fingerprint:  ${finding.id}`);
  return `${lines.join('\n')}\n`;
}

export function asMarkdown(finding: Finding): string {
  const lines = [`### ${markdown(text(finding.title))}`, ''];
  lines.push(`**${finding.error ? 'Error' : 'Warning'}** \`${text(finding.kind)}\`${marks(finding).map((mark) => `, ${mark}`).join('')}, fingerprint \`${finding.id}\``);
  for (const part of [finding.message, finding.why]) if (part !== undefined) lines.push('', markdown(text(part)));
  for (const column of finding.columns) {
    lines.push('', `**${markdown([text(column.actor), text(column.role)].filter(Boolean).join(', '))}**`);
    for (const step of column.steps) {
      const said = [step.doing, step.held].flatMap((id) => (id === undefined ? [] : [markdown(text(id))]));
      if (said.length > 0) lines.push('', said.join('. '));
      const frames = stackLines(step.stack);
      // A fence longer than any run of backticks within, so that no name can end it.
      const longest = Math.max(2, ...frames.flatMap((line) => (line.match(/`+/g) ?? []).map((run) => run.length)));
      const fence = '`'.repeat(longest + 1);
      if (frames.length > 0) lines.push('', fence, ...frames, fence);
    }
    if (column.started !== undefined) lines.push('', markdown(text(column.started)));
  }
  for (const thing of finding.things ?? []) lines.push('', `- ${markdown(text(thing.words) + text(thing.made))}`);
  if (finding.hint !== undefined) lines.push('', `**What to do.** ${markdown(text(finding.hint))}`);
  if (data.reproduce) lines.push('', 'Reproduce:', '', '```', data.reproduce, '```');
  return `${lines.join('\n')}\n`;
}

/** True when the clipboard has it. */
export async function copy(what: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(what);
    return true;
  } catch {
    // A page opened from disk may lack the permission: the old way still works after a key or a click.
    const area = document.createElement('textarea');
    area.value = what;
    area.className = 'offscreen';
    document.body.append(area);
    area.select();
    const done = document.execCommand('copy');
    area.remove();
    return done;
  }
}
