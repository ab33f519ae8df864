// Passkeys of a real browser, with an authenticator that Chromium simulates: added, used at every door, refused where nobody was verified.
import { Http } from '../http.mjs';
import { look } from '../pages.mjs';
import { PASSWORD, addUser, asRoot, elevate, grant, signIn, tellReason } from '../people.mjs';
import { sayWhy } from '../steps.mjs';
import { expect, story } from '../world.mjs';

// Passkeys answer to names, never to numbers.
const local = (world) => world.url.replace('127.0.0.1', 'localhost');
const test = story().extend({ baseURL: async ({ world }, use) => use(local(world)) });
test.describe.configure({ mode: 'serial', timeout: 240_000 });

const DEVICE = { protocol: 'ctap2', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true };

/** The browser's authenticators: plugged in, pulled out, asked whom they hold. */
async function devices(page) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('WebAuthn.enable');
  const plug = async (transport, credentials = []) => {
    const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', { options: { ...DEVICE, transport } });
    for (const credential of credentials) await cdp.send('WebAuthn.addCredential', { authenticatorId, credential });
    return {
      verifies: (isUserVerified) => cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified }),
      pull: async () => {
        const held = await cdp.send('WebAuthn.getCredentials', { authenticatorId });
        await cdp.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId });
        return held.credentials;
      },
    };
  };
  return { plug };
}

