// The second factor: codes of somebody else's implementation, each good once, at every door that asks for one.
import { spawnSync } from 'node:child_process';

import { Http } from '../http.mjs';
import { look } from '../pages.mjs';
import { PASSWORD, addUser, asRoot, grant, signIn, tellReason, words } from '../people.mjs';
import { atLab, linkIt, sayWhy, testSignIn, verdict } from '../steps.mjs';
import { expect, story } from '../world.mjs';

const test = story({ lab: true });
test.describe.configure({ mode: 'serial', timeout: 240_000 });

const STEP = 30;
/** A code counts once: whoever was asked for the one of this step waits for the next. */
const used = new Map();

/** The app on the phone: `oathtool` with the shared secret. Waits until it shows a code that was not typed yet. */
async function code(secret) {
  const step = () => Math.floor(Date.now() / 1000 / STEP);
  await expect.poll(step, { timeout: 40_000, message: 'the next code' }).toBeGreaterThan(used.get(secret) ?? 0);
  used.set(secret, step());
  const tool = spawnSync('oathtool', ['--totp', '--base32', secret], { encoding: 'utf8' });
  if (tool.status !== 0) throw new Error(`oathtool: ${tool.error ?? ''}${tool.stderr}`);
  return tool.stdout.trim();
}

/** What the stories hand on to each other: whose phone, which codes. */
const kept = {};

async function elevates(page, { password, shown }) {
  await page.goto('/elevate?return_to=/me');
  await page.locator('#password').fill(password);
  if (shown !== undefined) await page.locator('#code').fill(shown);
  await page.getByRole('button', { name: 'Start secure session' }).click();
}

/** Ends the secure session. */
async function drop(page) {
  await page.getByRole('button', { name: 'Drop secure session' }).click();
  await expect(page.locator('main')).toContainText('The secure session is over.');
}

test('an app is added with its first code, and recovery codes are shown once', async ({ world, page, context }) => {
  await (await asRoot(world)).enter(context);
  await page.goto('/me');
  await expect(page.locator('#factors')).toContainText('None yet');
  await page.getByRole('link', { name: 'Add second factor' }).click();
  await page.getByRole('button', { name: 'Show the QR code' }).click();
  await expect(page.getByRole('img', { name: /QR code/ })).toBeVisible();
  const secret = await page.locator('.copy code').innerText();
  expect(secret).toMatch(/^[A-Z2-7]{32}$/);
  await page.locator('#code').fill('000000');
  await page.getByRole('button', { name: 'Confirm' }).click();
  await expect(page.locator('#code-error')).toContainText('not the code');
  await expect(page.locator('.copy code'), 'it is still the same').toHaveText(secret);
  await look(page, 'factor-scan');
  await page.locator('#code').fill(await code(secret));
  await page.getByRole('button', { name: 'Confirm' }).click();
  await expect(page.locator('h1')).toHaveText('Recovery codes');
  const codes = (await page.locator('#recovery-codes').innerText()).trim().split('\n');
  expect(new Set(codes).size).toBe(10);
  await look(page, 'factor-codes');
  await page.getByRole('link', { name: 'I have kept them' }).click();
  await expect(page.locator('#factors')).toContainText('Phone');
  await expect(page.locator('#factors')).toContainText('10 recovery codes left');
  await look(page, 'me-factor');
  Object.assign(kept, { secret, codes });
  for (const path of ['/me', '/activity', '/me/factors/new']) {
    await page.goto(path);
    const html = await page.content();
    expect(html, `w46 w48: ${path}`).not.toContain(secret);
    expect(html, path).not.toContain(codes[0]);
  }
});

