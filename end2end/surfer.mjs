// A browser without a screen: follows redirects and forwarding pages across origins, with cookies of each, and signs in where the lab asks.
import { Http } from './http.mjs';

const FORWARD = /http-equiv="refresh" content="(\d+);url=([^"]+)"/;
const ASKS = /action="(\/[\w-]+\/sign-in\/[^"]+)"/;

export class Surfer {
  /** Starts with the cookies `http` has at its own address. */
  constructor(http) {
    this.home = http;
    this.known = new Map([[new URL(http.url).origin, http]]);
  }

  /** Who answers for an origin. */
  at(origin) {
    if (!this.known.has(origin)) this.known.set(origin, new Http(origin));
    return this.known.get(origin);
  }

  /** Opens a page of the console and goes wherever it leads; signs in at the lab as `who` when asked, or presses Cancel if `who` is null. */
  open(path, who) {
    return this.#follow(new URL(path, this.home.url).href, who);
  }

  /** Posts a form of the console and goes wherever it leads. */
  async post(path, form, who) {
    const answer = await this.home.post(path, form);
    if (answer.status !== 303) return { ...answer, url: new URL(path, this.home.url) };
    return this.#follow(new URL(answer.to, this.home.url).href, who);
  }

  async #follow(first, who) {
    let url = new URL(first);
    this.asked = 0;
    for (let hops = 0; hops < 30; hops += 1) {
      const there = this.at(url.origin);
      let answer = await there.get(url.href);
      const asks = ASKS.exec(answer.text);
      if (asks) {
        this.asked += 1;
        const form = who === null ? { action: 'cancel' } : { username: who, password: 'lab', action: 'sign-in' };
        answer = await there.post(asks[1], form);
      }
      const forward = FORWARD.exec(answer.text);
      if (forward) await new Promise((resolve) => setTimeout(resolve, Number(forward[1]) * 1000));
      const to = answer.to || forward?.[2].replaceAll('&amp;', '&');
      if (!to) return { ...answer, url };
      url = new URL(to, url);
    }
    throw new Error(`no end: ${url}`);
  }
}
