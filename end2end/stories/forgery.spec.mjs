// What a foreign page, a forged cookie or a broken client sends: refused in words, and nothing changes.
import { Http } from '../http.mjs';
import { addUser, asRoot, tellReason, words } from '../people.mjs';
import { expect, story } from '../world.mjs';

const test = story();

const FORM = 'application/x-www-form-urlencoded';
const names = async (root) => words((await root.get('/users')).text);
const form = (username) => ({ username, display_name: username, email: '', password: '' });

test('a form of our own passes: the refusals below are no accident', async ({ world }) => {
  const root = await asRoot(world, { elevated: false });
  expect((await root.post('/users/new', form('welcome'))).status).toBe(303);
  expect(await names(root)).toContain('welcome');
});

const FOREIGN = {
  'w10 without Origin and Fetch Metadata': { origin: undefined, 'sec-fetch-site': undefined },
  'w11 with a wrong Origin': { origin: 'https://evil.example', 'sec-fetch-site': undefined },
  'w11 with a wrong Origin that claims to be same-origin': { origin: 'https://evil.example', 'sec-fetch-site': 'same-origin' },
  'w12 with a null Origin': { origin: 'null', 'sec-fetch-site': undefined },
  'w13 from a sibling': { origin: undefined, 'sec-fetch-site': 'same-site' },
  'cross-site by its own words': { origin: undefined, 'sec-fetch-site': 'cross-site' },
  'w15 as text/plain': { 'content-type': 'text/plain' },
  'w15 as multipart': { 'content-type': 'multipart/form-data; boundary=x' },
};

for (const [what, headers] of Object.entries(FOREIGN)) {
  test(`${what}: refused, nothing changed, on record`, async ({ world }) => {
    const root = await asRoot(world, { elevated: false });
    const username = `forged-${what.replace(/\W+/g, '').slice(0, 30).toLowerCase()}`;
    const answer = await root.ask('POST', '/users/new', { form: form(username), headers });
    expect(answer.status).toBe(headers['content-type'] ? 415 : 403);
    expect(words(answer.text)).toContain(headers['content-type'] ? 'WEB-415' : 'WEB-001');
    expect(await names(root)).not.toContain(username);
    const activity = words((await root.get('/activity')).text);
    expect(activity).toMatch(/[Rr]efused|request\.refused/);
  });
}

test('w16: no header and no field overrides the method', async ({ world }) => {
  const root = await asRoot(world, { elevated: false });
  const path = await addUser(root, form('overridden'));
  for (const [method, target, more] of [
    ['GET', `${path}/deactivate`, { headers: { 'x-http-method-override': 'POST' } }],
    ['GET', `${path}/deactivate?_method=POST`, {}],
    ['POST', `${path}/edit`, { form: { _method: 'DELETE' } }],
  ]) {
    const answer = await root.ask(method, target, more);
    expect([405, 400, 422], `${method} ${target}`).toContain(answer.status);
  }
  expect(words((await root.get(path)).text)).not.toContain('deactivated this person');
  for (const method of ['DELETE', 'PUT', 'PATCH']) expect((await root.ask(method, path)).status, method).toBe(405);
});

test('w14: GET on an address that changes something changes nothing', async ({ world }) => {
  const root = await asRoot(world);
  const path = await addUser(root, form('untouched'));
  const posts = [`${path}/deactivate?reason=x`, `${path}/sessions/end`, `${path}/password/remove`, '/roles/grant?role=admin&to=untouched',
    '/signout', '/elevate/drop', '/users/bulk?all=true&do=deactivate', '/users/bulk/apply?all=true&do=deactivate', '/activity/verify', '/setup/done'];
  for (const target of posts) {
    const answer = await root.get(target);
    expect([404, 405, 200], target).toContain(answer.status);
    if (answer.status === 200) expect(target, 'only the last step of setup has a page of its own').toBe('/setup/done');
  }
  const page = words((await root.get(path)).text);
  expect(page).not.toContain('deactivated this person');
  expect(words((await root.get('/roles')).text)).not.toContain('untouched');
  expect((await root.post('/settings', {})).to, 'the secure session still runs').not.toMatch(/^\/elevate/);
});

test('w44 w45: a made-up session id is nobody, and is not adopted', async ({ world }) => {
  for (const made of ['x', 'A'.repeat(22), 'AAAAAAAAAAAAAAAAAAAAAA', '../../etc/passwd', '%00', 'a'.repeat(4000), '-1']) {
    const http = new Http(world.url);
    http.jar.set('muster', made);
    expect((await http.get('/')).to, made.slice(0, 30)).toMatch(/^\/signin/);
    await http.post('/signin', { ...world.root, return_to: '' });
    await tellReason(http);
    expect(http.session, 'a new id at sign-in').not.toBe(made);
    expect((await http.get('/')).status).toBe(200);
  }
});

