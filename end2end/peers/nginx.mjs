// A real nginx in front of a small application, with the very files of docs/forward-auth.
//
//   const site = await startNginx(muster.url);   site.url, site.host, site.requests, await site.stop()
//
// The application answers every path with what it was told: the path and the headers that name somebody. A second one,
// site.secret, has a host of its own at the same nginx.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const snippets = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../docs/forward-auth');

export const isInstalled = () => spawnSync('nginx', ['-v']).status === 0;

const listening = (server) => new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)));

async function freePort() {
  const server = net.createServer();
  const port = await listening(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const escaped = (text) => String(text).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

/** The application: believes its proxy, as they do. */
async function startApplication() {
  const requests = [];
  const server = http.createServer((request, response) => {
    const told = Object.fromEntries(Object.entries(request.headers).filter(([name]) => name.startsWith('remote')));
    const by = [request.headers['sec-fetch-mode'], request.headers['sec-fetch-user']];
    if (request.url !== '/favicon.ico') requests.push({ method: request.method, path: request.url, told, by });
    if (request.url === '/reloads') response.setHeader('refresh', '0;url=/timed');
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end(`<!doctype html><html lang="en"><title>Grafana</title><main><h1>Grafana</h1><p id="path">${escaped(request.url)}</p><pre id="told">${escaped(JSON.stringify(told))}</pre></main></html>`);
  });
  const port = await listening(server);
  return { port, requests, stop: () => new Promise((resolve) => server.close(resolve)) };
}

async function answers(port) {
  for (let tries = 0; tries < 100; tries += 1) {
    const up = await new Promise((resolve) => {
      const socket = net.connect(port, '127.0.0.1', () => resolve(true));
      socket.on('error', () => resolve(false));
      socket.on('connect', () => socket.destroy());
    });
    if (up) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('nginx does not listen');
}

/** Starts it in front of an application, asking this Muster. */
export async function startNginx(muster, name = 'grafana') {
  const application = await startApplication();
  const secret = await startApplication();
  const port = await freePort();
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'muster-nginx-'));
  for (const file of fs.readdirSync(snippets)) fs.copyFileSync(path.join(snippets, file), path.join(dir, file));
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${dir}/${kind};`).join(' ');
  fs.writeFileSync(
    path.join(dir, 'nginx.conf'),
    `daemon off; pid ${dir}/nginx.pid; error_log ${dir}/error.log; worker_processes 1; ${process.getuid() === 0 ? 'user root;' : ''}
events { worker_connections 256; }
http {
  access_log off; ${temporary} absolute_redirect off;
  upstream muster { server ${new URL(muster).host}; }
  server {
    listen 127.0.0.1:${port} default_server;
    return 421;
  }
  server {
    listen 127.0.0.1:${port};
    server_name secret.localhost;
    set $muster_origin http://secret.localhost:${port};
    include muster-server.conf;
    location / {
      auth_request /.muster/verify;
      include muster-location.conf;
      proxy_pass http://127.0.0.1:${secret.port};
    }
  }
  server {
    listen 127.0.0.1:${port};
    server_name ${name}.localhost;
    set $muster_origin http://${name}.localhost:${port};
    include muster-server.conf;
    location / {
      auth_request /.muster/verify;
      include muster-location.conf;
      proxy_pass http://127.0.0.1:${application.port};
    }
    location /reports/ {
      auth_request /.muster/verify-elevated;
      include muster-location.conf;
      proxy_pass http://127.0.0.1:${application.port};
    }
  }
}
`,
  );
  const child = spawn('nginx', ['-p', dir, '-c', path.join(dir, 'nginx.conf'), '-e', path.join(dir, 'error.log')], { stdio: 'inherit' });
  await answers(port);
  return {
    host: `${name}.localhost:${port}`,
    url: `http://${name}.localhost:${port}`,
    plain: `http://127.0.0.1:${port}`,
    port,
    requests: application.requests,
    secret: { url: `http://secret.localhost:${port}`, requests: secret.requests },
    log: path.join(dir, 'error.log'),
    stop: async () => {
      await new Promise((resolve) => {
        child.on('exit', resolve);
        child.kill('SIGTERM');
      });
      await application.stop();
      await secret.stop();
      fs.rmSync(dir, { recursive: true, force: true });
    },
  };
}
