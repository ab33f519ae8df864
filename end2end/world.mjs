// The worlds the stories play in: a Muster with a folder and a port of its own, and providers beside it.
//
//   const test = story({ lab: true });          one Muster for the stories of one file
//   test('…', async ({ world, page }) => …)     world.url, world.labUrl, world.code, world.root
//
// MUSTER_BIN is the server, MUSTER_SITE_DIR the site; `cargo xtask test` sets both.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';

import { test as base } from '@playwright/test';

const here = path.dirname(fileURLToPath(import.meta.url));
const binary = path.resolve(process.env.MUSTER_BIN ?? path.join(here, '../target/debug/muster'));
const site = path.resolve(process.env.MUSTER_SITE_DIR ?? path.join(here, '../target/site/dev'));

/** The first administrator where a story does not make one itself. */
export const ROOT = { username: 'root', password: 'violet harbor tickles 42 lanterns', name: 'Root Superadmin', email: 'root@example.test' };
/** The client every provider of these stories knows. */
export const CLIENT = { id: 'muster', secret: 'a-secret-of-thirty-two-characters' };

function environment() {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('MUSTER_'));
  return { ...Object.fromEntries(own), MUSTER_SITE_DIR: site };
}

function tool(dir, [command, ...rest], input) {
  const ran = spawnSync(binary, [command, '--data-dir', dir, ...rest], { cwd: dir, env: environment(), input, encoding: 'utf8' });
  if (ran.status !== 0) throw new Error(`muster ${command} failed: ${ran.error ?? ''}${ran.stderr}${ran.stdout}`);
}

/** Runs a command of the binary on the folder of a world, as somebody on its shell does. */
export function shell(world, [command, ...rest]) {
  return spawnSync(binary, [command, '--data-dir', world.dir, ...rest], { cwd: world.dir, env: environment(), encoding: 'utf8' });
}

/** Lines of a child's output as they come; `until` resolves with the first match of a pattern. */
function listen(child, log) {
  const seen = [];
  const waiting = new Set();
  const take = (line) => {
    seen.push(line);
    for (const one of [...waiting]) one(line);
  };
  readline.createInterface({ input: child.stdout }).on('line', (line) => {
    log.write(`${line}\n`);
    take(line);
  });
  child.stderr.on('data', (chunk) => log.write(chunk));
  return (pattern, what) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => fail('did not say so within 40 s'), 40_000);
      const fail = (why) => {
        clearTimeout(timer);
        waiting.delete(look);
        reject(new Error(`${what}: the server ${why}. Its log: ${log.path}\n${fs.readFileSync(log.path, 'utf8').slice(-2000)}`));
      };
      const look = (line) => {
        const found = pattern.exec(line);
        if (!found) return false;
        clearTimeout(timer);
        waiting.delete(look);
        child.off('exit', gone);
        resolve(found);
        return true;
      };
      const gone = () => fail('stopped');
      if (seen.some(look)) return;
      waiting.add(look);
      child.on('exit', gone);
    });
}

const stopped = (child) =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.on('exit', resolve);
    child.kill('SIGTERM');
  });

/** Starts a Muster. `admin: false` leaves the setup open; `demo` is a number of made-up people, `plan` the rows of the plan they leave; `lab` adds the lab. */
export async function startMuster({ admin = true, demo = 0, plan = 40, lab = false, flags = [] } = {}) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'muster-story-'));
  if (admin) tool(dir, ['admin', 'create', ROOT.username, '--name', ROOT.name, '--email', ROOT.email], `${ROOT.password}\n`);
  if (demo > 0) tool(dir, ['demo', '--users', String(demo), '--plan', String(plan)]);
  const log = fs.createWriteStream(path.join(dir, 'server.log'), { flags: 'a' });
  await new Promise((resolve) => log.on('open', resolve));
  const labFlags = lab ? ['--lab', '--lab-listen', '127.0.0.1:0'] : [];
  const args = ['serve', '--listen', '127.0.0.1:0', '--data-dir', dir, ...labFlags, ...flags];
  const child = spawn(binary, args, { cwd: dir, env: environment(), stdio: ['ignore', 'pipe', 'pipe'] });
  child.on('error', (error) => log.write(`${error}\n`));
  const says = listen(child, log);
  const world = { dir, log: log.path, root: ROOT, failed: false };
  world.stop = async () => {
    await stopped(child);
    log.end();
    if (!world.failed) fs.rmSync(dir, { recursive: true, force: true });
  };
  try {
    if (lab) world.labUrl = (await says(/^The lab is at (\S+?)\/?$/, 'the lab'))[1];
    world.url = (await says(/^Muster is at (\S+?)\/?(?: \(listening.*)?$/, 'the address'))[1];
    if (!admin) world.code = (await says(/setup code: (\S+)/, 'the setup code'))[1];
  } catch (error) {
    world.failed = true;
    await world.stop();
    throw error;
  }
  return world;
}

/** Starts the certified provider for one redirect address. `mode` switches its behaviour (see peers/oidc-provider.mjs). */
export async function startOp(redirect) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'muster-op-'));
  const log = fs.createWriteStream(path.join(dir, 'op.log'));
  await new Promise((resolve) => log.on('open', resolve));
  const args = [path.join(here, 'peers/oidc-provider.mjs'), redirect];
  const child = spawn(process.execPath, args, { cwd: here, stdio: ['ignore', 'pipe', 'pipe'] });
  const [, issuer] = await listen(child, log)(/"issuer":"([^"]+)"/, 'the provider');
  return {
    issuer,
    log: log.path,
    mode: async (mode) => {
      const answer = await fetch(`${issuer}/_mode`, { method: 'PUT', body: JSON.stringify({ mode }) });
      if (!answer.ok) throw new Error(`the provider does not know the mode ${mode}`);
    },
    stop: async () => {
      await stopped(child);
      log.end();
      fs.rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** The `test` of one file: a Muster for all its stories, its address as base, its log named when a story fails. */
export function story(options = {}) {
  return base.extend({
    world: [
      async ({}, use) => {
        const world = await startMuster(options);
        await use(world);
        await world.stop();
      },
      { scope: 'worker', timeout: 90_000 },
    ],
    baseURL: async ({ world }, use) => use(world.url),
    told: [
      async ({ world }, use, info) => {
        await use();
        if (info.status === info.expectedStatus) return;
        world.failed = true;
        console.error(`  server log of “${info.title}”: ${world.log}`);
        await info.attach('server.log', { path: world.log });
      },
      { auto: true },
    ],
  });
}

export { expect } from '@playwright/test';
