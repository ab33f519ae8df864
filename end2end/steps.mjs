// What people do in the browser, in one place: at the provider, at the lab, and with the test of re-authentication.
import { expect } from '@playwright/test';

import { Http } from './http.mjs';
import { words } from './people.mjs';

/** Signs in at the certified provider, which must be asking. */
export async function atOp(page, login) {
  await page.waitForURL(/\/interaction\//);
  await page.locator('#login').fill(login);
  await page.locator('#password').fill(`${login}-pw`);
  await page.locator('#go').click();
}

/** Says what a break-glass account is used for: asked after its sign-in, before anything else. */
export async function sayWhy(page) {
  await page.waitForURL(/\/signin\/reason/);
  await page.locator('#reason').fill('A story');
  await page.getByRole('button', { name: 'Go on' }).click();
}

/** Signs in at LemonLDAP::NG, which must be asking. Everybody's password there is the name. */
export async function atLemonldap(page, login) {
  await page.locator('#userfield').fill(login);
  await page.locator('#passwordfield').fill(login);
  await page.getByRole('button', { name: 'Connect' }).click();
}

/** Signs in again at LemonLDAP::NG, which must be asking for that: it names the reason first. */
export async function againAtLemonldap(page, login) {
  await expect(page.locator('body')).toContainText('This application needs a more recent authentication.');
  await page.getByRole('button', { name: 'Renew session' }).click();
  await atLemonldap(page, login);
}

/** Signs in at a provider of the lab, which must be asking. Everybody's password there is "lab". */
export async function atLab(page, username = 'ada.lindqvist') {
  await expect(page.locator('#sign-in')).toBeVisible();
  await page.locator('#username').fill(username);
  await page.locator('#password').fill('lab');
  await page.locator('#sign-in').click();
}

/** Makes the test sign-in at a provider; `there` does what the provider asks. Ends on the report. */
export async function testSignIn(page, slug, there) {
  await page.goto(`/signin/${slug}/test/start`);
  await there(page);
  await page.waitForURL(new RegExp(`/signin/${slug}/test/[0-9a-f-]{36}`));
  await expect(page.locator('h1')).toContainText('works');
}

/** Links the identity on the report of a test sign-in to the person signed in here. */
export async function linkIt(page) {
  await page.getByRole('button', { name: 'Link this identity to me' }).click();
  await expect(page.locator('body')).toContainText('Linked your identity');
}

/** Presses the button on a provider's page. What follows depends on the provider. */
export async function reauthenticate(page, slug) {
  await page.goto(`/providers/${slug}`);
  await page.getByRole('button', { name: 'Re-authenticate with SSO' }).click();
}

/** Waits for the receipt and tells its verdict. */
export async function verdict(page) {
  await page.waitForURL(/\/receipts\/[0-9a-f-]{36}/);
  return (await page.locator('.verdict-word').innerText()).trim();
}

/** The same without a browser: leaves at `path`, signs in at the provider, and gives the address that leads back. */
export async function atOpByHttp(http, path, login) {
  const left = await http.get(path);
  let to = /http-equiv="refresh" content="0;url=([^"]+)"/.exec(left.text)[1].replaceAll('&amp;', '&');
  const op = new Http(new URL(to).origin);
  for (let hops = 0; hops < 6; hops += 1) {
    const answer = to.includes('/interaction/') ? await op.post(to, { login, password: `${login}-pw` }) : await op.get(to);
    to = new URL(answer.to, op.url).href;
    if (to.startsWith(http.url)) return to;
  }
  throw new Error(`the provider did not lead back: ${to}`);
}

/** Waits for the end of a run; gives what its page says then. */
export async function ended(root, run) {
  await expect.poll(async () => words((await root.get(run)).text), { timeout: 60_000, message: 'the run ends' }).toMatch(/ Ended /);
  return words((await root.get(run)).text);
}

/** Leaves the page of a run for another address: that page loads itself again when the run is over, in the midst of going elsewhere. */
export const leave = (page, path) => expect(async () => page.goto(path)).toPass({ timeout: 20_000 });
