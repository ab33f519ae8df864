// The secure session: what needs it leads there, what was typed waits, and it ends when it is dropped.
import { PASSWORD, addUser, asRoot, connect, grant, rules, signIn } from '../people.mjs';
import { atOp } from '../steps.mjs';
import { expect, startOp, story } from '../world.mjs';

const test = story().extend({
  op: [
    async ({ world }, use) => {
      const op = await startOp(`${world.url}/signin/certified/callback`);
      const root = await asRoot(world);
      await connect(root, 'certified', { issuer: op.issuer });
      await rules(root, 'certified', { managed: ['staff'] });
      await use(op);
      await op.stop();
    },
    { scope: 'worker' },
  ],
});

const SECRET = 'a-brand-new-secret-nobody-may-see';

/** Every page the browser shows, as it came over the wire. */
function wire(page) {
  const bodies = [];
  page.on('response', async (response) => {
    const type = response.headers()['content-type'] ?? '';
    if (type.includes('html') || type.includes('json')) bodies.push(await response.text().catch(() => ''));
  });
  return () => bodies.join('\n');
}

/** Edits the provider on its form and saves: without a secure session this must lead to its door. */
async function edit(page, { name, secret }) {
  await page.goto('/providers/certified/edit');
  await page.locator('#name').fill(name);
  if (secret) {
    await page.getByText('Replace', { exact: true }).click();
    await page.locator('#client_secret').fill(secret);
  }
  await page.getByRole('button', { name: 'Save provider' }).click();
}

test('by SSO: an edit without a secure session is led to the door, proven Fresh, resumed and applied', async ({ world, op, page }) => {
  await test.step('alice signs in through the provider and is made an admin', async () => {
    await page.goto('/signin/certified/start');
    await atOp(page, 'alice');
    await page.waitForURL((url) => url.origin === world.url && !url.pathname.startsWith('/signin'));
    await grant(await asRoot(world), 'alice', 'admin');
  });
  await edit(page, { name: 'Certified at last' });
  await page.waitForURL(/\/elevate\?return_to=/);
  await expect(page.locator('main')).toContainText('You were about to change an identity provider');
  await expect(page.locator('#password'), 'alice has no password here').toHaveCount(0);
  await page.getByRole('button', { name: 'Re-authenticate with SSO' }).click();
  await atOp(page, 'alice');
  await page.waitForURL('/elevate/resume');
  await expect(page.locator('.elevation')).toBeVisible();
  const root = await asRoot(world);
  expect((await root.get('/providers')).text, 'nothing happens before the last press').not.toContain('Certified at last');
  await page.getByRole('button', { name: /Go on: change an identity provider/ }).click();
  await page.waitForURL('/providers/certified');
  await expect(page.locator('h1')).toContainText('Certified at last');
  expect(op.issuer).toBeTruthy();
});

test('w19: a provider that bounces starts no secure session', async ({ world, op, page }) => {
  await page.goto('/signin/certified/start');
  await atOp(page, 'alice');
  await page.waitForURL((url) => url.origin === world.url && !url.pathname.startsWith('/signin'));
  await grant(await asRoot(world), 'alice', 'admin').catch(() => undefined);
  await op.mode('bounce');
  await page.goto('/elevate');
  await page.getByRole('button', { name: 'Re-authenticate with SSO' }).click();
  await page.waitForURL(/\/receipts\//);
  await expect(page.locator('.verdict-word')).toHaveText('Stale');
  await expect(page.locator('.elevation')).toHaveCount(0);
  await op.mode('honest');
});

test('by password: the kept form and its secret are in no page', async ({ world, op, page, context }) => {
  expect(op.issuer).toBeTruthy();
  await (await signIn(world, world.root)).enter(context);
  const seen = wire(page);
  await edit(page, { name: 'Certified again', secret: SECRET });
  await page.waitForURL(/\/elevate\?return_to=/);
  await page.locator('#password').fill('not the password');
  await page.getByRole('button', { name: 'Start secure session' }).click();
  await expect(page.locator('#password-error')).toContainText('do not fit');
  await page.locator('#password').fill(world.root.password);
  await page.getByRole('button', { name: 'Start secure session' }).click();
  await page.waitForURL('/elevate/resume');
  await page.getByRole('button', { name: /Go on/ }).click();
  await page.waitForURL('/providers/certified');
  await expect(page.locator('h1')).toContainText('Certified again');
  await page.goto('/activity');
  expect(seen(), 'w46 w47: the secret is in no answer').not.toContain(SECRET);
  expect(seen()).toContain('Certified again');
});

test('w24: the chip counts down, and dropping ends the secure session', async ({ world, page, context }) => {
  await (await asRoot(world)).enter(context);
  await page.goto('/');
  const left = async () => /(\d+):(\d\d)/.exec(await page.locator('.elevation').innerText());
  const seconds = ([, minutes, rest]) => Number(minutes) * 60 + Number(rest);
  const first = seconds(await left());
  expect(first).toBeGreaterThan(500);
  expect(first).toBeLessThanOrEqual(600);
  await expect.poll(async () => seconds(await left()), { message: 'it counts down' }).toBeLessThan(first);
  await page.getByRole('button', { name: 'Drop secure session' }).click();
  await expect(page.locator('main')).toContainText('The secure session is over.');
  await expect(page.locator('.elevation')).toHaveCount(0);
  await expect(page.getByRole('link', { name: /Start secure session/ })).toBeVisible();
  const cookies = await context.cookies();
  const after = await signIn(world, world.root);
  after.jar.set('muster', cookies.find((cookie) => cookie.name === 'muster').value);
  expect((await after.post('/settings', {})).to).toMatch(/^\/elevate/);
});

test('w17 w22 w25: it is this session’s alone, and ends with the role', async ({ world }) => {
  const root = await asRoot(world);
  const other = await signIn(world, world.root);
  expect((await other.post('/roles/grant', { role: 'auditor', to: 'root' })).to, 'another session of the same person').toMatch(/^\/elevate/);
  const path = await addUser(root, { username: 'shortlived', password: PASSWORD });
  await grant(root, 'shortlived', 'admin');
  const admin = await signIn(world, { username: 'shortlived', password: PASSWORD });
  expect((await admin.post('/elevate', { password: PASSWORD, return_to: '/' })).status).toBe(303);
  expect((await admin.get('/providers/new')).status).toBe(200);
  const own = /name="grant" value="([^"]+)"(?:(?!name="grant")[\s\S])*?Withdraw Admin from shortlived/.exec((await root.get('/roles')).text)?.[1];
  expect((await root.post('/roles/withdraw', { grant: own })).status).toBe(303);
  expect((await admin.get('/providers/new')).status).toBe(403);
  await grant(root, 'shortlived', 'admin');
  const back = await admin.post('/providers/new', {});
  expect([back.status, back.to], 'the secure session did not survive').toEqual([303, expect.stringMatching(/^\/(elevate|signin)/)]);
  expect(path).toMatch(/^\/users\//);
});
