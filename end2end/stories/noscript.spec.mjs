// Everything works before, and without, script.
import { PASSWORD, addUser, asRoot } from '../people.mjs';
import { atLab, atOp, reauthenticate, sayWhy, testSignIn, verdict } from '../steps.mjs';
import { CLIENT, ROOT, expect, startMuster, startOp, story } from '../world.mjs';

const test = story({ lab: true, demo: 300 });
test.use({ javaScriptEnabled: false });

test('the setup wizard to its end', async ({ page }) => {
  test.setTimeout(180_000);
  const own = await startMuster({ admin: false });
  const op = await startOp(`${own.url}/signin/generic/callback`);
  const at = (path) => page.waitForURL(`${own.url}${path}`);
  try {
    await page.goto(`${own.url}/setup`);
    await page.locator('#code').fill(own.code);
    await page.getByRole('button', { name: 'Begin setup' }).click();
    await at('/setup/administrator');
    await page.locator('#display_name').fill(ROOT.name);
    await page.locator('#password').fill(ROOT.password);
    await page.getByRole('button', { name: 'Create administrator' }).click();
    await at('/setup/address');
    await page.getByRole('button', { name: 'Use this address' }).click();
    await at('/setup/provider');
    await page.locator('label:has(input[value=generic])').click();
    await page.getByRole('button', { name: 'Continue' }).click();
    for (const [field, value] of [['name', 'Certified'], ['issuer', op.issuer], ['client_id', CLIENT.id], ['client_secret', CLIENT.secret], ['scopes', 'openid profile email groups']]) {
      await page.locator(`#${field}`).fill(value);
    }
    await page.getByRole('button', { name: 'Save and test sign-in' }).click();
    await at('/setup/trial');
    await page.getByRole('link', { name: 'Sign in at Certified' }).click();
    await atOp(page, 'alice');
    await page.getByRole('button', { name: 'Link this identity to me' }).click();
    await at('/setup/arrival');
    await page.getByRole('button', { name: 'Show what fits' }).click();
    await page.getByRole('link', { name: /prove re-authentication/ }).click();
    await at('/setup/proof');
    await page.getByRole('button', { name: 'Re-authenticate with SSO' }).click();
    await atOp(page, 'alice');
    expect(await verdict(page)).toBe('Fresh');
    await page.getByRole('link', { name: /Go on with setup/ }).click();
    await at('/setup/proof');
    await page.getByRole('link', { name: 'Go on', exact: true }).click();
    await at('/setup/done');
    await page.getByRole('button', { name: 'Open the console' }).click();
    await at('/');
    await expect(page.locator('h1')).toHaveText('Overview');
  } finally {
    await op.stop();
    await own.stop();
  }
});

test('signing in and out by password', async ({ page, world }) => {
  await page.goto('/users?state=active');
  await page.waitForURL(/\/signin\?return_to=/);
  await page.getByRole('link', { name: /password of this console/ }).click();
  await page.locator('#username').fill(world.root.username);
  await page.locator('#password').fill(world.root.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await sayWhy(page);
  await page.waitForURL('/users?state=active');
  await page.getByRole('button', { name: `Account of ${world.root.name}` }).click();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.waitForURL('/signedout');
  await page.goto('/');
  await page.waitForURL(/\/signin/);
});

test('users: search, sort, pages, and a preview of many changes at once', async ({ page, world, context }) => {
  await (await asRoot(world)).enter(context);
  await page.goto('/users');
  const rows = page.getByRole('table', { name: 'Users' }).locator('tbody tr');
  const firstOf = () => rows.first().innerText();
  const before = await firstOf();
  await test.step('pages', async () => {
    await page.getByRole('link', { name: 'Next', exact: true }).click();
    await expect.poll(firstOf).not.toBe(before);
    await page.getByRole('link', { name: 'Previous', exact: true }).click();
    await expect.poll(firstOf).toBe(before);
    await page.getByRole('link', { name: 'Last', exact: true }).click();
    await expect.poll(firstOf).not.toBe(before);
  });
  await test.step('search and filters, kept in the address', async () => {
    await page.getByRole('searchbox', { name: 'Search name, username, e-mail' }).fill('an');
    await page.locator('select[name=state]').selectOption('active');
    await page.getByRole('button', { name: 'Search', exact: true }).click();
    await page.waitForURL(/q=an.*state=active|state=active.*q=an/);
    await page.getByRole('link', { name: 'Remove filter State: active' }).click();
    await expect(page).toHaveURL(/q=an/);
    await expect(page).not.toHaveURL(/state=active/);
  });
  await test.step('a preview says what would change, and only then it happens', async () => {
    const names = [];
    for (const at of [0, 1]) {
      await page.locator('input[name=user]').nth(at).check();
      names.push((await rows.nth(at).locator('.who-name').innerText()).trim());
    }
    await page.getByRole('button', { name: 'Deactivate' }).click();
    await page.locator('#reason').fill('Moved on');
    await page.getByRole('button', { name: 'Preview changes' }).click();
    await expect(page.locator('h1')).toHaveText('Preview');
    for (const name of names) await expect(page.locator('main')).toContainText(name);
    await page.getByRole('button', { name: /Deactivate 2/ }).click();
    await expect(page.locator('body')).toContainText('Deactivated 2 people.');
  });
});

test('editing a user: what is wrong stands beside the field, what was typed stays', async ({ page, world, context }) => {
  const root = await asRoot(world);
  await root.enter(context);
  const path = await addUser(root, { username: 'plain', name: 'Plain Person', password: PASSWORD });
  await page.goto(path);
  await page.getByRole('link', { name: 'Edit user' }).click();
  await page.locator('#display_name').fill('Plainer Person');
  await page.locator('#email').fill('no address');
  await page.getByRole('button', { name: 'Save user' }).click();
  await expect(page.locator('#email-error')).toBeVisible();
  await expect(page.locator('#display_name')).toHaveValue('Plainer Person');
  await page.locator('#email').fill('plain@example.test');
  await page.getByRole('button', { name: 'Save user' }).click();
  await page.waitForURL(path);
  await expect(page.locator('h1')).toContainText('Plainer Person');
});

test('a verdict, and a secure session that was asked for by a form', async ({ page, world, context }) => {
  await (await asRoot(world, { elevated: false })).enter(context);
  await testSignIn(page, 'lab-honest', atLab);
  await reauthenticate(page, 'lab-honest');
  await atLab(page);
  expect(await verdict(page)).toBe('Fresh');
  await expect(page.getByRole('table', { name: 'Evidence' })).toBeVisible();
  await page.goto('/providers/lab-silent');
  await page.getByRole('button', { name: 'Switch off' }).click();
  await page.waitForURL(/\/elevate/);
  await page.locator('#password').fill(world.root.password);
  await page.getByRole('button', { name: 'Start secure session' }).click();
  await page.getByRole('button', { name: /Go on: switch an identity provider off/ }).click();
  await page.waitForURL('/providers/lab-silent');
  await expect(page.locator('main')).toContainText('Switch on');
  await expect(page.locator('.elevation')).toContainText('left');
});
