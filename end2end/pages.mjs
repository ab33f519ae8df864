// Every page there is, for looking at: its address, who sees it, and how to come to it.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import AxeBuilder from '@axe-core/playwright';
import { expect } from '@playwright/test';

const folder = path.join(path.dirname(fileURLToPath(import.meta.url)), 'screenshots');
const SIZES = { 360: [360, 740], 1440: [1440, 900] };

/** Looks at the page the browser is on: pictures in both themes and widths, axe in both themes, no sideways scrolling. */
export async function look(page, name) {
  fs.mkdirSync(folder, { recursive: true });
  // axe at both widths and in both themes, each once.
  for (const [theme, width] of [['light', 360], ['light', 1440], ['dark', 1440], ['dark', 360]]) {
    await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
    await page.setViewportSize({ width: SIZES[width][0], height: SIZES[width][1] });
    await page.evaluate(() => window.scrollTo(0, 0));
    await page.screenshot({ path: path.join(folder, `${name}-${theme}-${width}.png`), fullPage: true, animations: 'disabled' });
    if (theme === 'light') {
      const [wide, seen] = await page.evaluate(() => [document.scrollingElement.scrollWidth, window.innerWidth]);
      expect.soft(wide, `${name} scrolls sideways at ${width} px`).toBeLessThanOrEqual(seen);
    }
    if (theme === (width === 360 ? 'light' : 'dark')) expect.soft(await serious(page), `axe: ${name}, ${theme}, ${width} px`).toEqual([]);
  }
}

async function serious(page) {
  const { violations } = await new AxeBuilder({ page }).options({ resultTypes: ['violations'] }).analyze();
  const words = (node) => node.any.concat(node.all, node.none).map((check) => check.message).join('; ').slice(0, 240);
  return violations
    .filter((one) => ['serious', 'critical'].includes(one.impact))
    .map((one) => [`${one.id}: ${one.help}`, ...one.nodes.slice(0, 4).map((node) => `    ${node.html.slice(0, 160)}\n      ${words(node)}`)].join('\n'));
}
