// The order of directories: dragged by pointer and by finger, moved by keyboard and by button, asked about, never lost to
// somebody else's. (Pictures and axe need script.)
import { look } from '../pages.mjs';
import { asRoot, words } from '../people.mjs';
import { expect, story } from '../world.mjs';

const test = story({ demo: 200 });
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

test('a directory is moved by keyboard, and Escape leaves it where it was', async ({ world, page, context }) => {
  await (await asRoot(world)).enter(context);
  const before = await open(page);
  expect(before.length, 'the demo has several directories').toBeGreaterThan(2);
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

test('it is dragged by pointer, and the page says first whom it changes', async ({ world, page, context }) => {
  await (await asRoot(world)).enter(context);
  await page.setViewportSize({ width: 1280, height: 900 });
  const before = await open(page);
  const drag = async (from, to) => {
    await page.mouse.move(...(await middle(handle(page, from))));
    await page.mouse.down();
    const [x, y] = await middle(handle(page, to));
    await page.mouse.move(x, y + (to > from ? 30 : -30), { steps: 12 });
  };
  await drag(before.length - 1, 0);
  expect(await names(page), 'it follows the pointer').toEqual([before.at(-1), ...before.slice(0, -1)]);
  await page.mouse.up();
  const asked = page.locator('main');
  await expect(asked).toContainText(/people would have other attributes|Changed the order/);
  if (await page.getByRole('button', { name: 'Change the order' }).isVisible()) {
    await look(page, 'directories-asks');
    expect(await names(page), 'nothing is changed by asking').toEqual(before);
    await page.getByRole('link', { name: 'Leave it' }).click();
    expect(await open(page)).toEqual(before);
    await drag(before.length - 1, 0);
    await page.mouse.up();
  }
  await settled(page);
  expect(await names(page)).toEqual([before.at(-1), ...before.slice(0, -1)]);
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
  for (let step = 1; step <= 10; step += 1) await point('touchMove', y + ((to[1] + 60 - y) * step) / 10);
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
