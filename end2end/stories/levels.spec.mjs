// What takes a secure session: policy says from which level on; and how people and programs are asked for one.
import { group, user } from '../desk.mjs';
import { Http } from '../http.mjs';
import { asRoot, elevate, signIn } from '../people.mjs';
import { expect, startMuster, story } from '../world.mjs';

const test = story({ lab: true, demo: 20 });
test.describe.configure({ mode: 'serial' });

const POLICY = { role: 'superadmin', provider: 'fresh', password: 'enough', factors: 'any', from: 'dangerous', lifetime: '10', idle: '' };

const LOOKS = ['/', '/users', '/groups', '/roles', '/directories', '/providers', '/providers/lab-honest', '/compare', '/security', '/security/policies', '/activity', '/activity/1', '/settings', '/applications'];
const CHANGES = ['/users/new', '/groups/new', '/providers/new', '/providers/lab-honest/edit', '/applications/new'];

test('for every change: looking goes on as before, a change is led to the door and back to what was typed', async ({ world, page, context }) => {
  const root = await asRoot(world);
  const looks = [...LOOKS, await user(root), await group(root)];
  expect((await root.post('/security/policies', { ...POLICY, from: 'change' })).status).toBe(303);
  const plain = await signIn(world, world.root);
  for (const path of looks) expect((await plain.get(path)).status, path).toBe(200);
  for (const path of CHANGES) expect((await plain.get(path)).to, path).toBe(`/elevate?return_to=${encodeURIComponent(path)}`);
  for (const path of ['/me', '/elevate']) expect((await plain.get(path)).status, path).toBe(200);
  const made = { username: 'typed-before', display_name: 'Typed Before', email: '', password: '' };
  expect((await plain.post('/users/new', made)).to).toContain('/elevate?return_to=');
  await plain.enter(context);
  await page.goto('/elevate?return_to=/users/new');
  await expect(page.locator('main')).toContainText('You were about to');
  await page.locator('#password').fill(world.root.password);
  await page.getByRole('button', { name: 'Start secure session' }).click();
  await page.waitForURL('/elevate/resume');
  await page.getByRole('button', { name: /Go on/ }).click();
  await expect(page.locator('h1')).toContainText('Typed Before');
});

test('for everything: even looking is led to the door; and nothing less than the dangerous', async ({ world }) => {
  const root = await asRoot(world);
  expect((await root.post('/security/policies', { ...POLICY, from: 'view' })).status).toBe(303);
  const plain = await signIn(world, world.root);
  for (const path of LOOKS) expect((await plain.get(path)).to, path).toBe(`/elevate?return_to=${encodeURIComponent(path)}`);
  expect((await plain.get('/elevate')).status).toBe(200);
  await elevate(plain, world.root.password);
  for (const path of LOOKS) expect((await plain.get(path)).status, path).toBe(200);
  for (const from of ['nothing', '', 'never']) expect((await plain.post('/security/policies', { ...POLICY, from })).status, from).toBe(422);
  expect((await plain.post('/security/policies', POLICY)).status).toBe(303);
  const later = await signIn(world, world.root);
  expect((await later.get('/users')).status).toBe(200);
  expect((await later.post('/settings', {})).to, 'what is dangerous takes one all the same').toMatch(/^\/elevate/);
});

test('a reason that policy asks for stands in no address, and goes on record', async ({ world, page, context }) => {
  const root = await asRoot(world);
  expect((await root.post('/security/policies', { ...POLICY, asks: 'on' })).status).toBe(303);
  const other = await signIn(world, world.root);
  await other.enter(context);
  const addresses = [];
  page.on('request', (request) => addresses.push(request.url()));
  await page.goto('/elevate?return_to=/settings');
  await page.getByRole('button', { name: 'Continue' }).click();
  await expect(page.locator('main')).toContainText('Write down what you need it for');
  await page.locator('#reason').fill('Ticket 4711');
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.locator('#password').fill(world.root.password);
  await page.getByRole('button', { name: 'Start secure session' }).click();
  await page.waitForURL('/settings');
  expect(addresses.join(' ')).not.toContain('4711');
  expect((await root.post('/activity/export', { format: 'jsonl' })).text).toContain('Ticket 4711');
  expect((await root.post('/security/policies', POLICY)).status).toBe(303);
});

test('programs are told where a person proves presence, and where a first start begins', async ({ world }) => {
  const plain = await signIn(world, world.root);
  const challenged = await plain.post('/settings', { url: world.url }, { headers: { accept: 'application/json' } });
  expect(challenged.status).toBe(401);
  expect(challenged.headers['www-authenticate']).toMatch(/^Bearer error="insufficient_user_authentication", error_description="[^"]+", max_age=600, acr_values="urn:muster:acr:secure-session"$/);
  expect(JSON.parse(challenged.text)).toMatchObject({ status: 401, code: 'ELV-001', elevate: expect.stringMatching(/\/elevate$/) });
  const nobody = new Http(world.url);
  expect(JSON.parse((await nobody.get('/', { headers: { accept: 'application/json' } })).text).next ?? '').not.toContain('/setup');
  const fresh = await startMuster({ admin: false });
  try {
    const told = await new Http(fresh.url).get('/', { headers: { accept: 'application/json' } });
    expect([told.status, JSON.parse(told.text).next]).toEqual([401, expect.stringContaining('/setup')]);
  } finally {
    await fresh.stop();
  }
});