async function typesPassword(page, { username, password }) {
  await page.goto('/signin?with=password&return_to=/me');
  await page.locator('#username').fill(username);
  await page.locator('#password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

async function addPasskey(page, name) {
  await page.goto('/me/passkeys/new');
  await page.locator('#name').fill(name);
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('button', { name: 'Create passkey' }).click();
}

async function drop(page) {
  await page.getByRole('button', { name: 'Drop secure session' }).click();
  await expect(page.locator('main')).toContainText('The secure session is over.');
}

const row = (page, name) => page.locator('#factors li', { hasText: name });

/** What the stories hand on to each other. */
const kept = {};

test('at a number there are no passkeys, and the page says why', async ({ world, page, context }) => {
  const root = await asRoot(world);
  await root.enter(context);
  await page.goto(`${world.url}/me/factors/new`);
  await expect(page.locator('main')).toContainText('Passkeys are bound to a name over https');
  const refused = await root.post('/me/passkeys/new', { name: 'Key' });
  expect(refused.status).toBe(422);
  expect(refused.text).toContain('Passkeys cannot be used at');
  expect((await root.post('/settings', { url: local(world) })).status).toBe(303);
});

test('a passkey is added, signs in as the second step, and starts a secure session', async ({ world, page, context }) => {
  const { plug } = await devices(page);
  const laptop = await plug('internal');
  await typesPassword(page, world.root);
  await sayWhy(page);
  await page.waitForURL('/me');
  await test.step('added', async () => {
    await page.goto('/me/factors/new');
    await look(page, 'factor-new');
    await page.getByRole('link', { name: 'Add passkey' }).click();
    await page.locator('#name').fill('Laptop');
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.waitForURL(/\/elevate/);
    await page.locator('#password').fill(world.root.password);
    await page.getByRole('button', { name: 'Start secure session' }).click();
    await page.waitForURL('/elevate/resume');
    await page.getByRole('button', { name: /Go on/ }).click();
    await expect(page.locator('h1')).toHaveText('Add Laptop');
    await look(page, 'passkey-ask');
    await page.getByRole('button', { name: 'Create passkey' }).click();
    await expect(page.locator('h1')).toHaveText('Recovery codes');
    kept.codes = (await page.locator('#recovery-codes').innerText()).trim().split('\n');
    await page.getByRole('link', { name: 'I have kept them' }).click();
    await expect(row(page, 'Laptop')).toContainText('Passkey');
    await expect(row(page, 'Laptop')).toContainText('not used yet');
  });
  await test.step('w61: the second step', async () => {
    await context.clearCookies();
    await typesPassword(page, world.root);
    await page.waitForURL('/signin/second');
    await look(page, 'signin-second-passkey');
    await page.getByRole('button', { name: 'Use passkey' }).click();
    await sayWhy(page);
    await page.waitForURL('/me');
    await expect(row(page, 'Laptop')).toContainText('last used');
  });
  await test.step('the secure session', async () => {
    await page.goto('/elevate?return_to=/me');
    await look(page, 'elevate-passkey');
    await page.getByRole('button', { name: 'Use passkey' }).click();
    await page.waitForURL('/me');
    await expect(page.locator('.elevation')).toBeVisible();
    await page.goto('/security');
    await expect(page.locator('main')).toContainText('Earned by passkey');
  });
  await test.step('a second one, on another device', async () => {
    await addPasskey(page, 'Same laptop');
    await expect(page.locator('.passkey-said')).toContainText('holds a passkey of yours');
    const credentials = await laptop.pull();
    const blue = await plug('usb');
    await addPasskey(page, 'Blue key');
    await expect(page.locator('main')).toContainText('Added Blue key.');
    await row(page, 'Blue key').getByText('Rename').click();
    await row(page, 'Blue key').locator('input[name=name]').fill('Spare key');
    await row(page, 'Blue key').getByRole('button', { name: 'Save name' }).click();
    await expect(page.locator('#factors')).toContainText('Spare key');
    await look(page, 'me-passkeys');
    await row(page, 'Spare key').getByRole('button', { name: 'Remove', exact: true }).click();
    await page.getByRole('button', { name: 'Remove Spare key' }).click();
    await expect(page.locator('main')).toContainText('Removed Spare key.');
    await blue.pull();
    kept.credentials = credentials;
  });
  await test.step('w21: nothing of it can be sent twice', async () => {
    await drop(page);
    const back = await plug('internal', kept.credentials);
    await page.goto('/elevate?return_to=/me');
    const sent = page.waitForRequest((request) => request.method() === 'POST' && request.url().endsWith('/elevate'));
    await page.getByRole('button', { name: 'Use passkey' }).click();
    const form = Object.fromEntries(new URLSearchParams((await sent).postData()));
    await page.waitForURL('/me');
    await drop(page);
    const again = await context.request.post(`${local(world)}/elevate`, { form, headers: { origin: local(world), 'sec-fetch-site': 'same-origin' } });
    expect(again.status()).toBe(422);
    expect(await again.text()).toContain('does not wait for a passkey any more');
    await expect(page.locator('.elevation')).toHaveCount(0);
    kept.credentials = await back.pull();
  });
});

test('one that did not check who holds it is refused by the browser, and by the server when the browser is made to ask for less', async ({ world, page }) => {
  const { plug } = await devices(page);
  const laptop = await plug('internal', kept.credentials);
  await laptop.verifies(false);
  await typesPassword(page, world.root);
  await page.waitForURL('/signin/second');
  await page.getByRole('button', { name: 'Use passkey' }).click();
  await expect(page.locator('.passkey-said')).toContainText('No passkey was used', { timeout: 90_000 });
  await page.evaluate(async () => {
    const island = document.querySelector('leptos-island[data-component^=PasskeyButton]');
    const bytes = (text) => Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (letter) => letter.charCodeAt(0));
    const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
    const { publicKey } = JSON.parse(JSON.parse(island.dataset.props).options);
    publicKey.challenge = bytes(publicKey.challenge);
    for (const one of publicKey.allowCredentials) one.id = bytes(one.id);
    publicKey.userVerification = 'discouraged';
    const made = await navigator.credentials.get({ publicKey });
    const { authenticatorData, clientDataJSON, signature } = made.response;
    const response = { authenticatorData: text(authenticatorData), clientDataJSON: text(clientDataJSON), signature: text(signature) };
    const form = island.closest('form');
    form.querySelector('input[name=answer]').value = JSON.stringify({ id: made.id, rawId: text(made.rawId), type: made.type, response });
    form.requestSubmit();
  });
  await expect(page.locator('#answer-error')).toContainText('did not check that it is you');
  await look(page, 'signin-second-refused');
  await laptop.verifies(true);
  await page.getByRole('button', { name: 'Use passkey' }).click();
  await sayWhy(page);
  await page.waitForURL('/me');
  kept.credentials = await laptop.pull();
});

test('without script the page says so, and a recovery code does', async ({ world, browser }) => {
  const context = await browser.newContext({ javaScriptEnabled: false, baseURL: local(world) });
  const page = await context.newPage();
  await typesPassword(page, world.root);
  await page.waitForURL('/signin/second');
  await expect(page.locator('main')).toContainText('Passkeys need script');
  await expect(page.getByRole('button', { name: 'Use passkey' })).toBeDisabled();
  await page.locator('#code').fill(kept.codes[0]);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await sayWhy(page);
  await page.waitForURL('/me');
  await context.close();
});

test('w43: an admin lets somebody add a first factor, once; a passkey alone counts where policy says so', async ({ world, page, context }) => {
  const root = new Http(local(world));
  await root.post('/signin', { username: world.root.username, password: world.root.password, return_to: '' });
  await root.post('/signin/second', { code: kept.codes[1] });
  await tellReason(root);
  await elevateBy(root, world.root.password, kept.codes[2]);
  const path = await addUser(root, { username: 'newcomer', password: PASSWORD });
  await addUser(root, { username: 'fixer', password: PASSWORD });
  await grant(root, 'fixer', 'admin');
  const fixer = await signIn({ url: local(world) }, { username: 'fixer', password: PASSWORD });
  await elevate(fixer, PASSWORD);
  const newcomer = await signIn({ url: local(world) }, { username: 'newcomer', password: PASSWORD });
  expect((await newcomer.post('/me/passkeys/new', { name: 'x' })).to, 'nobody let them').toMatch(/^\/elevate/);
  await fixer.enter(context);
  await page.goto(path);
  await page.getByRole('button', { name: 'Let them add a first one' }).click();
  await look(page, 'user-permit-ask');
  await page.getByRole('button', { name: 'Let them add one', exact: true }).click();
  await expect(page.locator('#factors')).toContainText('fixer let them add their first one');
  await look(page, 'user-permit');
  await context.clearCookies();
  await newcomer.enter(context);
  await page.goto('/me');
  await expect(page.locator('#factors')).toContainText('fixer lets you add your first one');
  await look(page, 'me-permit');
  const { plug } = await devices(page);
  const phone = await plug('internal');
  await addPasskey(page, 'Phone');
  await expect(page.locator('h1')).toHaveText('Recovery codes');
  await page.goto('/me');
  await expect(row(page, 'Phone')).toContainText('let by fixer');
  expect((await newcomer.post('/me/passkeys/new', { name: 'Second' })).to, 'once').toMatch(/^\/elevate/);
  await phone.pull();
  await context.clearCookies();
  await fixer.enter(context);
  await page.goto(path);
  await look(page, 'user-passkey');
  await root.enter(context);
  await page.goto('/security/policies?role=admin');
  await page.locator('label:has(input[name=factors][value=passkey])').click();
  await page.locator('label:has(input[name=password][value=with_factor])').click();
  await page.getByRole('button', { name: 'Save policy' }).click();
  await expect(page.locator('main')).toContainText('Saved the policy of Admin.');
  await expect(page.locator('main')).toContainText('fixer cannot start a secure session');
  await look(page, 'policies-passkeys');
  await page.goto('/activity?action=factor.permit');
  await expect(page.locator('main')).toContainText('newcomer');
});

async function elevateBy(http, password, code) {
  const done = await http.post('/elevate', { password, code, return_to: '/' });
  expect(done.status).toBe(303);
}
