// What the CloudFront function of the golden template answers. Run by tests/templates/run.
'use strict';
const assert = require('node:assert');
const fs = require('node:fs');
const test = require('node:test');
const vm = require('node:vm');

const template = JSON.parse(fs.readFileSync(process.env.TEMPLATE, 'utf8'));
const [code] = template.Resources.CanonicalHost.Properties.FunctionCode['Fn::Sub'];
const sandbox = {};
vm.createContext(sandbox);
vm.runInContext(code.replaceAll('${Canonical}', 'blog.example.com'), sandbox);

function answer(host, { method = 'GET', uri = '/', querystring = {} } = {}) {
  const request = { method, uri, querystring, headers: host ? { host: { value: host } } : {} };
  const result = sandbox.handler({ request });
  return result === request ? 'passed on' : `${result.statusCode} ${result.headers.location.value}`;
}

test('the canonical domain is passed on, however it is written', () => {
  assert.equal(answer('blog.example.com'), 'passed on');
  assert.equal(answer('Blog.Example.COM'), 'passed on');
});

test('every other name redirects, that of the distribution among them', () => {
  assert.equal(answer('www.blog.example.com', { uri: '/a/b' }), '301 https://blog.example.com/a/b');
  assert.equal(answer('d0.cloudfront.net'), '301 https://blog.example.com/');
  assert.equal(answer(undefined), '301 https://blog.example.com/');
});

test('the query is kept, with names that come twice or have no value', () => {
  const querystring = {
    s: { value: 'a%20b' },
    tag: { value: 'x', multiValue: [{ value: 'x' }, { value: 'y' }] },
    preview: { value: '' },
  };
  assert.equal(answer('example.com', { querystring }), '301 https://blog.example.com/?s=a%20b&tag=x&tag=y&preview');
});

test('what is sent is sent again by the same method', () => {
  assert.equal(answer('example.com', { method: 'POST', uri: '/wp-login.php' }), '308 https://blog.example.com/wp-login.php');
  assert.equal(answer('example.com', { method: 'HEAD' }), '301 https://blog.example.com/');
});
