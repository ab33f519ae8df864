// Forward-auth: a real nginx asks Muster, for an application that knows nobody, who is there and whether they may.
import net from 'node:net';
import { Http } from '../http.mjs';
import { asRoot, connect, rules, words } from '../people.mjs';
import { look } from '../pages.mjs';
import { isInstalled, startNginx } from '../peers/nginx.mjs';
import { atOp } from '../steps.mjs';
import { expect, startOp, story } from '../world.mjs';

const test = story({ flags: ['--trusted-proxies', '127.0.0.1'] }).extend({
  site: [
    async ({ world }, use) => {
      const op = await startOp(`${world.url}/signin/certified/callback`);
      const site = await startNginx(world.url);
      const root = await asRoot(world);
      await connect(root, 'certified', { issuer: op.issuer });
      await rules(root, 'certified', { managed: ['staff', 'admins'] });
      for (const name of ['staff', 'admins']) await root.post('/groups/new', { name, description: '' });
      const added = await root.post('/applications/new', { name: 'Grafana', address: site.url, who: 'listed', groups: 'admins', elevated: '/admin' });
      expect(added.status, words(added.text)).toBe(303);
      const hidden = await root.post('/applications/new', { name: 'Secret', address: site.secret.url, who: 'listed', groups: 'staff', elevated: '' });
      expect(hidden.status, words(hidden.text)).toBe(303);
      await use(site);
      await site.stop();
      await op.stop();
    },
    { scope: 'worker' },
  ],
});

test.beforeEach(() => {
  if (isInstalled()) return;
  if (process.env.CI === 'true') throw new Error('nginx is not installed');
  test.skip(true, 'nginx is not installed');
});

/** What the application was told of whoever opened it. */
const told = async (page) => JSON.parse(await page.locator('#told').innerText());

/** Signs in at the console's page, which must be asking. */
async function signIn(page, login) {
  await page.waitForURL(/\/signin\?return_to=/);
  await page.getByRole('link', { name: /Certified/ }).click();
  await atOp(page, login);
}

/** Opens a page of the application and signs in on the way. */
async function open(page, site, path, login = 'alice') {
  await page.goto(site.url + path);
  await signIn(page, login);
  await page.waitForURL(site.url + path);
}

/** What is answered to exactly these lines: the first of it and where it leads. */
const raw = (port, lines) =>
  new Promise((resolve, reject) => {
    let text = '';
    const socket = net.connect(port, '127.0.0.1', () => socket.write(`${lines.join('\r\n')}\r\nConnection: close\r\n\r\n`));
    socket.setEncoding('latin1');
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('error', reject);
    socket.on('end', () => resolve({ status: Number(text.split(' ')[1]), to: /^location: (.*?)\r?$/im.exec(text)?.[1] ?? '' }));
  });

/** A browser's worth of HTTP at the application's host, with the cookies of a real one. */
async function program(site, context) {
  const http = new Http(site.plain);
  for (const { name, value } of context ? await context.cookies(site.url) : []) http.jar.set(name, value);
  return (path, headers = {}, method = 'GET') => http.ask(method, path, { headers: { host: site.host, ...headers } });
}

test('not signed in: led to the console, and back to exactly the page', async ({ site, page, context }) => {
  await open(page, site, '/dash/7?from=now-1h&path=%2Fetc%20x');
  await expect(page.locator('#path')).toHaveText('/dash/7?from=now-1h&path=%2Fetc%20x');
  expect(await told(page)).toEqual({ 'remote-user': 'alice', 'remote-name': 'Alice Admin', 'remote-email': 'alice@example.test', 'remote-groups': 'admins,staff' });
  const cookies = await context.cookies(site.url);
  expect(cookies.map(({ name, httpOnly, sameSite, domain }) => ({ name, httpOnly, sameSite, domain }))).toEqual(
    expect.arrayContaining([{ name: 'muster-app', httpOnly: true, sameSite: 'Lax', domain: 'grafana.localhost' }]),
  );
  expect(cookies.map(({ name }) => name), 'the session of the console stays where it is').not.toContain('muster');
});

test('the wrong group sees a page that says so, and the application hears nothing', async ({ site, page }) => {
  const before = site.requests.length;
  await page.goto(`${site.url}/dash`);
  const answered = page.waitForResponse((response) => response.url().includes('/auth/enter'));
  await signIn(page, 'bob');
  expect((await answered).status()).toBe(403);
  await expect(page.locator('main')).toContainText('You may not open Grafana');
  await expect(page.locator('main')).toContainText('FWD-004');
  expect(site.requests.length).toBe(before);
  await look(page, 'application-denied');
});

