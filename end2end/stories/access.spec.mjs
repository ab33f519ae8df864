// Who may use what: every address of the console with every persona, against the table in access.json.
//   in       the page or form answers          no       403: the permission is missing
//   signin   led to signing in, or 401         elevate  led to the door of the secure session
import fs from 'node:fs';

import { Http } from '../http.mjs';
import { addUser, asRoot, connect, elevate, persona, words } from '../people.mjs';
import { expect, story } from '../world.mjs';

const test = story({ lab: true });

const { '': head, ...table } = JSON.parse(fs.readFileSync(new URL('../access.json', import.meta.url), 'utf8'));
const personas = head.split(' ');
const nobody = '00000000-0000-7000-8000-000000000000';

const source = fs.readFileSync(new URL('../../app/routes.rs', import.meta.url), 'utf8');
const routes = [...source.matchAll(/^\s+(get|post)\s+"([^"]+)"\s+(\w+)(?:\(P::\w+\))?\s+=>/gm)].map(([, verb, path]) => `${verb.toUpperCase()} ${path}`);

test('the table and the router name the same addresses', () => {
  expect(routes.length).toBeGreaterThan(80);
  expect(Object.keys(table).toSorted()).toEqual(routes.toSorted());
  for (const [route, cells] of Object.entries(table)) expect(cells.split(' '), route).toHaveLength(personas.length);
});

/** Somebody signed in as the persona says. */
async function become(name, world, root) {
  if (name === 'anonymous') return new Http(world.url);
  const role = name.replace('elevated-', '');
  const who = await persona(world, root, { username: `the-${name}`, role });
  if (name.startsWith('elevated-')) await elevate(who.http, who.password);
  return who.http;
}

/** Things of this persona's own that its posts may spoil. */
async function targets(name, root) {
  const user = await addUser(root, { username: `spoilt-by-${name}`, password: '' });
  const group = (await root.post('/groups/new', { name: `spoilt-by-${name}`, description: '' })).to;
  const slug = `spoilt-by-${name}`.slice(0, 30).replace(/-$/, '');
  await connect(root, slug, { issuer: 'http://127.0.0.1:9', name: `Spoilt by ${name}` });
  const directory = /\/directories\/([0-9a-f-]{36})\//.exec((await root.get('/directories')).text)[1];
  return (path) =>
    path
      .replace('/users/{id}', user)
      .replace('/groups/{id}', group)
      .replace('/directories/{id}', `/directories/${directory}`)
      .replace('{slug}', slug)
      .replace('{idp}', 'lab-honest')
      .replace('{sequence}', '1')
      .replace('{directory}', directory)
      .replace('{key}', 'x'.repeat(43))
      .replace('{id}', nobody);
}

function outcome(answer) {
  if (answer.status === 401 || (answer.status === 303 && /^\/signin(\?|$)/.test(answer.to))) return 'signin';
  if (answer.status === 303 && answer.to.startsWith('/elevate?')) return 'elevate';
  // Another code tells what the handler itself found; then the guard let it through.
  if (answer.status === 403 && words(answer.text).includes('WEB-403')) return 'no';
  return answer.status < 500 ? 'in' : `${answer.status}`;
}

/** Reading first; what ends the persona's own session last. */
const order = (route) => (route.startsWith('GET') ? 0 : ['POST /elevate/drop', 'POST /signout'].indexOf(route) + 2);

for (const [at, name] of personas.entries()) {
  test(`w17 w42 w43: every address as ${name}`, async ({ world }) => {
    test.setTimeout(180_000);
    const root = await asRoot(world);
    const own = await targets(name, root);
    const http = await become(name, world, root);
    const wrong = [];
    for (const route of Object.keys(table).toSorted((a, b) => order(a) - order(b))) {
      const [method, path] = route.split(' ');
      const answer = method === 'GET' ? await http.get(own(path)) : await http.post(own(path), {});
      const [found, expected] = [outcome(answer), table[route].split(' ')[at]];
      if (found !== expected) wrong.push(`${route}: ${found} (${answer.status} ${answer.to}) instead of ${expected}`);
    }
    expect(wrong).toEqual([]);
  });
}

test('addresses beside the console tell nothing about it', async ({ world }) => {
  const http = new Http(world.url);
  for (const path of ['/healthz', '/readyz', '/robots.txt', '/favicon.ico']) expect((await http.get(path)).status, path).toBe(200);
  expect((await http.get('/metrics')).text).not.toMatch(/root|spoilt/);
  expect((await http.get('/metrics', { headers: { 'x-forwarded-for': '203.0.113.9' } })).status).toBe(403);
  for (const path of ['/nowhere', '/a/../Cargo.toml', '/a/nothing.js', '/.env', '/users.json', '/pkg/muster.js']) {
    expect([303, 404], path).toContain((await http.get(path)).status);
  }
});
