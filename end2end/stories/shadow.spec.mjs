// One directory in the place of another: two real trees, the new one in shadow beside the active one, what they say side by
// side, one plan that switches, people who stay who they are, and all of it taken back.
import { Http } from '../http.mjs';
import { look } from '../pages.mjs';
import { asRoot, grant, words } from '../people.mjs';
import { BASE, READER, installed, person, startSlapd } from '../peers/slapd.mjs';
import { ended, leave } from '../steps.mjs';
import { expect, story } from '../world.mjs';

const test = story();
test.describe.configure({ mode: 'serial', timeout: 300_000 });
test.skip(!installed(), 'slapd is not installed');

const trees = {};
test.beforeAll(async () => {
  trees.old = await startSlapd({ people: ['ada', 'ben', 'cem', 'dora'], groups: { staff: ['ada', 'ben', 'cem', 'dora'], lab: ['ada'], attic: ['ben'] } });
  trees.fresh = await startSlapd({ people: ['ada', 'ben', 'dora', 'eve'], groups: { staff: ['ada', 'ben', 'dora', 'eve'], lab: ['ada'], garden: ['eve'] } });
  trees.fresh.change(
    `dn: ${person('ben')}\nchangetype: modify\nreplace: mail\nmail: benjamin@example.test\n\ndn: ${person('ada')}\nchangetype: modify\nreplace: userPassword\nuserPassword: ada-new-pw\n`,
  );
});
test.afterAll(async () => {
  await trees.old?.stop();
  await trees.fresh?.stop();
});

/** What the stories hand on: the addresses of both directories and of people. */
const kept = {};

async function declare(root, name, slapd, more) {
  const made = await root.post('/directories/new', {
    system: 'openldap', vendor: 'openldap', name, servers: slapd.address, security: 'plain', ca: '', bind_dn: READER.dn, bind_password: READER.password,
    users_base: `ou=people,${BASE}`, users_filter: '', groups_base: `ou=groups,${BASE}`, groups_filter: '', sign_in: 'on', intent: 'save', ...more,
  });
  expect(made.status, words(made.text)).toBe(303);
  return made.to;
}

const enters = async (world, username, password) => (await new Http(world.url).post('/signin', { username, password, return_to: '' })).status;
const found = async (root, username, state = 'active') => /href="(\/users\/[0-9a-f-]{36})"/.exec((await root.get(`/users?q=${username}&state=${state}`)).text)?.[1];
const press = (page, name) => page.getByRole('button', { name, exact: true }).first().click();

