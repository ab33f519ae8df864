// The desk of the superadmin, for the stories that look at pages.
import { asRoot } from './people.mjs';
import { expect, story } from './world.mjs';

const base = story({ lab: true, demo: 300 });
export const test = base.extend({
  root: [async ({ world }, use) => use(await asRoot(world)), { scope: 'worker' }],
  // A browser of the superadmin that complains about errors of scripts and refused resources.
  desk: async ({ root, page, context }, use) => {
    const broken = [];
    page.on('pageerror', (error) => broken.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error' && !/status of 4\d\d/.test(message.text())) broken.push(message.text());
    });
    await root.enter(context);
    await use(page);
    expect(broken, 'errors in the browser').toEqual([]);
  },
});

export const first = async (root, list, pattern) => pattern.exec((await root.get(list)).text)[1];
export const user = (root) => first(root, '/users?q=a', /href="(\/users\/[0-9a-f-]{36})"/);
export const group = (root) => first(root, '/groups', /href="(\/groups\/[0-9a-f-]{36})"/);
