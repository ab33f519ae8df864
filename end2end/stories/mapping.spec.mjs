// The mapping of a directory: written, told where it is wrong, tried on the people of a real slapd, weighed and saved.
// (Pictures and axe need script.)
import { look } from '../pages.mjs';
import { asRoot } from '../people.mjs';
import { BASE, READER, installed, startSlapd } from '../peers/slapd.mjs';
import { expect, story } from '../world.mjs';

const test = story();
test.describe.configure({ mode: 'serial', timeout: 300_000 });
test.skip(!installed(), 'slapd is not installed');

let slapd;
test.beforeAll(async () => {
  slapd = await startSlapd({ people: ['ada', 'ben', 'cleo'], groups: { staff: ['ada', 'ben'] } });
});
test.afterAll(() => slapd?.stop());

const kept = {};
const press = (page, name) => page.getByRole('button', { name, exact: true }).first().click();

test('it is told where it is wrong, and tried on real people', async ({ world, page, context }) => {
  const root = await asRoot(world);
  await root.enter(context);
  const made = await root.post('/directories/new', {
    system: 'openldap', name: 'Office', vendor: 'openldap', servers: slapd.address, security: 'plain',
    bind_dn: READER.dn, bind_password: READER.password, users_base: BASE, intent: 'save',
  });
  kept.path = `${made.to}/mapping`;
  await page.goto(made.to);
  await page.getByRole('link', { name: 'Mapping' }).click();
  await expect(page.locator('h1')).toHaveText('Mapping');
  await look(page, 'mapping-empty');
  await press(page, "Begin with the directory's own rules");
  await expect(page.locator('#attribute_0')).toHaveValue('username');
  await expect(page.locator('#preview')).toContainText('ada');
  await page.locator('#filter').fill('source.uid != "ben"');
  await page.locator('#text_4').fill('source.mail.nosuch()');
  await press(page, 'Preview');
  await expect(page.locator('#text_4-error')).toContainText('Line 1, character 13: There is no function “nosuch”');
  await look(page, 'mapping-wrong');
  await page.locator('#text_4').fill('source.mail.upper()');
  await press(page, 'Preview');
  const preview = page.locator('#preview');
  await expect(preview).toContainText('ADA@EXAMPLE.TEST');
  await expect(preview).toContainText('Left out');
  expect(await page.content(), 'no secret is shown').not.toContain('ada-pw');
  await look(page, 'mapping-preview');
});

test('its tests are kept with it, and what it would change is shown before it is saved', async ({ world, page, context }) => {
  await (await asRoot(world)).enter(context);
  await page.goto(kept.path);
  await page.locator('#filter').fill('source.uid != "ben"');
  await page.locator('#attribute_0').fill('email');
  await page.locator('#text_0').fill('source.mail.upper()');
  await press(page, 'Preview');
  await press(page, 'Keep as a test');
  await expect(page.locator('#test_0')).toHaveValue('ada');
  await press(page, 'Show what would change');
  await expect(page.locator('main')).toContainText(/It would make \d+ changes/);
  await look(page, 'mapping-impact');
  await press(page, 'Save mapping');
  await expect(page.locator('main')).toContainText('The mapping is saved.');
  await expect(page.locator('#filter')).toHaveValue('source.uid != "ben"');
  await expect(page.locator('main')).toContainText('Holds');
});

test('a test that does not hold keeps it from being saved until somebody confirms it', async ({ world, page, context }) => {
  await (await asRoot(world)).enter(context);
  await page.goto(kept.path);
  await page.locator('#text_0').fill('source.mail');
  await press(page, 'Save mapping');
  await expect(page.locator('main')).toContainText('MAP-004');
  await expect(page.locator('main')).toContainText('Does not hold');
  await look(page, 'mapping-test-fails');
  await page.locator('#knowingly').check();
  await press(page, 'Save mapping');
  await expect(page.locator('main')).toContainText('The mapping is saved.');
});