test('w61: the password alone signs nobody in; the code does', async ({ world, page }) => {
  await page.goto('/signin?with=password&return_to=/users');
  await page.locator('#username').fill(world.root.username);
  await page.locator('#password').fill(world.root.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL('/signin/second');
  await look(page, 'signin-second');
  const half = await page.context().cookies();
  await page.goto('/users');
  await expect(page.locator('main'), 'nobody is signed in yet').toContainText('Sign in');
  await page.goto('/signin/second');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.locator('#code-error')).toContainText('does not fit');
  await page.locator('#code').fill(await code(kept.secret));
  await page.getByRole('button', { name: 'Sign in' }).click();
  await sayWhy(page);
  await page.waitForURL('/users');
  const whole = (await page.context().cookies()).find((cookie) => cookie.name === 'muster').value;
  expect(whole, 'w2: under another id').not.toBe(half.find((cookie) => cookie.name === 'muster').value);
  const stranger = new Http(world.url);
  expect((await stranger.post('/signin/second', { code: '123456' })).status, 'no first step, no second').toBe(401);
});

test('w21: password and code start a secure session, and no code does so twice', async ({ world, page, context }) => {
  const root = new Http(world.url);
  await root.post('/signin', { username: world.root.username, password: world.root.password, return_to: '' });
  const first = await code(kept.secret);
  expect((await root.post('/signin/second', { code: first })).status).toBe(303);
  await tellReason(root);
  await root.enter(context);
  await page.goto('/elevate?return_to=/me');
  await look(page, 'elevate-code');
  await elevates(page, { password: world.root.password, shown: '' });
  await expect(page.locator('#code-error')).toContainText('does not fit');
  await elevates(page, { password: world.root.password, shown: first });
  await expect(page.locator('#code-error')).toContainText('used before');
  await expect(page.locator('.elevation')).toHaveCount(0);
  await elevates(page, { password: world.root.password, shown: await code(kept.secret) });
  await page.waitForURL('/me');
  await expect(page.locator('.elevation')).toBeVisible();
  await drop(page);
  const [one] = kept.codes;
  await elevates(page, { password: world.root.password, shown: one.toLowerCase() });
  await page.waitForURL('/me');
  await expect(page.locator('#factors')).toContainText('9 recovery codes left');
  await test.step('each left a receipt with what it rests on', async () => {
    await page.goto('/receipts');
    await expect(page.locator('main')).toContainText('This console');
    await page.locator('tbody a').first().click();
    await expect(page.locator('h2')).toContainText(['root proved presence here.']);
    await expect(page.locator('main')).toContainText('a recovery code');
    await look(page, 'receipt-own');
    await page.getByRole('link', { name: 'In the activity log' }).click();
    await expect(page.locator('main')).toContainText('elevation.grant');
    await page.goto('/me');
  });
  await drop(page);
  await elevates(page, { password: world.root.password, shown: one });
  await expect(page.locator('#code-error'), 'a recovery code counts once').toContainText('does not fit');
});

