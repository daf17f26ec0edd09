// Reports for the browser tests, in the form of docs/report.schema.json: what vigil would write of a gateway that does
// nearly everything wrong, of 10,000 findings, of hostile names, and of a lock graph with 500 nodes.
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const source = `// gateway: takes requests, asks the backends, keeps the answers.
#include <vigil/vigil.hpp>

#include "cache.hpp"

namespace gateway {

class Cache {
 public:
  void put(const Key& key, Value value) {
    std::scoped_lock held(write_lock_);
    entries_[key] = std::move(value);
    ++size_;  // evict() reads it without the lock
  }
  void evict() {
    while (size_ > kMost) entries_.erase(entries_.begin());
  }
  void refresh() {
    std::scoped_lock held(write_lock_);
    index_.rebuild(entries_);  // takes index_lock_
  }
};

void Index::drop(const Key& key) {
  std::scoped_lock held(index_lock_);
  cache_.forget(key);  // takes write_lock_
}

void ask(Backend& backend, vigil::Channel<Answer> answers, Request request) {
  answers.send(backend.call(request));
}

std::optional<Answer> serve(const Request& request) {
  vigil::Channel<Answer> answers;
  for (Backend& backend : backends()) vigil::go([&, answers] { ask(backend, answers, request); });
  return answers.receive();  // the first one wins, the others wait for ever
}

void poll(vigil::Channel<Tick> ticks) {
  while (true) {
    vigil::select(vigil::on_receive(ticks, [](auto) {}), vigil::otherwise([] {}));
  }
}

}  // namespace gateway

int main(int argc, char** argv) {
  gateway::Cache cache;
  vigil::WaitGroup workers;
  for (int i = 0; i < 4; ++i) workers.go([&] { gateway::work(cache); });
  gateway::listen(argc, argv);
  workers.wait();
}
`;
const lineOf = (words) => source.split('\n').findIndex((line) => line.includes(words)) + 1;

/** Writes the source file and returns what makes frames of it. */
function world(folder) {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'gateway.cpp');
  writeFileSync(file, source);
  utimesSync(file, 1_600_000_000, 1_600_000_000);
  const frame = (name, words, more = {}) => ({ function: name, file, line: lineOf(words), module: '/opt/gateway/bin/gateway', offset: 4096 + lineOf(words), inlined: false, ...more });
  const lib = (name, module = '/usr/lib/x86_64-linux-gnu/libvigil.so.0') => ({ function: name, file: '', line: 0, module, offset: 8192 + name.length, inlined: false });
  const main = frame('main', 'workers.go');
  const start = [lib('vigil::go_impl(vigil::Callable)'), main, lib('__libc_start_call_main', '/lib/x86_64-linux-gnu/libc.so.6')];
  const outer = [frame('gateway::work(gateway::Cache&)', 'void poll'), frame('main::{lambda()#1}::operator()() const', 'workers.go', { inlined: true }), lib('vigil::Task::run()')];
  return { file, frame, lib, main, start, outer };
}

const actor = (type, id, name, state, created_at) => ({ id, type, name, state, created_at });
const finding = (n, kind, title, more) => ({
  kind, level: 'error', predicted: false, proved: false, fingerprint: (0xabc0 + n).toString(16).padStart(16, '0'), title, message: '', hint: '', count: 1,
  participants: [], objects: [], suppression: `${kind}:gateway`, ...more,
});

export function report(findings, more = {}) {
  const count = (level) => findings.filter((f) => f.level === level).length;
  const by_kind = {};
  for (const f of findings) by_kind[f.kind] = (by_kind[f.kind] ?? 0) + 1;
  return {
    schema: 'vigil-report/1',
    program: { path: '/opt/gateway/bin/gateway', args: ['gateway', '--listen', '0.0.0.0:8080', '--config', "/etc/gateway/it's.conf"], cwd: '/srv/gateway', pid: 4711, exit_code: 0, signal: 0, end: 'exit' },
    engine: 'native', vigil: '0.1.0', started_at: 1_795_000_000_000_000_000, options: 'schedule=random:seed=4242:strict=1',
    summary: { errors: count('error'), warnings: count('warning'), by_kind, suppressed: 0, verdict: '' },
    tasks: { started: 1312, finished: 1296, peak_alive: 48, alive_at_end: 16 },
    findings, lock_order: { nodes: [], edges: [] }, wait_for: { nodes: [], edges: [] }, state: [], notes: [], ...more,
  };
}