test('protected pages take a secure session, proven at the provider, and ask again when it is dropped', async ({ site, world, page }) => {
  await open(page, site, '/dash');
  const protectedPage = `${site.url}/admin/users?tab=2`;
  await page.goto(protectedPage);
  await page.waitForURL(/\/elevate\?return_to=/);
  await expect(page.locator('main')).toContainText('You were about to open protected pages of Grafana');
  await page.getByRole('button', { name: 'Re-authenticate with SSO' }).click();
  await atOp(page, 'alice');
  await page.waitForURL(protectedPage);
  await expect(page.locator('#path')).toHaveText('/admin/users?tab=2');
  await page.goto(`${site.url}/reports/`);
  await expect(page.locator('#path'), 'where the proxy demands it').toHaveText('/reports/');
  await page.goto(world.url);
  await page.getByRole('button', { name: 'Drop secure session' }).click();
  await expect(page.locator('main')).toContainText('The secure session is over.');
  await page.goto(`${site.url}/dash`);
  await expect(page.locator('#path')).toHaveText('/dash');
  for (const path of ['/admin/users?tab=2', '/reports/', '/ADMIN', '//admin', '/x/%2e%2e/admin', '/;x%2fy/%61dmin']) {
    await page.goto(site.url + path);
    expect(page.url(), `w34: ${path}`).toContain('/elevate?return_to=');
  }
  expect((await page.goto(`${site.url}/dash/..%2fadmin`)).status(), 'w34: no browser writes that by itself').toBe(403);
});

test('signing out of the console ends it', async ({ site, world, page }) => {
  await open(page, site, '/dash');
  await page.goto(`${world.url}/me`);
  await page.getByRole('button', { name: 'Sign out' }).last().click();
  await page.waitForURL((url) => url.pathname !== '/me');
  // The way out goes on to the provider by itself, and that may come in between.
  await expect(() => page.goto(`${site.url}/dash`)).toPass();
  await page.waitForURL(/\/signin\?return_to=/);
});

test('w33 w58: what a client sends under the names of headers changes nothing', async ({ site, page, context }) => {
  await open(page, site, '/dash');
  const ask = await program(site, context);
  const forged = { 'remote-user': 'root', 'remote-groups': 'admins', 'remote-email': 'root@example.test', Remote_User: 'root', 'REMOTE-NAME': 'Root' };
  const seen = await ask('/dash', forged);
  expect(seen.status).toBe(200);
  expect(site.requests.at(-1).told).toEqual({ 'remote-user': 'alice', 'remote-name': 'Alice Admin', 'remote-email': 'alice@example.test', 'remote-groups': 'admins,staff' });
  const stranger = await program(site);
  const before = site.requests.length;
  for (const headers of [
    forged,
    { 'x-original-url': `${site.url}/open` },
    { 'x-forwarded-uri': '/open', 'x-forwarded-host': 'other.localhost', 'x-forwarded-proto': 'https' },
    { 'x-original-method': 'OPTIONS' },
    { cookie: 'muster-app=forged' },
    { cookie: `muster-app=${(await context.cookies(site.url)).find((one) => one.name === 'muster-app').value}; muster-app=other` },
  ]) {
    const answer = await stranger('/dash', headers);
    expect([answer.status, answer.to]).toEqual([302, expect.stringMatching(/^http:\/\/grafana\.localhost:\d+\/\.muster\/start\?to=%2Fdash$/)]);
  }
  for (const headers of [{ 'x-original-url': `${site.url}/dash` }, { 'x-forwarded-uri': '/dash' }]) {
    const answer = await ask('/admin', headers);
    expect([answer.status, answer.to], 'another path in a header opens nothing').toEqual([302, expect.stringContaining('/.muster/start?to=%2Fadmin&elevated=1')]);
  }
  expect((await stranger('/.muster/verify')).status, 'the question is the proxy’s alone').toBe(404);
  expect((await stranger('/dash', {}, 'POST')).to, 'nothing typed is led through addresses').toContain('/.muster/start?to=%2F');
  expect(site.requests.length).toBe(before);
});

