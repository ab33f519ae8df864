// The way back in: the shell's link, and break-glass accounts that say what for.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { Http } from '../http.mjs';
import { look } from '../pages.mjs';
import { PASSWORD, addUser, asRoot, grant, signIn, words } from '../people.mjs';
import { sayWhy } from '../steps.mjs';
import { expect, shell, story } from '../world.mjs';

const test = story();
test.describe.configure({ mode: 'serial' });
const NEW = 'marble otter umbrella 77 station';

test('the shell says kindly which names do not do', async ({ world }) => {
  for (const [args, says] of [
    [['nobody'], /Nobody here goes by “nobody”.*The superadmin is root\..*--create/s],
    [['root', '--create'], /There is a user root already.*Leave --create out/s],
    [['root', '--create', '--grant'], /cannot be used with/],
  ]) {
    const ran = shell(world, ['admin', 'recover', ...args]);
    expect(ran.status, args.join(' ')).not.toBe(0);
    expect(ran.stderr).toMatch(says);
  }
});

test('in the wrong folder the shell makes neither a link nor a new installation', async () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'muster-nowhere-'));
  for (const more of [[], ['--create']]) {
    const ran = shell({ dir }, ['admin', 'recover', 'root', ...more]);
    expect(ran.status).not.toBe(0);
    expect(ran.stderr).toContain('there is no Muster at');
  }
  expect(fs.readdirSync(dir), 'nothing was made').toEqual([]);
  fs.rmdirSync(dir);
});

test('w28: a link of the shell lets a superadmin back in once, while the server runs', async ({ world, page }) => {
  const before = await asRoot(world, { elevated: false });
  const ran = shell(world, ['admin', '--url', world.url, 'recover', 'root']);
  expect(ran.status, ran.stderr).toBe(0);
  const link = /^(http\S+\/recover\?code=\S{43})$/m.exec(ran.stdout)[1];
  expect(ran.stdout).toContain('It counts once, until');
  await page.goto(link);
  await look(page, 'recover');
  await page.locator('#password').fill('short');
  await page.getByRole('button', { name: 'Set password and go in' }).click();
  await expect(page.locator('#password-error')).toBeVisible();
  await page.locator('#password').fill(NEW);
  await page.getByRole('button', { name: 'Set password and go in' }).click();
  await page.waitForURL(/\/signin\/reason/);
  await look(page, 'signin-reason');
  expect((await before.get('/')).to, 'every other session is over').toMatch(/^\/signin/);
  await page.goto('/users');
  await page.waitForURL(/\/signin\/reason\?return_to=%2Fusers/);
  await page.getByRole('button', { name: 'Go on' }).click();
  await expect(page.locator('#reason-error')).toContainText('Write down what happened');
  await sayWhy(page);
  await page.waitForURL('/users');
  await page.goto(link);
  await expect(page.locator('main')).toContainText('REC-010');
  await look(page, 'recover-over');
  expect((await new Http(world.url).post('/recover', { code: /code=(.+)$/.exec(link)[1], password: NEW })).status).toBe(404);
  world.root = { ...world.root, password: NEW };
});

test('nothing else is done before the reason is told, but signing out', async ({ world }) => {
  const http = new Http(world.url);
  await http.post('/signin', { username: 'root', password: NEW, return_to: '' });
  expect((await http.get('/')).to).toBe('/signin/reason?return_to=%2F');
  const refused = await http.post('/users/new', { username: 'quick', display_name: 'Quick', email: '', password: '' });
  expect([refused.status, /BRK-001/.test(refused.text)]).toEqual([403, true]);
  expect((await http.post('/elevate', { password: NEW, return_to: '/' })).status).toBe(403);
  expect((await http.post('/signout')).status).toBe(303);
});

test('another admin is told on the overview and takes note of it', async ({ world, page, context }) => {
  const root = await asRoot(world);
  await addUser(root, { username: 'second', name: 'Second Admin', password: PASSWORD });
  await grant(root, 'second', 'admin');
  await root.enter(context);
  await page.goto('/security/signin');
  await expect(page.locator('main')).toContainText('root was used');
  await look(page, 'security-signin-uses');
  await expect(page.getByRole('button', { name: 'Take note of these uses' }), 'not by the same account').toHaveCount(0);
  expect(words((await root.post('/security/signin/noted')).text)).toContain('BRK-003');
  await context.clearCookies();
  await (await signIn(world, { username: 'second', password: PASSWORD })).enter(context);
  await page.goto('/');
  await expect(page.locator('main')).toContainText(/Break-glass accounts were used \d times, the last time root/);
  await look(page, 'overview-break-glass');
  await page.getByRole('link', { name: 'Take note of it' }).click();
  await page.getByRole('button', { name: 'Take note of these uses' }).click();
  await page.waitForURL(/\/elevate\?return_to=/);
  await expect(page.locator('main'), 'w28: whoever sits there proves who they are').toContainText('You were about to take note of the use of a break-glass account');
  await page.locator('#password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Start secure session' }).click();
  await page.waitForURL('/elevate/resume');
  await page.getByRole('button', { name: /Go on: take note/ }).click();
  await expect(page.locator('body')).toContainText('Taken note of it');
  await page.goto('/');
  await expect(page.locator('main')).not.toContainText('Break-glass accounts were used');
});

test('w27: passwords are switched off for everybody but break-glass accounts, and nobody is locked out', async ({ world, page, context }) => {
  const root = await asRoot(world);
  await root.enter(context);
  await page.goto('/security/signin');
  await expect(page.locator('main')).toContainText('The break-glass account root always gets in by password.');
  await page.getByText('Only break-glass accounts').click();
  await page.getByRole('button', { name: 'Save who may use a password' }).click();
  await expect(page.locator('body')).toContainText('Saved who may use a password');
  await look(page, 'security-signin-off');
  const shut = await new Http(world.url).post('/signin', { username: 'second', password: PASSWORD, return_to: '' });
  expect([shut.status, words(shut.text).includes('Name and password do not fit together.')]).toEqual([422, true]);
  await asRoot(world);
});

test('the last break-glass account and its password stay', async ({ world }) => {
  const root = await asRoot(world);
  const own = /href="(\/users\/[0-9a-f-]{36})"/.exec((await root.get('/users?q=root')).text)[1];
  for (const [path, form, code] of [
    [`${own}/password/remove`, {}, 'USR-013'],
    [`${own}/break-glass`, { wanted: 'no' }, 'USR-012'],
  ]) {
    const refused = await root.post(path, form);
    expect(words(refused.text), path).toContain(code);
  }
});

