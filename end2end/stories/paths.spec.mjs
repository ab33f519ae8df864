// The pages one only comes to by doing something: messages, dialogs, verdicts, the first visit. Looked at like the others.
import { test, user } from '../desk.mjs';
import { look } from '../pages.mjs';
import { PASSWORD, addUser, asRoot, grant, persona, signIn } from '../people.mjs';
import { atLab, reauthenticate, testSignIn, verdict } from '../steps.mjs';
import { expect, startMuster, startOp } from '../world.mjs';

test.use({ trace: 'off' });
// Looking takes its time, most of all on a busy machine.
test.describe.configure({ timeout: 400_000 });

test('pages with messages: a form sent back, a flash, a preview, a check', async ({ desk: page }) => {
  await page.goto('/users/new');
  await page.getByRole('button', { name: 'Add user' }).click();
  await expect(page.locator('.error-summary')).toBeVisible();
  await look(page, 'user-new-refused');
  await page.goto('/users?q=an');
  for (const at of [0, 1]) await page.locator('input[name=user]').nth(at).check();
  await look(page, 'users-selected');
  await page.getByRole('button', { name: 'Deactivate' }).click();
  await look(page, 'bulk-reason');
  await page.getByRole('button', { name: 'Preview changes' }).click();
  await look(page, 'bulk-preview');
  await page.goto('/providers/lab-honest');
  await page.getByRole('button', { name: 'Check configuration' }).click();
  await expect(page.locator('main')).toContainText('What it publishes');
  await look(page, 'provider-checked');
  await page.getByRole('button', { name: 'Make a test link' }).click();
  await expect(page.locator('main')).toContainText('Send this link');
  await look(page, 'provider-test-link');
  await page.goto('/activity');
  await page.getByRole('button', { name: /Verify/ }).click();
  await look(page, 'activity-verified');
});

test('o78: a role for somebody whose password another admin set asks first', async ({ world, root, desk: page }) => {
  const username = `mona-${Date.now()}`;
  const adam = await persona(world, root, { username: `adam-${Date.now()}`, role: 'admin' });
  expect((await adam.http.post('/users/new', { username, display_name: username, email: '', password: PASSWORD })).status).toBe(303);
  await page.goto('/roles');
  await page.locator('#grant select[name=role]').selectOption('helpdesk');
  await page.locator('#grant input[name=to]').fill(username);
  await page.getByRole('button', { name: 'Grant role', exact: true }).click();
  await expect(page.locator('#grant')).toContainText(`${adam.username} set the password of ${username}`);
  await look(page, 'roles-question');
  await page.getByRole('button', { name: 'Grant it all the same' }).click();
  await expect(page.locator('#role-helpdesk')).toContainText(username);
});

test('the activity log is exported by a button and by no link', async ({ root, desk: page }) => {
  await page.goto('/activity?action=role');
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Export CSV' }).click()]);
  expect(download.suggestedFilename()).toMatch(/^muster-activity-.*\.csv$/);
  expect((await root.get('/activity/export?format=csv')).status).toBe(405);
});

test('receipts are exported by a button, filtered as they are shown', async ({ root, desk: page }) => {
  await page.goto('/receipts?verdict=wrong_user');
  await expect(page.locator('main')).toContainText('No receipt matches');
  expect((await root.get('/receipts/export')).status, 'a link cannot').toBe(405);
  const file = await root.post('/receipts/export', { verdict: 'wrong_user' });
  expect([file.status, file.headers['content-type'], file.text]).toEqual([200, 'application/jsonl; charset=utf-8', '']);
});

test('dialogs', async ({ desk: page, root }) => {
  await page.goto(await user(root));
  await page.getByRole('button', { name: 'Deactivate' }).first().click();
  await expect(page.getByRole('dialog')).toBeVisible();
  await look(page, 'user-deactivate-dialog');
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toBeHidden();
});

test('a person who is out', async ({ desk: page, root }) => {
  const path = await addUser(root, { username: `gone-${Date.now()}`, name: 'Gone Person' });
  await root.post(`${path}/deactivate`, { reason: 'Left the company' });
  await page.goto(path);
  await expect(page.locator('main')).toContainText('deactivated this person');
  await look(page, 'user-deactivated');
});

test('the door of the secure session', async ({ world, page, context }) => {
  await (await signIn(world, world.root)).enter(context);
  await page.goto('/elevate');
  await look(page, 'elevate');
  await page.locator('#password').fill('wrong password');
  await page.getByRole('button', { name: 'Start secure session' }).click();
  await look(page, 'elevate-refused');
  await page.goto('/settings');
  await page.locator('main form button[type=submit]').first().click();
  await page.waitForURL(/elevate/);
  await look(page, 'elevate-kept');
  await page.locator('#password').fill(world.root.password);
  await page.getByRole('button', { name: 'Start secure session' }).click();
  await page.waitForURL('/elevate/resume');
  await look(page, 'elevate-resume');
});

