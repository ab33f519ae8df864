// A real, certified OpenID Connect provider (npm oidc-provider) for the stories, with a switch that makes it misbehave.
//
// node oidc-provider.mjs REDIRECT_URI [POST_LOGOUT_URI]
//   prints {"issuer": …} when it listens; binds 127.0.0.1 on a free port.
//   People: alice / alice-pw (groups admins, staff), bob / bob-pw and
//   carol / carol-pw (group staff). Client muster / a secret of 32 characters.
//   Client muster-signed, the same secret: takes signed requests alone, by the keys beside the redirect address.
//   PUT /_mode {"mode": "honest" | "bounce" | "bounce-now" | "silent", "par": true | false}
//     honest      obeys prompt, max_age and the claims parameter
//     bounce      ignores prompt and max_age: answers from its cookie with the old auth_time
//     bounce-now  the same, but states "now"
//     silent      states no auth_time
import crypto from 'node:crypto';
import http from 'node:http';
import querystring from 'node:querystring';

import * as jose from 'jose';
import Provider, { interactionPolicy } from 'oidc-provider';

const [redirect, bye = new URL('/signedout', redirect).href] = process.argv.slice(2);
export const SECRET = 'a-secret-of-thirty-two-characters';
const people = {
  alice: { password: 'alice-pw', name: 'Alice Admin', email: 'alice@example.test', groups: ['admins', 'staff'] },
  bob: { password: 'bob-pw', name: 'Bob Builder', email: 'bob@example.test', groups: ['staff'] },
  carol: { password: 'carol-pw', name: 'Carol Collides', email: 'carol@example.test', groups: ['staff'] },
};
let mode = 'honest';

const server = http.createServer();
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;

const { privateKey } = await jose.generateKeyPair('RS256', { extractable: true });
const key = { ...(await jose.exportJWK(privateKey)), kid: 'one', use: 'sig', alg: 'RS256' };

const claimsOf = (id) => ({
  sub: id,
  name: people[id].name,
  preferred_username: id,
  email: people[id].email,
  email_verified: true,
  groups: people[id].groups,
});

const provider = new Provider(issuer, {
  clients: [{
    client_id: 'muster',
    client_secret: SECRET,
    redirect_uris: [redirect],
    post_logout_redirect_uris: [bye],
    response_types: ['code'],
    grant_types: ['authorization_code'],
    backchannel_logout_uri: redirect.replace(/callback$/, 'backchannel'),
    backchannel_logout_session_required: true,
  }, {
    client_id: 'muster-signed',
    client_secret: SECRET,
    redirect_uris: [redirect],
    post_logout_redirect_uris: [bye],
    response_types: ['code'],
    grant_types: ['authorization_code'],
    require_signed_request_object: true,
    request_object_signing_alg: 'ES256',
    jwks_uri: new URL('keys', redirect).href,
  }],
  jwks: { keys: [key] },
  cookies: { keys: [crypto.randomBytes(16).toString('hex')] },
  claims: {
    openid: ['sub'],
    profile: ['name', 'preferred_username'],
    email: ['email', 'email_verified'],
    groups: ['groups'],
    auth_time: null,
    acr: null,
  },
  scopes: ['openid', 'profile', 'email', 'groups'],
  conformIdTokenClaims: false,
  features: {
    devInteractions: { enabled: false },
    rpInitiatedLogout: { enabled: true },
    backchannelLogout: { enabled: true },
    pushedAuthorizationRequests: { enabled: true },
    requestObjects: { enabled: true },
    claimsParameter: { enabled: true },
    userinfo: { enabled: true },
  },
  // The console of the stories is on this very machine, which the provider's own dispatcher would not call.
  fetch: (url, { dispatcher: _, ...options }) => globalThis.fetch(url, options),
  pkce: { required: () => true },
  interactions: { policy: interactionPolicy.base(), url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_ctx, id) => (people[id] ? { accountId: id, claims: () => claimsOf(id) } : undefined),
  loadExistingGrant: async (ctx) => {
    const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
    grant.addOIDCScope('openid profile email groups');
    grant.addOIDCClaims(['auth_time', 'acr']);
    await grant.save();
    return grant;
  },
  ttl: { Session: 86400, Grant: 86400, Interaction: 600, IdToken: 300, AccessToken: 300, AuthorizationCode: 60 },
});