/** One of nearly everything. */
export function gateway(folder) {
  const { frame, lib, start, outer } = world(folder);
  const channel = { id: 'c7', type: 'channel', name: '', capacity: 0, created_at: [frame('gateway::serve(gateway::Request const&)', 'Channel<Answer> answers;'), ...outer] };
  const ticks = { id: 'c9', type: 'channel', name: 'ticks', capacity: 16, created_at: [frame('main', 'gateway::Cache cache')] };
  const writeLock = { id: 'm1', type: 'mutex', name: 'gateway::Cache::write_lock_', capacity: -1, created_at: [frame('gateway::Cache::put(gateway::Key const&, gateway::Value)', 'held(write_lock_)'), ...outer] };
  const indexLock = { id: 'm2', type: 'mutex', name: 'gateway::index_lock', capacity: -1, created_at: [frame('gateway::Index::drop(gateway::Key const&)', 'held(index_lock_)'), ...outer] };
  const size = { id: 'v3', type: 'variable', name: 'gateway::cache.size_', capacity: 8, created_at: [] };
  const put = [frame('gateway::Cache::put(gateway::Key const&, gateway::Value)', '++size_'), ...outer];
  const evict = [frame('gateway::Cache::evict()', 'while (size_'), ...outer];
  const refresh = frame('gateway::Cache::refresh()', 'index_.rebuild');
  const drop = frame('gateway::Index::drop(gateway::Key const&)', 'cache_.forget');
  const lock = lib('vigil::Mutex::lock()');
  const task = (id, state = 'running') => actor('task', id, '', state, start);
  const ms = 1_000_000;
  const spans = (list) => list.map(([from, to, state, operation, object]) => ({ from: from * ms, to: to * ms, state, ...(operation ? { operation, object } : {}) }));
  const ring = (kind, n, more) =>
    finding(n, kind, kind === 'deadlock' ? '`gateway::Cache::refresh` and `gateway::Index::drop` wait for each other' : '`gateway::Cache::refresh` and `gateway::Index::drop` take two locks in opposite orders', {
      message: 'm1 was taken before m2 in one place, and m2 before m1 in another', hint: 'Take these locks in one order everywhere, or take them together with std::scoped_lock.', objects: [writeLock, indexLock],
      participants: [
        { role: 'holds', actor: task(3), operation: 'lock', object: 'm1', held: [], stack: [lock, frame('gateway::Cache::refresh()', 'held(write_lock_)'), ...outer], note: 'm1 was taken here' },
        { role: 'wants', actor: task(3), operation: 'lock', object: 'm2', held: ['m1'], stack: [lock, refresh, ...outer], note: 'm2 was wanted here, with m1 held' },
        { role: 'holds', actor: task(4), operation: 'lock', object: 'm2', held: [], stack: [lock, frame('gateway::Index::drop(gateway::Key const&)', 'held(index_lock_)'), ...outer], note: 'm2 was taken here' },
        { role: 'wants', actor: task(4), operation: 'lock', object: 'm1', held: ['m2'], stack: [lock, drop, ...outer], note: 'm1 was wanted here, with m2 held' },
      ], ...more,
    });
  const leak = (n, id, waited, title) =>
    finding(n, 'task-leak', title, {
      message: `task ${id} waits for ever to send on channel c7`, proved: true, count: n === 4 ? 12 : 1, hint: 'Give the channel capacity 1, or select on the context\'s done as well, so that the sender can leave when its receiver has.',
      participants: [{ role: 'waiter', actor: actor('task', id, '', 'blocked', [frame('gateway::serve(gateway::Request const&)', 'vigil::go([&'), ...outer]), operation: 'send', object: 'c7', held: [], stack: [lib('vigil::ChannelCore::send(void*)'), frame('gateway::ask(gateway::Backend&, vigil::Channel<gateway::Answer>, gateway::Request)', n === 4 ? 'answers.send' : 'vigil::go([&'), lib('vigil::Task::run()')], waited_ms: waited }],
      objects: [channel],
    });
  const findings = [
    finding(1, 'data-race', '`gateway::Cache::put` and `gateway::Cache::evict` race on `size_`', {
      message: 'task 4 read `size_` that task 3 had written, and nothing orders the two', hint: 'Guard both accesses with the same Mutex, make the variable atomic, or hand the data over through a channel.', count: 31,
      participants: [
        { role: 'later access', actor: task(4), operation: 'read', object: 'v3', held: [], stack: evict, note: 'The later access, a read' },
        { role: 'earlier access', actor: task(3), operation: 'write', object: 'v3', held: ['m1'], stack: put, note: 'The earlier access, a write' },
      ],
      objects: [size, writeLock],
      timeline: {
        at: 240 * ms,
        lanes: [
          { actor: task(3), spans: spans([[190, 204, 'running'], [204, 218, 'blocked', 'lock', 'm1'], [218, 221, 'ready'], [221, 240, 'running']]) },
          { actor: task(4), spans: spans([[192, 199, 'ready'], [199, 226, 'blocked', 'receive', 'c9'], [226, 228, 'ready'], [228, 240, 'running']]) },
          { actor: actor('thread', 1, 'main', 'blocked', []), spans: spans([[190, 240, 'blocked', 'wait', 'w1']]) },
        ],
      },
    }),
    ring('deadlock', 2),
    ring('lock-cycle', 3, { predicted: true }),
    leak(4, 17, 61200, '`gateway::ask` waits for ever to send on a channel made in `gateway::serve`'),
    leak(5, 18, 61100, 'A lambda in `gateway::serve` waits for ever to send on a channel made in `gateway::serve`'),
    finding(6, 'busy-select', 'A select in `gateway::poll` spins on its default', {
      level: 'warning', message: 'the select took its default 100,000 times in a row', hint: 'Block without otherwise(), or wait with on_timeout and back off.', count: 3,
      participants: [{ role: 'spinner', actor: task(9), operation: 'select', object: 'c9', held: [], stack: [lib('vigil::select_impl()'), frame('gateway::poll(vigil::Channel<gateway::Tick>)', 'vigil::select('), ...outer] }],
      objects: [ticks],
    }),
  ];
  const wait = ['task 3', 'm2', 'task 4', 'm1'];
  return report(findings, {
    wait_for: { nodes: [...wait, 'task 17', 'c7'].map((id) => ({ id, label: id })), edges: [...wait.map((id, i) => ({ from: id, to: wait[(i + 1) % 4], label: i % 2 === 0 ? 'waits for' : 'held by' })), { from: 'task 17', to: 'c7', label: 'sends to' }] },
    lock_order: { nodes: ['m1', 'm2', 'm3'].map((id) => ({ id, label: id === 'm1' ? 'Cache::write_lock_' : id === 'm2' ? 'index_lock' : id })), edges: [['m1', 'm2'], ['m2', 'm1'], ['m3', 'm1']].map(([from, to]) => ({ from, to, label: 'task 3' })) },
    notes: ['3 events happened in signal handlers while vigil was busy and were not seen.'],
    state: [{ actor: actor('thread', 1, 'main', 'blocked', []), operation: 'wait', object: null, stack: [frame('main', 'workers.wait')], waited_ms: 61200, count: 1 }],
  });
}

