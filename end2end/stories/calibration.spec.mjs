// Calibration of a provider: three probes by somebody who reads the page, a provider that is found out, requests that are
// signed, and what was sent.
import { look } from '../pages.mjs';
import { asRoot, connect, words } from '../people.mjs';
import { atLab, atOp, testSignIn, verdict } from '../steps.mjs';
import { Http } from '../http.mjs';
import { expect, startOp, story } from '../world.mjs';

const test = story({ lab: true });
test.describe.configure({ timeout: 240_000 });

/** Presses the button of a probe; what follows depends on the provider. */
async function probe(page, slug, name) {
  await page.goto(`/providers/${slug}/calibration`);
  await page.getByRole('button', { name: `Make the ${name}` }).click();
}

const card = (page, probe) => page.locator(`#probe-${probe}`);

/** Back on the page, with this in the card of a probe. */
async function shows(page, slug, which, text) {
  await page.waitForURL(`/providers/${slug}/calibration`);
  await expect(card(page, which)).toContainText(text);
}

test('three probes show that an honest provider can be believed, and each is kept', async ({ world, page, context }) => {
  const op = await startOp(`${world.url}/signin/honest/callback`);
  await connect(await asRoot(world), 'honest', { issuer: op.issuer, name: 'Honest' });
  await (await asRoot(world)).enter(context);
  await test.step('before anybody is known there, a test sign-in comes first', async () => {
    await page.goto('/providers/honest');
    await page.getByRole('link', { name: 'Calibrate step by step' }).click();
    await expect(page.locator('main')).toContainText('Not made yet');
    await look(page, 'calibration-new');
    await page.getByRole('button', { name: 'Make the control' }).click();
    await expect(page.locator('body')).toContainText('Sign in there once first');
    await page.getByRole('link', { name: 'Sign in at Honest' }).click();
    await atOp(page, 'alice');
    await expect(page.locator('main')).toContainText('What was sent');
    await expect(page.locator('main')).toContainText('code_challenge_method');
    await page.getByRole('link', { name: 'Calibrate step by step' }).click();
  });
  await test.step('the control repeats the old time', async () => {
    await probe(page, 'honest', 'control');
    await shows(page, 'honest', 'control', 'Without force it repeated the old time, as it should.');
    await expect(page.locator('main')).toContainText('counts as proof');
  });
  await test.step('forced, it asks; that it asked is kept and proves nothing by itself', async () => {
    await probe(page, 'honest', 'forced probe');
    await atOp(page, 'alice');
    await shows(page, 'honest', 'forced', 'It states a sign-in');
    await expect(card(page, 'forced')).toContainText('Did the provider ask you');
    await look(page, 'calibration-asks');
    await page.getByRole('button', { name: 'Yes, it asked me' }).click();
    await expect(page.locator('body')).toContainText('never for it');
    await expect(card(page, 'forced')).not.toContainText('Did the provider ask you');
  });
  await test.step('cancelled, it says that nobody signed in', async () => {
    await probe(page, 'honest', 'cancelled probe');
    await page.locator('#cancel').click();
    await shows(page, 'honest', 'cancelled', 'it said that nobody signed in, as it should');
    const table = page.getByRole('table', { name: 'Every probe' });
    await expect(table.locator('tbody tr')).toHaveCount(3);
    await table.locator('summary').first().click();
    await expect(table).toContainText('prompt');
    await look(page, 'calibration-done');
  });
  await op.stop();
});

for (const [mode, which, button, question] of [
  ['bounce-now', 'forced', 'forced probe', 'No, it sent me straight back'],
]) {
  test(`w19: a provider that does “${mode}” is refuted by what the person saw, until somebody begins anew`, async ({ world, page, context }) => {
    const slug = `liar-${which}`;
    const op = await startOp(`${world.url}/signin/${slug}/callback`);
    await connect(await asRoot(world), slug, { issuer: op.issuer, name: 'Liar' });
    await (await asRoot(world)).enter(context);
    await testSignIn(page, slug, (there) => atOp(there, 'alice'));
    // It passes the control, then lies about the forced sign-in alone.
    await probe(page, slug, 'control');
    await shows(page, slug, 'control', 'as it should');
    await op.mode(mode);
    await probe(page, slug, button);
    await shows(page, slug, which, 'It states a sign-in');
    await page.getByRole('button', { name: question }).click();
    await expect(page.locator('main')).toContainText('Nothing Liar states is believed');
    await expect(page.locator('main')).toContainText('It invents its times');
    await look(page, 'calibration-refuted');
    await op.mode('honest');
    await page.goto(`/providers/${slug}`);
    await page.getByRole('button', { name: 'Re-authenticate with SSO' }).click();
    await atOp(page, 'alice');
    expect(await verdict(page)).toBe('Unprovable');
    await page.goto('/');
    await expect(page.locator('main')).toContainText('nothing Liar states can be believed');
    await page.getByRole('link', { name: 'See what it showed' }).click();
    await page.getByRole('button', { name: 'Forget it and begin anew' }).click();
    await expect(card(page, 'forced')).toContainText('Not made yet');
    await expect(page.getByRole('table', { name: 'Every probe' })).toBeVisible();
    await op.stop();
  });
}

