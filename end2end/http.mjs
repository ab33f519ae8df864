// A browser's worth of HTTP without a browser: cookies are kept, redirects are not followed, and any header can be forged.
import http from 'node:http';

export class Http {
  constructor(url) {
    this.url = url;
    this.jar = new Map();
  }

  /** One request. `form` is sent as a form of this console would be; `headers` set to undefined are left out. */
  ask(method, path, { form, body, headers = {} } = {}) {
    const to = new URL(path, this.url);
    const own = { accept: 'text/html', host: to.host };
    if (this.jar.size > 0) own.cookie = [...this.jar].map(([name, value]) => `${name}=${value}`).join('; ');
    if (method !== 'GET' && method !== 'HEAD') Object.assign(own, { origin: to.origin, 'sec-fetch-site': 'same-origin' });
    const sent = form === undefined ? body : new URLSearchParams(form).toString();
    if (form !== undefined) own['content-type'] = 'application/x-www-form-urlencoded';
    const all = Object.fromEntries(Object.entries({ ...own, ...headers }).filter(([, value]) => value !== undefined));
    if (sent !== undefined) all['content-length'] ??= Buffer.byteLength(sent);
    return new Promise((resolve, reject) => {
      const request = http.request(to, { method, headers: all, agent: false }, (response) => {
        const chunks = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('end', () => {
          this.#remember(response.headers['set-cookie'] ?? []);
          const text = Buffer.concat(chunks).toString('utf8');
          resolve({ status: response.statusCode, headers: response.headers, to: response.headers.location ?? '', text });
        });
        response.on('error', reject);
      });
      request.on('error', reject);
      request.end(sent);
    });
  }

  get(path, more) {
    return this.ask('GET', path, more);
  }

  post(path, form = {}, more = {}) {
    return this.ask('POST', path, { form, ...more });
  }

  #remember(lines) {
    for (const line of lines) {
      const [pair, ...attributes] = line.split(';').map((part) => part.trim());
      const at = pair.indexOf('=');
      const [name, value] = [pair.slice(0, at), pair.slice(at + 1)];
      if (value === '' || attributes.some((one) => /^max-age=0$/i.test(one))) this.jar.delete(name);
      else this.jar.set(name, value);
    }
  }

  /** The session's id as the browser holds it. */
  get session() {
    return this.jar.get('muster');
  }

  /** Lets a browser be whoever this is. */
  async enter(context) {
    const { hostname } = new URL(this.url);
    await context.addCookies([...this.jar].map(([name, value]) => ({ name, value, domain: hostname, path: '/', httpOnly: true, sameSite: 'Lax' })));
  }
}
