// Messages: a mail server by others with STARTTLS, passwords that were forgotten, and passwords nobody else keeps.
import { Http } from '../http.mjs';
import { look } from '../pages.mjs';
import { startSmtp } from '../peers/smtp.mjs';
import { FIRST, PASSWORD, addUser, asRoot, grant, signIn, words } from '../people.mjs';
import { sayWhy } from '../steps.mjs';
import { expect, story } from '../world.mjs';

const base = story();
const test = base.extend({ sink: [async ({}, use) => {
  const sink = await startSmtp();
  await use(sink);
  await sink.stop();
}, { scope: 'worker' }] });
test.describe.configure({ mode: 'serial', timeout: 120_000 });
const NEW = 'marble otter umbrella 77 station';

const settings = (sink, more = {}) => ({
  host: 'localhost', port: String(sink.port), encryption: 'starttls', username: sink.user, password: sink.password,
  sender: 'muster@example.test', sender_name: 'Muster', ca: sink.ca, ...more,
});

async function fill(page, typed) {
  await page.locator('details:has(#ca) > summary').click();
  for (const name of ['host', 'port', 'username', 'sender', 'sender_name', 'ca']) await page.locator(`#${name}`).fill(typed[name]);
  if ((await page.locator('details.secret').count()) > 0) await page.locator('details.secret summary').click();
  await page.locator('#password').fill(typed.password);
}

const linkIn = (letter) => /^(http\S+\/reset\?code=\S{43})$/m.exec(letter.text)[1];

test('without a mail server nothing is offered, and an admin hands a link over', async ({ world, page, context }) => {
  const http = new Http(world.url);
  expect((await http.get('/signin?with=password')).text).not.toContain('/forgot');
  expect(words((await http.get('/forgot')).text)).toContain('RST-001');
  const root = await asRoot(world);
  await root.enter(context);
  const path = await addUser(root, { username: 'handed', name: 'Handed Over', email: 'handed@example.test' });
  await page.goto(path);
  await page.getByRole('button', { name: 'Make a link to hand over' }).click();
  await expect(page.locator('main')).toContainText('It is shown this once');
  await look(page, 'password-link-handed');
  const link = await page.locator('.copy code').innerText();
  await context.clearCookies();
  await page.goto(link);
  await expect(page).toHaveURL(`${world.url}/reset`);
  await page.locator('#password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Set password' }).click();
  await expect(page.locator('body')).toContainText('Your new password is set');
  await signIn(world, { username: 'handed', password: PASSWORD });
});

test('a mail server is entered, and a test message tells what it answered', async ({ world, page, context, sink }) => {
  const root = await asRoot(world);
  await root.enter(context);
  await page.goto('/settings/mail');
  await fill(page, settings(sink, { sender: 'nobody' }));
  await page.getByRole('button', { name: 'Save mail server' }).click();
  await expect(page.locator('#sender-error')).toBeVisible();
  await expect(page.locator('#host')).toHaveValue('localhost');
  // A certificate that nobody vouches for is not believed.
  await fill(page, settings(sink, { ca: '' }));
  await page.getByRole('button', { name: 'Save mail server' }).click();
  await page.locator('#to').fill('root@example.test');
  await page.getByRole('button', { name: 'Send a test message' }).click();
  await expect(page.locator('#test')).toContainText('MAIL-013');
  await look(page, 'mail-refused');
  await fill(page, settings(sink, { password: 'another-password' }));
  await page.getByRole('button', { name: 'Save mail server' }).click();
  await page.locator('#to').fill('root@example.test');
  await page.getByRole('button', { name: 'Send a test message' }).click();
  await expect(page.locator('#test')).toContainText('MAIL-014');
  await expect(page.locator('#test')).toContainText('535');
  await fill(page, settings(sink));
  await page.getByRole('button', { name: 'Save mail server' }).click();
  await expect(page.locator('body')).toContainText('Saved. Send a test message');
  expect(await page.content()).not.toContain(sink.password);
  await page.locator('#to').fill('root@example.test');
  await page.getByRole('button', { name: 'Send a test message' }).click();
  await expect(page.locator('#test')).toContainText('The server took the message to root@example.test');
  await expect(page.locator('#test')).toContainText(/250 .*kept/);
  await expect(page.locator('#test')).toContainText(/TLS 1\.[23]/);
  await look(page, 'mail-tested');
  const letter = await sink.letter(/^Test message$/);
  expect([letter.to, letter.from, letter.secure]).toEqual(['root@example.test', 'muster@example.test', true]);
  expect(letter.headers['auto-submitted']).toBe('auto-generated');
});

test('a server that does not take messages is told as it answers', async ({ world, sink }) => {
  const root = await asRoot(world);
  for (const [mode, code] of [['later', 'MAIL-016'], ['never', 'MAIL-015'], ['cut', 'MAIL-017']]) {
    sink.mode = mode;
    expect(words((await root.post('/settings/mail/test', { to: 'root@example.test' })).text), mode).toContain(code);
  }
  sink.mode = 'good';
});