test('w32 w41: a foreign Host reaches nothing', async ({ world }) => {
  const http = new Http(world.url);
  for (const host of ['evil.example', 'evil.example:80', '127.0.0.1.evil.example', 'localhost.evil.example']) {
    for (const path of ['/signin', '/healthz', '/style.css']) {
      const answer = await http.get(path, { headers: { host } });
      expect([421, 400], `${host} ${path}`).toContain(answer.status);
      expect(answer.text).not.toContain(`href="http://${host || 'x'}`);
    }
  }
  expect((await http.get('/signin')).status).toBe(200);
});

test('w33: nobody’s word about forwarding is taken', async ({ world }) => {
  const http = new Http(world.url);
  const forged = { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https', 'x-forwarded-for': '203.0.113.9', forwarded: 'host=evil.example' };
  const answer = await http.get('/signin', { headers: forged });
  expect(answer.status).toBe(200);
  expect(answer.text).not.toContain('evil.example');
});

test('a body beyond the limit is 413 in words', async ({ world }) => {
  const root = await asRoot(world, { elevated: false });
  const body = `username=${'a'.repeat(1024 * 1024 + 1)}`;
  const answer = await root.ask('POST', '/users/new', { body, headers: { 'content-type': FORM } });
  expect(answer.status).toBe(413);
  expect(words(answer.text)).toContain('WEB-413');
  const many = await root.ask('POST', '/users/new', { body: 'a=1&'.repeat(5001), headers: { 'content-type': FORM } });
  expect(many.status).toBe(413);
});

test('bytes that are no UTF-8 are refused in words', async ({ world }) => {
  const root = await asRoot(world, { elevated: false });
  for (const body of ['username=%FF&display_name=x', Buffer.from('username=\xff&display_name=x', 'latin1'), 'username=a%00b&display_name=x']) {
    const answer = await root.ask('POST', '/users/new', { body, headers: { 'content-type': FORM } });
    expect(answer.status).toBe(400);
    expect(words(answer.text)).toContain('WEB-003');
  }
  const query = await root.get('/users?q=%FF%FE');
  expect(query.status).toBe(400);
});

test('w34: no spelling of a path goes around its guard', async ({ world }) => {
  const http = new Http(world.url);
  for (const path of ['/users/', '//users', '/./users', '/%75sers', '/users;x=1', '/USERS', '/users%2f', '/setup/../users', '/signin/../users', '/users%00', '/a/../users']) {
    const answer = await rawGet(http, path);
    const leads = [301, 302, 303, 307, 308].includes(answer.status) ? answer.to : '';
    expect(answer.status === 404 || answer.status === 400 || leads.startsWith('/signin') || leads === '/users', `${path} gives ${answer.status} ${leads}`).toBe(true);
    expect(answer.text).not.toContain('Everyone who has an account here');
  }
});

/** Asks for a path exactly as written. */
async function rawGet(http, path) {
  const { request } = await import('node:http');
  const { hostname, port } = new URL(http.url);
  return new Promise((resolve, reject) => {
    const asked = request({ hostname, port, path, headers: { accept: 'text/html' }, agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk) => { text += chunk; });
      response.on('end', () => resolve({ status: response.statusCode, to: response.headers.location ?? '', text }));
    });
    asked.on('error', reject);
    asked.end();
  });
}

test('w36 w37: what people type stays text on every page that shows it', async ({ world, page, context }) => {
  const root = await asRoot(world);
  await root.enter(context);
  const evil = '"><img src=x onerror=alert(1)><script>alert(2)</script>';
  let alerted = false;
  page.on('dialog', (dialog) => { alerted = true; dialog.dismiss(); });
  const path = await addUser(root, { username: 'scripted', name: evil });
  for (const target of ['/users', path, `${path}/edit`, `/users?q=${encodeURIComponent(evil)}`, `/signin?login=${encodeURIComponent(evil)}`, `/activity?q=${encodeURIComponent(evil)}`, `/nowhere/${encodeURIComponent(evil)}`]) {
    await page.goto(target);
    await expect(page.locator('img[src=x]'), target).toHaveCount(0);
  }
  expect(alerted).toBe(false);
});

test('w38 w39 w59: every page has its headers', async ({ world }) => {
  const root = await asRoot(world);
  for (const path of ['/', '/users', '/signin', '/nowhere']) {
    const { headers } = await (path === '/signin' ? new Http(world.url) : root).get(path);
    const policy = headers['content-security-policy'];
    expect(policy, path).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).toContain("form-action 'self'");
    expect(policy).not.toContain("'unsafe-inline'");
    expect(policy).not.toContain("'unsafe-eval'");
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(headers['referrer-policy']).toBeTruthy();
    expect(headers['cache-control']).toContain('no-store');
  }
});
