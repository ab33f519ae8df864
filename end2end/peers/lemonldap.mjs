// A second provider by others: LemonLDAP::NG 2.16 as Debian packages it, unchanged, with a configuration of its own.
//
//   const peer = await startLemonldap({ clients: { muster: { redirects: [REDIRECT] } }, bye: POST_LOGOUT_URI });
//   peer.issuer, peer.log, await peer.stop()
//
//   People: those its demonstration knows, the password is the name: dwho (Doctor Who; groups timelords, users),
//   rtyler and msmith (groups earthlings, users). The secret of every client is the one of world.mjs.
//   clients      by identifier: redirect addresses, and `alg` to sign ID tokens with (RS256 unless told; none and HS256 work)
//   forcedAfter  seconds since the sign-in within which prompt=login is ignored (`portalForceAuthnInterval`);
//                left out, its own default of 5 holds
// What it does that others do not: it ignores max_age=0 (in Perl 0 is false), and it asks before it signs out.
import { spawn, spawnSync } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { CLIENT } from '../world.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
/** As in xtask/machine.rs. */
const PACKAGES = 'liblemonldap-ng-portal-perl lemonldap-ng-uwsgi-app libio-string-perl libstring-random-perl starman';

/** Why it cannot start here, with the command that helps; nothing if it can. */
export function lemonldapLacks() {
  const modules = ['Lemonldap::NG::Portal::Main', 'Lemonldap::NG::Portal::Issuer::OpenIDConnect', 'Plack::Builder', 'Starman::Server', 'Net::Server::SS::PreFork'];
  const tried = spawnSync('perl', [...modules.map((name) => `-M${name}`), '-e', '1'], { encoding: 'utf8' });
  const starman = spawnSync('starman', ['--version'], { encoding: 'utf8' });
  if (tried.status === 0 && starman.status === 0) return undefined;
  const why = tried.error?.message ?? (starman.error?.message || tried.stderr.split(/ \(|\n/)[0]);
  return `LemonLDAP::NG is missing (${why}). Run \`apt-get install --no-install-recommends ${PACKAGES}\`.`;
}

/** Starts one on a free port of 127.0.0.1. */
export async function startLemonldap({ clients, bye, forcedAfter }) {
  const lacks = lemonldapLacks();
  if (lacks) throw new Error(lacks);
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'muster-lemonldap-'));
  // The socket is made here and inherited: the port is known before the configuration is written, nobody can take
  // it meanwhile, and who connects too early waits in its queue.
  const socket = net.createServer().listen(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  const issuer = `http://127.0.0.1:${port}`;
  write(dir, configuration(dir, issuer, { clients, bye, forcedAfter }));
  const log = path.join(dir, 'lemonldap.log');
  const output = fs.openSync(log, 'a');
  const child = spawn('starman', ['--workers', '4', '--preload-app', path.join(here, 'lemonldap.psgi')], {
    cwd: dir,
    env: { ...process.env, LLNG_DEFAULTCONFFILE: path.join(dir, 'lemonldap-ng.ini'), SERVER_STARTER_PORT: `127.0.0.1:${port}=3` },
    stdio: ['ignore', output, output, socket._handle.fd],
  });
  fs.closeSync(output);
  const ended = once(child, 'exit').catch((error) => [error.message]);
  socket.close();
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
    const said = fs.readFileSync(log, 'utf8');
    fs.rmSync(dir, { recursive: true, force: true });
    return said;
  };
  const ready = fetch(`${issuer}/.well-known/openid-configuration`, { signal: AbortSignal.timeout(40_000) });
  const dead = ended.then(([how]) => { throw new Error(`it ended: ${how}`); });
  try {
    const answer = await Promise.race([ready, dead]);
    if ((await answer.json()).issuer !== issuer) throw new Error('it answers as somebody else');
  } catch (error) {
    const said = await stop();
    throw new Error(`LemonLDAP::NG does not start: ${error.cause?.message ?? error.message}\n${said.slice(-2000)}`);
  }
  return { issuer, log, stop };
}

