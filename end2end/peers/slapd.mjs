// A throwaway slapd: OpenLDAP's own server from the installed binaries, on a free port of 127.0.0.1, gone afterwards.
//
//   const directory = await startSlapd(['ada', 'ben'], { staff: ['ada'] });
//   await directory.change('dn: …\nchangetype: modify\n…');      directory.port, directory.stop()
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';

export const BASE = 'dc=example,dc=test';
export const READER = { dn: `cn=reader,${BASE}`, password: 'reader-pw' };
const ADMIN = `cn=admin,${BASE}`;

export const person = (uid) => `uid=${uid},ou=people,${BASE}`;
const capital = (word) => word[0].toUpperCase() + word.slice(1);
/** Somebody as LDIF. */
export const entry = (uid) =>
  `dn: ${person(uid)}\nobjectClass: inetOrgPerson\nuid: ${uid}\ncn: ${capital(uid)} Example\nsn: Example\ngivenName: ${capital(uid)}\nmail: ${uid}@example.test\n`;
const group = ([name, members]) => `dn: cn=${name},ou=groups,${BASE}\nobjectClass: groupOfNames\ncn: ${name}\n${members.map((uid) => `member: ${person(uid)}\n`).join('')}`;

const freePort = () =>
  new Promise((resolve, reject) => {
    const server = net.createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

function run(program, args, input) {
  const ran = spawnSync(program, args, { input, encoding: 'utf8' });
  if (ran.status !== 0) throw new Error(`${program} failed: ${ran.error ?? ''}${ran.stderr}${ran.stdout}`);
}

async function answers(port) {
  for (let tries = 0; tries < 600; tries += 1) {
    const open = await new Promise((resolve) => {
      const socket = net.connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
      socket.on('connect', () => socket.destroy());
    });
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('slapd did not start within 30 s');
}

/** Starts one with these people and groups. */
export async function startSlapd(people, groups) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'muster-slapd-'));
  fs.mkdirSync(path.join(dir, 'db'));
  const schemas = ['core', 'cosine', 'inetorgperson'].map((name) => `include /etc/ldap/schema/${name}.schema`).join('\n');
  fs.writeFileSync(
    path.join(dir, 'slapd.conf'),
    `${schemas}\npidfile ${dir}/pid\nmodulepath /usr/lib/ldap\nmoduleload back_mdb\ndatabase mdb\nmaxsize 67108864\nsuffix "${BASE}"\n` +
      `rootdn "${ADMIN}"\nrootpw admin-pw\ndirectory ${dir}/db\ndbnosync\nindex objectClass,uid,entryUUID eq\n` +
      `access to attrs=userPassword by anonymous auth by * none\naccess to * by dn.exact="${READER.dn}" read by * none\n`,
  );
  const unit = (name) => `dn: ou=${name},${BASE}\nobjectClass: organizationalUnit\nou: ${name}\n`;
  const base = `dn: ${BASE}\nobjectClass: dcObject\nobjectClass: organization\no: Example\ndc: example\n`;
  const reader = `dn: ${READER.dn}\nobjectClass: applicationProcess\nobjectClass: simpleSecurityObject\ncn: reader\nuserPassword: ${READER.password}\n`;
  const entries = [base, unit('people'), unit('groups'), reader, ...people.map(entry), ...Object.entries(groups).map(group)];
  fs.writeFileSync(path.join(dir, 'entries.ldif'), entries.join('\n'));
  run('/usr/sbin/slapadd', ['-q', '-f', path.join(dir, 'slapd.conf'), '-l', path.join(dir, 'entries.ldif')]);
  const port = await freePort();
  const child = spawn('/usr/sbin/slapd', ['-d', '0', '-h', `ldap://127.0.0.1:${port}/`, '-f', path.join(dir, 'slapd.conf')], { stdio: 'ignore' });
  await answers(port);
  return {
    port,
    change: (ldif) => run('ldapmodify', ['-x', '-H', `ldap://127.0.0.1:${port}`, '-D', ADMIN, '-w', 'admin-pw'], ldif),
    stop: () =>
      new Promise((resolve) => {
        child.on('exit', () => {
          fs.rmSync(dir, { recursive: true, force: true });
          resolve();
        });
        child.kill('SIGKILL');
      }),
  };
}