/** Approves the plan that is shown and waits for its end; gives the address of the run. */
async function carried(page, root) {
  await page.waitForURL(/\/runs\//);
  const run = new URL(page.url()).pathname;
  await ended(root, run);
  await leave(page, run);
  await expect(page.locator('main')).toContainText(', 0 failed.');
  return run;
}

test('a directory in shadow is read, and nothing it says is carried out', async ({ world, page, context }) => {
  const root = await asRoot(world);
  await root.enter(context);
  kept.old = await declare(root, 'Old LDAP', trees.old, {});
  await ended(root, (await root.post(`${kept.old}/run`, { wish: 'sync' })).to);
  kept.ada = await found(root, 'ada');
  kept.dora = await found(root, 'dora');
  await grant(root, 'dora', 'auditor');
  await page.goto('/directories/new?system=openldap');
  await page.locator('summary', { hasText: /shadow/i }).click();
  await expect(page.locator('main')).toContainText('nothing it says is carried out');
  kept.fresh = await declare(root, 'New LDAP', trees.fresh, { shadow: 'on' });
  expect(await enters(world, 'ada', 'ada-new-pw'), 'nobody signs in by it').toBe(422);
  await page.goto('/directories');
  await expect(page.locator('tr', { hasText: 'New LDAP' })).toContainText('In shadow');
  await look(page, 'directories-shadow');
  await page.goto(kept.fresh);
  await look(page, 'directory-in-shadow');
  await page.getByRole('link', { name: 'Compare and switch' }).click();
  await expect(page.locator('h1')).toHaveText('New LDAP in shadow');
  await look(page, 'shadow-fresh');
});

test('what both say and what one says alone stands side by side', async ({ world, page, context }) => {
  const root = await asRoot(world);
  await root.enter(context);
  const shadow = `${kept.fresh}/shadow`;
  await page.goto(shadow);
  await page.locator('select[name=beside]').selectOption({ label: 'Old LDAP' });
  await press(page, 'Compare');
  await page.waitForURL(/\/runs\//);
  await ended(root, new URL(page.url()).pathname);
  await leave(page, shadow);
  const totals = page.getByRole('table', { name: /What both directories say/ }).locator('tbody tr');
  const cells = (nth) => totals.nth(nth).locator('td').allInnerTexts();
  expect(await cells(0), 'people').toEqual(['People', '1', '1', '–', '1', '1']);
  expect(await cells(1), 'groups').toEqual(['Groups', '2', '–', '–', '1', '1']);
  await expect(page.locator('main')).toContainText('1 left alone');
  await expect(page.locator('main')).toContainText('Protected among them: dora');
  await look(page, 'shadow-compared');
  const rows = page.getByRole('table', { name: /Changes in the order/ }).locator('tbody tr');
  for (const [column, who] of [[1, 'ada'], [2, 'ben'], [4, 'cem'], [5, 'eve']]) {
    await totals.nth(0).locator('td').nth(column).getByRole('link').click();
    await expect(rows).toHaveCount(1);
    await expect(rows.first()).toContainText(who);
  }
  await totals.nth(0).locator('td').nth(2).getByRole('link').click();
  await expect(rows.first().locator('del')).toContainText('ben@example.test');
  await expect(rows.first().locator('ins')).toContainText('benjamin@example.test');
  await look(page, 'shadow-differs');
  expect((await root.get('/users?q=ben')).text, 'comparing changes nothing').not.toContain('benjamin@example.test');
  expect(await found(root, 'eve')).toBeUndefined();
});

test('it takes the place of the other by one plan, and people stay who they are', async ({ world, page, context }) => {
  const root = await asRoot(world);
  await root.enter(context);
  expect(await enters(world, 'ada', 'ada-pw')).toBe(303);
  await page.goto(`${kept.fresh}/shadow`);
  await press(page, 'Switch to New LDAP');
  const question = page.getByRole('dialog');
  await expect(question).toContainText('New LDAP in the place of Old LDAP?');
  await expect(question).toContainText('hand over 2 groups with their members');
  await look(page, 'shadow-asked');
  await question.getByRole('button', { name: 'Switch to New LDAP' }).click();
  kept.run = await carried(page, root);
  await look(page, 'shadow-run');
  await test.step('the same person, by the other directory', async () => {
    expect(await found(root, 'ada')).toBe(kept.ada);
    const ada = words((await root.get(kept.ada)).text);
    expect(ada).toContain('New LDAP');
    expect(ada).not.toContain('Old LDAP');
    for (const group of ['staff', 'lab']) expect(ada).toContain(group);
    expect((await root.get('/users?q=ben')).text).toContain('benjamin@example.test');
    expect(await found(root, 'cem', 'deactivated')).toBeTruthy();
    expect(await found(root, 'eve')).toBeTruthy();
    expect(words((await root.get(kept.dora)).text), 'whoever is protected is left alone').toContain('Old LDAP');
  });
  await test.step('the new password counts, the old one does not', async () => {
    expect(await enters(world, 'ada', 'ada-pw')).toBe(422);
    expect(await enters(world, 'ada', 'ada-new-pw')).toBe(303);
  });
  await page.goto('/directories');
  await expect(page.locator('tr', { hasText: 'Old LDAP' })).toContainText('In shadow');
  await expect(page.locator('tr', { hasText: 'New LDAP' })).not.toContainText('In shadow');
  await page.goto(`${kept.fresh}/shadow`);
  await expect(page.locator('main')).toContainText('The switch was carried out');
  await expect(page.locator('h1')).toHaveText('How New LDAP took the place of Old LDAP');
  await look(page, 'shadow-switched');
  await test.step('an unchanged tree has nothing left to say', async () => {
    const { to } = await root.post(`${kept.fresh}/run`, { wish: 'sync' });
    await ended(root, to);
    expect(await found(root, 'ada')).toBe(kept.ada);
    expect(words((await root.get(to)).text)).not.toMatch(/[1-9]\d* (changes|steps)/);
  });
});

test('all of it is taken back', async ({ world, page, context }) => {
  const root = await asRoot(world);
  await root.enter(context);
  await page.goto(kept.run);
  await press(page, 'Undo what it did');
  await page.waitForURL(/\/plans\//);
  await look(page, 'shadow-undo');
  await page.getByRole('button', { name: /changes?$/ }).first().click();
  await carried(page, root);
  const ada = words((await root.get(kept.ada)).text);
  expect(ada).toContain('Old LDAP');
  expect(ada).not.toContain('New LDAP');
  for (const group of ['staff', 'lab']) expect(ada).toContain(group);
  expect(await found(root, 'cem')).toBeTruthy();
  expect(await found(root, 'eve')).toBeUndefined();
  expect(await enters(world, 'ada', 'ada-pw')).toBe(303);
  expect(await enters(world, 'ada', 'ada-new-pw')).toBe(422);
  await page.goto('/directories');
  await expect(page.locator('tr', { hasText: 'New LDAP' })).toContainText('In shadow');
});
