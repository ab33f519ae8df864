// A directory from nothing: declared in the browser, tried step by step, synced from a real slapd, signed in by, and planned
// away again.
import { Http } from '../http.mjs';
import { look } from '../pages.mjs';
import { asRoot, signIn, words } from '../people.mjs';
import { BASE, READER, installed, person, startSlapd } from '../peers/slapd.mjs';
import { leave } from '../steps.mjs';
import { expect, story } from '../world.mjs';

const test = story();
test.describe.configure({ mode: 'serial', timeout: 300_000 });
test.skip(!installed(), 'slapd is not installed');

let slapd;
test.beforeAll(async () => {
  slapd = await startSlapd({ people: ['ada', 'ben', 'cleo', 'dora'], groups: { staff: ['ada', 'ben'], lab: ['cleo'] } });
});
test.afterAll(() => slapd?.stop());

/** What the stories hand on: the address of the directory's page. */
const kept = {};

const press = (page, name) => page.getByRole('button', { name, exact: true }).first().click();

test('it is declared from nothing, and every step is tried beside what it tests', async ({ world, page, context }) => {
  await (await asRoot(world)).enter(context);
  await page.goto('/directories');
  await page.getByRole('link', { name: 'Add directory' }).click();
  await look(page, 'directory-tiles');
  await page.locator('label.tile', { hasText: 'OpenLDAP' }).click();
  await press(page, 'Continue');
  await expect(page.locator('main')).toContainText('First, in OpenLDAP');
  await look(page, 'directory-new');
  await page.locator('#name').fill('Office');
  await test.step('a server elsewhere is not spoken to in the open', async () => {
    await page.locator('#servers').fill('dc1.example.org');
    await page.locator('#security').selectOption('plain');
    await page.locator('#users_base').fill(BASE);
    await press(page, 'Test connection');
    await expect(page.locator('#servers-error')).toContainText('would not be encrypted');
    await look(page, 'directory-new-refused');
  });
  await page.locator('#servers').fill(slapd.address);
  await press(page, 'Test connection');
  await expect(page.locator('#test-connect')).toContainText('answers on this machine');
  await page.locator('#bind_dn').fill(READER.dn);
  const secret = page.locator('input[name=bind_password]');
  await secret.fill('wrong-password');
  await press(page, 'Test account');
  await expect(page.locator('#test-bind')).toContainText('name or password is wrong');
  await expect(page.locator('#test-bind')).toContainText('LDAP-004');
  await look(page, 'directory-new-wrong');
  expect(await page.content(), 'w46: no password comes back').not.toContain('wrong-password');
  await page.locator('details.secret summary').click();
  await secret.fill(READER.password);
  await press(page, 'Test account');
  await expect(page.locator('#test-bind')).toContainText('in.');
  await test.step('what was typed goes along sealed: nobody types it twice', async () => {
    await press(page, 'Test search');
    await expect(page.locator('#test-search')).toContainText('The account sees 4 people and 2 groups.');
    await page.locator('#person').fill('cleo');
    await press(page, 'Look up');
    await expect(page.locator('#test-search')).toContainText('cleo@example.test');
    await look(page, 'directory-new-person');
    expect(await page.content(), 'w46: sealed').not.toContain(READER.password);
  });
  await press(page, 'Save directory');
  await expect(page.locator('h1')).toHaveText('Office');
  kept.path = new URL(page.url()).pathname;
  await expect(page.locator('main')).toContainText('Set, stored sealed');
  await look(page, 'directory-fresh');
});

test.describe('without script', () => {
  test.use({ javaScriptEnabled: false });

  test('what few need is folded away, and an error opens where it is', async ({ world, page, context }) => {
    await (await asRoot(world)).enter(context);
    await page.goto('/directories/new?system=active_directory');
    await expect(page.locator('main')).toContainText('System: Active Directory or Samba');
    await expect(page.locator('#vendor'), 'what was chosen is not asked again').toHaveCount(0);
    for (const folded of ['#ca', '#users_filter', '#username_attribute', '#schedule', '#guard_people_count']) await expect(page.locator(folded)).toBeHidden();
    await page.locator('summary', { hasText: 'What the server calls things' }).click();
    await expect(page.locator('#username_attribute')).toHaveAttribute('placeholder', 'sAMAccountName');
    await page.locator('summary', { hasText: 'When it is synced by itself' }).click();
    await page.locator('#schedule').fill('often');
    await page.locator('summary', { hasText: 'Certification authority' }).click();
    await page.locator('#ca').fill('nonsense');
    await page.locator('#servers').fill('dc1.example.org');
    await page.locator('#users_base').fill('dc=example,dc=org');
    await press(page, 'Save directory');
    await expect(page.locator('#ca-error')).toContainText('no certificate');
    await expect(page.locator('#ca'), 'the section of an error is open').toBeVisible();
    await page.locator('#ca').fill('');
    await press(page, 'Save directory');
    await expect(page.locator('#schedule-error')).toBeVisible();
    await expect(page.locator('#schedule')).toHaveValue('often');
    await expect(page.locator('#protected_users')).toBeHidden();
  });
});