test('what others see: no permission, no role', async ({ world, page, context }) => {
  const root = await asRoot(world);
  await addUser(root, { username: 'auditor', name: 'Audit Or', password: PASSWORD });
  await grant(root, 'auditor', 'auditor');
  await (await signIn(world, { username: 'auditor', password: PASSWORD })).enter(context);
  await page.goto('/users/new');
  await look(page, 'forbidden');
  await page.goto('/users');
  await look(page, 'users-auditor');
  await addUser(root, { username: 'norole', name: 'No Role', password: PASSWORD });
  await context.clearCookies();
  await (await signIn(world, { username: 'norole', password: PASSWORD })).enter(context);
  await page.goto('/me');
  await look(page, 'me-without-role');
});

test('signing in and out', async ({ world, page }) => {
  await page.goto('/signin');
  await look(page, 'signin');
  await page.goto('/signin?with=password');
  await look(page, 'signin-password');
  await page.locator('#username').fill('nobody');
  await page.locator('#password').fill('wrong');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await look(page, 'signin-refused');
  await page.goto('/signedout');
  await look(page, 'signedout');
  await page.goto('/setup');
  await look(page, 'setup-over');
  await page.goto('/signin/lab-honest/callback?state=x');
  await look(page, 'callback-refused');
  await page.goto('/signin/lab-honest/test?link=nothing');
  await look(page, 'test-link-over');
  expect(world.url).toBeTruthy();
});

const JUDGED = { fresh: ['honest', 'Fresh'], stale: ['bounce', 'Stale'], 'unprovable-now': ['bounce-now', 'Unprovable'], 'unprovable-silent': ['silent', 'Unprovable'], cancelled: ['honest', 'Cancelled'], 'wrong-user': ['honest', 'Wrong user'] };
for (const [name, [slug, word]] of Object.entries(JUDGED)) {
  test(`verdict ${name}, and the report of its test sign-in`, async ({ desk: page }) => {
    await testSignIn(page, `lab-${slug}`, atLab);
    await look(page, `report-${name}`);
    await reauthenticate(page, `lab-${slug}`);
    const asks = page.locator('#sign-in');
    await expect(asks.or(page.locator('.verdict-word'))).toBeVisible({ timeout: 30_000 });
    if (word === 'Cancelled') await page.locator('#cancel').click();
    else if (await asks.isVisible()) await atLab(page, word === 'Wrong user' ? 'bruno.keller' : 'ada.lindqvist');
    expect(await verdict(page)).toBe(word);
    await look(page, `verdict-${name}`);
  });
}

test('a test sign-in that did not work', async ({ desk: page }) => {
  await page.goto('/signin/lab-honest/test/start');
  await page.locator('#cancel').click();
  await expect(page.locator('h1')).toContainText('did not work');
  await look(page, 'report-failed');
});

test('the first visit, before anything is there', async ({ page }) => {
  const own = await startMuster({ admin: false });
  try {
    await page.goto(`${own.url}/setup`);
    await look(page, 'setup-code');
    await page.locator('#code').fill('wrong');
    await page.getByRole('button', { name: 'Begin setup' }).click();
    await look(page, 'setup-code-refused');
    await page.locator('#code').fill(own.code);
    await page.getByRole('button', { name: 'Begin setup' }).click();
    await look(page, 'setup-administrator');
    await page.locator('#display_name').fill(own.root.name);
    await page.locator('#password').fill(own.root.password);
    await page.getByRole('button', { name: 'Create administrator' }).click();
    await page.waitForURL(/address/);
    await page.getByRole('button', { name: 'Use this address' }).click();
    await page.waitForURL(/provider/);
    await look(page, 'setup-provider-first');
    const op = await startOp(`${own.url}/signin/generic/callback`);
    await page.goto(`${own.url}/setup/provider?vendor=generic`);
    for (const [field, value] of [['name', 'Certified'], ['issuer', `${op.issuer}/wrong`], ['client_id', 'x']]) await page.locator(`#${field}`).fill(value);
    await page.getByRole('button', { name: 'Check configuration' }).click();
    await expect(page.locator('#findings')).toBeVisible();
    await look(page, 'setup-provider-wrong');
    await page.locator('#issuer').fill(op.issuer);
    await page.getByRole('button', { name: 'Check configuration' }).click();
    await expect(page.locator('#findings .good').first()).toBeVisible();
    await look(page, 'setup-provider-right');
    await page.getByRole('button', { name: 'Save and test sign-in' }).click();
    await page.waitForURL(/trial/);
    await look(page, 'setup-trial');
    await page.goto(`${own.url}/setup/arrival`);
    await page.getByRole('button', { name: 'Show what fits' }).click();
    await expect(page.locator('main')).toContainText('Side by side');
    await look(page, 'setup-arrival-told');
    await page.goto(`${own.url}/setup/proof`);
    await look(page, 'setup-proof');
    await page.goto(`${own.url}/setup/done`);
    await look(page, 'setup-done-first');
    for (const empty of ['', 'users', 'groups', 'providers', 'directories', 'security', 'activity']) {
      await page.goto(`${own.url}/${empty}`);
      await look(page, `empty-${empty || 'overview'}`);
    }
    await op.stop();
  } finally {
    await own.stop();
  }
});
