// The order of directories: dragged by pointer and by finger, moved by keyboard and by button, asked about, never lost to
// somebody else's. (Pictures and axe need script.)
import { look } from '../pages.mjs';
import { PASSWORD, asRoot, connect, elevate, persona, rules, words } from '../people.mjs';
import { atOp, linkIt, testSignIn } from '../steps.mjs';
import { expect, startOp, story } from '../world.mjs';

const test = story().extend({
  op: [
    async ({ world }, use) => {
      const op = await startOp(`${world.url}/signin/certified/callback`);
      const root = await asRoot(world);
      await connect(root, 'certified', { issuer: op.issuer });
      await rules(root, 'certified', {});
      await use(op);
      await op.stop();
    },
    { scope: 'worker' },
  ],
});
test.describe.configure({ mode: 'serial', timeout: 240_000 });

const names = (page) => page.locator('table.directories tbody tr td:nth-child(2) b').allInnerTexts();
const handle = (page, nth) => page.locator('.drag-handle').nth(nth);
const middle = async (locator) => {
  const box = await locator.boundingBox();
  return [box.x + box.width / 2, box.y + box.height / 2];
};

/** Opens the page once its handles work. */
async function open(page) {
  await page.goto('/directories');
  await expect(handle(page, 0)).toBeVisible();
  return names(page);
}

/** Goes on after a drop: answers the question if there is one. Says whether there was. */
async function settled(page) {
  const asks = page.getByRole('button', { name: 'Change the order' });
  const done = page.locator('main', { hasText: 'Changed the order.' });
  await expect(asks.or(done).first()).toBeVisible();
  if (!(await asks.isVisible())) return false;
  await asks.click();
  await expect(done).toBeVisible();
  return true;
}

test('a directory is moved by keyboard, and Escape leaves it where it was', async ({ world, op, page, context }) => {
  expect(op.issuer).toBeTruthy();
  const root = await asRoot(world);
  await root.enter(context);
  for (const name of ['Berlin', 'Kraków']) {
    const made = await root.post('/directories/new', { system: 'openldap', name, vendor: 'openldap', servers: 'ldap.example.org', security: 'ldaps', users_base: 'dc=example,dc=org', intent: 'save' });
    expect(made.status, words(made.text)).toBe(303);
  }
  const before = await open(page);
  expect(before.length).toBeGreaterThan(3);
  await look(page, 'directories-order');
  const said = page.locator('#drag-help + [role=status]');
  await test.step('it is taken back by Escape', async () => {
    await handle(page, 0).focus();
    await page.keyboard.press('Space');
    await expect(handle(page, 0)).toHaveAttribute('aria-pressed', 'true');
    await expect(said).toContainText(`${before[0]} is picked up, at place 1 of ${before.length}.`);
    await page.keyboard.press('ArrowDown');
    await expect(said).toContainText('at place 2');
    expect(await names(page)).toEqual([before[1], before[0], ...before.slice(2)]);
    await expect(handle(page, 1)).toBeFocused();
    await look(page, 'directories-held');
    await handle(page, 1).focus();
    await page.keyboard.press('Escape');
    expect(await names(page)).toEqual(before);
    await expect(said).toContainText('stays at place 1');
    await page.reload();
    expect(await names(page)).toEqual(before);
  });
  await expect(handle(page, 0)).toBeVisible();
  await handle(page, 0).focus();
  for (const key of ['Space', 'ArrowDown', 'Space']) await page.keyboard.press(key);
  await settled(page);
  expect(await names(page)).toEqual([before[1], before[0], ...before.slice(2)]);
});

