// The table: every behaviour of the lab under every policy ends in the right verdict, and at the right door.
import { spawnSync } from 'node:child_process';

import { Http } from '../http.mjs';
import { PASSWORD, asRoot, elevate, grant, persona, words } from '../people.mjs';
import { Surfer } from '../surfer.mjs';
import { expect, story } from '../world.mjs';

const test = story({ lab: true });
test.describe.configure({ mode: 'serial', timeout: 240_000 });

/** What each provider of the lab proves: the verdict, whatever the policy. */
const PROVES = {
  honest: 'Fresh',
  bounce: 'Stale',
  'bounce-now': 'Unprovable',
  silent: 'Unprovable',
  // It lies only when it is forced, so a control finds nothing: what a person saw does.
  broker: 'Unprovable',
  milliseconds: 'Malformed',
  tomorrow: 'Malformed',
  'slow-clock': 'Malformed',
  tardy: 'Fresh',
  'new-keys': 'Fresh',
  'no-context': 'Weak context',
  'weak-context': 'Weak context',
  'somebody-else': 'Wrong user',
  refusing: 'Cancelled',
};
const ACR = { 'no-context': 'urn:muster-lab:password', 'weak-context': 'urn:muster-lab:password' };

/** What one falsified answer of the honest provider proves. What is not listed here is Malformed. */
const TAMPERED = {
  'other-subject': 'Wrong user',
  'missing-auth-time': 'Unprovable',
  'auth-time-float': 'Fresh',
  'email-verified-string': 'Fresh',
  'missing-kid': 'Fresh',
  'error-access-denied': 'Cancelled',
  'error-login-required': 'Cancelled',
  'error-temporarily-unavailable': 'Cancelled',
  // Nobody knows to which question such an answer belongs: a page says so, and there is nothing to judge.
  'wrong-state': undefined,
  'missing-state': undefined,
};

/** Who asks: a role with its policy, with and without a second factor. */
const WHO = [
  { username: 'strict', role: 'admin', lab: 'ada.lindqvist', factor: false, confirms: false },
  { username: 'strict-factor', role: 'admin', lab: 'bruno.keller', factor: true, confirms: false },
  { username: 'lenient', role: 'superadmin', lab: 'dana.novak', factor: false, confirms: false },
  { username: 'lenient-factor', role: 'superadmin', lab: 'li.wei', factor: true, confirms: true },
];

const verdictOf = (text) => /class="verdict-word"[^>]*>([^<]+)</.exec(text)?.[1].trim();
const slugOf = (slug) => `lab-${slug}`;
const people = new Map();
/** When the provider with new keys was asked last: keys are looked for again at most every 30 s, whoever sends unknown ones (O61). */
let renewed = 0;

async function enrol(http) {
  const shown = await http.post('/me/factors/new', { name: 'Phone' });
  const page = shown.status === 303 ? await http.get(shown.to) : shown;
  const secret = /\b[A-Z2-7]{32}\b/.exec(page.text)[0];
  const confirm = /action="([^"]+\/confirm)"/.exec(page.text)[1];
  const tool = spawnSync('oathtool', ['--totp', '--base32', secret], { encoding: 'utf8' });
  if (tool.status !== 0) throw new Error(`oathtool: ${tool.error ?? ''}${tool.stderr}`);
  const hidden = Object.fromEntries([...page.text.matchAll(/type="hidden" name="([^"]+)" value="([^"]*)"/g)].map((one) => [one[1], one[2]]));
  const done = await http.post(confirm, { ...hidden, code: tool.stdout.trim() });
  expect(done.status, words(done.text)).toBeLessThan(400);
}

test('everybody is linked at every provider, and policies differ', async ({ world }) => {
  const root = await asRoot(world);
  for (const slug of Object.keys(PROVES)) {
    const form = { vendor: 'generic', slug: slugOf(slug), name: slug, domains: '', issuer: `${world.labUrl}/${slug}`, intent: 'save' };
    const known = (await root.get(`/providers/${slugOf(slug)}`)).status === 200;
    if (known) continue;
    const client = { client_id: 'muster', client_secret: 'muster-lab-secret', scopes: 'openid profile email groups' };
    const made = await root.post('/providers/new', { ...form, ...client, required_acr: ACR[slug] ?? '' });
    expect(made.status, `${slug}: ${words(made.text)}`).toBe(303);
  }
  const rules = { password: 'enough', factors: 'any', from: 'dangerous', lifetime: '15', idle: '' };
  for (const [role, provider] of [['admin', 'fresh'], ['superadmin', 'fresh_or_confirmed']]) {
    const saved = await root.post('/security/policies', { role, provider, ...rules });
    expect(saved.status, words(saved.text)).toBe(303);
  }
  for (const who of WHO) {
    const { http } = await persona(world, root, { username: who.username, role: who.role });
    // One for all trips: signed in at each provider, as everybody is who is sent straight back.
    const surfer = new Surfer(http);
    await elevate(http, PASSWORD);
    for (const slug of Object.keys(PROVES)) {
      const report = await surfer.open(`/signin/${slugOf(slug)}/test/start`, who.lab);
      expect(report.url.pathname, `${slug}: ${words(report.text)}`).toMatch(/\/test\/[0-9a-f-]{36}$/);
      const linked = await http.post(`${report.url.pathname}/link`, { return_to: '' });
      expect(linked.status, `${slug}: ${words(linked.text)}`).toBe(303);
    }
    if (who.factor) await enrol(http);
    expect((await http.post('/elevate/drop')).status).toBe(303);
    people.set(who.username, surfer);
  }
});

