// Every form of a report, of one with nearly everything and of one whose every text is hostile, judged by what reads it:
// SARIF by its published schema, JUnit, GitLab and trace events by schemas of our own, the others by the programs they
// are made for, where this machine has them.
//   node forms_test.mjs <vigil> <folder> [how many hostile texts]
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as reports from '../browser/reports.mjs';

const [vigil, folder, many = '10000'] = process.argv.slice(2);
const here = dirname(fileURLToPath(import.meta.url));
const require = createRequire(`${process.env.VIGIL_NODE_MODULES}/`);
const Ajv = require('ajv');

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });

const has = (tool) => spawnSync('sh', ['-c', `command -v ${tool}`]).status === 0;
const most = 1 << 28; // bytes of output

function called(command, args, options = {}) {
  const done = spawnSync(command, args, { encoding: 'utf8', maxBuffer: most, ...options });
  assert.equal(done.status, 0, `${command} ${args.join(' ')}\n${done.stdout?.slice(-2000)}${done.stderr?.slice(-2000)}`);
  return done.stdout;
}

/** A validator of draft 4, which the SARIF schema is written in. */
function validator(schema) {
  const ajv = new Ajv({ schemaId: 'auto', unknownFormats: 'ignore', logger: false });
  ajv.addMetaSchema(require('ajv/lib/refs/json-schema-draft-04.json'));
  const validate = ajv.compile(schema);
  return (value) => assert.ok(validate(value), JSON.stringify(validate.errors?.slice(0, 5), null, 1));
}

const sarif = validator(JSON.parse(readFileSync(require.resolve('@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json'), 'utf8')));
const trace = validator(JSON.parse(readFileSync(join(here, 'trace.schema.json'), 'utf8')));
const gitlab = validator(JSON.parse(readFileSync(join(here, 'gitlab.schema.json'), 'utf8')));

/** CTest's own memory check, whose tool has written that text. What it has counted, by kind. */
function countedByCTest(text, name) {
  const tree = join(folder, `${name}-ctest`);
  mkdirSync(tree, { recursive: true });
  const tool = join(tree, 'tool');
  // CTest says in TSAN_OPTIONS where it looks: log_path='...'.
  writeFileSync(tool, `#!/bin/sh\npath=\${TSAN_OPTIONS#*log_path=\\'}\ncp '${text}' "\${path%%\\'*}.1"\n`, { mode: 0o755 });
  writeFileSync(join(tree, 'CTestTestfile.cmake'), `add_test(watched ${tool})\n`);
  writeFileSync(join(tree, 'DartConfiguration.tcl'), `BuildDirectory: ${tree}\nSourceDirectory: ${tree}\nMemoryCheckType: ThreadSanitizer\n`);
  const told = called('ctest', ['-T', 'memcheck'], { cwd: tree });
  const counted = {};
  for (const [, kind, count] of told.matchAll(/^(.*\S) - (\d+)$/gm)) counted[kind.trim()] = Number(count);
  return counted;
}

const checks = {
  sarif: (text, report) => {
    const log = JSON.parse(text);
    sarif(log);
    assert.equal(log.runs[0].results.length, report.findings.length);
  },
  gitlab: (text, report) => {
    const list = JSON.parse(text);
    gitlab(list);
    assert.equal(list.length, report.findings.length);
    assert.equal(new Set(list.map((entry) => entry.fingerprint)).size, list.length);
  },
  junit: (text, report, path) => {
    assert.equal(text.match(/<failure /g).length, report.findings.filter((finding) => finding.level === 'error').length);
    if (has('xmllint')) called('xmllint', ['--noout', '--huge', '--schema', join(here, 'junit.xsd'), path]);
  },
  dot: (text, report, path) => {
    if (!has('dot') || text.length > 1 << 18) return; // it lays out for minutes what nobody could look at
    called('dot', ['-Tplain', path]);
  },
  pprof: (_, report, path) => {
    if (!has('go')) return;
    assert.match(called('go', ['tool', 'pprof', '-top', path], { env: { ...process.env, HOME: folder } }), /flat%/);
  },
  perfetto: (text) => {
    const events = JSON.parse(text).traceEvents;
    trace(events);
    // What the viewers drop without a word: slices of a track that overlap without one lying in the other.
    for (const track of new Set(events.map((event) => event.tid))) {
      const slices = events.filter((event) => event.ph === 'X' && event.tid === track);
      const ends = [];
      for (const { ts, dur } of slices.sort((a, b) => a.ts - b.ts || b.dur - a.dur)) {
        while (ends.length > 0 && ends.at(-1) <= ts) ends.pop();
        assert.ok(ends.length === 0 || ts + dur <= ends.at(-1), `a slice at ${ts} ends after the one it begins in`);
        ends.push(ts + dur);
      }
    }
    const named = new Set(events.filter((event) => event.name === 'thread_name').map((event) => event.tid));
    for (const event of events) assert.ok(event.ph === 'M' || named.has(event.tid), `track ${event.tid} has a name`);
  },
  tsan: (_, report, path, name) => {
    const counted = countedByCTest(path, name);
    assert.equal(Object.values(counted).reduce((sum, count) => sum + count, 0), report.findings.length, JSON.stringify(counted));
    if (name === 'gateway') assert.equal(counted['data race'], 1);
  },
  text: (text) => assert.doesNotMatch(text, /[\u0000-\u0008\u000b-\u001f\u202a-\u202e\u2066-\u2069]/u),
  json: (text, report) => assert.equal(JSON.parse(text).findings.length, report.findings.length),
};
const endings = { sarif: 'sarif', gitlab: 'gitlab', junit: 'junit.xml', dot: 'dot', pprof: 'pb.gz', perfetto: 'perfetto', tsan: 'tsan', text: 'txt', json: 'json' };

let failed = 0;
const texts = reports.hostileTexts(Number(many));
for (const [name, report] of Object.entries({ gateway: reports.gateway(folder), hostile: reports.hostile(folder, texts) })) {
  writeFileSync(join(folder, `${name}.in.json`), JSON.stringify(report));
  // Equal fingerprints are one finding: the hostile report has one for each.
  const args = ['report', `--formats=${Object.keys(checks).join(',')}`, `--out=${folder}`, join(folder, `${name}.in.json`)];
  assert.equal(spawnSync(vigil, args, { stdio: 'pipe' }).status, 3, 'it holds errors');
  for (const [form, check] of Object.entries(checks)) {
    const path = join(folder, `${name}.in.${endings[form]}`);
    try {
      check(readFileSync(path, 'utf8'), report, path, name);
      console.log(`ok    ${form} of ${name}`);
    } catch (problem) {
      ++failed;
      console.log(`FAIL  ${form} of ${name}\n${String(problem.stack).slice(0, 3000)}`);
    }
  }
}
console.log(failed === 0 ? 'all passed' : `${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