test('it is dragged by pointer, and the page says first whom it changes', async ({ world, op, page, context }) => {
  await test.step('dora has an account here and one at the provider, with another name', async () => {
    const dora = await persona(world, await asRoot(world), { username: 'dora', role: 'admin' });
    await elevate(dora.http, PASSWORD);
    await dora.http.enter(context);
    await testSignIn(page, 'certified', (there) => atOp(there, 'alice'));
    await linkIt(page);
    await context.clearCookies();
    await page.goto('/signin/certified/start');
    await atOp(page, 'alice');
    await page.waitForURL((url) => url.origin === world.url && !url.pathname.startsWith('/signin'));
    await context.clearCookies();
    expect(op.issuer).toBeTruthy();
  });
  await (await asRoot(world)).enter(context);
  await page.setViewportSize({ width: 1280, height: 900 });
  const before = await open(page);
  const drag = async (from, to) => {
    await page.mouse.move(...(await middle(handle(page, from))));
    await page.mouse.down();
    const [x, y] = await middle(handle(page, to));
    await page.mouse.move(x, y + (to > from ? 30 : -30), { steps: 12 });
  };
  const [from, to] = [before.indexOf('Internal'), before.indexOf('Certified')];
  const after = before.filter((name) => name !== 'Internal');
  after.splice(to, 0, 'Internal');
  await drag(from, to);
  expect(await names(page), 'it follows the pointer').toEqual(after);
  await page.mouse.up();
  await expect(page.locator('main')).toContainText('1 person would have other attributes.');
  expect(await names(page), 'nothing is changed by asking').toEqual(before);
  await look(page, 'directories-asks');
  await page.getByRole('link', { name: 'Leave it' }).click();
  expect(await open(page)).toEqual(before);
  await page.setViewportSize({ width: 1280, height: 900 });
  await drag(from, to);
  await page.mouse.up();
  expect(await settled(page), 'it is asked again').toBe(true);
  await expect(page.locator('main')).toContainText(/attributes follow it/);
  expect(await names(page)).toEqual(after);
});

test('it is dragged by finger on a phone', async ({ world, browser }) => {
  const context = await browser.newContext({ baseURL: world.url, hasTouch: true, isMobile: true, viewport: { width: 390, height: 844 } });
  await (await asRoot(world)).enter(context);
  const page = await context.newPage();
  const before = await open(page);
  const touch = await context.newCDPSession(page);
  await handle(page, 0).scrollIntoViewIfNeeded();
  const [x, y] = await middle(handle(page, 0));
  const to = await middle(handle(page, 1));
  const point = (type, at) => touch.send('Input.dispatchTouchEvent', { type, touchPoints: at === undefined ? [] : [{ x, y: at }] });
  await point('touchStart', y);
  for (let step = 1; step <= 10; step += 1) await point('touchMove', y + ((to[1] + 110 - y) * step) / 10);
  expect((await names(page))[1], 'the page does not scroll instead').toBe(before[0]);
  await point('touchEnd');
  await settled(page);
  expect(await names(page)).toEqual([before[1], before[0], ...before.slice(2)]);
  await context.close();
});

test('of two who change it at once, the second is told and neither is lost', async ({ world, page, context }) => {
  const root = await asRoot(world);
  await root.enter(context);
  const before = await open(page);
  const seen = /name="seen" value="([0-9a-f]{32})"/.exec((await root.get('/directories')).text)[1];
  const second = /\/directories\/([0-9a-f-]{36})\/move/g;
  const ids = [...new Set([...(await root.get('/directories')).text.matchAll(second)].map((found) => found[1]))];
  const moved = await root.post(`/directories/${ids.at(-1)}/move`, { to: 'up', seen, knowingly: 'on' });
  expect(moved.status, words(moved.text)).toBe(303);
  await page.getByRole('button', { name: `Move ${before[0]} down` }).click();
  await expect(page.locator('main')).toContainText('Somebody else changed the order of directories meanwhile.');
  await expect(page.locator('main')).toContainText('DIR-011');
  const swapped = [...before.slice(0, -2), before.at(-1), before.at(-2)];
  expect(await names(page), 'what the first did stands').toEqual(swapped);
  const unseen = await root.post(`/directories/${ids[0]}/move`, { to: 'down' });
  expect(unseen.status, 'who saw no order changes none').toBe(409);
  const foreign = await root.post(`/directories/${ids[0]}/move`, { to: 'down', seen }, { headers: { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' } });
  expect(foreign.status).toBe(403);
  expect(await open(page)).toEqual(swapped);
});

test.describe('without script', () => {
  test.use({ javaScriptEnabled: false });

  test('buttons do the same, and ask the same', async ({ world, page, context }) => {
    await (await asRoot(world)).enter(context);
    await page.goto('/directories');
    await expect(handle(page, 0)).toBeHidden();
    const before = await names(page);
    await page.getByRole('button', { name: `Move ${before[0]} down` }).click();
    await settled(page);
    expect(await names(page)).toEqual([before[1], before[0], ...before.slice(2)]);
  });
});
