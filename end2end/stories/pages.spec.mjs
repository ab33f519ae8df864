// Every page of the console, looked at: axe, both themes, phone and desk, nothing sideways, no script error.
import { first, group, test, user } from '../desk.mjs';
import { look } from '../pages.mjs';
import { PASSWORD, addUser } from '../people.mjs';
import { expect } from '../world.mjs';

test.use({ trace: 'off' });
// Looking takes its time, most of all on a busy machine.
test.describe.configure({ timeout: 400_000 });

const CONSOLE = {
  overview: () => '/',
  users: () => '/users',
  'users-filtered': () => '/users?q=an&state=active',
  'users-nobody': () => '/users?q=zzzzzzzz',
  'user-new': () => '/users/new',
  user,
  'user-edit': async (root) => `${await addUser(root, { username: `edited-${Date.now()}`, password: PASSWORD })}/edit`,
  'user-own': (root) => first(root, '/users?q=root', /href="(\/users\/[0-9a-f-]{36})"/),
  groups: () => '/groups',
  'group-new': () => '/groups/new',
  group,
  'group-effective': async (root) => `${await group(root)}?view=effective`,
  'group-edit': async (root) => `${(await root.post('/groups/new', { name: `Edited ${Date.now()}`, description: 'For looking at' })).to}/edit`,
  'group-delete': async (root) => `${(await root.post('/groups/new', { name: `Deleted ${Date.now()}`, description: '' })).to}/delete`,
  roles: () => '/roles',
  directories: () => '/directories',
  'directory-internal': (root) => first(root, '/directories', /href="(\/directories\/[0-9a-f-]{36})"/),
  'directory-tiles': () => '/directories/new',
  ...Object.fromEntries(['active_directory', 'openldap', '389', 'freeipa'].map((system) => [`directory-new-${system}`, () => `/directories/new?system=${system}`])),
  providers: () => '/providers',
  provider: () => '/providers/lab-honest',
  'provider-tiles': () => '/providers/new',
  ...Object.fromEntries(['entra', 'okta', 'google', 'keycloak', 'one_login', 'ad_fs', 'generic'].map((vendor) => [`provider-new-${vendor}`, () => `/providers/new?vendor=${vendor}`])),
  'provider-edit': () => '/providers/lab-honest/edit',
  'provider-calibration': () => '/providers/lab-honest/calibration',
  'provider-rules': () => '/providers/lab-honest/rules',
  'provider-remove': () => '/providers/lab-bounce/remove',
  'provider-test': () => '/signin/lab-honest/test',
  'applications-none': () => '/applications',
  'application-new': () => '/applications/new',
  'application-edit': async (root) => (await root.post('/applications/new', { name: 'Grafana', address: `https://grafana-${Date.now()}.example.org`, who: 'listed', roles: 'admin', elevated: '/admin' })).to,
  applications: async (root) => {
    await root.post('/applications/new', { name: 'Wiki', address: 'https://intra.example.org/wiki', who: 'everybody' });
    return '/applications';
  },
  plans: () => '/plans',
  'plans-none': () => '/plans?state=discarded',
  plan: (root) => first(root, '/plans?purpose=sync', /href="(\/plans\/[0-9a-f-]{36})"/),
  'plan-kind': async (root) => `${await first(root, '/plans?purpose=sync', /href="(\/plans\/[0-9a-f-]{36})"/)}?kind=update_account`,
  'plan-not-done': async (root) => `${await first(root, '/plans?purpose=sync', /href="(\/plans\/[0-9a-f-]{36})"/)}?kind=refusal`,
  drifts: () => '/drift',
  drift: (root) => first(root, '/drift', /href="(\/drift\/[0-9a-f-]{36})"/),
  'runs-none': () => '/runs',
  run: async (root) => {
    const plan = await first(root, '/plans?purpose=drift', /href="(\/plans\/[0-9a-f-]{36})"/);
    const [, identity] = /name="identity" value="([a-z0-9-]+)"/.exec((await root.get(plan)).text);
    const run = (await root.post(`${plan}/approve`, { identity })).to;
    await expect.poll(async () => (await root.get(run)).text, { timeout: 60_000 }).toContain('Undo what it did');
    return run;
  },
  runs: () => '/runs',
  'plan-carried': (root) => first(root, '/plans?purpose=drift', /href="(\/plans\/[0-9a-f-]{36})"/),
  'plan-stale': (root) => first(root, '/plans?purpose=sync', /href="(\/plans\/[0-9a-f-]{36})"/),
  compare: () => '/compare',
  'compare-told': () => '/compare?size=thousands&cloud_idp=okta&directory=active_directory&leavers_must_vanish=on',
  simulator: () => '/simulator',
  security: () => '/security',
  receipts: () => '/receipts',
  'receipts-none': () => '/receipts?verdict=wrong_user',
  'security-signin': () => '/security/signin',
  'policy-superadmin': () => '/security/policies',
  activity: () => '/activity',
  'activity-entry': () => '/activity/3',
  settings: () => '/settings',
  mail: () => '/settings/mail',
  me: () => '/me',
  'factor-new': () => '/me/factors/new',
  'passkey-new': () => '/me/passkeys/new',
  'setup-address': () => '/setup/address',
  'setup-provider': () => '/setup/provider',
  'setup-provider-form': () => '/setup/provider?vendor=generic',
  'setup-provider-taken': () => '/setup/provider?take=lab-honest',
  'setup-arrival': () => '/setup/arrival?again=yes',
  'setup-done': () => '/setup/done',
  'not-found': () => '/nowhere',
};

for (const [name, address] of Object.entries(CONSOLE)) {
  test(`page ${name}`, async ({ desk: page, root }) => {
    const answer = await page.goto(await address(root));
    expect(answer.status()).toBe(name === 'not-found' ? 404 : 200);
    await expect(page.locator('h1')).toHaveCount(1);
    await look(page, name);
  });
}
