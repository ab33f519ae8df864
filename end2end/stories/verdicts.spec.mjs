// What a provider proves: the same certified one made to misbehave, a browser that tampers, and every provider of the lab.
import { asRoot, connect } from '../people.mjs';
import { atLab, atOp, linkIt, reauthenticate, testSignIn, verdict } from '../steps.mjs';
import { expect, startOp, story } from '../world.mjs';

const test = story({ lab: true }).extend({
  op: [
    async ({ world }, use) => {
      const op = await startOp(`${world.url}/signin/certified/callback`);
      const root = await asRoot(world);
      await connect(root, 'certified', { issuer: op.issuer });
      await use(op);
      await op.stop();
    },
    { scope: 'worker' },
  ],
  // The administrator, signed in here by password and at the provider as alice.
  alice: async ({ world, op, page, context }, use) => {
    await op.mode('honest');
    await (await asRoot(world)).enter(context);
    await testSignIn(page, 'certified', (there) => atOp(there, 'alice'));
    await use(page);
  },
});

/** What every receipt shows, whatever the verdict. */
async function receiptIsWhole(page) {
  await expect(page.locator('#verdict-sentence')).not.toBeEmpty();
  await expect(page.getByRole('table', { name: 'Evidence' })).toBeVisible();
  await expect(page.locator('svg').first()).toBeVisible();
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Download receipt' }).click()]);
  expect(download.suggestedFilename()).toMatch(/^receipt.*\.json$/);
}

test('an honest provider that asks again is Fresh', async ({ alice: page }) => {
  await reauthenticate(page, 'certified');
  await atOp(page, 'alice');
  expect(await verdict(page)).toBe('Fresh');
  await expect(page.locator('main')).toContainText('this would have started a secure session');
  await receiptIsWhole(page);
});

for (const [mode, expected] of [['bounce', 'Stale'], ['bounce-now', 'Unprovable'], ['silent', 'Unprovable']]) {
  test(`o55 o56 o57 w19: a provider that does “${mode}” is ${expected}`, async ({ alice: page, op }) => {
    await op.mode(mode);
    await reauthenticate(page, 'certified');
    if (mode === 'silent') await atOp(page, 'alice');
    expect(await verdict(page)).toBe(expected);
    await expect(page.locator('main')).toContainText('no secure session would have started');
    await receiptIsWhole(page);
  });
}

test('w19: a linked person whose session here began by password gets no Fresh from a bounce', async ({ world, alice: page, op, browser }) => {
  await linkIt(page);
  const signedInAt = Date.now();
  await op.mode('bounce');
  // Later than the second of the sign-in, but well within what clocks may differ.
  await expect.poll(() => Date.now() - signedInAt, { intervals: [200] }).toBeGreaterThan(3000);
  await reauthenticate(page, 'certified');
  expect(await verdict(page)).toBe('Stale');
  await test.step('nor in a browser that never saw the provider from here', async () => {
    const context = await browser.newContext({ baseURL: world.url });
    await context.addCookies((await page.context().cookies()).filter((cookie) => !cookie.name.startsWith('muster')));
    await (await asRoot(world, { elevated: false })).enter(context);
    const other = await context.newPage();
    await other.goto('/elevate');
    await other.getByRole('button', { name: 'Re-authenticate with SSO' }).click();
    expect(await verdict(other)).toBe('Stale');
    await expect(other.locator('.elevation')).toHaveCount(0);
    await context.close();
  });
});

test('cancelling at the provider is Cancelled', async ({ alice: page }) => {
  await reauthenticate(page, 'certified');
  await page.waitForURL(/\/interaction\//);
  await page.locator('#cancel').click();
  expect(await verdict(page)).toBe('Cancelled');
});

test('w18: another person signing in is Wrong user', async ({ alice: page }) => {
  await reauthenticate(page, 'certified');
  await atOp(page, 'bob');
  expect(await verdict(page)).toBe('Wrong user');
  await expect(page.locator('main')).toContainText('no secure session would have started');
});

test('a browser that strips prompt and max_age is never Fresh', async ({ world, op, page, context }) => {
  await op.mode('honest');
  const root = await asRoot(world);
  const slug = `stripped-${test.info().workerIndex}`;
  const own = await startOp(`${world.url}/signin/${slug}/callback`);
  await connect(root, slug, { issuer: own.issuer, name: 'Stripped', use_par: 'never' });
  await root.enter(context);
  await testSignIn(page, slug, (there) => atOp(there, 'alice'));
  let stripped = 0;
  await page.route(`${own.issuer}/auth?**`, async (route) => {
    const url = new URL(route.request().url());
    if (url.searchParams.get('prompt') === 'login') {
      stripped += 1;
      for (const name of ['prompt', 'max_age']) url.searchParams.delete(name);
    }
    await route.continue({ url: url.href });
  });
  await reauthenticate(page, slug);
  const told = await verdict(page);
  expect(stripped, 'the browser did strip the forced question').toBe(1);
  expect(['Stale', 'Unprovable']).toContain(told);
  await own.stop();
});

test('every provider of the lab ends in its right verdict', async ({ world, page, context }) => {
  test.setTimeout(180_000);
  const lab = await (await context.request.get(world.labUrl)).text();
  const [connected] = lab.split('id="special"');
  const expected = [...connected.matchAll(/<li class="card" id="([\w-]+)">[\s\S]*?<strong>([^<]+)<\/strong>/g)].map((found) => [found[1], found[2]]);
  expect(Object.fromEntries(expected)).toMatchObject({ honest: 'Fresh', bounce: 'Stale', 'bounce-now': 'Unprovable', silent: 'Unprovable' });
  await (await asRoot(world)).enter(context);
  for (const [slug, word] of expected) {
    await test.step(`${slug} is ${word}`, async () => {
      await testSignIn(page, `lab-${slug}`, atLab);
      await reauthenticate(page, `lab-${slug}`);
      const asks = page.locator('#sign-in');
      await expect(asks.or(page.locator('.verdict-word'))).toBeVisible({ timeout: 30_000 });
      if (await asks.isVisible()) await atLab(page);
      expect(await verdict(page)).toBe(word);
    });
  }
});