function write(dir, configuration) {
  for (const folder of ['conf', 'cache', 'sessions/lock', 'psessions/lock']) fs.mkdirSync(path.join(dir, folder), { recursive: true });
  fs.writeFileSync(path.join(dir, 'conf/lmConf-1.json'), JSON.stringify(configuration));
  fs.writeFileSync(path.join(dir, 'lemonldap-ng.ini'), `[all]
logLevel = warn

[configuration]
type = File
dirName = ${dir}/conf
localStorage = Cache::FileCache
localStorageOptions = { 'namespace' => 'lemonldap-ng-config', 'default_expires_in' => 600, 'cache_root' => '${dir}/cache', 'cache_depth' => 3 }

[portal]
staticPrefix = /static
templateDir = /usr/share/lemonldap-ng/portal/templates
languages = en
`);
}

const files = (folder) => ({ Directory: folder, LockDirectory: path.join(folder, 'lock') });

/** Only what differs from its defaults. */
function configuration(dir, issuer, { clients, bye, forcedAfter }) {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const each = (told) => Object.fromEntries(Object.entries(clients).map(([id, client]) => [id, told(id, client)]));
  return {
    cfgNum: 1,
    cfgAuthor: 'stories',
    cfgDate: Math.floor(Date.now() / 1000),
    key: randomBytes(16).toString('hex'),
    portal: `${issuer}/`,
    domain: '127.0.0.1',
    securedCookie: 0,
    // It would be None, which browsers refuse without https.
    sameSite: 'Lax',
    authentication: 'Demo',
    userDB: 'Same',
    demoExportedVars: { cn: 'cn', mail: 'mail', uid: 'uid' },
    globalStorage: 'Apache::Session::File',
    globalStorageOptions: files(path.join(dir, 'sessions')),
    persistentStorage: 'Apache::Session::File',
    persistentStorageOptions: files(path.join(dir, 'psessions')),
    localSessionStorage: 'Cache::FileCache',
    localSessionStorageOptions: { cache_root: path.join(dir, 'cache'), namespace: 'lemonldap-ng-sessions', default_expires_in: 600, cache_depth: 3 },
    locationRules: {},
    captcha: 'Without::Captcha',
    captcha_mail_enabled: 0,
    captcha_register_enabled: 0,
    ...(forcedAfter === undefined ? {} : { portalForceAuthnInterval: forcedAfter }),
    issuerDBOpenIDConnectActivation: 1,
    oidcServiceMetaDataIssuer: issuer,
    oidcServiceAllowAuthorizationCodeFlow: 1,
    oidcServicePrivateKeySig: privateKey,
    oidcServicePublicKeySig: publicKey,
    oidcServiceKeyIdSig: 'one',
    oidcRPMetaDataOptions: each((id, { redirects, alg = 'RS256' }) => ({
      oidcRPMetaDataOptionsClientID: id,
      oidcRPMetaDataOptionsClientSecret: CLIENT.secret,
      oidcRPMetaDataOptionsRedirectUris: redirects.join(' '),
      oidcRPMetaDataOptionsPostLogoutRedirectUris: bye,
      oidcRPMetaDataOptionsIDTokenSignAlg: alg,
      oidcRPMetaDataOptionsUserIDAttr: 'uid',
      oidcRPMetaDataOptionsRequirePKCE: 1,
      oidcRPMetaDataOptionsBypassConsent: 1,
    })),
    // Told at userinfo, not in the ID token. A claim of several values is a list only if there are several.
    oidcRPMetaDataExportedVars: each(() => ({ preferred_username: 'uid', name: 'cn', email: 'mail', groups: 'groups' })),
    oidcRPMetaDataOptionsExtraClaims: each(() => ({ groups: 'groups' })),
  };
}