test('forgotten: a message with a link, once, and the same page for whoever does not exist', async ({ world, page, sink }) => {
  const root = await asRoot(world);
  await addUser(root, { username: 'ada', name: 'Ada Lovelace', email: 'ada@example.test', password: PASSWORD });
  const before = await signIn(world, { username: 'ada', password: PASSWORD });
  await page.goto('/signin?with=password');
  await page.getByRole('link', { name: 'Forgot your password?' }).click();
  await look(page, 'forgot');
  await page.locator('#login').fill('ada@example.test');
  await page.getByRole('button', { name: 'Send the link' }).click();
  await expect(page.locator('main')).toContainText('If there is such an account, a message is on its way');
  await look(page, 'forgot-asked');
  const shown = words(await page.content());
  await page.goto('/forgot');
  await page.locator('#login').fill('nobody-of-this-name');
  await page.getByRole('button', { name: 'Send the link' }).click();
  await expect(page.locator('main')).toContainText('a message is on its way');
  expect(words(await page.content())).toBe(shown);
  const letter = await sink.letter(/^Choose a new password$/);
  expect(letter.to).toBe('ada@example.test');
  const link = linkIn(letter);
  expect(new URL(link).origin).toBe(world.url);
  await page.goto(link);
  await expect(page, 'no token in the address any more').toHaveURL(`${world.url}/reset`);
  await look(page, 'reset');
  await page.locator('#password').fill('short');
  await page.getByRole('button', { name: 'Set password' }).click();
  await expect(page.locator('#password-error')).toBeVisible();
  await page.locator('#password').fill(NEW);
  await page.getByRole('button', { name: 'Set password' }).click();
  await expect(page).toHaveURL(/\/signin\?with=password/);
  expect((await before.get('/me')).to, 'every session is over').toMatch(/^\/signin/);
  await page.locator('#username').fill('ada');
  await page.locator('#password').fill(NEW);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL(`${world.url}/`);
  expect((await sink.letter(/^Your password was changed$/)).to).toBe('ada@example.test');
  await page.context().clearCookies();
  await page.goto(link);
  await expect(page.locator('main')).toContainText('RST-010');
  await look(page, 'reset-over');
  expect(sink.letters.filter((one) => one.to.startsWith('nobody'))).toEqual([]);
});

test('w32: a forged host header changes no link', async ({ world, sink }) => {
  const http = new Http(world.url);
  await http.post('/forgot', { login: 'ada' }, { headers: { 'x-forwarded-host': 'evil.example', forwarded: 'host=evil.example' } });
  const letter = await sink.letter(/^Choose a new password$/);
  expect(letter.text).not.toContain('evil');
  expect(new URL(linkIn(letter)).origin).toBe(world.url);
});

test('a message that does not leave waits, and is shown with the reason', async ({ world, page, context, sink }) => {
  sink.mode = 'later';
  const root = await asRoot(world);
  const path = await addUser(root, { username: 'waits', name: 'Wai Ting', email: 'waits@example.test' });
  const sent = await root.post(`${path}/password/link`);
  expect(sent.status).toBe(303);
  await root.enter(context);
  await expect.poll(async () => words((await root.get('/settings/mail')).text), { timeout: 20_000 }).toContain('MAIL-016');
  await page.goto('/settings/mail');
  await expect(page.locator('#waiting')).toContainText('451');
  await look(page, 'mail-waiting');
  await page.goto(path);
  await look(page, 'user-password-link');
  sink.mode = 'good';
});

test('a password that an admin typed is changed before anything else', async ({ world, page, sink }) => {
  const root = await asRoot(world);
  const made = await root.post('/users/new', { username: 'fresh', display_name: 'Fresh Start', email: 'fresh@example.test', password: FIRST });
  await grant(root, 'fresh', 'auditor');
  expect((await sink.letter(/^A password was set for you$/)).to).toBe('fresh@example.test');
  const http = new Http(world.url);
  await http.post('/signin', { username: 'fresh', password: FIRST, return_to: '' });
  expect((await http.get('/users')).to).toBe('/signin/change?return_to=%2Fusers');
  for (const path of ['/elevate', '/me/factors/new', '/signin/reason', '/activity/verify']) {
    const refused = await http.post(path, { password: FIRST });
    expect([refused.status, /PWD-008/.test(refused.text)], path).toEqual([403, true]);
  }
  await page.goto('/signin?with=password&return_to=/users');
  await page.locator('#username').fill('fresh');
  await page.locator('#password').fill(FIRST);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL(/\/signin\/change/);
  await look(page, 'signin-change');
  await page.locator('#password').fill(FIRST);
  await page.getByRole('button', { name: 'Set password and go on' }).click();
  await expect(page.locator('#password-error')).toContainText('Choose another one');
  await page.locator('#password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Set password and go on' }).click();
  await page.waitForURL(/\/users$/);
  expect((await http.get('/users')).to, 'the other session is over').toMatch(/^\/signin/);
  // And once more, because an admin wants it.
  expect((await root.post(`${made.to}/password/expire`)).status).toBe(303);
  const again = new Http(world.url);
  await again.post('/signin', { username: 'fresh', password: PASSWORD, return_to: '' });
  expect((await again.get('/')).to).toMatch(/^\/signin\/change/);
});

test('w28: the other administrators are written to when a break-glass account is used', async ({ world, page, sink }) => {
  const root = await asRoot(world);
  await addUser(root, { username: 'olga', name: 'Olga Other', email: 'olga@example.test', password: PASSWORD });
  await grant(root, 'olga', 'superadmin');
  await page.goto('/signin?with=password');
  await page.locator('#username').fill(world.root.username);
  await page.locator('#password').fill(world.root.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await sayWhy(page);
  const letter = await sink.letter(/^A break-glass account was used$/);
  expect(letter.to).toBe('olga@example.test');
  expect(letter.text).toContain('the break-glass account root');
});

test('six wrong passwords are told to whoever they are for', async ({ world, sink }) => {
  const http = new Http(world.url);
  for (let n = 0; n < 6; n += 1) await http.post('/signin', { username: 'ada', password: 'wrong', return_to: '' });
  expect((await sink.letter(/^Wrong passwords for your account$/)).to).toBe('ada@example.test');
});
