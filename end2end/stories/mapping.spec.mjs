// The mapping of a directory: written, told where it is wrong, tried on the people of a real slapd, weighed and saved.
// (Pictures and axe need script.)
import fs from 'node:fs';

import { look } from '../pages.mjs';
import { asRoot, words } from '../people.mjs';
import { BASE, READER, entry, installed, startSlapd } from '../peers/slapd.mjs';
import { expect, story } from '../world.mjs';

const test = story();
test.describe.configure({ mode: 'serial', timeout: 300_000 });
test.skip(!installed(), 'slapd is not installed');

let slapd;
test.beforeAll(async () => {
  slapd = await startSlapd({ people: ['ada', 'ben', 'cleo'], groups: { staff: ['ada', 'ben'] } });
});
test.afterAll(() => slapd?.stop());

const kept = {};
const press = (page, name) => page.getByRole('button', { name, exact: true }).first().click();

test('it is told where it is wrong, and tried on real people', async ({ world, page, context }) => {
  const root = await asRoot(world);
  await root.enter(context);
  const made = await root.post('/directories/new', {
    system: 'openldap', name: 'Office', vendor: 'openldap', servers: slapd.address, security: 'plain',
    bind_dn: READER.dn, bind_password: READER.password, users_base: BASE, intent: 'save',
  });
  kept.path = `${made.to}/mapping`;
  await page.goto(made.to);
  await page.getByRole('link', { name: 'Mapping' }).click();
  await expect(page.locator('h1')).toHaveText('Mapping');
  await look(page, 'mapping-empty');
  await press(page, "Begin with the directory's own rules");
  await expect(page.locator('#attribute_0')).toHaveValue('username');
  await expect(page.locator('#preview')).toContainText('ada');
  await expect(page.locator('#test_1')).toHaveValue('Somebody who is switched off there');
  await expect(page.locator('main')).toContainText('Holds');
  await page.locator('#filter').fill('source.uid != "ben"');
  await page.locator('#text_4').fill('source.mail.nosuch()');
  await press(page, 'Preview');
  await expect(page.locator('#text_4-error')).toContainText('Line 1, character 13: There is no function “nosuch”');
  await look(page, 'mapping-wrong');
  await page.locator('#text_4').fill('source.mail.upper()');
  await press(page, 'Preview');
  const preview = page.locator('#preview');
  await expect(preview).toContainText('ADA@EXAMPLE.TEST');
  await expect(preview).toContainText('Left out');
  expect(await page.content(), 'no secret is shown').not.toContain('ada-pw');
  await look(page, 'mapping-preview');
});

