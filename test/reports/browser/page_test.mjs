// The page in headless Chromium, opened from disk as a user opens it. Each case states one fact; every page must come
// without a console message, a request, a violation of its policy or an error.
//   node page_test.mjs <vigil> <folder> [name of a case]
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import * as reports from './reports.mjs';

const [vigil, folder, only] = process.argv.slice(2);
const require = createRequire(`${process.env.VIGIL_NODE_MODULES}/`);
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });

/** Renders a report; the page's path. */
function pageOf(name, report) {
  writeFileSync(join(folder, `${name}.json`), JSON.stringify(report));
  try {
    execFileSync(vigil, ['report', '--formats=html', join(folder, `${name}.json`)], { stdio: 'pipe' });
  } catch (problem) {
    assert.equal(problem.status, 3, String(problem.stderr)); // 3: it holds errors, as it should
  }
  return join(folder, `${name}.html`);
}

const gateway = pageOf('gateway', reports.gateway(folder));
const id = (n) => (0xabc0 + n).toString(16).padStart(16, '0');

const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
const browser = await chromium.launch({ executablePath: process.env.VIGIL_BROWSER, args: flags });
const contexts = new Map();

/** A page that fails the case when anything is said, asked for or refused. */
async function open(path, { address = '', ...options } = {}) {
  const key = JSON.stringify(options);
  if (!contexts.has(key)) {
    const context = await browser.newContext({ viewport: { width: 1360, height: 900 }, ...options });
    // The clipboard of a machine without a desktop: what the page writes there is kept to be looked at.
    await context.addInitScript(() => {
      globalThis.copied = [];
      Object.defineProperty(navigator, 'clipboard', { value: { writeText: async (words) => void globalThis.copied.push(words) } });
    });
    context.setDefaultTimeout(20_000);
    contexts.set(key, context);
  }
  const page = await contexts.get(key).newPage();
  page.problems = [];
  page.on('console', (message) => page.problems.push(`console: ${message.text()}`));
  page.on('pageerror', (error) => page.problems.push(`error: ${error}`));
  page.on('dialog', (dialog) => page.problems.push(`dialog: ${dialog.message()}`) && dialog.dismiss());
  page.on('request', (request) => request.url().startsWith(`file://${path}`) || page.problems.push(`request: ${request.url()}`));
  await page.goto(`file://${path}${address}`);
  if (options.javaScriptEnabled !== false) await page.waitForSelector('#findings .list');
  return page;
}

const titles = (page) => page.locator('.card .opener').allTextContents();
const opened = (page) => page.locator('.card.opened').evaluateAll((cards) => cards.map((card) => card.id));
const count = (page, selector) => page.locator(selector).count();

async function noViolations(page, where) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  assert.deepEqual(violations.map((v) => `${where}: ${v.id}: ${v.nodes.slice(0, 3).map((n) => n.html).join(' | ')}`), []);
}

