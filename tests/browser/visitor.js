// One person with a browser of their own: what they ask for, what goes wrong, and what they see is written down.
import path from 'node:path';

export class Visitor {
  static async arrive(browser, site, name) {
    const context = await browser.newContext({ baseURL: site.url, viewport: { width: 1280, height: 900 }, locale: 'en-US' });
    context.setDefaultTimeout(30_000);
    return new Visitor(site, name, context, await context.newPage());
  }

  constructor(site, name, context, page) {
    Object.assign(this, { site, name, context, page });
    this.host = new URL(site.url).host;
    this.problems = [];
    this.hosts = new Set();
    context.on('request', (request) => {
      const url = new URL(request.url());
      if (/^https?:$/.test(url.protocol)) this.hosts.add(url.host);
    });
    context.on('response', (response) => {
      if (response.status() >= 400 && this.isOurs(response.url())) this.problems.push(`${response.status()} ${response.url()}`);
    });
    context.on('console', (message) => {
      // Foreign hosts are cut off on purpose; that they were asked for is seen in `hosts`.
      if (message.type() === 'error' && this.isOurs(message.location().url)) this.problems.push(`console: ${message.text()}`);
    });
    context.on('weberror', (error) => this.problems.push(`script: ${error.error()}`));
  }

  isOurs(url) {
    return URL.canParse(url) && new URL(url).host === this.host;
  }

  /** Opens a page and answers with the verdict of the page cache on it. */
  async open(address) {
    const response = await this.page.goto(address, { waitUntil: 'load' });
    return { status: response.status(), cache: response.headers()['x-cache'] };
  }

  async screenshot(name) {
    await this.page.screenshot({ path: path.join(this.site.screenshots, `${this.name}-${name}.png`), fullPage: true });
  }
}