test('a test that is Fresh says nothing of a secure session that runs, and shows what was sent', async ({ world, page, context }) => {
  await (await asRoot(world)).enter(context);
  await testSignIn(page, 'lab-honest', atLab);
  await page.goto('/providers/lab-honest');
  await page.getByRole('button', { name: 'Re-authenticate with SSO' }).click();
  await atLab(page);
  expect(await verdict(page)).toBe('Fresh');
  await expect(page.locator('main')).not.toContainText('The secure session runs');
  await expect(page.locator('main')).toContainText('Nothing to do');
  await expect(page.locator('main')).toContainText('What was sent');
  await expect(page.locator('main')).toContainText('max_age');
  await look(page, 'receipt-sent');
});

for (const par of ['never', 'always']) {
  test(`requests signed for a certified provider that takes no others, pushed: ${par}`, async ({ world, page, context }) => {
    const slug = `signed-${par}`;
    const op = await startOp(`${world.url}/signin/${slug}/callback`);
    const root = await asRoot(world);
    const anybody = new Http(world.url);
    await connect(root, slug, { issuer: op.issuer, name: `Signed ${par}`, client_id: 'muster-signed', use_par: par });
    await (await asRoot(world)).enter(context);
    await test.step('it refuses what is not signed, and there is no key yet', async () => {
      expect(JSON.parse((await anybody.get(`/signin/${slug}/keys`)).text)).toEqual({ keys: [] });
      await page.goto(`/signin/${slug}/test/start`);
      await expect(page.locator('body')).toContainText(/Request Object must be used|invalid_request/);
    });
    await test.step('switched on, a key is made and its public half alone is published', async () => {
      await page.goto(`/providers/${slug}/edit`);
      await page.locator('details.folded', { hasText: 'Protocol details' }).locator('summary').click();
      await page.locator('#request_object').selectOption('signed');
      await page.getByRole('button', { name: 'Save provider' }).click();
      await page.waitForURL(`/providers/${slug}`);
      const { keys } = JSON.parse((await anybody.get(`/signin/${slug}/keys`)).text);
      expect(keys).toHaveLength(1);
      expect(Object.keys(keys[0]).toSorted()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
    });
    await test.step('then it verifies what is asked, and re-authentication is Fresh', async () => {
      await testSignIn(page, slug, (there) => atOp(there, 'alice'));
      await page.goto(`/providers/${slug}`);
      await page.getByRole('button', { name: 'Re-authenticate with SSO' }).click();
      await atOp(page, 'alice');
      expect(await verdict(page)).toBe('Fresh');
      await expect(page.locator('main')).toContainText('signed (RFC 9101)');
      await expect(page.locator('main')).toContainText('Signed, as claims of the request');
      if (par === 'never') await look(page, 'receipt-signed');
      await page.goto(`/providers/${slug}/calibration`);
      await expect(page.locator('main')).toContainText(`/signin/${slug}/keys`);
    });
    await test.step('the key is replaced: both are published, and the provider goes on taking what is signed', async () => {
      const [old] = JSON.parse((await anybody.get(`/signin/${slug}/keys`)).text).keys;
      await page.goto(`/providers/${slug}/calibration`);
      if (par === 'always') await look(page, 'calibration-signed');
      await page.getByRole('button', { name: 'Replace signing key' }).click();
      await expect(page.locator('body')).toContainText('A new key is published');
      const { keys } = JSON.parse((await anybody.get(`/signin/${slug}/keys`)).text);
      expect(keys).toHaveLength(2);
      expect(keys[0].kid).not.toBe(old.kid);
      expect(keys[1].kid).toBe(old.kid);
      // Signed in there already, so nothing is asked.
      await testSignIn(page, slug, () => undefined);
    });
    await test.step('a browser that changes the signed request gets nowhere', async () => {
      if (par !== 'never') return;
      let changed = 0;
      await page.route(`${op.issuer}/auth?**`, async (route) => {
        const url = new URL(route.request().url());
        const [header, claims, signature] = url.searchParams.get('request').split('.');
        const asked = JSON.parse(Buffer.from(claims, 'base64url'));
        if (asked.prompt === 'login') {
          changed += 1;
          delete asked.prompt;
          delete asked.max_age;
          url.searchParams.set('request', [header, Buffer.from(JSON.stringify(asked)).toString('base64url'), signature].join('.'));
        }
        await route.continue({ url: url.href });
      });
      await page.goto(`/providers/${slug}`);
      await page.getByRole('button', { name: 'Re-authenticate with SSO' }).click();
      expect(await verdict(page)).toBe('Cancelled');
      await expect(page.locator('main')).toContainText('invalid_request_object');
      expect(changed).toBe(1);
    });
    await op.stop();
  });
}

test('a probe and a provider that do not exist are refused', async ({ world }) => {
  const root = await asRoot(world);
  const answer = await root.post('/providers/lab-honest/calibration', { probe: 'sideways' });
  expect(answer.status).toBe(422);
  expect(words(answer.text)).toContain('CAL-003');
  expect((await root.get('/signin/nowhere/keys')).status).toBe(404);
  expect((await root.get('/providers/nowhere/calibration')).status).toBe(404);
});

test('settings by which a provider is asked travel in the form and back', async ({ world, page, context }) => {
  await (await asRoot(world)).enter(context);
  await page.goto('/providers/lab-silent/edit');
  await page.locator('details.folded', { hasText: 'Re-authentication' }).locator('summary').click();
  await page.locator('#prompt').selectOption('select_account');
  await page.locator('#max_age').selectOption('1');
  await page.getByRole('button', { name: 'Save provider' }).click();
  await page.waitForURL('/providers/lab-silent');
  await page.goto('/providers/lab-silent/calibration');
  await expect(page.locator('main')).toContainText('select_account');
  await page.goto('/');
  await expect(page.locator('main')).toContainText('has to be tested again');
});
