// Coming in and going out: through a provider, by password, and all the ways that must not work.
import { Http } from '../http.mjs';
import { PASSWORD, addUser, asRoot, connect, rules, signIn, tellReason, words } from '../people.mjs';
import { atOp, atOpByHttp, sayWhy } from '../steps.mjs';
import { expect, startOp, story } from '../world.mjs';

const test = story().extend({
  op: [
    async ({ world }, use) => {
      const op = await startOp(`${world.url}/signin/certified/callback`);
      const root = await asRoot(world);
      await connect(root, 'certified', { issuer: op.issuer, domains: 'example.test' });
      await rules(root, 'certified', { managed: ['staff', 'admins'] });
      await use(op);
      await op.stop();
    },
    { scope: 'worker' },
  ],
});

const pathOf = async (root, name) => {
  const list = await root.get(`/users?q=${encodeURIComponent(name)}`);
  return /href="(\/users\/[0-9a-f-]{36})"/.exec(list.text)?.[1];
};

test('jit: bob arrives through the provider, sees his own page, and the admin sees where he is from', async ({ world, op, page, browser }) => {
  await page.goto('/signin');
  await page.getByRole('link', { name: 'Continue with Certified' }).click();
  await atOp(page, 'bob');
  await page.waitForURL((url) => url.origin === world.url && !url.pathname.startsWith('/signin'));
  await test.step('he has no role: his own page, nothing else', async () => {
    await page.goto('/me');
    await expect(page.locator('h1')).toHaveText('You are signed in as Bob Builder');
    await page.goto('/users');
    await expect(page.locator('main')).toContainText('do not let you');
  });
  const root = await asRoot(world);
  const path = await pathOf(root, 'bob');
  expect(path, 'bob is among the users').toBeTruthy();
  await test.step('the admin finds him, his directory and the origin of his group', async () => {
    const context = await browser.newContext({ baseURL: world.url });
    await root.enter(context);
    const admin = await context.newPage();
    await admin.goto('/users?q=bob');
    await admin.getByRole('link', { name: 'Bob Builder' }).first().click();
    await expect(admin.locator('main')).toContainText('bob@example.test');
    const groups = admin.getByRole('table', { name: 'Direct memberships and their origins' });
    await expect(groups.getByRole('row', { name: /staff/ })).toContainText('Certified');
    await expect(groups.getByRole('row', { name: /admins/ })).toHaveCount(0);
    await context.close();
  });
  await test.step('w5: deactivated, his session ends and he stays out; the page says who did it', async () => {
    expect((await root.post(`${path}/deactivate`, { reason: 'Left the company' })).status).toBe(303);
    await page.goto('/me');
    await page.waitForURL(/\/signin/);
    await page.getByRole('link', { name: 'Continue with Certified' }).click();
    await page.waitForURL(/callback/);
    await expect(page.locator('main')).toContainText('deactivated');
    await expect(page.locator('main')).toContainText('root');
    await page.goto('/me');
    await page.waitForURL(/\/signin/);
  });
  await test.step('reactivated he comes in again as the same user', async () => {
    expect((await root.post(`${path}/reactivate`)).status).toBe(303);
    await page.getByRole('link', { name: 'Continue with Certified' }).click();
    await page.waitForURL('/me');
    expect(await pathOf(root, 'bob')).toBe(path);
  });
});

test('an e-mail address is routed to its provider, which knows who is meant', async ({ page, op }) => {
  await page.goto('/signin');
  await page.locator('#login').fill('alice@example.test');
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.waitForURL((url) => url.origin === op.issuer);
});

