// A person writes a post in wp-admin, and others read it. The tests are the chapters of one story: each needs the one before.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';
import { disc } from './png.js';
import { Visitor } from './visitor.js';

function needed(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: start this test with tests/browser/run`);
  return value;
}

const site = {
  url: needed('TAIRYO_URL'),
  address: needed('TAIRYO_ADDRESS'),
  username: needed('TAIRYO_USERNAME'),
  password: needed('TAIRYO_PASSWORD'),
  screenshots: needed('BROWSER_SCREENSHOTS'),
};
const host = new URL(site.url).host;
const TITLE = 'The first catch';
const NEW_TITLE = 'The second catch';
const PICTURE = { width: 640, height: 400 };

let browser;
let author;
let reader;
let postUrl;

before(async () => {
  browser = await chromium.launch({
    executablePath: needed('CHROMIUM'),
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync',
      // Nothing but the site can be reached: not the avatars and news that wp-admin would fetch, either.
      `--host-resolver-rules=MAP ${host} ${site.address}, MAP * ~NOTFOUND`,
    ],
  });
  author = await Visitor.arrive(browser, site, 'author');
  reader = await Visitor.arrive(browser, site, 'reader');
  // The editor greets everybody once, at a moment of its choice: close the greeting whenever it is in the way.
  const greeting = author.page.getByRole('dialog').filter({ hasText: /welcome to the/i });
  await author.page.addLocatorHandler(greeting, () => greeting.getByRole('button', { name: 'Close' }).click());
});

after(async () => {
  await author?.screenshot('last').catch(() => {});
  await reader?.screenshot('last').catch(() => {});
  await browser?.close();
});

// A chapter that fails ends the story: what comes after would only tell of the same thing again.
let failed = false;
function chapter(name, tell) {
  test(name, { timeout: 120_000 }, async (context) => {
    if (failed) return context.skip('an earlier part failed');
    try {
      await tell();
    } catch (error) {
      failed = true;
      throw error;
    }
  });
}

const editor = () => author.page.frameLocator('iframe[name="editor-canvas"]');
const toolbar = () => author.page.getByRole('region', { name: 'Editor top bar' });

chapter('a person logs in at wp-admin', async () => {
  const { page } = author;
  await author.open('/wp-admin/');
  await author.screenshot('login');
  await page.getByLabel('Username or Email Address').fill(site.username);
  await page.getByLabel('Password', { exact: true }).fill(site.password);
  await page.getByRole('button', { name: 'Log In' }).click();
  await page.getByRole('heading', { name: 'Dashboard', level: 1 }).waitFor();
  assert.equal(new URL(page.url()).pathname, '/wp-admin/');
  await author.screenshot('dashboard');
});

chapter('writes a post with an uploaded picture and publishes it', async () => {
  const { page } = author;
  await author.open('/wp-admin/post-new.php');
  const title = editor().getByRole('textbox', { name: 'Add title' });
  await title.fill(TITLE);
  await title.press('Enter');
  await page.keyboard.type('Caught this morning.');
  await page.keyboard.press('Enter');
  await page.keyboard.type('/image');
  await page.getByRole('option', { name: 'Image', exact: true }).click();

  const block = editor().getByRole('document', { name: 'Block: Image' });
  const chosen = page.waitForEvent('filechooser');
  await block.getByRole('button', { name: 'Upload', exact: true }).click();
  await (await chosen).setFiles({ name: 'catch.png', mimeType: 'image/png', buffer: disc(PICTURE.width, PICTURE.height) });
  // The preview is a blob: URL until the upload has ended.
  await block.locator('img[src*="/wp-content/uploads/"]').waitFor();
  await author.screenshot('editor');

  await toolbar().getByRole('button', { name: 'Publish', exact: true }).click();
  const panel = page.getByRole('region', { name: 'Editor publish' });
  await panel.getByRole('button', { name: 'Publish', exact: true }).click();
  postUrl = await panel.getByRole('link', { name: 'View Post' }).getAttribute('href');
  assert.equal(new URL(postUrl).host, host);
  await author.screenshot('published');
});

chapter('a reader sees the post and its picture on the front page', async () => {
  const { page } = reader;
  assert.equal((await reader.open('/')).status, 200);
  await page.getByRole('heading', { name: TITLE }).waitFor();
  const picture = page.locator('img[src*="/wp-content/uploads/"]').first();
  await picture.scrollIntoViewIfNeeded();
  await picture.evaluate((image) => image.decode());
  const size = await picture.evaluate(({ naturalWidth, naturalHeight }) => naturalWidth / naturalHeight);
  assert.ok(Math.abs(size - PICTURE.width / PICTURE.height) < 0.02, `the picture has the proportions ${size}`);
  await reader.screenshot('front-page');
  assert.equal(await page.locator('#wpadminbar').count(), 0);
  // An unstyled page is 200, too.
  assert.notEqual(await page.evaluate(() => getComputedStyle(document.body).fontFamily), '"Times New Roman"');
});

chapter('the page cache misses, hits, and is passed by for the author', async () => {
  assert.equal((await reader.open(postUrl)).cache, 'MISS');
  assert.equal((await reader.open(postUrl)).cache, 'HIT');
  assert.equal((await author.open(postUrl)).cache, 'BYPASS');
  await author.page.locator('#wpadminbar').waitFor();
  await author.screenshot('post');
  const again = await reader.open(postUrl);
  assert.equal(again.cache, 'HIT');
  assert.equal(await reader.page.locator('#wpadminbar').count(), 0, 'the author\'s page was shown to a reader');
});

chapter('an edit is fresh for readers at once', async () => {
  const { page } = author;
  assert.equal((await reader.open('/')).status, 200);
  await page.locator('#wpadminbar').getByRole('menuitem', { name: 'Edit Post' }).click();
  await editor().getByRole('textbox', { name: 'Add title' }).fill(NEW_TITLE);
  await toolbar().getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByRole('button', { name: 'Dismiss this notice' }).filter({ hasText: 'Post updated.' }).waitFor();

  const { cache } = await reader.open(postUrl);
  assert.equal(cache, 'MISS');
  await reader.page.getByRole('heading', { name: NEW_TITLE, level: 1 }).waitFor();
  // The operator looks at the front page as well, so who misses first is open there; what stands in it is not.
  await reader.open('/');
  await reader.page.getByRole('heading', { name: NEW_TITLE }).waitFor();
  assert.equal(await reader.page.getByRole('heading', { name: TITLE }).count(), 0);
  assert.equal((await reader.open('/')).cache, 'HIT');
  await reader.screenshot('front-page-after-edit');
});

chapter('the author logs out and is a reader again', async () => {
  const { page } = author;
  await author.open('/');
  const bar = page.locator('#wpadminbar');
  await bar.getByRole('menuitem', { name: /^Howdy/ }).hover();
  await bar.getByRole('menuitem', { name: 'Log Out' }).click();
  await page.getByText('You are now logged out.').waitFor();
  const { cache } = await author.open('/');
  assert.equal(cache, 'HIT');
  assert.equal(await bar.count(), 0);
  await author.screenshot('logged-out');
});

chapter('no error and no other host was met', async () => {
  assert.deepEqual(reader.problems, []);
  assert.deepEqual([...reader.hosts], [host]);
  assert.deepEqual(author.problems, []);
  console.log(`wp-admin also asked for: ${[...author.hosts].filter((name) => name !== host).join(', ') || 'nothing else'}`);
});
