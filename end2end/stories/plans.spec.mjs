// Plans are read, narrowed, approved exactly, followed, taken back, put away; over the plans that the demo leaves.
import { Http } from '../http.mjs';
import { asRoot, persona, words } from '../people.mjs';
import { ended, leave } from '../steps.mjs';
import { expect, startMuster, story } from '../world.mjs';

const base = story({ demo: 300, plan: 300 });
const test = base.extend({ root: [async ({ world }, use) => use(await asRoot(world)), { scope: 'worker' }] });
test.describe.configure({ mode: 'serial' });

/** The newest plan for something. */
const planFor = async (root, purpose) => /href="(\/plans\/[0-9a-f-]{36})"/.exec((await root.get(`/plans?purpose=${purpose}`)).text)[1];
const identityOf = async (root, plan) => /name="identity" value="([a-z0-9-]+)"/.exec((await root.get(plan)).text)?.[1];

test('a plan says what it would do, why it is held, and is narrowed in the address', async ({ page, root, context }) => {
  await root.enter(context);
  await page.goto('/plans');
  await page.getByRole('link', { name: 'Corporate' }).first().click();
  await expect(page.locator('.plan-sentence')).toContainText(/This plan would create \d+ people, .*deactivate 60 people/);
  await expect(page.locator('main')).toContainText('60 of 209 people would go');
  const kinds = page.getByRole('navigation', { name: 'Kinds of changes' });
  const rows = page.getByRole('table', { name: /Changes in the order/ }).locator('tbody tr');
  await test.step('by kind and cause', async () => {
    await kinds.getByRole('link', { name: /People who are deactivated/ }).click();
    await expect(page).toHaveURL(/kind=deactivate/);
    await expect(page.locator('.tools-count')).toHaveText('60 rows');
    await page.getByRole('navigation', { name: 'Why' }).getByRole('link', { name: /Filtered out/ }).click();
    await expect(page).toHaveURL(/kind=deactivate&cause=filtered_out/);
    await expect(page.locator('.tools-count')).toHaveText('15 rows');
    await expect(rows).toHaveCount(15);
    for (const sign of ['−', '+']) await expect(rows.first().locator('.sign', { hasText: sign })).toBeVisible();
  });
  await test.step('what is not done says why and what to do', async () => {
    await kinds.getByRole('link', { name: /Not done/ }).click();
    await expect(rows.first()).toContainText('Correct it at the source');
  });
  await test.step('to and fro, to the end', async () => {
    await kinds.getByRole('link', { name: /^All/ }).click();
    const first = await rows.first().innerText();
    await page.getByRole('link', { name: 'Next', exact: true }).click();
    await expect(page.locator('.pager')).toContainText('51–100 of 315');
    await page.getByRole('link', { name: 'Last', exact: true }).click();
    await expect(page.locator('.pager')).toContainText('266–315 of 315');
    await page.getByRole('link', { name: 'Previous', exact: true }).click();
    await expect(page.locator('.pager')).toContainText('216–265 of 315');
    await page.getByRole('link', { name: 'First', exact: true }).click();
    expect(await rows.first().innerText()).toBe(first);
  });
  await test.step('one person, found by name and opened', async () => {
    await kinds.getByRole('link', { name: /People who change/ }).click();
    const name = await rows.first().locator('.whom .note').innerText();
    await page.getByRole('searchbox', { name: 'Search names' }).fill(name.toUpperCase());
    await page.getByRole('button', { name: 'Search', exact: true }).click();
    await expect(rows.first()).toContainText(name);
    await rows.first().locator('.whom a').click();
    await expect(page).toHaveURL(/who=/);
    await page.getByRole('link', { name: 'Open their own page' }).click();
    await expect(page).toHaveURL(/\/users\//);
    await expect(page.locator('main')).toContainText(name);
  });
});

test('w17 a plan is approved exactly as it was seen, by whoever may, in a secure session', async ({ world, root }) => {
  const plan = await planFor(root, 'drift');
  const identity = await identityOf(root, plan);
  const forged = await root.post(`${plan}/approve`, { identity: 'f'.repeat(64) });
  expect(forged.status).toBe(409);
  expect(words(forged.text)).toContain('PLAN-001');
  const other = await identityOf(root, await planFor(root, 'sync'));
  const swapped = await root.post(`${plan}/approve`, { identity: `${other.slice(0, 63)}${other.endsWith('0') ? '1' : '0'}` });
  expect(swapped.status).toBe(409);
  const { http } = await persona(world, root, { username: 'planless', role: 'auditor' });
  expect(words((await http.get(plan)).text)).not.toContain('Apply 300 changes');
  expect((await http.post(`${plan}/approve`, { identity })).status).toBe(403);
  const admin = await persona(world, root, { username: 'unelevated', role: 'admin' });
  expect((await admin.http.post(`${plan}/approve`, { identity })).to).toMatch(/^\/elevate\?/);
  expect(words((await root.get('/runs')).text)).toContain('Nothing has run yet');
});

test('w54 a plan as a file: CSV without formulas, JSON line by line', async ({ root }) => {
  const plan = await planFor(root, 'sync');
  const csv = await root.get(`${plan}/download?format=csv&kind=deactivate`);
  expect(csv.headers['content-type']).toContain('text/csv');
  expect(csv.headers['content-disposition']).toMatch(/attachment; filename="muster-plan-.*\.csv"/);
  expect(csv.text.trim().split('\r\n')).toHaveLength(61);
  expect(csv.text).not.toMatch(/(^|,)"[=+\-@]/m);
  const json = await root.get(`${plan}/download?format=jsonl`);
  const lines = json.text.trim().split('\n').map((line) => JSON.parse(line));
  expect(lines).toHaveLength(315);
  expect(lines.filter((line) => line.kind === 'deactivate')).toHaveLength(60);
  expect((await root.get(`${plan}/download?format=xlsx`)).status).toBe(422);
});

test('what differs is sorted by where it came to be, and repaired; the run is followed and taken back', async ({ page, root, context }) => {
  test.setTimeout(180_000);
  await root.enter(context);
  await page.goto('/drift');
  await page.getByRole('link', { name: 'Corporate' }).click();
  const sorts = page.getByRole('navigation', { name: 'Sorts of differences' });
  await sorts.getByRole('link', { name: /Only here/ }).click();
  await expect(page.locator('.tools-count')).toHaveText('75 rows');
  await sorts.getByRole('link', { name: /Changed here/ }).click();
  await expect(page.locator('.tools-count')).toHaveText(/\d+ rows/);
  await expect(page.locator('main')).toContainText('Root Superadmin');
  await page.getByRole('button', { name: 'Repair 300 differences' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Repair 300 differences' }).click();
  await page.waitForURL(/\/runs\/[0-9a-f-]{36}/);
  const run = new URL(page.url()).pathname;
  // Nobody presses reload: the page follows by itself.
  await expect(page.getByRole('button', { name: 'Undo what it did' })).toBeVisible({ timeout: 60_000 });
  await expect(page.locator('main')).toContainText('300 done, 0 failed');
  await test.step('outcome of each row', async () => {
    await page.getByRole('link', { name: 'Look at the plan' }).click();
    await expect(page.locator('main')).toContainText('All 300 changes are done');
    await expect(page.getByRole('table', { name: /Changes in the order/ }).locator('tbody tr').first()).toContainText('Done');
  });
  await test.step('the plan that was made before is out of date', async () => {
    await page.goto(await planFor(root, 'sync'));
    await expect(page.locator('main')).toContainText('Out of date');
    await expect(page.getByRole('button', { name: /^Apply/ })).toHaveCount(0);
  });
  await test.step('taken back', async () => {
    await page.goto(run);
    await page.getByRole('button', { name: 'Undo what it did' }).click();
    await page.waitForURL(/\/plans\//);
    await expect(page.locator('h1')).toContainText('Undo in Corporate');
    await page.getByRole('button', { name: 'Apply 300 changes' }).click();
    await page.waitForURL(/\/runs\//);
    const told = await ended(root, new URL(page.url()).pathname);
    expect(told).toContain('300 done, 0 failed');
    await leave(page, run);
    await expect(page.locator('main')).toContainText('What this run did was taken back');
    await expect(page.getByRole('button', { name: 'Undo what it did' })).toHaveCount(0);
  });
});

test('the events of a run end with it, and are for whoever may see it', async ({ world, root }) => {
  const run = /href="(\/runs\/[0-9a-f-]{36})"/.exec((await root.get('/runs')).text)[1];
  const events = await root.get(`${run}/events`, { headers: { accept: 'text/event-stream' } });
  expect(events.headers['content-type']).toContain('text/event-stream');
  expect(JSON.parse(/data: ?(.*)/.exec(events.text)[1])).toMatchObject({ state: 'done', share: 1000, failed: '0' });
  const nobody = new Http(world.url);
  expect([303, 401]).toContain((await nobody.get(`${run}/events`)).status);
  const { http } = await persona(world, root, { username: 'helpless', role: 'helpdesk' });
  expect((await http.get(`${run}/events`)).status).toBe(403);
  expect((await root.get('/runs/00000000-0000-7000-8000-000000000000/events')).status).toBe(404);
});

test.describe('without script', () => {
  test.use({ javaScriptEnabled: false });
  test('a plan is put away, another approved; its run stands on a plain page', async ({ browser }) => {
    test.setTimeout(180_000);
    const own = await startMuster({ demo: 300, plan: 40 });
    const context = await browser.newContext({ baseURL: own.url, javaScriptEnabled: false });
    try {
      const root = await asRoot(own);
      await root.enter(context);
      const page = await context.newPage();
      await page.goto(await planFor(root, 'sync'));
      await page.getByRole('button', { name: 'Put away' }).click();
      await page.waitForURL('/plans');
      await expect(page.locator('main')).toContainText('Put the plan away');
      await page.goto(await planFor(root, 'drift'));
      await page.getByRole('button', { name: /^Apply \d+ changes/ }).first().click();
      const dialog = page.getByRole('dialog');
      if (await dialog.isVisible()) await dialog.getByRole('button', { name: /^Apply \d+ changes/ }).click();
      await page.waitForURL(/\/runs\//);
      await ended(root, new URL(page.url()).pathname);
      await page.reload();
      await expect(page.locator('main')).toContainText('0 failed');
    } finally {
      await context.close();
      await own.stop();
    }
  });
});