/** count findings, each with stacks of its own. */
export function many(folder, count) {
  const { file, lib, start } = world(folder);
  const kinds = ['data-race', 'task-leak', 'lock-cycle', 'long-block', 'send-on-closed'];
  const findings = [];
  for (let i = 0; i < count; ++i) {
    const place = (name, line) => ({ function: `service${i % 40}::Handler${i % 900}::${name}_${i}(std::string const&, int)`, file: `${file.replace(/[^/]*$/, '')}service${i % 40}/handler${i % 900}.cpp`, line, module: `/opt/app/libservice${i % 40}.so`, offset: i * 64 + line, inlined: false });
    const stack = (name, line) => [lib('vigil::ChannelCore::send(void*)'), place(name, line), place(`${name}_caller`, line + 40), ...[1, 2, 3, 4, 5].map((d) => ({ ...place('loop', 500 + d), function: `service${i % 40}::run_${d}()`, offset: d })), lib('vigil::Task::run()')];
    const kind = kinds[i % kinds.length];
    findings.push(
      finding(i, kind, `\`service${i % 40}::Handler${i % 900}::put_${i}\` and \`evict_${i}\` touch \`entry_${i}\` without a common lock`, {
        level: kind === 'long-block' ? 'warning' : 'error', message: `task ${i} wrote what task ${i + 1} had read, and nothing orders the two`, hint: 'Guard both accesses with the same Mutex.', suppression: `${kind}:service${i % 40}::Handler${i % 900}::put_${i}`,
        participants: [
          { role: 'newer', actor: actor('task', i, '', 'running', start), operation: 'write', object: 'v1', held: [], stack: stack('put', 20) },
          { role: 'older', actor: actor('task', i + 1, '', 'running', start), operation: 'read', object: 'v1', held: [], stack: stack('evict', 30) },
        ],
        objects: [{ id: 'v1', type: 'variable', name: `entry_${i}`, capacity: 8, created_at: [] }],
      }),
    );
  }
  return report(findings);
}

