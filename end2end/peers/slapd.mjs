// A throwaway slapd: OpenLDAP's own server on a free port of 127.0.0.1, with a few people in it, gone when it is stopped.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';

const PROGRAM = '/usr/sbin/slapd';
export const BASE = 'dc=example,dc=test';
export const READER = { dn: `cn=reader,${BASE}`, password: 'reader-pw' };
const ADMIN = { dn: `cn=admin,${BASE}`, password: 'admin-pw' };

/** Whether it is installed. A robot may not go without. */
export function installed() {
  const there = fs.existsSync(PROGRAM);
  if (!there && process.env.CI && !['0', 'false'].includes(process.env.CI)) throw new Error('slapd is not installed, and CI may not skip its stories');
  return there;
}

const freePort = () =>
  new Promise((resolve) => {
    const server = net.createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

const answers = (port) =>
  new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.on('connect', () => resolve(socket.destroy() && true));
    socket.on('error', () => resolve(false));
  });

export const person = (name) => `uid=${name},ou=people,${BASE}`;

const capital = (word) => word[0].toUpperCase() + word.slice(1);

/** Somebody as LDIF. */
export const entry = (name) =>
  `dn: ${person(name)}\nobjectClass: inetOrgPerson\nuid: ${name}\ncn: ${capital(name)} Example\nsn: Example\ngivenName: ${capital(name)}\nmail: ${name}@example.test\nuserPassword: ${name}-pw\n`;

function entries(people, groups) {
  const sets = Object.entries(groups).map(
    ([name, members]) => `dn: cn=${name},ou=groups,${BASE}\nobjectClass: groupOfNames\ncn: ${name}\n${members.map((member) => `member: ${person(member)}\n`).join('')}`,
  );
  return [
    `dn: ${BASE}\nobjectClass: dcObject\nobjectClass: organization\no: Example\ndc: example\n`,
    `dn: ou=people,${BASE}\nobjectClass: organizationalUnit\nou: people\n`,
    `dn: ou=groups,${BASE}\nobjectClass: organizationalUnit\nou: groups\n`,
    `dn: ${READER.dn}\nobjectClass: applicationProcess\nobjectClass: simpleSecurityObject\ncn: reader\nuserPassword: ${READER.password}\n`,
    ...people.map(entry),
    ...sets,
  ].join('\n');
}

const configuration = (folder) => `include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
pidfile ${folder}/pid
modulepath /usr/lib/ldap
moduleload back_mdb
sizelimit unlimited
database mdb
maxsize 67108864
suffix "${BASE}"
rootdn "${ADMIN.dn}"
rootpw ${ADMIN.password}
directory ${folder}/db
dbnosync
index objectClass,uid,entryUUID eq
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="${READER.dn}" read by * none
`;

/** Starts one with these people and groups of them; everybody's password is their name and `-pw`. */
export async function startSlapd({ people, groups = {} }) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'muster-slapd-'));
  fs.mkdirSync(path.join(folder, 'db'));
  fs.writeFileSync(path.join(folder, 'slapd.conf'), configuration(folder));
  fs.writeFileSync(path.join(folder, 'entries.ldif'), entries(people, groups));
  const conf = path.join(folder, 'slapd.conf');
  const loaded = spawnSync('slapadd', ['-q', '-f', conf, '-l', path.join(folder, 'entries.ldif')], { encoding: 'utf8' });
  if (loaded.status !== 0) throw new Error(`slapadd: ${loaded.error ?? ''}${loaded.stderr}`);
  const port = await freePort();
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', PROGRAM, '-d', '0', '-h', `ldap://127.0.0.1:${port}/`, '-f', conf], { stdio: 'ignore' });
  const until = Date.now() + 30_000;
  while (!(await answers(port))) {
    if (Date.now() > until) throw new Error('slapd does not start');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    address: `127.0.0.1:${port}`,
    /** Changes it as its administrator, by LDIF. */
    change: (ldif) => {
      const ran = spawnSync('ldapmodify', ['-x', '-H', `ldap://127.0.0.1:${port}`, '-D', ADMIN.dn, '-w', ADMIN.password], { input: ldif, encoding: 'utf8' });
      if (ran.status !== 0) throw new Error(`ldapmodify: ${ran.error ?? ''}${ran.stderr}${ran.stdout}`);
    },
    /** It takes connections and answers nothing, until it goes on. */
    pause: () => child.kill('SIGSTOP'),
    resume: () => child.kill('SIGCONT'),
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        const gone = new Promise((resolve) => child.on('exit', resolve));
        child.kill('SIGKILL');
        await gone;
      }
      fs.rmSync(folder, { recursive: true, force: true });
    },
  };
}