test('a username leads to the password form; a wrong password is told in words, a right one signs in', async ({ page, world, op }) => {
  await page.goto('/signin');
  await page.locator('#login').fill(world.root.username);
  await page.getByRole('button', { name: 'Continue' }).click();
  await expect(page.locator('#username')).toHaveValue(world.root.username);
  await page.locator('#password').fill('not the password');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.locator('main')).toContainText('Name and password do not fit together.');
  await expect(page.locator('main')).toContainText('AUTH-001');
  await expect(page.locator('#username')).toHaveValue(world.root.username);
  await page.locator('#password').fill(world.root.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await sayWhy(page);
  await page.waitForURL('/');
  await expect(page.locator('h1')).toHaveText('Overview');
  expect(op.issuer).toBeTruthy();
});

test('w50: who does not exist gets the words of a wrong password', async ({ world }) => {
  const [nobody, somebody] = await Promise.all(
    ['nobody', world.root.username].map((username) => new Http(world.url).post('/signin', { username, password: 'not the password', return_to: '' })),
  );
  expect(nobody.status).toBe(somebody.status);
  expect(words(nobody.text)).toContain('Name and password do not fit together.');
});

test('w4: signing out ends the session on the server: the old cookie is worth nothing', async ({ world }) => {
  const http = await signIn(world, world.root);
  const old = http.session;
  expect((await http.get('/')).status).toBe(200);
  expect((await http.post('/signout')).to).toBe('/signedout');
  expect(http.session, 'the browser forgets it').toBeUndefined();
  http.jar.set('muster', old);
  expect((await http.get('/')).to).toMatch(/^\/signin/);
});

test('w1 w2 w3: the session id changes at sign-in and with a secure session, and the old one is dead', async ({ world }) => {
  const fixed = new Http(world.url);
  await fixed.get('/signin/certified/start');
  const before = fixed.session;
  expect(before, 'a trip to a provider holds a session').toBeTruthy();
  expect((await fixed.post('/signin', { ...world.root, return_to: '' })).status).toBe(303);
  await tellReason(fixed);
  const signedIn = fixed.session;
  expect(signedIn).not.toBe(before);
  expect((await fixed.post('/elevate', { password: world.root.password, return_to: '/' })).status).toBe(303);
  const elevated = fixed.session;
  expect(elevated).not.toBe(signedIn);
  for (const old of [before, signedIn]) {
    const thief = new Http(world.url);
    thief.jar.set('muster', old);
    expect((await thief.get('/')).to, 'an id from before').toMatch(/^\/signin/);
  }
  expect((await fixed.get('/')).status).toBe(200);
});

