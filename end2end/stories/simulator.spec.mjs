// What happens if somebody signs in now, and why: from a recorded sign-in and from pasted claims; nothing is written.
import { look } from '../pages.mjs';
import { asRoot, rules, words } from '../people.mjs';
import { atLab } from '../steps.mjs';
import { expect, story } from '../world.mjs';

const test = story({ lab: true });
test.describe.configure({ mode: 'serial', timeout: 200_000 });

test('somebody unknown is simulated from pasted claims, and is unknown afterwards', async ({ world, page, context }) => {
  const root = await asRoot(world);
  await rules(root, 'lab-honest', { managed: ['eng*'] });
  await root.enter(context);
  await page.goto('/');
  await page.goto('/simulator');
  await expect(page.locator('h1')).toHaveText('Simulator');
  await page.locator('#provider').selectOption('lab-honest');
  await page.locator('#claims').fill('{ "sub": "new-1",');
  await page.getByRole('button', { name: 'Simulate sign-in' }).click();
  await expect(page.locator('#claims-error')).toContainText('no JSON object');
  await page.locator('#claims').fill('{ "sub": "new-1", "preferred_username": "newcomer", "groups": ["eng-core"] }');
  await page.getByRole('button', { name: 'Simulate sign-in' }).click();
  await expect(page.locator('main')).toContainText('“newcomer” would be made and come in');
  await expect(page.locator('main')).toContainText('eng-core');
  await look(page, 'simulator-new');
  expect(words((await root.get('/users?q=newcomer')).text)).not.toContain('newcomer@');
  await page.goto('/users?q=newcomer');
  await expect(page.locator('main')).not.toContainText('eng-core');
});

test('somebody known is simulated from their last sign-in, and why they would stay out', async ({ world, page, context, browser }) => {
  const theirs = await browser.newContext();
  const there = await theirs.newPage();
  await there.goto(`${world.url}/signin/lab-honest/start`);
  await atLab(there);
  await theirs.close();
  const root = await asRoot(world);
  await root.enter(context);
  await page.goto('/simulator?provider=lab-honest&person=ada.lindqvist');
  await expect(page.locator('main')).toContainText('“ada.lindqvist” would come in');
  await expect(page.locator('#claims')).toHaveValue(/ada/);
  await look(page, 'simulator-known');
  const list = await root.get('/users?q=ada.lindqvist');
  const [, path] = /href="(\/users\/[0-9a-f-]{36})"/.exec(list.text);
  await root.post(`${path}/deactivate`, { reason: 'on leave' });
  await page.goto('/simulator?provider=lab-honest&person=ada.lindqvist');
  await expect(page.locator('main')).toContainText('would stay out');
  await expect(page.locator('main')).toContainText('JIT-001');
  await look(page, 'simulator-out');
});

test('other rules are weighed on the recorded sign-ins before they are saved', async ({ world, page, context }) => {
  await (await asRoot(world)).enter(context);
  await page.goto('/providers/lab-honest/rules');
  await page.locator('#default_groups').fill('Everybody');
  await page.getByRole('button', { name: 'Show what would change' }).click();
  await expect(page.locator('main')).toContainText(/were decided again by these rules/);
  await look(page, 'provider-rules-replay');
  await test.step('reloaded as a link, it leads to the rules', async () => {
    await page.goto('/providers/lab-honest/rules/replay');
    await expect(page).toHaveURL(/\/providers\/lab-honest\/rules$/);
    await expect(page.locator('main')).not.toContainText('were decided again');
  });
});