test('w19: a provider that says nothing is confirmed with a code where policy says so, and one that bounces never is', async ({ world, page, context }) => {
  const root = new Http(world.url);
  await root.post('/signin', { username: world.root.username, password: world.root.password, return_to: '' });
  expect((await root.post('/signin/second', { code: await code(kept.secret) })).status).toBe(303);
  await tellReason(root);
  const secure = await root.post('/elevate', { password: world.root.password, code: kept.codes[1], return_to: '/' });
  expect(secure.status, words(secure.text)).toBe(303);
  await root.enter(context);
  for (const slug of ['lab-silent', 'lab-bounce']) {
    await testSignIn(page, slug, atLab);
    await linkIt(page);
  }
  const reauth = async (name) => {
    await page.goto('/elevate?return_to=/me');
    await page.locator('section.card', { has: page.getByRole('heading', { name, exact: true }) }).getByRole('button', { name: 'Re-authenticate with SSO' }).click();
    const asks = page.locator('#sign-in');
    await expect(asks.or(page.locator('.verdict-word'))).toBeVisible({ timeout: 30_000 });
    if (await asks.isVisible()) await atLab(page);
    return verdict(page);
  };
  await page.goto('/me');
  await drop(page);
  const confirm = page.getByRole('button', { name: 'Confirm and start secure session' });
  await test.step('the default is Fresh alone', async () => {
    expect(await reauth('At Lab: silent')).toBe('Unprovable');
    await expect(confirm).toHaveCount(0);
  });
  await test.step('a superadmin lets a code confirm it', async () => {
    await page.goto('/security/policies?role=superadmin');
    await page.locator('label:has(input[value=fresh_or_confirmed])').click();
    await page.getByRole('button', { name: 'Save policy' }).click();
    await page.waitForURL(/\/elevate/);
    await page.locator('#password').fill(world.root.password);
    await page.locator('#code').fill(kept.codes[2]);
    await page.getByRole('button', { name: 'Start secure session' }).click();
    await page.waitForURL('/elevate/resume');
    await page.getByRole('button', { name: /Go on: change a policy/ }).click();
    await expect(page.locator('main')).toContainText('Saved the policy of Superadmin.');
    await look(page, 'policies');
    await drop(page);
  });
  await test.step('now it is offered, and a code decides', async () => {
    expect(await reauth('At Lab: silent')).toBe('Unprovable');
    await look(page, 'verdict-confirm');
    const receipt = page.url();
    await page.locator('#code').fill('000000');
    await confirm.click();
    await expect(page.locator('#code-error')).toContainText('does not fit');
    await page.locator('#code').fill(await code(kept.secret));
    await confirm.click();
    await page.waitForURL('/me');
    await expect(page.locator('.elevation')).toBeVisible();
    await page.goto('/security');
    await expect(page.locator('main')).toContainText('by second factor, after an answer of');
    await page.goto(receipt);
    await expect(page.locator('main'), 'the receipt names what confirmed it').toContainText('a code of “Phone”');
    await expect(page.locator('main')).toContainText('Confirmed by a second factor, it started a secure session.');
    await look(page, 'verdict-confirmed');
    await page.goto('/me');
    await drop(page);
  });
  await test.step('a bounce stays refuted', async () => {
    expect(await reauth('At Lab: bounce')).toBe('Stale');
    await expect(confirm).toHaveCount(0);
    const receipt = new URL(page.url()).pathname.split('/').pop();
    const forced = await context.request.post(`${world.url}/elevate/confirm`, {
      form: { receipt, code: await code(kept.secret) },
      headers: { origin: world.url, 'sec-fetch-site': 'same-origin' },
    });
    expect(forced.status()).toBe(409);
    expect(await forced.text()).toContain('ELV-012');
  });
});

test('w42: an admin removes a lost factor, the helpdesk cannot', async ({ world, page, context }) => {
  const root = new Http(world.url);
  await root.post('/signin', { username: world.root.username, password: world.root.password, return_to: '' });
  await root.post('/signin/second', { code: kept.codes[3] });
  await tellReason(root);
  await root.post('/elevate', { password: world.root.password, code: kept.codes[4], return_to: '/' });
  const people = {};
  for (const [username, role] of [['holder', 'admin'], ['fixer', 'admin'], ['desk', 'helpdesk']]) {
    people[username] = { path: await addUser(root, { username, password: PASSWORD }), http: undefined };
    await grant(root, username, role);
    people[username].http = await signIn(world, { username, password: PASSWORD });
    await people[username].http.post('/elevate', { password: PASSWORD, return_to: '/' });
  }
  const { holder, fixer, desk } = people;
  const begun = (await holder.http.post('/me/factors/new', { name: 'Lost phone' })).text;
  const secret = /<code tabindex="0">([A-Z2-7]{32})</.exec(begun)[1];
  const confirm = /action="(\/me\/factors\/[0-9a-f-]{36}\/confirm)"/.exec(begun)[1];
  expect((await holder.http.post(confirm, { code: await code(secret) })).status).toBe(200);
  const remove = `${holder.path}/factors/${confirm.split('/')[3]}/remove`;
  expect((await desk.http.post(remove)).status, 'the helpdesk').toBe(403);
  await fixer.http.enter(context);
  await page.goto(holder.path);
  await page.getByRole('button', { name: 'Remove', exact: true }).click();
  await look(page, 'user-factor');
  await page.getByRole('button', { name: 'Remove Lost phone' }).click();
  await expect(page.locator('main')).toContainText('Removed Lost phone.');
  expect((await holder.http.post('/me/factors/new', { name: 'x' })).to, 'their secure session ended').toMatch(/^\/elevate/);
  await signIn(world, { username: 'holder', password: PASSWORD });
});