test('w9: the session cookie is not for scripts and not for other sites', async ({ world }) => {
  const answer = await new Http(world.url).post('/signin', { ...world.root, return_to: '' });
  const cookie = answer.headers['set-cookie'].find((line) => line.startsWith('muster='));
  expect(cookie).toMatch(/HttpOnly/i);
  expect(cookie).toMatch(/SameSite=Lax/i);
  expect(cookie).toMatch(/Path=\//i);
});

test('o3 o8: an answer counts once', async ({ world, op }) => {
  const http = new Http(world.url);
  const answer = await atOpByHttp(http, '/signin/certified/start', 'alice');
  expect(answer.startsWith(`${world.url}/signin/certified/callback?`), op.issuer).toBe(true);
  expect((await http.get(answer)).status).toBe(303);
  expect((await http.get('/me')).status).toBe(200);
  const again = await http.get(answer);
  expect(again.status).toBe(422);
  expect(words(again.text)).toContain('AUTH-016');
});

test('o4: an answer in another browser signs nobody in', async ({ world, op }) => {
  const attacker = new Http(world.url);
  const answer = await atOpByHttp(attacker, '/signin/certified/start', 'alice');
  expect(answer, op.issuer).toContain('code=');
  const victim = new Http(world.url);
  await victim.get('/signin/certified/start');
  const arrived = await victim.get(answer);
  expect(arrived.status).toBe(403);
  expect(words(arrived.text)).toContain('AUTH-011');
  expect((await victim.get('/me')).to).toMatch(/^\/signin/);
});

test('o1 o2: without state, or with a made-up one, there is no answer', async ({ world, op }) => {
  expect(op.issuer).toBeTruthy();
  for (const query of ['code=x', 'code=x&state=', 'code=x&state=made-up', `code=x&state=${'a'.repeat(5000)}`]) {
    const answer = await new Http(world.url).get(`/signin/certified/callback?${query}`);
    expect(answer.status, query.slice(0, 40)).toBe(422);
    expect(words(answer.text)).toContain('AUTH-010');
  }
});

test('o51 w35: return_to never leads away', async ({ world }) => {
  const evil = ['https://evil.example', '//evil.example', '/\\evil.example', '\\\\evil.example', '/%2Fevil.example', '/%5Cevil.example',
    '/\t/evil.example', '/\n/evil.example', 'javascript:alert(1)', '///evil.example', '/../evil.example', '/.//evil.example', 'https:evil.example', ' //evil.example'];
  for (const to of evil) {
    const http = new Http(world.url);
    const answer = await http.post('/signin', { ...world.root, return_to: to });
    expect([answer.status, answer.to], JSON.stringify(to)).toEqual([303, '/']);
    const why = await http.post('/signin/reason', { reason: 'A story', return_to: to });
    expect([why.status, why.to], JSON.stringify(to)).toEqual([303, '/']);
    expect((await http.get(`/signin?return_to=${encodeURIComponent(to)}`)).to, JSON.stringify(to)).toBe('/');
    const proved = await http.post('/elevate', { password: world.root.password, return_to: to });
    expect([proved.status, proved.to], JSON.stringify(to)).toEqual([303, '/']);
  }
});

test('o53: what a provider says in an error stays text', async ({ page, world, op }) => {
  const evil = '<img src=x onerror=alert(1)><script>alert(2)</script>';
  let alerted = false;
  page.on('dialog', (dialog) => { alerted = true; dialog.dismiss(); });
  await page.route(`${op.issuer}/auth?**`, (route) => {
    const asked = new URL(route.request().url());
    return route.fulfill({ status: 200, contentType: 'text/html', body: `<p id="state">${asked.searchParams.get('state') ?? ''}</p>` });
  });
  const root = await asRoot(world);
  await connect(root, 'evil', { issuer: op.issuer, name: 'Evil', use_par: 'never' });
  await page.goto('/signin/evil/start');
  const state = await page.locator('#state').innerText();
  const query = new URLSearchParams({ error: 'server_error', error_description: evil, state, iss: op.issuer });
  const answer = await page.goto(`/signin/evil/callback?${query}`);
  expect(answer.status()).toBe(403);
  await expect(page.locator('main')).toContainText('has a fault of its own');
  await expect(page.locator('main img')).toHaveCount(0);
  await expect(page.locator('main script')).toHaveCount(0);
  expect(alerted).toBe(false);
  const bare = await page.goto(`/signin/evil/callback?${new URLSearchParams({ error: evil, error_description: evil, state: evil })}`);
  expect(bare.status()).toBe(422);
  await expect(page.locator('main img')).toHaveCount(0);
});

test('o73 o77 o78: a name that is taken is told, and nobody is linked by name or address', async ({ page, world, op }) => {
  const root = await asRoot(world);
  const path = await addUser(root, { username: 'carol', name: 'Another Carol', email: 'carol@example.test', password: PASSWORD });
  const taken = await root.post('/users/new', { username: 'CAROL', display_name: 'Other', email: '', password: '' });
  expect(taken.status).toBe(422);
  expect(words(taken.text)).toContain('This username is taken.');
  await page.goto('/signin/certified/start');
  await atOp(page, 'carol');
  await page.waitForURL(/callback/);
  await expect(page.locator('main'), op.issuer).toContainText('carol');
  await page.goto('/me');
  await page.waitForURL(/\/signin/);
  expect(words((await root.get(path)).text)).toContain('No identity at a provider leads to this person.');
});
