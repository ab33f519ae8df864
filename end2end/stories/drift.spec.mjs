// A real directory is compared with what is here, repaired, changed on its side, and compared again.
import { BASE, READER, entry, person, startSlapd } from '../peers/slapd.mjs';
import { asRoot, words } from '../people.mjs';
import { expect, story } from '../world.mjs';

const test = story();

test('w62 a directory is compared, repaired, and compared again after it changed', async ({ page, world, context }) => {
  test.setTimeout(240_000);
  const slapd = await startSlapd({ people: ['ada', 'ben', 'cem', 'dora', 'elif', 'finn', 'gul', 'hugo'], groups: { staff: ['ada', 'ben'] } });
  try {
    const root = await asRoot(world);
    await root.enter(context);
    const made = await root.post('/directories/new', {
      system: 'openldap', vendor: 'openldap', name: 'Company', servers: slapd.address, security: 'plain', ca: '', bind_dn: READER.dn, bind_password: READER.password,
      users_base: `ou=people,${BASE}`, users_filter: '', groups_base: `ou=groups,${BASE}`, groups_filter: '', intent: 'save',
    });
    expect(made.status, words(made.text)).toBe(303);
    await page.goto('/drift');
    await page.getByRole('link', { name: 'Company' }).click();
    await expect(page.locator('main')).toContainText('never compared');
    const sorts = page.getByRole('navigation', { name: 'Sorts of differences' });
    const rows = page.getByRole('table', { name: /Changes in the order/ }).locator('tbody tr');
    const drift = new URL(page.url()).pathname;
    const compare = async () => {
      await page.goto(drift);
      await page.getByRole('button', { name: 'Compare now' }).click();
      await page.waitForURL(/\/runs\//);
      // The page follows the run to its end by itself.
      await expect(page.getByRole('link', { name: 'Look at the plan' })).toBeVisible({ timeout: 60_000 });
      await expect(page.locator('main')).toContainText('Ended');
      await page.goto(drift);
    };
    await test.step('everybody is only there', async () => {
      await compare();
      await sorts.getByRole('link', { name: /Only there/ }).click();
      await expect(rows.filter({ hasText: 'Create person' })).toHaveCount(8);
      await expect(rows.filter({ hasText: 'ada' }).first()).toContainText('Ada Example');
    });
    await test.step('repaired', async () => {
      await page.goto(drift);
      await page.getByRole('button', { name: /^Repair \d+ differences/ }).click();
      await page.waitForURL(/\/runs\//);
      await expect(page.getByRole('button', { name: 'Undo what it did' })).toBeVisible({ timeout: 60_000 });
      await compare();
      await expect(page.locator('main')).toContainText('Nothing differs');
      await expect(page.getByRole('button', { name: /^Repair/ })).toHaveCount(0);
    });
    await test.step('somebody left, somebody changed, somebody came', async () => {
      slapd.change(
        `dn: ${person('hugo')}\nchangetype: delete\n\ndn: ${person('dora')}\nchangetype: modify\nreplace: mail\nmail: dora@elsewhere.test\n\n${entry('ines').replace('\n', '\nchangetype: add\n')}`,
      );
      await compare();
      for (const [sort, who] of [['Only here', 'hugo'], ['Changed there', 'dora'], ['Only there', 'ines']]) {
        await sorts.getByRole('link', { name: new RegExp(sort) }).click();
        await expect(rows).toHaveCount(1);
        await expect(rows.first()).toContainText(who);
      }
      await sorts.getByRole('link', { name: /Changed there/ }).click();
      await expect(rows.first().locator('del')).toContainText('dora@example.test');
      await expect(rows.first().locator('ins')).toContainText('dora@elsewhere.test');
    });
    await test.step('the methods as measured name it', async () => {
      await page.goto('/compare');
      const measured = page.getByRole('table', { name: 'Directories as they are measured here' });
      await expect(measured.locator('tr', { hasText: 'Company' })).toContainText('8 accounts');
      await expect(measured.locator('tr', { hasText: 'Company' })).toContainText('questions');
    });
  } finally {
    await slapd.stop();
  }
});