/** A lock order of 500 nodes in one tangle, and one finding. */
export function tangle(folder, nodes) {
  const all = gateway(folder);
  const id = (i) => `m${i % nodes}`;
  const graph = { nodes: [], edges: [] };
  for (let i = 0; i < nodes; ++i) {
    graph.nodes.push({ id: id(i), label: id(i) });
    for (const by of [1, 7, 31]) graph.edges.push({ from: id(i), to: id(i + by), label: 'then' });
  }
  return { ...all, lock_order: graph };
}

/** A small cycle in a lock order of 500 nodes. */
export function needle(folder, nodes) {
  const all = tangle(folder, nodes);
  const number = (id) => Number(id.slice(1));
  const forward = all.lock_order.edges.filter((e) => number(e.from) < number(e.to));
  return { ...all, lock_order: { nodes: all.lock_order.nodes, edges: [...forward, { from: 'm12', to: 'm5', label: 'then' }] } };
}

/** Every text of a report is hostile. */
export function hostile(folder, texts) {
  const all = gateway(folder);
  let next = 0;
  const replace = (value, key) => {
    if (typeof value === 'string' && !['schema', 'kind', 'level', 'fingerprint', 'type', 'end', 'engine', 'state', 'id', 'object', 'from', 'to', 'operation', 'verdict'].includes(key)) return texts[next++ % texts.length];
    if (Array.isArray(value)) return value.map((v) => replace(v, key === 'held' ? 'object' : key));
    if (value !== null && typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, replace(v, k)]));
    return value;
  };
  const findings = [];
  for (let i = 0; i * 40 < texts.length || i === 0; ++i) {
    for (const f of all.findings) findings.push({ ...f, fingerprint: (0x10000 + findings.length).toString(16).padStart(16, '0') });
  }
  return replace({ ...all, findings });
}

/** Pieces that have broken pages before, put together at random. The seed is printed, and the same each time unless VIGIL_SEED is another. */
export function hostileTexts(many) {
  let seed = Number(process.env.VIGIL_SEED ?? 1);
  console.log(`      VIGIL_SEED=${seed}`);
  const random = (n) => ((seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff) >>> 8) % n;
  const pieces = ['</script>', '<script>ran=1</script>', '<img src=x onerror=ran=1>', '"', "'", '`', '&lt;', '&', '<', '>', '\\', '\\u003c', ']]>', '-->', '<!--', '</style>', '</textarea>', '<svg onload=ran=1>', 'javascript:ran=1', '\u0000', '\u001b[31m', '\u202e', '\u2066', '\u200b', '\ufeff', '\ufffd', '\u{1f600}', '\u2028', '\n', '\r', '\t', '{{', '${ran=1}', '%s%n', '../../', 'a'.repeat(300), ' ', 'operator<', 'std::vector<int>'];
  const texts = Array.from({ length: many }, () => Array.from({ length: 1 + random(6) }, () => pieces[random(pieces.length)]).join(''));
  texts[random(many)] = '<b>'.repeat(350_000); // a megabyte
  return texts;
}