test('its page tries it again, shows what would change, and syncs', async ({ world, page, context }) => {
  const root = await asRoot(world);
  await root.enter(context);
  await page.goto(kept.path);
  await press(page, 'Test search');
  await expect(page.locator('#tests')).toContainText('4 people');
  await page.locator('#person').fill('nobody');
  await press(page, 'Look up');
  await expect(page.locator('#tests')).toContainText('There is nobody with the username nobody.');
  await page.goto(kept.path);
  await press(page, 'Show what would change');
  await page.waitForURL(/\/runs\//);
  await expect.poll(async () => words((await root.get(kept.path)).text), { timeout: 60_000, message: 'the plan is made' }).toContain('Compare Done');
  expect((await root.get('/users?q=ada')).text, 'a plan changes nothing').not.toContain('ada@example.test');
  await leave(page, kept.path);
  await press(page, 'Sync now');
  await page.waitForURL(/\/runs\//);
  await expect.poll(async () => (await root.get('/users?q=ada')).text.includes('ada@example.test'), { timeout: 60_000, message: 'Ada comes' }).toBe(true);
  await expect.poll(async () => words((await root.get(kept.path)).text), { timeout: 60_000, message: 'the sync ends' }).toContain('Sync Done');
  await leave(page, kept.path);
  await expect(page.locator('main')).toContainText('4 accounts');
  await look(page, 'directory');
  await page.goto('/directories');
  await look(page, 'directories-synced');
});

test('a local group holds synced people, and a synced group inside it', async ({ world }) => {
  const root = await asRoot(world);
  const { to } = await root.post('/groups/new', { name: 'Project', description: 'Here' });
  for (const member of ['dora', 'staff']) {
    const page = await root.get(to);
    const added = await root.post(`${to}/members/add`, { who: member });
    expect(added.status, words(page.text)).toBe(303);
  }
  const inside = words((await root.get(`${to}?view=effective`)).text);
  for (const name of ['Ada Example', 'Ben Example', 'Dora Example']) expect(inside).toContain(name);
  expect(inside).not.toContain('Cleo Example');
});

test('a second sync reads what changed alone, and who is gone goes when everything is read', async ({ world, page, context }) => {
  const root = await asRoot(world);
  await root.enter(context);
  const synced = async () => {
    await leave(page, kept.path);
    await press(page, 'Sync now');
    await page.waitForURL(/\/runs\//);
    const run = new URL(page.url()).pathname;
    await expect.poll(async () => words((await root.get(run)).text), { timeout: 60_000, message: 'the sync ends' }).toContain('Ended');
    await leave(page, run);
    return page.locator('main');
  };
  slapd.change(`dn: ${person('ben')}\nchangetype: modify\nreplace: mail\nmail: benjamin@example.test\n`);
  slapd.change(`dn: ${person('dora')}\nchangetype: delete\n`);
  await expect(await synced()).toContainText('Read what changed since');
  await look(page, 'run-changes');
  expect((await root.get('/users?q=ben')).text).toContain('benjamin@example.test');
  expect(words((await root.get('/users?q=dora&state=deactivated')).text), 'nobody goes by changes').not.toContain('Dora Example');
  await test.step('one person by name, from the directory’s page', async () => {
    slapd.change(`dn: ${person('cleo')}\nchangetype: modify\nreplace: mail\nmail: cleopatra@example.test\n`);
    await page.goto(kept.path);
    await page.locator('#person').fill('cleo');
    await press(page, 'Sync this person');
    await page.waitForURL(/\/runs\//);
    await expect.poll(async () => (await root.get('/users?q=cleo')).text.includes('cleopatra@example.test'), { timeout: 60_000, message: 'Cleo changes' }).toBe(true);
    await leave(page, kept.path);
    await page.locator('#person').fill('');
    await press(page, 'Sync this person');
    await expect(page.locator('.field.wrong')).toContainText(['Enter the name']);
  });
  await test.step('other settings make everything due, and the guard counts who goes', async () => {
    await page.goto(`${kept.path}/edit`);
    await page.locator('summary', { hasText: 'When it is synced by itself' }).click();
    await page.locator('#census_hours').fill('1');
    await press(page, 'Save directory');
    await expect(await synced()).toContainText('settings or mapping changed since');
    expect(words((await root.get('/users?q=dora&state=deactivated')).text)).toContain('Dora Example');
  });
});

test('whoever changes the server enters the password again', async ({ world, page, context }) => {
  await (await asRoot(world)).enter(context);
  await page.goto(`${kept.path}/edit`);
  await look(page, 'directory-edit');
  await page.locator('#servers').fill('127.0.0.1:1');
  await press(page, 'Save directory');
  await expect(page.locator('#bind_password-error, .field.wrong')).toContainText(['Enter it again']);
  await press(page, 'Test account');
  await expect(page.locator('.field.wrong')).toContainText(['Enter it again']);
  await look(page, 'directory-edit-again');
});

test('its people sign in with their password there, once that is switched on', async ({ world, page, context }) => {
  const enters = async (username, password) => new Http(world.url).post('/signin', { username, password, return_to: '' });
  expect((await enters('ada', 'ada-pw')).status).toBe(422);
  await (await asRoot(world)).enter(context);
  await page.goto(`${kept.path}/edit`);
  await page.locator('summary', { hasText: 'Signing in' }).click();
  await page.locator('#sign_in').check();
  await press(page, 'Save directory');
  await expect(page.locator('main')).toContainText('Signing in');
  await context.clearCookies();
  await page.goto('/signin');
  await page.locator('#username').fill('ada');
  await page.locator('#password').fill('wrong');
  await press(page, 'Sign in');
  await expect(page.locator('main')).toContainText('AUTH-001');
  await page.locator('#username').fill('ada');
  await page.locator('#password').fill('ada-pw');
  await press(page, 'Sign in');
  await page.goto('/me');
  await expect(page.locator('main')).toContainText('Ada Example');
  expect((await enters('root', 'ada-pw')).status).toBe(422);
  const there = slapd;
  await test.step('a directory that is down says so, and others get in', async () => {
    await there.stop();
    const answer = await enters('ben', 'ben-pw');
    expect(answer.status).toBe(503);
    expect(answer.text).toContain('AUTH-022');
    await signIn(world, world.root);
  });
});

test('deleting it shows its plan first, and the directory goes when that was carried out', async ({ world, page, context }) => {
  const root = await asRoot(world);
  await root.enter(context);
  await page.goto(kept.path);
  await page.getByRole('link', { name: 'Delete directory' }).click();
  await look(page, 'directory-delete');
  await press(page, 'Make the plan');
  await page.waitForURL(/\/plans\//);
  await expect(page.locator('main')).toContainText('Groups that become local');
  await look(page, 'directory-delete-plan');
  expect((await root.get('/users?q=ada')).text).toContain('ada@example.test');
  await page.getByRole('button', { name: /changes?$/ }).first().click();
  await page.getByRole('dialog').getByRole('button', { name: /changes?$/ }).click();
  await page.waitForURL(/\/runs\//);
  await expect.poll(async () => (await root.get(kept.path)).status, { timeout: 90_000, message: 'the directory goes' }).toBe(404);
  const left = words((await root.get('/users?q=ada&state=deactivated')).text);
  expect(left).toContain('Ada Example');
  await leave(page, page.url());
  await expect(page.locator('main')).toContainText('(removed)');
  await look(page, 'directory-removed-run');
  await press(page, 'Undo what it did');
  await page.waitForURL(/\/plans\//);
  expect((await root.get(kept.path)).status, 'not before somebody approves').toBe(404);
  await page.getByRole('button', { name: /changes?$/ }).first().click();
  await page.waitForURL(/\/runs\//);
  await expect.poll(async () => (await root.get(kept.path)).status, { timeout: 90_000, message: 'it is back' }).toBe(200);
  const back = words((await root.get(kept.path)).text);
  expect(back).toContain('Switch on');
  await expect.poll(async () => words((await root.get('/users?q=ada&state=active')).text), { timeout: 90_000 }).toContain('Ada Example');
});
