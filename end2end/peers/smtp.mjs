// A real mail server: Nodemailer's smtp-server, with STARTTLS under a certificate of its own authority and a password.
//
//   const sink = await startSmtp();      sink.port, sink.ca (PEM), sink.user, sink.password, sink.letters, await sink.stop()
//   sink.mode = 'good'                   'later' 451 · 'never' 550 · 'hang' says nothing to a message · 'cut' hangs up in it
//   await sink.letter(/subject/)         the next message of that subject: { to, from, subject, text, secure }
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { SMTPServer } from 'smtp-server';

/** An authority, and a certificate of its for `localhost`: made by openssl for this one run. */
function certificates() {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'muster-smtp-'));
  const run = (...args) => {
    const ran = spawnSync('openssl', args, { cwd: dir, encoding: 'utf8' });
    if (ran.status !== 0) throw new Error(`openssl ${args[0]} failed: ${ran.error ?? ''}${ran.stderr}`);
  };
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  try {
    run('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=An authority for these stories');
    run('req', ...key, '-keyout', 'own.key', '-out', 'own.csr', '-subj', '/CN=localhost');
    fs.writeFileSync(path.join(dir, 'names'), 'subjectAltName=DNS:localhost\n');
    run('x509', '-req', '-in', 'own.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-out', 'own.pem', '-days', '2', '-extfile', 'names');
    const read = (name) => fs.readFileSync(path.join(dir, name), 'utf8');
    return { ca: read('ca.pem'), cert: read('own.pem'), key: read('own.key') };
  } finally {
    fs.rmSync(dir, { recursive: true, force: true });
  }
}

/** Encoded words of a header (RFC 2047), and quoted-printable or base64 of a body (RFC 2045). */
const printable = (text) => Buffer.from(text.replace(/=\r?\n/g, '').replace(/=([0-9A-F]{2})/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16))), 'latin1').toString('utf8');
const plainWords = (text) => text.replace(/=\?utf-8\?b\?([^?]+)\?=/gi, (_, words) => Buffer.from(words, 'base64').toString('utf8'));

function read(raw) {
  const [head, ...rest] = raw.split('\r\n\r\n');
  const headers = Object.fromEntries(head.replace(/\r\n[ \t]+/g, ' ').split('\r\n').map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]));
  const body = rest.join('\r\n\r\n');
  const encoding = headers['content-transfer-encoding'] ?? '7bit';
  const text = encoding === 'quoted-printable' ? printable(body) : encoding === 'base64' ? Buffer.from(body, 'base64').toString('utf8') : body;
  return { headers, subject: plainWords(headers.subject ?? ''), text: text.replaceAll('\r\n', '\n') };
}

export async function startSmtp() {
  const { ca, cert, key } = certificates();
  const sink = { ca, user: 'muster', password: 'a-password-of-the-mail-server', mode: 'good', letters: [], tries: 0 };
  let seen = 0;
  const refuse = (code, words) => Object.assign(new Error(words), { responseCode: code });
  const server = new SMTPServer({
    cert,
    key,
    authMethods: ['PLAIN', 'LOGIN'],
    disableReverseLookup: true,
    closeTimeout: 1000,
    onAuth: ({ username, password }, session, done) =>
      username === sink.user && password === sink.password ? done(null, { user: username }) : done(refuse(535, '5.7.8 not with this password')),
    onData: (stream, session, done) => {
      const chunks = [];
      stream.on('data', (chunk) => chunks.push(chunk));
      stream.on('end', () => {
        sink.tries += 1;
        if (sink.mode === 'later') return done(refuse(451, '4.3.0 come again'));
        if (sink.mode === 'never') return done(refuse(550, '5.7.1 not from you'));
        if (sink.mode === 'hang') return undefined;
        if (sink.mode === 'cut') return [...server.connections].forEach((connection) => connection._socket.destroy());
        const { mailFrom, rcptTo } = session.envelope;
        sink.letters.push({ from: mailFrom.address, to: rcptTo.map((one) => one.address).join(), secure: session.secure, ...read(Buffer.concat(chunks).toString('utf8')) });
        return done(null, 'kept');
      });
    },
  });
  server.on('error', () => {});
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  sink.port = server.server.address().port;
  sink.stop = () => new Promise((resolve) => server.close(resolve));
  sink.letter = async (subject) => {
    for (let waited = 0; waited < 200; waited += 1) {
      const at = sink.letters.findIndex((letter, nth) => nth >= seen && subject.test(letter.subject));
      if (at >= 0) {
        seen = at + 1;
        return sink.letters[at];
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`no message ${subject} came; there are: ${sink.letters.map((letter) => `${letter.to} ${letter.subject}`).join(', ')}`);
  };
  return sink;
}