const cases = {
  async 'a report of some findings opens with the first and the titles of the others'() {
    const page = await open(gateway);
    assert.equal((await titles(page)).length, 6);
    assert.deepEqual(await opened(page), [`f-${id(1)}`]);
    assert.ok(await page.getByText('What to do.').first().isVisible());
    assert.match(await page.textContent('h1'), /^5 errors of 4 kinds; and 1 warning$/);
    await page.screenshot({ path: join(folder, 'gateway.png'), fullPage: true });
    return page;
  },

  async 'a link to a finding opens it'() {
    const page = await open(gateway, { address: `#f-${id(1)}` });
    assert.deepEqual(await opened(page), [`f-${id(1)}`]);
    const card = page.locator(`#f-${id(1)}`);
    assert.match(await card.textContent(), /Why it is real\..*Only one side holds a lock/);
    assert.equal(await card.locator('.parting').count(), 2, 'each side marks where the two part');
    assert.equal(await card.getByText('3 frames as on the other side').count(), 2);
    assert.equal(await card.locator('.row.hit').first().textContent(), '16    while (size_ > kMost) entries_.erase(entries_.begin());\n');
    assert.equal(await card.locator('.timeline .span').count(), 9);
    await page.screenshot({ path: join(folder, 'race.png'), fullPage: true });
    return page;
  },

  async 'a link keeps search and filters'() {
    const page = await open(gateway);
    await page.getByRole('button', { name: 'task-leak' }).click();
    assert.equal((await titles(page)).length, 2);
    await page.getByLabel('Search').fill('gateway.cpp:30');
    assert.deepEqual(await titles(page), ['gateway::ask waits for ever to send on a channel made in gateway::serve']);
    assert.match(page.url(), /#kind=task-leak&q=gateway.cpp%3A30$/);
    const again = await open(gateway, { address: new URL(page.url()).hash });
    assert.equal((await titles(again)).length, 1);
    assert.equal(await again.inputValue('input'), 'gateway.cpp:30');
    await again.getByRole('button', { name: 'Clear filters' }).click();
    assert.equal((await titles(again)).length, 6);
    return page;
  },

  async 'what a baseline knows is marked, behind the rest, and can be left out'() {
    const report = reports.gateway(folder);
    report.findings[0].known = report.findings[5].known = true;
    const page = await open(pageOf('baseline', report));
    assert.match(await page.textContent('h1'), /^4 new errors: .*; 2 findings of the baseline$/);
    assert.equal((await titles(page)).length, 6);
    assert.deepEqual(await page.locator('.cards .card').evaluateAll((cards) => cards.map((card) => card.querySelector('.tag.known') !== null)), [false, false, false, false, true, true]);
    await page.getByRole('button', { name: 'new 4' }).click();
    assert.equal((await titles(page)).length, 4);
    assert.match(page.url(), /#baseline=new$/);
    await page.getByRole('button', { name: 'new 4' }).click();
    await page.getByRole('button', { name: 'known 2' }).click();
    assert.equal((await titles(page)).length, 2);
    await noViolations(page, 'baseline');
    await page.screenshot({ path: join(folder, 'baseline.png'), fullPage: true });
    return page;
  },

  async 'a search looks into stacks and files'() {
    const page = await open(gateway);
    await page.getByLabel('Search').fill('GATEWAY.CPP:50 index::drop');
    assert.equal((await titles(page)).length, 2);
    await page.getByLabel('Search').fill('nowhere to be found');
    assert.match(await page.textContent('.list'), /No finding matches/);
    return page;
  },

  async 'the keys work'() {
    const page = await open(gateway);
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.keyboard.press('k');
    await page.keyboard.press('j');
    await page.keyboard.press('o');
    await page.waitForSelector(`#f-${id(2)}.opened.chosen`);
    await page.keyboard.press('c');
    await page.waitForSelector('.toast.on');
    assert.match((await page.evaluate(() => globalThis.copied)).join(), /^ERROR: deadlock\ngateway::Cache::refresh and gateway::Index::drop wait for each other\n/);
    await page.keyboard.press('o');
    await page.waitForSelector(`#f-${id(2)}:not(.opened)`);
    await page.keyboard.press('?');
    await page.waitForSelector('dialog[open]');
    await page.keyboard.press('Escape');
    await page.waitForSelector('dialog:not([open])', { state: 'attached' });
    await page.keyboard.press('/');
    await page.keyboard.type('jock?');
    assert.equal(await page.inputValue('input'), 'jock?', 'keys are letters in the search');
    return page;
  },

  async 'names of functions are short, and in full when asked'() {
    const page = await open(gateway, { address: `#f-${id(1)}` });
    const shown = () => page.locator(`#f-${id(1)} .frame.first .fn:visible`).allTextContents();
    assert.deepEqual(await shown(), ['gateway::Cache::evict', 'gateway::Cache::put']);
    await page.keyboard.press('f');
    await page.getByRole('button', { name: 'Full names', pressed: true }).waitFor();
    assert.deepEqual(await shown(), ['gateway::Cache::evict()', 'gateway::Cache::put(gateway::Key const&, gateway::Value)']);
    await page.getByLabel('Search').fill('put(gateway::Key');
    assert.ok((await titles(page)).length > 0, 'a search finds them too');
    return page;
  },

  async 'a finding can be copied as link, text and Markdown'() {
    const page = await open(gateway, { address: `#f-${id(4)}` });
    for (const name of ['Copy link', 'Copy as text', 'Copy as Markdown']) await page.getByRole('button', { name }).click();
    const [link, words, markdown] = await page.evaluate(() => globalThis.copied);
    assert.equal(link, `file://${gateway}#f-${id(4)}`);
    assert.match(words, /To suppress: {2}task-leak:gateway\n/);
    assert.match(words, /To reproduce: cd \/srv\/gateway && vigil run --schedule=random --seed=4242 --strict=1 -- \/opt\/gateway\/bin\/gateway --listen/);
    assert.match(markdown, /^### `gateway::ask` waits for ever/);
    assert.match(markdown, /\n```\ngateway::ask {2}gateway.cpp:30\n/);
    return page;
  },

  async "a ring's arrow leads to the stack that shows it"() {
    const page = await open(gateway, { address: `#f-${id(3)}` });
    const edge = page.locator(`#f-${id(3)} .ring .edge`).first();
    await edge.focus();
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate(() => document.activeElement.id), `s-${id(3)}-1`);
    await page.screenshot({ path: join(folder, 'ring.png'), fullPage: true });
    return page;
  },

  async 'leaks are grouped, channels listed, cycles drawn'() {
    const page = await open(gateway);
    assert.match(await page.textContent('#leaks tbody'), /^13gateway::serve gateway.cpp:35/);
    assert.equal(await count(page, '#channels tbody tr'), 2);
    assert.equal(await count(page, '.graph'), 2);
    await page.locator('.graph .edge.live').first().press('Enter');
    await page.waitForSelector('.card.opened.chosen');
    return page;
  },

  async 'dark and light differ, by the system and by the button'() {
    const ground = (page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await open(gateway);
    const dark = await open(gateway, { colorScheme: 'dark', address: `#f-${id(1)}` });
    assert.notEqual(await ground(light), await ground(dark));
    await dark.screenshot({ path: join(folder, 'dark.png'), fullPage: true });
    await dark.getByRole('button', { name: /^Colours/ }).click(); // auto, light
    assert.equal(await ground(dark), await ground(light));
    await dark.evaluate(() => localStorage.clear());
    await dark.close();
    return light;
  },

  async 'paper shows every finding in full'() {
    const page = await open(gateway);
    await page.evaluate(() => dispatchEvent(new Event('beforeprint')));
    await page.locator('.card.opened').nth(1).waitFor();
    assert.equal((await opened(page)).length, 6);
    await page.evaluate(() => dispatchEvent(new Event('afterprint')));
    await page.pdf({ path: join(folder, 'print.pdf'), format: 'A4' });
    await page.emulateMedia({ media: 'print' });
    assert.equal(await page.locator('.filters').isVisible(), false);
    return page;
  },

  async 'a phone has no sideways scrolling'() {
    for (const address of ['', `#f-${id(1)}`, `#f-${id(3)}`]) {
      const page = await open(gateway, { viewport: { width: 360, height: 740 }, address });
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360, address);
      if (address !== '') await page.screenshot({ path: join(folder, `phone${address.slice(-1)}.png`), fullPage: true });
      await page.close();
    }
  },

  async 'without script it is a plain page with everything'() {
    const page = await open(gateway, { javaScriptEnabled: false });
    assert.equal(await count(page, 'article.card h2'), 6);
    assert.equal(await count(page, '.ring'), 2);
    await page.screenshot({ path: join(folder, 'plain.png'), fullPage: true });
    return page;
  },

  async 'axe finds nothing, in any state or colour'() {
    for (const colorScheme of ['light', 'dark']) {
      const page = await open(gateway, { colorScheme });
      await noViolations(page, `${colorScheme}, closed`);
      await page.getByRole('button', { name: 'Open all' }).click();
      await page.locator('.card.opened').nth(1).waitFor();
      await page.evaluate(() => document.querySelectorAll('details').forEach((d) => (d.open = true)));
      await noViolations(page, `${colorScheme}, opened`);
      assert.deepEqual(page.problems, []);
      await page.close();
    }
  },

  async 'axe finds nothing in the plain page'() {
    const plain = join(folder, 'plain.html');
    writeFileSync(plain, readFileSync(gateway, 'utf8').replace(/<script>[^]*<\/script>/, ''));
    const page = await browser.newPage();
    await page.goto(`file://${plain}`);
    await noViolations(page, 'plain');
    await page.close();
  },

  async 'a run without findings says so'() {
    const page = await open(pageOf('clean', reports.report([])));
    assert.equal(await page.textContent('h1'), 'Nothing found');
    assert.match(await page.textContent('.nothing'), /from beginning to end/);
    await noViolations(page, 'clean');
    return page;
  },

  async 'an index leads to its runs and filters by them'() {
    for (const name of ['a', 'b']) {
      mkdirSync(join(folder, 'suite', name), { recursive: true });
      const report = reports.gateway(join(folder, 'suite'));
      if (name === 'b') report.findings.splice(0, 4);
      writeFileSync(join(folder, 'suite', name, 'gateway.1.json'), JSON.stringify(report));
      writeFileSync(join(folder, 'suite', name, 'gateway.1.html'), '');
    }
    const index = join(folder, 'suite', 'index.html');
    execFileSync(vigil, ['merge', '-o', index, join(folder, 'suite')], { stdio: 'pipe' });
    const page = await open(index);
    assert.equal((await titles(page)).length, 6);
    assert.equal(await page.locator('#runs a').first().getAttribute('href'), './a/gateway.1.html');
    await page.locator('#runs button').nth(1).click();
    assert.equal((await titles(page)).length, 2);
    await page.screenshot({ path: join(folder, 'index.png'), fullPage: true });
    await noViolations(page, 'index');
    return page;
  },

  async 'ten thousand findings: a small file, a quick page'() {
    const path = pageOf('many', reports.many(folder, 10_000));
    assert.ok(statSync(path).size <= 8 << 20, `${statSync(path).size} bytes`);
    const page = await open(path);
    assert.equal(await page.locator('.bar-line [role=status]').textContent(), '10,000 findings');
    // What makes a page slow is what it holds at once; the time itself depends on who else uses the machine.
    const elements = await page.evaluate(() => document.querySelectorAll('*').length);
    assert.ok(elements < 3000, `${elements} elements`);
    const shown = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0].startTime);
    assert.ok(shown < 10_000, `${shown} ms`);
    console.log(`      first view after ${Math.round(shown)} ms, ${statSync(path).size} bytes`);
    await page.getByLabel('Search').fill('evict_4711');
    await page.waitForFunction(() => document.querySelectorAll('.card').length === 1);
    const last = await open(path, { address: `#f-${id(9_999)}` });
    await last.waitForSelector(`#f-${id(9_999)}.opened`);
    await last.close();
    return page;
  },

  async 'a tangle of 500 locks is told, not drawn; a small cycle among 500 is drawn'() {
    const tangle = await open(pageOf('tangle', reports.tangle(folder, 500)));
    assert.match(await tangle.textContent('.list'), /too big to be drawn, 500 nodes and 1,500 edges of 500 and 1,500/);
    assert.equal(await count(tangle, '.graph'), 1);
    await tangle.close();
    const needle = await open(pageOf('needle', reports.needle(folder, 500)));
    assert.equal(await count(needle, '.graph'), 2);
    assert.equal(await needle.locator('.graph').nth(1).locator('rect').count(), 8, 'm5 to m12 and back');
    return needle;
  },

  async 'ten thousand hostile texts: nothing runs, nothing is lost'() {
    const texts = reports.hostileTexts(10_000);
    const report = reports.hostile(folder, texts);
    const path = pageOf('hostile', report);
    for (const javaScriptEnabled of [true, false]) {
      const page = await open(path, { javaScriptEnabled });
      if (javaScriptEnabled) {
        await page.getByRole('button', { name: 'Open all' }).click();
        await page.locator('.card.opened').nth(1).waitFor();
        assert.equal(await page.evaluate(() => globalThis.ran), undefined);
        assert.equal(await count(page, 'script'), 1);
        assert.equal(await count(page, 'img, iframe, object, embed, base, form, link'), 0);
        const handlers = await page.evaluate(() => [...document.querySelectorAll('*')].flatMap((e) => e.getAttributeNames()).filter((name) => name.startsWith('on')));
        assert.deepEqual(handlers, []);
        const links = await page.evaluate(() => [...document.querySelectorAll('[href]')].map((e) => e.getAttribute('href')).filter((href) => !href.startsWith('#')));
        assert.deepEqual(links, []);
        const words = await page.evaluate(() => [...document.querySelectorAll('body > :not(script)')].map((e) => e.textContent).join(''));
        const hidden = /[\u0000-\u0008\u000b-\u001f\u202a-\u202e\u2066-\u2069\u200b-\u200f]/.exec(words);
        assert.equal(hidden === null ? '' : JSON.stringify(words.slice(hidden.index - 60, hidden.index + 20)), '');
      }
      assert.equal(await count(page, 'article.card:not(.state)') >= 30, true);
      assert.deepEqual(page.problems, []);
      await page.close();
    }
  },
};

let failed = 0;
for (const [name, run] of Object.entries(cases)) {
  if (only !== undefined && !name.includes(only)) continue;
  const started = Date.now();
  try {
    const page = await run();
    if (page !== undefined) {
      assert.deepEqual(page.problems, []);
      await page.close();
    }
    console.log(`ok    ${name} (${Date.now() - started} ms)`);
  } catch (problem) {
    ++failed;
    console.log(`FAIL  ${name}\n${problem.stack}`);
  }
}
await browser.close();
console.log(failed === 0 ? 'all passed' : `${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