const bodyOf = async (req) => {
  let body = '';
  for await (const chunk of req) body += chunk;
  return body;
};

const page = (title, inner) =>
  `<!doctype html><html lang="en"><title>${title}</title><main><h1>${title}</h1>${inner}</main></html>`;

// What the browser asks is only half of it: with a pushed request the parameters are stored at the provider.
const forget = (params) => {
  if (!mode.startsWith('bounce')) return;
  delete params.prompt;
  delete params.max_age;
};

provider.use(async (ctx, next) => {
  if (ctx.path === '/_mode' && ctx.method === 'PUT') {
    mode = JSON.parse(await bodyOf(ctx.req)).mode;
    ctx.body = { mode };
    return;
  }
  if (ctx.path === '/auth' && ctx.method === 'GET') {
    const query = { ...ctx.query };
    forget(query);
    ctx.query = query;
  }
  const interaction = /^\/interaction\/[\w-]+$/.test(ctx.path);
  if (interaction && ctx.method === 'POST') {
    const form = querystring.parse(await bodyOf(ctx.req));
    if (form.cancel !== undefined) {
      await provider.interactionFinished(ctx.req, ctx.res, { error: 'access_denied', error_description: 'cancelled' });
      ctx.respond = false;
      return;
    }
    if (people[form.login]?.password !== form.password) {
      ctx.status = 401;
      ctx.type = 'html';
      ctx.body = page('Wrong', '<p id="wrong">Wrong name or password.</p>');
      return;
    }
    const login = { accountId: form.login, remember: true, amr: ['pwd'], acr: 'urn:example:pwd' };
    await provider.interactionFinished(ctx.req, ctx.res, { login }, { mergeWithLastSubmission: false });
    ctx.respond = false;
    return;
  }
  if (interaction) {
    const { prompt } = await provider.interactionDetails(ctx.req, ctx.res);
    ctx.type = 'html';
    ctx.body = page(
      'Certified provider',
      `<p>Asked because of ${prompt.name}: ${prompt.reasons.join(', ')}</p><form method="post">
       <label>Login <input name="login" id="login" autocomplete="off"></label>
       <label>Password <input name="password" id="password" type="password"></label>
       <button id="go">Sign in</button><button id="cancel" name="cancel" value="1" formnovalidate>Cancel</button></form>`,
    );
    return;
  }
  await next();
  if (ctx.path === '/request' && ctx.body?.request_uri && mode.startsWith('bounce')) {
    const id = ctx.body.request_uri.split(':').pop();
    const pushed = await provider.PushedAuthorizationRequest.find(id);
    if (pushed) {
      const claims = jose.decodeJwt(pushed.request);
      forget(claims);
      pushed.request = new jose.UnsecuredJWT(claims).encode();
      await pushed.save(60);
    }
  }
  if (ctx.path === '/token' && ctx.body?.id_token && (mode === 'bounce-now' || mode === 'silent')) {
    const claims = jose.decodeJwt(ctx.body.id_token);
    if (mode === 'silent') delete claims.auth_time;
    else claims.auth_time = Math.floor(Date.now() / 1000);
    const header = jose.decodeProtectedHeader(ctx.body.id_token);
    ctx.body = { ...ctx.body, id_token: await new jose.SignJWT(claims).setProtectedHeader(header).sign(privateKey) };
  }
});
provider.on('server_error', (_ctx, error) => console.error(error));
provider.on('backchannel.error', (_ctx, error) => console.error('announcing', error));

server.on('request', provider.callback());
console.log(JSON.stringify({ issuer }));