test('w33 w34: an address in the first line of a request is judged as the proxy reads it, whatever its Host says', async ({ site, page, context }) => {
  await open(page, site, '/dash');
  const cookie = `Cookie: ${(await context.cookies(site.url)).map(({ name, value }) => `${name}=${value}`).join('; ')}`;
  const { port } = site;
  const fine = await raw(port, ['GET /dash HTTP/1.1', `Host: ${site.host}`, cookie]);
  expect(fine.status, 'the cookie lets in where it belongs').toBe(200);
  const before = site.requests.length;
  for (const target of [`${site.secret.url}/`, `${site.secret.url}/dash`, `${site.secret.url}?x=1`, site.secret.url, `HTTP://SECRET.localhost:${port}/dash`]) {
    const answer = await raw(port, [`GET ${target} HTTP/1.1`, `Host: ${site.host}`, cookie]);
    expect([302, 400, 403], target).toContain(answer.status);
    if (answer.status === 302) expect(answer.to, target).toMatch(`${site.secret.url}/.muster/start?`);
  }
  expect(site.secret.requests, 'it heard nothing').toEqual([]);
  const other = await raw(port, [`GET ${site.url}/dash HTTP/1.1`, `Host: secret.localhost:${port}`, cookie]);
  expect(other.status, 'and the other way round the application itself answers').toBe(200);
  expect(site.requests.slice(before).map((one) => one.path)).toEqual(['/dash']);
  expect(site.secret.requests).toEqual([]);
});

test('w35 o50: no address leads anywhere but to the console and back', async ({ site, world, page, context }) => {
  await open(page, site, '/dash');
  const stranger = await program(site);
  for (const to of ['https://evil.example/', '//evil.example/', '/\\evil.example', 'javascript:alert(1)', '@evil.example/', '.evil.example/', ':80/', '/%0d%0aSet-Cookie:a=b']) {
    const answer = await stranger(`/.muster/start?to=${encodeURIComponent(to)}`);
    if (answer.status === 303) expect(new URL(answer.to).origin, to).toBe(world.url);
    else expect(answer.status, to).toBe(403);
  }
  await page.goto(`${site.url}/.muster/start?to=${encodeURIComponent('//evil.example/x')}`);
  await page.waitForURL(`${site.url}//evil.example/x`);
  const elsewhere = await stranger('/dash', { host: 'evil.localhost' });
  expect([elsewhere.status, elsewhere.to], 'a host nobody registered').toEqual([421, '']);
  expect((await stranger('/.muster/start?to=/', { host: 'evil.localhost' })).status).toBe(421);
  expect((await stranger('/.muster/return?code=forged')).status).toBe(409);
  expect((await stranger('/.muster/start?to=/dash', { 'sec-fetch-mode': 'cors' })).status, 'a script is not led away').toBe(401);
  const app = (await context.cookies(site.url)).find((one) => one.name === 'muster-app');
  const console = new Http(world.url);
  console.jar.set('muster', app.value);
  expect((await console.get('/')).to, 'the cookie of the application is nobody at the console').toMatch(/^\/signin/);
});

test('w21 w22: a code counts once, in the browser that set out', async ({ site, world, page, browser }) => {
  await open(page, site, '/dash');
  const codes = [];
  page.on('request', (request) => {
    if (request.url().includes('/.muster/return')) codes.push(request.url());
  });
  await page.route(/\/\.muster\/return/, (route) => route.abort());
  await page.goto(`${site.url}/.muster/start?to=/dash`).catch(() => undefined);
  await expect.poll(() => codes.length).toBeGreaterThan(0);
  // Away from the page that failed, which the browser would load again by itself.
  await expect(() => page.goto('about:blank')).toPass();
  await page.unroute(/\/\.muster\/return/);
  const other = await (await browser.newContext()).newPage();
  expect((await other.goto(codes[0])).status(), 'another browser').toBe(409);
  expect((await page.goto(codes[0])).status(), 'whoever tried used it up').toBe(409);
  await other.context().close();
  expect(world.url).toBeTruthy();
});

test('w6: what somebody opens is told from what a page asks for by itself, and no script can pretend', async ({ site, page }) => {
  await open(page, site, '/dash');
  const by = async (act) => {
    await act();
    return site.requests.at(-1).by;
  };
  expect(await by(() => page.goto(`${site.url}/opened`))).toEqual(['navigate', '?1']);
  const asks = (headers) => page.evaluate(async (headers) => void (await fetch('/polled', { headers })), headers);
  expect(await by(() => asks({}))).toEqual(['cors', undefined]);
  expect(await by(() => asks({ 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-User': '?1' }))).toEqual(['cors', undefined]);
  const again = async () => {
    await page.goto(`${site.url}/reloads`);
    await page.waitForURL(`${site.url}/timed`);
  };
  expect(await by(again), 'a page that loads itself again').toEqual(['navigate', undefined]);
});
