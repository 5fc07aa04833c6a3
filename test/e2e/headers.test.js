// headers.test.js: the security headers hold on every answer, whoever makes it.
'use strict';

const assert = require('assert');
const { ask, sendRaw } = require('./lib/http');
const { findSession, writeCookies } = require('./lib/browser');
const { test } = require('./lib/runner');

const wanted = {
	'x-content-type-options': /^nosniff$/,
	'x-frame-options': /^DENY$/,
	'referrer-policy': /^same-origin$/,
	'cross-origin-opener-policy': /^same-origin$/,
	'cross-origin-resource-policy': /^same-origin$/,
	'permissions-policy': /camera=\(\)/,
	'content-security-policy': /default-src 'none'/,
	'cache-control': /./,
};

function checkHeaders(answer, what) {
	for (const [name, value] of Object.entries(wanted)) {
		assert.match(answer.headers[name] || '', value, what + ': ' + name);
		assert.strictEqual(answer.names.filter(x => x === name).length, 1,
			what + ': ' + name + ' twice');
	}
	assert.doesNotMatch(answer.headers['content-security-policy'],
		/unsafe|\*|https?:/, what);
	assert.doesNotMatch(answer.headers.server || '', /\d/, what);
	assert.ok(!answer.headers['x-powered-by'], what);
	assert.ok(!answer.headers['strict-transport-security'],
		what + ': HSTS without TLS');
}

const big = 'x'.repeat(65 * 1024);
const form = { 'Content-Type': 'application/x-www-form-urlencoded' };

// What nginx answers itself: method, path, body, status.
const own = [
	['GET', '/', '', 302],
	['GET', '/api', '', 302],
	['GET', '/nothing', '', 404],
	['GET', '/static/none.css', '', 404],
	['GET', '/api/metrics', '', 404],
	['POST', '/static/default/portico.css', 'x=1', 405],
	['POST', '/api/login', big, 413],
];

// Requests that nginx cannot even read.
const broken = [
	['a line that is too long', 'GET /' + 'x'.repeat(40000) +
		' HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n', 414],
	['two Hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400],
	['a header that is too long', 'GET / HTTP/1.1\r\nHost: a\r\nX: ' +
		'x'.repeat(40000) + '\r\n\r\n', 400],
	['no HTTP at all', 'hello\r\n\r\n', 400],
];

module.exports = world => {
	test('headers: pages', async () => {
		const Cookie = writeCookies(await findSession(world.stack, 'heron'));

		for (const [path, status] of [['/api/login', 303],
			['/api/dashboard', 200], ['/api/rates', 200],
			['/api/rates?size=7', 400], ['/api/nothing', 404]]) {
			const answer = await ask(world.stack.port, path,
				{ headers: { Cookie } });

			assert.strictEqual(answer.status, status, path);
			checkHeaders(answer, path);
			assert.match(answer.headers['cache-control'], /no-store/);
		}
		const anonymous = await ask(world.stack.port, '/api/login');

		assert.strictEqual(anonymous.status, 200);
		checkHeaders(anonymous, 'log-in');
	});

	test('headers: files', async () => {
		for (const file of ['portico.css', 'portal.css', 'icon.svg',
			'image-resources/logo-login.png'])
			for (const folder of ['/static/default/',
				'/static/v-0123456789/default/'])
				checkHeaders(await ask(world.stack.port, folder + file),
					folder + file);
	});

	for (const site of ['port', 'apiPort'])
		test('headers: what nginx answers itself, ' +
			(site === 'port' ? 'for people' : 'for programs'), async () => {
			for (const [method, path, body, status] of own) {
				const answer = await ask(world.stack[site], path,
					{ method, body, headers: form });
				const what = method + ' ' + path;

				assert.strictEqual(answer.status, status, what);
				checkHeaders(answer, what);
				if (status >= 400)
					checkBody(site, answer, what);
			}
		});

	for (const site of ['port', 'apiPort'])
		test('headers: what nginx cannot read, ' +
			(site === 'port' ? 'for people' : 'for programs'), async () => {
			for (const [what, text, status] of broken) {
				const answer = await sendRaw(world.stack[site], text);

				assert.strictEqual(answer.status, status, what);
				checkHeaders(answer, what);
				checkBody(site, answer, what);
			}
		});

	test('headers: programs on port 9090', async () => {
		for (const path of ['/api/health', '/api/openapi.json',
			'/api/dashboard', '/api/nothing'])
			checkHeaders(await ask(world.stack.apiPort, path), path);
	});
};

// A page of the portal's for people, the API's error for programs.
function checkBody(site, answer, what) {
	if (site === 'port') {
		assert.match(answer.headers['content-type'] || '', /^text\/html/, what);
		assert.doesNotMatch(answer.text, /<center>nginx/, what);
		assert.match(answer.text, /<main>/, what);
		return;
	}
	assert.match(answer.headers['content-type'], /^application\/json/, what);
	const { error } = JSON.parse(answer.text);

	assert.ok(error.code && error.message && error.request_id, what);
	assert.deepStrictEqual(error.fields, {}, what);
}
