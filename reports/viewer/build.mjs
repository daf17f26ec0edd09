// Builds the viewer: src/ into dist/viewer.js (one script, nothing loaded later) and dist/viewer.css. The same input
// gives the same bytes: the tools' versions are fixed by package-lock.json, and nothing of the machine is written.
//   node build.mjs [folder]   writes to that folder instead of dist/
import { build } from 'esbuild';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2] ?? join(here, 'dist');
await mkdir(out, { recursive: true });

// What the licences of the two libraries inside ask for.
const notice = `/*! vigil's viewer. Contains Preact, Copyright (c) 2015-present Jason Miller, and dagre, Copyright (c) 2012-2014 Chris
Pettitt, both under the MIT licence: Permission is hereby granted, free of charge, to any person obtaining a copy of this software
and associated documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to
whom the Software is furnished to do so, subject to the following conditions: The above copyright notice and this permission notice
shall be included in all copies or substantial portions of the Software. THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY
KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND
NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN
AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN
THE SOFTWARE. */`;
await build({
  absWorkingDir: here,
  entryPoints: { viewer: 'src/main.tsx' },
  outdir: out,
  bundle: true,
  minify: true,
  format: 'iife',
  target: ['es2021', 'chrome96', 'firefox94', 'safari15.4'],
  charset: 'ascii', // the page's own encoding cannot matter
  legalComments: 'none', // the notice has them
  banner: { js: notice },
  jsx: 'automatic',
  jsxImportSource: 'preact',
  logLevel: 'warning',
});
await build({
  absWorkingDir: here,
  entryPoints: { viewer: 'src/style.css' },
  outdir: out,
  minify: true,
  charset: 'utf8',
  target: ['chrome96', 'firefox94', 'safari15.4'],
  logLevel: 'warning',
});