test('the broker passes for Fresh until a forced probe that asked nobody anything', async ({ world }) => {
  const who = WHO[0];
  const before = await tried(people.get(who.username), 'broker', who);
  expect(before, before.page).toMatchObject({ verdict: 'Fresh', door: 'in', asked: 0 });
  const root = await asRoot(world);
  const surfer = new Surfer(root);
  await surfer.open('/signin/lab-broker/test/start', 'ada.lindqvist');
  // Times are whole seconds: a sign-in and a probe of the same moment cannot be told apart.
  await new Promise((resolve) => setTimeout(resolve, 2500));
  const probed = await surfer.post('/providers/lab-broker/calibration', { probe: 'forced' }, 'ada.lindqvist');
  expect([surfer.asked, probed.url.pathname], words(probed.text)).toEqual([0, '/providers/lab-broker/calibration']);
  expect(probed.text, words(probed.text)).toMatch(/\/said"/);
  const [, said] = /action="([^"]+\/said)"/.exec(probed.text);
  const told = await root.post(said, { said: 'no' });
  expect(told.status, words(told.text)).toBe(303);
});

/** Re-authenticates and tells what was found and which door it led to. */
async function tried(surfer, slug, who) {
  const http = surfer.home;
  if (slug === 'new-keys') {
    await expect.poll(() => Date.now() - renewed, { timeout: 40_000, message: 'keys may be fetched again' }).toBeGreaterThan(31_000);
    renewed = Date.now();
  }
  const answer = await surfer.post('/reauth', { provider: slugOf(slug), goal: 'elevate', return_to: '/me' }, who.lab);
  const me = await http.get('/me');
  const isElevated = /class="elevation/.test(me.text);
  if (isElevated) expect((await http.post('/elevate/drop')).status).toBe(303);
  const door = isElevated ? 'in' : /action="\/elevate\/confirm"/.test(answer.text) ? 'confirm' : 'out';
  return { verdict: isElevated ? 'Fresh' : verdictOf(answer.text), door, asked: surfer.asked, page: `${answer.url.pathname} ${words(answer.text)}` };
}

const doorOf = (verdict, who) => (verdict === 'Fresh' ? 'in' : verdict === 'Unprovable' && who.confirms ? 'confirm' : 'out');

const everyProvider = (who) =>
  test(`every provider of the lab, for ${who.username}`, async () => {
    const found = {};
    for (const slug of Object.keys(PROVES)) found[slug] = await tried(people.get(who.username), slug, who);
    for (const [slug, verdict] of Object.entries(PROVES)) {
      const { page, ...seen } = found[slug];
      expect.soft(seen, `${slug}: ${page}`).toMatchObject({ verdict, door: doorOf(verdict, who) });
    }
  });

everyProvider(WHO[0]);

test('every falsified answer, where the policy is most lenient', async ({ world }) => {
  const who = WHO.at(-1);
  const surfer = people.get(who.username);
  const lab = new Http(world.labUrl);
  const order = (tamper, hold = 'once') => lab.ask('POST', '/honest/control', { body: JSON.stringify({ tamper, hold }), headers: { 'content-type': 'application/json' } });
  const { known } = JSON.parse((await lab.get('/honest/control')).text);
  expect(known.length).toBeGreaterThan(45);
  // Changed keys have a provider of their own; here the unknown ones have used up what may be fetched in 30 s.
  const judged = known.filter((one) => one !== 'key-rotation' && !/^(discovery|token|userinfo)-/.test(one));
  for (const tamper of judged) {
    const verdict = tamper in TAMPERED ? TAMPERED[tamper] : 'Malformed';
    // The harmless ones prove something only if this sign-in can be told from the last one.
    if (verdict === 'Fresh') await new Promise((resolve) => setTimeout(resolve, 2500));
    await order(tamper, 'until-cleared');
    const seen = await tried(surfer, 'honest', who);
    await order(null);
    expect.soft(`${seen.verdict} ${seen.door}`, `${tamper}: ${seen.page}`).toBe(`${verdict} ${doorOf(verdict, who)}`);
  }
});

for (const who of WHO.slice(1)) everyProvider(who);
