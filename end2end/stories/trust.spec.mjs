// Who opened a way in, seen through what was opened from there; and what would lock everybody out, said before it is asked for.
import fs from 'node:fs';
import path from 'node:path';

import { test } from '../desk.mjs';
import { Http } from '../http.mjs';
import { look } from '../pages.mjs';
import { PASSWORD, addUser, elevate, persona, signIn } from '../people.mjs';
import { expect, shell } from '../world.mjs';

const SET = 'granite falcon letters 31 oysters';
const CHANGED = 'velvet anchor hums 4 lanterns';
const NEW = 'marble otter umbrella 77 station';
test.describe.configure({ timeout: 240_000 });

test('o78: a password that was changed from there is still told of', async ({ world, root, desk: page }) => {
  const username = `norma-${Date.now()}`;
  const adam = await persona(world, root, { username: `adam-${Date.now()}`, role: 'admin' });
  const { path: at } = await persona(world, root, { username, role: 'auditor' });
  await elevate(adam.http, PASSWORD);
  expect((await adam.http.post(`${at}/password`, { password: SET })).status).toBe(303);
  // Adam, as Norma, with the password he set.
  const norma = await signIn(world, { username, password: SET });
  expect((await norma.post('/me/password', { password: NEW })).status, 'nothing before the change').toBe(403);
  expect((await norma.post('/signin/change', { password: CHANGED, return_to: '/' })).status).toBe(303);
  await elevate(norma, CHANGED);
  expect((await norma.post('/me/password', { password: NEW })).status).toBe(303);
  expect((await new Http(world.url).post('/signin', { username, password: SET, return_to: '' })).status).toBe(422);
  await page.goto('/roles');
  await page.locator('#grant select[name=role]').selectOption('helpdesk');
  await page.locator('#grant input[name=to]').fill(username);
  await page.getByRole('button', { name: 'Grant role', exact: true }).click();
  await expect(page.locator('#grant')).toContainText(`the password of ${username} was set by way of what ${adam.username} opened`);
  await expect(page.locator('#grant')).toContainText('ROLE-006');
  await look(page, 'roles-question-handed-on');
});

test('what would leave no superadmin is said where it is asked for', async ({ world, root, desk: page }) => {
  await page.goto('/roles');
  await page.locator('#role-superadmin').getByRole('button', { name: 'Withdraw' }).first().click();
  const dialog = page.locator('dialog:popover-open');
  await expect(dialog).toContainText('It would be refused now. This would leave no superadmin who may sign in.');
  await look(page, 'roles-withdraw-foretold');
  await page.goto('/roles');
  const nobody = `nobody-${Date.now()}`;
  await addUser(root, { username: nobody });
  const file = path.join(world.dir, 'shut.toml');
  fs.writeFileSync(file, `[roles.superadmin]\nusers = ["${nobody}"]\n`);
  const diff = () => shell(world, ['config', 'diff', file]);
  const ran = diff();
  expect(ran.status, ran.stderr).toBe(0);
  expect(ran.stdout).toContain(`Applying this would be refused: This would leave no superadmin who is known to get in`);
  expect(ran.stdout).toContain(`${nobody} cannot sign in: has neither a password nor a linked identity. (LOCK-001)`);
  expect(shell(world, ['config', 'apply', file]).status).not.toBe(0);
  expect(diff().stdout, 'nothing was changed').toBe(ran.stdout);
});
