// A sign-out at the certified provider, announced behind the browser's back, ends the sessions here.
import { Http } from '../http.mjs';
import { asRoot, connect, rules, words } from '../people.mjs';
import { atOp, linkIt, sayWhy, testSignIn } from '../steps.mjs';
import { expect, startOp, story } from '../world.mjs';

const test = story();
let op;

test.beforeAll(async ({ world }) => {
  op = await startOp(`${world.url}/signin/certified/callback`);
  const root = await asRoot(world);
  await connect(root, 'certified', { issuer: op.issuer });
  await rules(root, 'certified', {});
});
test.afterAll(async () => op?.stop());

/** Somebody signs in through the provider in a browser of their own. */
async function comesIn(browser, world, login) {
  const context = await browser.newContext({ baseURL: world.url });
  const page = await context.newPage();
  await page.goto('/signin/certified/start?return_to=/me');
  await atOp(page, login);
  await page.waitForURL('/me');
  return page;
}

test('signing out there ends that session here, and nobody else\'s', async ({ world, browser }) => {
  const alice = await comesIn(browser, world, 'alice');
  const elsewhere = await comesIn(browser, world, 'alice');
  const bob = await comesIn(browser, world, 'bob');
  await alice.goto(`${op.issuer}/session/end`);
  await alice.locator('button[value="yes"]').first().click();
  await alice.waitForURL(/\/session\/end\/success/);
  await expect
    .poll(async () => {
      await alice.goto('/me');
      return new URL(alice.url()).pathname;
    })
    .toBe('/signin');
  for (const page of [elsewhere, bob]) {
    await page.goto('/me');
    await expect(page, 'another session at the provider stays').toHaveURL('/me');
  }
  const root = await asRoot(world);
  await expect.poll(async () => words((await root.get('/activity?q=signout.announced')).text)).toContain('Certified');
});

test('o39 o46: what is no signed announcement ends nothing and is answered as the standard says', async ({ world, browser }) => {
  const bob = await comesIn(browser, world, 'bob');
  const server = new Http(world.url);
  const post = (logout_token, headers = {}) =>
    server.post('/signin/certified/backchannel', { logout_token }, { headers: { origin: undefined, 'sec-fetch-site': undefined, ...headers } });
  const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from('{"sub":"bob"}').toString('base64url')}.`;
  for (const token of ['', 'x', 'a.b.c', none]) {
    const answer = await post(token);
    expect([answer.status, JSON.parse(answer.text).error], token).toEqual([400, 'invalid_request']);
    expect(answer.headers['cache-control']).toBe('no-store');
  }
  expect((await post('x', { origin: 'https://evil.example' })).status, 'no page sends it').toBe(403);
  expect((await server.post('/signin/nobody/backchannel', { logout_token: 'x' }, { headers: { origin: undefined, 'sec-fetch-site': undefined } })).status).toBe(400);
  await bob.goto('/me');
  await expect(bob).toHaveURL('/me');
});

test('a secure session that was proven there inside a password session ends with it, and the password session goes on', async ({ world, page, context }) => {
  const root = await asRoot(world);
  await root.enter(context);
  await testSignIn(page, 'certified', (there) => atOp(there, 'carol'));
  await linkIt(page);
  await page.getByRole('button', { name: 'Drop secure session' }).click();
  await page.goto('/elevate?return_to=/me');
  await page.locator('section.card', { has: page.getByRole('heading', { name: 'At Certified', exact: true }) }).getByRole('button', { name: 'Re-authenticate with SSO' }).click();
  await atOp(page, 'carol');
  await page.waitForURL('/me');
  await expect(page.locator('.elevation')).toBeVisible();
  await page.goto(`${op.issuer}/session/end`);
  await page.locator('button[value="yes"]').first().click();
  await page.waitForURL(/\/session\/end\/success/);
  await expect
    .poll(async () => {
      await page.goto('/me');
      return [new URL(page.url()).pathname, await page.locator('.elevation').count()];
    })
    .toEqual(['/me', 0]);
});

test('w28: a break-glass account that comes in by a provider says what for first', async ({ world, browser }) => {
  const context = await browser.newContext({ baseURL: world.url });
  const page = await context.newPage();
  await page.goto('/signin/certified/start?return_to=/users');
  await atOp(page, 'carol');
  await page.waitForURL(/\/signin\/reason\?return_to=%2Fusers/);
  await page.goto('/providers');
  await page.waitForURL(/\/signin\/reason/);
  await sayWhy(page);
  await page.waitForURL('/providers');
  const auditor = await asRoot(world);
  expect(words((await auditor.get('/activity?q=break_glass.use')).text)).toContain('root');
});
