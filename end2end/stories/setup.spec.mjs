// The first visit: from a setup code to a proven re-authentication.
import { Http } from '../http.mjs';
import { signIn, words } from '../people.mjs';
import { atOp, verdict } from '../steps.mjs';
import { CLIENT, ROOT, expect, startMuster, startOp, story } from '../world.mjs';

const test = story({ admin: false });

test('a newcomer sets Muster up, connects a certified provider and proves that it asks again', async ({ page, world, browser }) => {
  test.setTimeout(180_000);
  let op;
  await test.step('the setup code opens the wizard, and nothing else does', async () => {
    await page.goto('/');
    await page.waitForURL(/\/setup$/);
    await page.locator('#code').fill('AAAAA-BBBBB-CCCCC-DDDDD');
    await page.getByRole('button', { name: 'Begin setup' }).click();
    await expect(page.locator('#code-error')).toContainText('This is not the setup code.');
    await page.locator('#code').fill(world.code);
    await page.getByRole('button', { name: 'Begin setup' }).click();
    await page.waitForURL('/setup/administrator');
  });
  await test.step('a weak password is refused in words, and what was typed stays', async () => {
    await page.locator('#display_name').fill(ROOT.name);
    await page.locator('#email').fill(ROOT.email);
    for (const [weak, why] of [['password1', '15 characters'], ['aaaaaaaaaaaaaaaaaaaa', 'guessed']]) {
      await page.locator('#password').fill(weak);
      await page.getByRole('button', { name: 'Create administrator' }).click();
      await expect(page.locator('#password-error')).toContainText(why);
      await expect(page.locator('#display_name')).toHaveValue(ROOT.name);
      await expect(page.locator('#password')).toHaveValue('');
      expect(await page.content()).not.toContain(weak);
    }
    await page.locator('#password').fill(ROOT.password);
    await page.getByRole('button', { name: 'Create administrator' }).click();
  });
  await test.step('the address is the one in the browser', async () => {
    await page.waitForURL('/setup/address');
    await expect(page.locator('#url')).toHaveValue(`${world.url}/`);
    await page.locator('#url').fill('http://muster.example.org');
    await page.getByRole('button', { name: 'Use this address' }).click();
    await expect(page.locator('#url-error')).toContainText('https');
    await page.locator('#url').fill(world.url);
    await page.getByRole('button', { name: 'Use this address' }).click();
    await page.waitForURL('/setup/provider');
  });
  await test.step('leaving and coming back goes on where it was', async () => {
    await page.goto('/setup');
    await page.waitForURL('/setup/provider');
  });
  await test.step('the provider: a wrong issuer is explained, the right one shows what it publishes', async () => {
    await page.locator('label:has(input[value=generic])').click();
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.waitForURL(/vendor=generic/);
    const redirect = /http:\/\/127[\d.:]+\/signin\/[\w-]+\/callback/.exec(await page.content())?.[0];
    expect(redirect, 'the redirect address stands on the page').toBeTruthy();
    op = await startOp(redirect);
    await page.locator('#name').fill('Certified');
    await page.locator('#client_id').fill(CLIENT.id);
    await page.locator('#client_secret').fill(CLIENT.secret);
    await page.locator('#scopes').fill('openid profile email groups');
    await page.locator('#issuer').fill(`${op.issuer}/wrong`);
    await page.getByRole('button', { name: 'Check configuration' }).click();
    await expect(page.locator('#findings .danger').first()).toBeVisible();
    await expect(page.locator('#issuer')).toHaveValue(`${op.issuer}/wrong`);
    expect(await page.content(), 'the secret is never sent back').not.toContain(CLIENT.secret);
    await page.locator('#issuer').fill(op.issuer);
    await page.locator('#client_secret').fill(CLIENT.secret);
    await page.getByRole('button', { name: 'Check configuration' }).click();
    await expect(page.locator('#findings .good').first()).toBeVisible();
    await expect(page.locator('#findings .danger')).toHaveCount(0);
    await page.locator('#client_secret').fill(CLIENT.secret);
    await page.getByRole('button', { name: 'Save and test sign-in' }).click();
    await page.waitForURL('/setup/trial');
  });
  await test.step('a test sign-in shows claims and what would happen, and makes nothing', async () => {
    await page.getByRole('link', { name: 'Sign in at Certified' }).click();
    await atOp(page, 'alice');
    await page.waitForURL(/\/test\/[0-9a-f-]{36}/);
    await expect(page.locator('main')).toContainText('would create the user “alice”');
    await expect(page.locator('main')).toContainText('alice@example.test');
    await expect(page.locator('main')).toContainText(op.issuer);
    const root = await signIn(world, ROOT);
    expect(words((await root.get('/users')).text)).not.toContain('alice');
    await expect(page.getByText('This is a break-glass account')).toBeVisible();
    await page.getByRole('button', { name: 'Link this identity to me' }).click();
  });
  await test.step('a few answers tell how accounts should arrive', async () => {
    await page.waitForURL('/setup/arrival');
    await page.locator('#size').selectOption('hundreds');
    await page.getByRole('button', { name: 'Show what fits' }).click();
    await expect(page.getByRole('link', { name: /prove re-authentication/ })).toBeVisible();
    await expect(page.locator('main'), 'the provider of a moment ago counts').not.toContainText('There is no identity provider');
    for (const method of ['LDAP', 'Crowd', 'SCIM', 'Just in time']) await expect(page.locator('main')).toContainText(method);
    await page.getByRole('link', { name: /prove re-authentication/ }).click();
    await page.waitForURL('/setup/proof');
  });
  await test.step('re-authentication ends in Fresh', async () => {
    await page.getByRole('button', { name: 'Re-authenticate with SSO' }).click();
    await atOp(page, 'alice');
    expect(await verdict(page)).toBe('Fresh');
    await expect(page.locator('#verdict-sentence')).toContainText('Certified');
    await expect(page.locator('main')).toContainText('carry information');
  });
  await test.step('the last step says what is protected and what is left, then the console opens', async () => {
    await page.getByRole('link', { name: /Go on with setup/ }).click();
    await page.waitForURL('/setup/proof');
    await page.getByRole('link', { name: 'Go on', exact: true }).click();
    await page.waitForURL('/setup/done');
    await expect(page.locator('main')).toContainText('Left to do');
    await page.getByRole('button', { name: 'Open the console' }).click();
    await page.waitForURL('/');
    await expect(page.locator('h1')).toHaveText('Overview');
  });
  await test.step('w29: the door of setup is closed for good', async () => {
    const stranger = new Http(world.url);
    const door = await stranger.get('/setup');
    expect(door.status).toBe(409);
    expect(words(door.text)).toContain('Setup has been done');
    expect((await stranger.post('/setup/code', { code: world.code })).status).toBe(409);
    expect((await stranger.get('/setup/administrator')).to).toBe('/setup');
    const second = { username: 'mallory', display_name: 'Mallory', email: '', password: ROOT.password };
    expect((await stranger.post('/setup/administrator', second)).status).toBe(403);
    const context = await browser.newContext();
    const other = await context.newPage();
    await other.goto('/setup');
    await expect(other.locator('main')).toContainText('Sign in to go on');
    await context.close();
  });
  await op.stop();
});

test('w31: of two setups at once one wins', async () => {
  const own = await startMuster({ admin: false });
  try {
    const visitors = [];
    for (const username of ['first', 'second']) {
      const http = new Http(own.url);
      expect((await http.post('/setup/code', { code: own.code })).to).toBe('/setup/administrator');
      visitors.push({ http, form: { username, display_name: username, email: '', password: ROOT.password } });
    }
    const answers = await Promise.all(visitors.map(({ http, form }) => http.post('/setup/administrator', form)));
    expect(answers.filter((answer) => answer.status === 303)).toHaveLength(1);
    expect(answers.filter((answer) => answer.status === 409 || answer.status === 403)).toHaveLength(1);
    const winner = visitors[answers.findIndex((answer) => answer.status === 303)];
    const loser = visitors.find((one) => one !== winner);
    expect((await winner.http.get('/')).status).toBe(200);
    expect((await loser.http.get('/')).status, 'the loser is signed in as nobody').toBe(303);
    const refused = await new Http(own.url).post('/signin', { ...loser.form, return_to: '' });
    expect(refused.status, 'and has no account').toBe(422);
    expect(words((await winner.http.get('/users')).text)).toContain('1 user');
  } finally {
    await own.stop();
  }
});