test('its tests are kept with it, and what it would change is shown before it is saved', async ({ world, page, context }) => {
  await (await asRoot(world)).enter(context);
  await page.goto(kept.path);
  await page.locator('#filter').fill('source.uid != "ben"');
  await page.locator('#attribute_0').fill('email');
  await page.locator('#text_0').fill('source.mail.upper()');
  await press(page, 'Preview');
  await press(page, 'Keep as a test');
  await expect(page.locator('#test_0')).toHaveValue('ada');
  await test.step('a run finds out what it would change, and leads to the plan', async () => {
    await press(page, 'Show what would change');
    await page.waitForURL(/\/plans\//, { timeout: 60_000 });
    await expect(page.locator('main')).toContainText('With this mapping, a sync would');
    await expect(page.locator('main')).toContainText('It cannot be carried out');
    await expect(page.getByRole('button', { name: /^Apply/ })).toHaveCount(0);
    await look(page, 'mapping-impact');
  });
  await page.getByRole('link', { name: 'Back to the mapping' }).click();
  await expect(page.locator('main')).toContainText('This is not saved yet');
  await expect(page.locator('#filter')).toHaveValue('source.uid != "ben"');
  await expect(page.locator('#test_0')).toHaveValue('ada');
  await look(page, 'mapping-tried');
  await press(page, 'Save mapping');
  await expect(page.locator('main')).toContainText('The mapping is saved.');
  await expect(page.locator('#filter')).toHaveValue('source.uid != "ben"');
  await expect(page.locator('main')).toContainText('Holds');
});

test('a test that does not hold keeps it from being saved until somebody confirms it', async ({ world, page, context }) => {
  await (await asRoot(world)).enter(context);
  await page.goto(kept.path);
  await page.locator('#text_0').fill('source.mail');
  await press(page, 'Save mapping');
  await expect(page.locator('main')).toContainText('MAP-004');
  await expect(page.locator('main')).toContainText('Does not hold');
  await look(page, 'mapping-test-fails');
  await page.locator('#knowingly').check();
  await press(page, 'Save mapping');
  await expect(page.locator('main')).toContainText('The mapping is saved.');
});

test('it is tried while somebody types: no button, the error at its place, late answers dropped', async ({ world, page, context }) => {
  await (await asRoot(world)).enter(context);
  await page.goto(kept.path);
  await page.waitForFunction(() => document.documentElement.dataset.ready === '');
  const [preview, rule] = [page.locator('#preview'), page.locator('#text_0')];
  await expect(preview).toContainText('Follows what you type.');
  await rule.fill('source.mail.upper() + "-live"');
  await expect(preview).toContainText('ADA@EXAMPLE.TEST-live');
  await expect(preview).toContainText('Of 3 people, 2 would come, 1 left out.');
  await expect(preview.locator('[role=status]')).toHaveText('Of 3 people, 2 would come, 1 left out.');
  await test.step('what is wrong is told beside the field and with its place, and what was shown stays', async () => {
    await rule.fill('source.mail.nosuch()');
    await expect(page.locator('#text_0-error')).toContainText('Line 1, character 13: There is no function “nosuch”');
    await expect(rule).toHaveAttribute('aria-invalid', 'true');
    await expect(page.locator('#live-problem')).toContainText('Rule for email');
    await expect(page.locator('#live-problem pre')).toHaveText('source.mail.nosuch()\n            ^');
    await expect(preview).toContainText('ADA@EXAMPLE.TEST-live');
    await look(page, 'mapping-live-wrong');
    await rule.fill('source.mail');
    await expect(page.locator('#text_0-error')).toHaveCount(0);
    await expect(rule).not.toHaveAttribute('aria-invalid', 'true');
    await expect(page.locator('#live-problem')).toBeEmpty();
  });
  await test.step('an error is told at the rule that was typed, though empty ones stand before it', async () => {
    await page.locator('#attribute_2').fill('room');
    await page.locator('#text_2').fill('1 +');
    await expect(page.locator('#text_2-error')).toContainText('Line 1');
    await expect(page.locator('#text_1-error')).toHaveCount(0);
    await page.locator('#text_2').fill('"a room"');
    await expect(preview).toContainText('a room');
  });
  await test.step('what was folded open stays open', async () => {
    const person = preview.locator('details.folded').first();
    await person.locator('summary', { hasText: 'What the source says' }).click();
    await page.locator('#text_2').fill('"another room"');
    await expect(preview).toContainText('another room');
    await expect(person.locator('details', { hasText: 'What the source says' })).toHaveAttribute('open', '');
    await look(page, 'mapping-live');
  });
  await test.step('a slow server keeps nobody from typing, and its late answer is dropped', async () => {
    let held;
    await page.route('**/mapping/live', async (route) => {
      if (held !== undefined || !route.request().postData().includes('slow')) return route.continue();
      held = route;
    });
    await page.locator('#text_2').fill('"slow"');
    await expect.poll(() => held !== undefined).toBe(true);
    await expect(preview).toContainText('The directory is being asked…');
    await page.locator('#text_2').fill('"fast"');
    await expect(preview).toContainText('fast');
    await held.fulfill({ json: { said: 'late', problem: '', result: '<p>late</p>', errors: [] } }).catch(() => {});
    await page.locator('#text_2').press('End');
    await expect(preview).not.toContainText('late');
    await expect(preview).toContainText('fast');
    await page.unroute('**/mapping/live');
  });
  await test.step('people are chosen by their usernames', async () => {
    await page.locator('#about').fill('cleo, nosuch');
    await page.locator('#about').blur();
    await expect(preview).toContainText('There is nobody with the username nosuch.');
    await expect(preview.locator('details.folded > summary').first()).toContainText('cleo');
  });
  await test.step('keyboard alone: from the field to what became of somebody', async () => {
    await preview.locator('details.folded > summary').nth(1).focus();
    await page.keyboard.press('Enter');
    await expect(preview.locator('details.folded').nth(1)).not.toHaveAttribute('open', '');
  });
  expect(await page.content(), 'no secret is shown').not.toContain('ada-pw');
});

test('it is tried for nobody else, not from elsewhere, not without end, and nothing of it stands in the log', async ({ world }) => {
  const root = await asRoot(world);
  const live = `${kept.path}/live`;
  const form = { filter: 'source.uid != "ben"', attribute_0: 'email', how_0: 'expression', text_0: 'source.mail.upper()', revision: '1' };
  const foreign = await root.post(live, form, { headers: { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' } });
  expect(foreign.status).toBe(403);
  const heavy = await root.post(live, { ...form, filter: 'source.all("mail").exists(a, a.size() > 0) && '.repeat(120) + 'true' }, { headers: { accept: 'application/json' } });
  expect(JSON.parse(heavy.text).errors[0].field, 'an expression without end is not even begun').toBe('filter');
  const answers = [];
  for (let nth = 0; nth < 60; nth += 1) answers.push(await root.post(live, form, { headers: { accept: 'application/json' } }));
  const told = answers.filter((answer) => answer.status === 200);
  expect(JSON.parse(told[0].text).result).toContain('ADA@EXAMPLE.TEST');
  const refused = answers.filter((answer) => answer.status === 429);
  expect(refused.length, 'a script that asks without end is slowed down').toBeGreaterThan(0);
  expect(JSON.parse(refused[0].text).code).toBe('MAP-009');
  const log = fs.readFileSync(world.log, 'utf8');
  expect(log.toLowerCase()).not.toContain('ada@example.test');
});

test('what would change waits for no sync silently, and says which run is in the way', async ({ world, page, context }) => {
  const root = await asRoot(world);
  await root.enter(context);
  const directory = kept.path.replace('/mapping', '');
  await page.goto(kept.path);
  await page.locator('#filter').fill('source.uid != "cleo"');
  const there = slapd;
  await test.step('one that is under way is named, with the way to it', async () => {
    await there.pause();
    const run = (await root.post(`${directory}/run`, { wish: 'sync' })).to;
    await press(page, 'Show what would change');
    await expect(page.locator('main')).toContainText('RUN-001');
    await expect(page.getByRole('link', { name: 'Go to the run' })).toHaveAttribute('href', run);
    await expect(page.locator('#filter'), 'what was typed is there still').toHaveValue('source.uid != "cleo"');
    await look(page, 'mapping-busy');
    await root.post(`${run}/cancel`);
    await there.resume();
    await expect.poll(async () => words((await root.get(run)).text), { timeout: 60_000 }).toMatch(/Stopped|Done/);
  });
  await press(page, 'Show what would change');
  await page.waitForURL(/\/plans\//, { timeout: 60_000 });
});

test('whoever is kept as a test is whoever stood there, and it tells whom a sync would refuse', async ({ world, page, context }) => {
  await (await asRoot(world)).enter(context);
  const added = (text) => text.replace('\n', '\nchangetype: add\n');
  const blank = `${entry('dora').replace('dn: uid=dora', 'dn: cn=dora').replace('uid: dora', 'uid: dora blank')}cn: dora\n`;
  slapd.change(`${added(blank)}\n${added(entry('eve'))}displayName:: ${Buffer.from('Eve \u202e evE').toString('base64')}\n`);
  await page.goto(kept.path);
  await page.waitForFunction(() => document.documentElement.dataset.ready === '');
  const preview = page.locator('#preview');
  const of = (name) => preview.locator('details.folded').filter({ has: page.locator('summary', { hasText: name }) });
  await page.locator('#filter').fill('');
  await page.locator('#about').fill('eve, dora blank');
  await expect(of('eve')).toContainText('Refused');
  await expect(of('eve')).toContainText('holds invisible or control characters');
  await expect(of('dora blank')).toContainText('The username cannot be used.');
  await expect(preview).toContainText('2 refused');
  await look(page, 'mapping-refused');
  await page.locator('#about').fill('cleo');
  await expect(preview.locator('details.folded > summary').first()).toContainText('cleo');
  await page.locator('#about').fill('');
  await of('cleo').first().locator('summary').first().click();
  await of('cleo').getByRole('button', { name: 'Keep as a test' }).click();
  await expect(page.locator('#test_1')).toHaveValue('cleo');
  await test.step('Enter in a field tries it, and saves nothing', async () => {
    await page.locator('#about').fill('ben');
    await page.locator('#about').press('Enter');
    await expect(preview.locator('details.folded > summary').first()).toContainText('ben');
    await expect(page.locator('main')).not.toContainText('The mapping is saved.');
  });
});

test.describe('without script', () => {
  test.use({ javaScriptEnabled: false });

  test('buttons try it and weigh it', async ({ world, page, context }) => {
    const root = await asRoot(world);
    await root.enter(context);
    await page.goto(kept.path);
    await expect(page.locator('.live-hint')).toBeHidden();
    await page.locator('#filter').fill('source.uid != "ada"');
    await page.locator('#about').fill('ada');
    await press(page, 'Preview');
    await expect(page.locator('#preview details.folded > summary').first()).toContainText(/ada\s*Left out/);
    await press(page, 'Show what would change');
    await page.waitForURL(/\/runs\/.*then=plan/);
    const run = page.url();
    await expect.poll(async () => (await root.get(new URL(run).pathname + '?then=plan')).to, { timeout: 60_000 }).toMatch(/^\/plans\//);
    await page.goto(run);
    await expect(page.locator('main')).toContainText('With this mapping, a sync would');
  });
});
