// Who the stories are about, and what an administrator prepares for them.
import { Http } from './http.mjs';
import { CLIENT } from './world.mjs';

export const PASSWORD = 'copper meadow whistles 7 teapots';

const must = (answer, status, what) => {
  if (answer.status !== status) throw new Error(`${what}: ${answer.status} instead of ${status}\n${words(answer.text)}`);
  return answer;
};

/** The words of a page. */
export const words = (html) => html.replace(/<(script|style)[\s\S]*?<\/\1>/g, ' ').replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ').trim();

/** Says what a break-glass account is used for, if it is one. */
export async function tellReason(http) {
  const asked = await http.get('/signin/reason');
  if (asked.status === 200) must(await http.post('/signin/reason', { reason: 'A story', return_to: '/' }), 303, 'the reason');
}

/** Signs somebody in by password. */
export async function signIn(world, { username, password }) {
  const http = new Http(world.url);
  must(await http.post('/signin', { username, password, return_to: '' }), 303, `sign-in of ${username}`);
  await tellReason(http);
  return http;
}

/** Signs the first administrator in, in a secure session unless told otherwise. */
export async function asRoot(world, { elevated = true } = {}) {
  const http = await signIn(world, world.root);
  if (elevated) await elevate(http, world.root.password);
  return http;
}

/** Starts a secure session by password. */
export async function elevate(http, password) {
  must(await http.post('/elevate', { password, return_to: '/' }), 303, 'secure session');
}

/** What an administrator types for somebody: it counts for one sign-in. */
export const FIRST = 'umbrella 42 violet tractors hum';

/** Adds a user, who chooses the given password at their first sign-in; gives the path of their page. */
export async function addUser(root, { username, name = username, email = '', password = '' }) {
  const made = await root.post('/users/new', { username, display_name: name, email, password: password && FIRST });
  const { to } = must(made, 303, `adding ${username}`);
  if (password) {
    const own = new Http(root.url);
    must(await own.post('/signin', { username, password: FIRST, return_to: '' }), 303, `first sign-in of ${username}`);
    must(await own.post('/signin/change', { password, return_to: '/' }), 303, `password of ${username}`);
    must(await own.post('/signout'), 303, `sign-out of ${username}`);
  }
  return to;
}

/** Grants a role; `root` must be in a secure session. */
export async function grant(root, to, role) {
  must(await root.post('/roles/grant', { role, to }), 303, `granting ${role} to ${to}`);
}

/** Somebody with a password and a role, signed in. */
export async function persona(world, root, { username, role }) {
  const path = await addUser(root, { username, name: `The ${username}`, email: `${username}@example.test`, password: PASSWORD });
  if (role) await grant(root, username, role);
  const http = await signIn(world, { username, password: PASSWORD });
  return { http, path, username, password: PASSWORD };
}

/** Connects a provider; `root` must be in a secure session. */
export async function connect(root, slug, { issuer, name = 'Certified', ...more }) {
  const settings = { issuer, client_id: CLIENT.id, client_secret: CLIENT.secret, scopes: 'openid profile email groups', ...more };
  const made = await root.post('/providers/new', { vendor: 'generic', slug, name, domains: '', ...settings, intent: 'save' });
  must(made, 303, `connecting ${name}`);
}

/** The rules of a provider for accounts at sign-in. */
export async function rules(root, slug, { managed = [], create = 'everybody', makeGroups = true }) {
  const form = { create, update: 'on', username_claim: 'preferred_username', groups_claim: 'groups', managed_groups: managed.join('\n'), default_groups: '' };
  if (makeGroups) form.create_groups = 'on';
  must(await root.post(`/providers/${slug}/rules`, form), 303, `rules of ${slug}`);
}
