// errors.test.js: the portal away, and what programs are told.
'use strict';

const assert = require('assert');
const { ask } = require('./lib/http');
const { openPage, findSession, writeCookies } = require('./lib/browser');
const { end, isHealthy, startPortico, until } = require('./lib/stack');
const { test } = require('./lib/runner');

// With the workers away, look(); they come back in any case.
async function withoutWorkers(world, look) {
	const { stack } = world;

	assert.strictEqual(await end(stack.portico), 0);
	try {
		await look(stack);
	} finally {
		await startPortico(stack);
		await until(stack.portico, 'healthy', () => isHealthy(stack));
	}
}

async function checkAway(world, stack) {
	const page = await openPage(world, { width: 360, script: true });
	const asked = [], wrong = [];

	page.on('request', request => asked.push(request.url()));
	page.on('console', message => wrong.push(message.text()));
	const answer = await page.goto('/api/dashboard');

	assert.strictEqual(answer.status(), 503);
	assert.match(answer.headers()['retry-after'], /^\d+$/);
	assert.strictEqual(answer.headers()['cache-control'], 'no-store');
	assert.match(answer.headers()['content-security-policy'], /'sha256-/);
	assert.match(await page.innerText('h1'), /not available/);
	assert.doesNotMatch(await page.innerText('body'), /nginx/);
	assert.match(await page.innerText('main'), /Request number: [0-9a-f]{32}/);
	assert.strictEqual(await page.getAttribute('main a', 'href'),
		'/api/dashboard');
	// It looks right without any other file.
	assert.deepStrictEqual(asked.filter(url => !/\/favicon\.ico$/.test(url)),
		[stack.url + '/api/dashboard']);
	assert.deepStrictEqual(wrong.filter(text => /Security/.test(text)), []);
	assert.strictEqual(await page.evaluate(() => getComputedStyle(
		document.querySelector('main')).borderTopLeftRadius), '14px');
	assert.ok(await page.evaluate(() =>
		document.documentElement.scrollWidth <= innerWidth));
}

module.exports = world => {
	test('errors: without workers a page of nginx says so', () =>
		withoutWorkers(world, async stack => {
			await checkAway(world, stack);
			const file = await ask(stack.port, '/static/default/portico.css');

			assert.strictEqual(file.status, 200);
			const api = await ask(stack.apiPort, '/api/dashboard');

			assert.strictEqual(api.status, 503);
			assert.match(api.headers['retry-after'], /^\d+$/);
			assert.strictEqual(JSON.parse(api.text).error.code, 'busy');
		}));

	test('errors: who was logged in still is, once the workers are back', async () => {
		const page = await openPage(world, { user: 'heron' });

		await withoutWorkers(world, async () => {
			const answer = await page.goto('/api/dashboard');

			assert.strictEqual(answer.status(), 503);
		});
		await page.click('main a');
		await page.waitForSelector('.board-balance');
	});

	test('errors: 9090 answers JSON unless asked otherwise', async () => {
		const { apiPort, port } = world.stack;
		const refused = await ask(apiPort, '/api/dashboard');

		assert.strictEqual(refused.status, 401);
		assert.match(refused.headers['content-type'], /^application\/json/);
		assert.strictEqual(JSON.parse(refused.text).error.code,
			'login_required');
		const lost = await ask(apiPort, '/api/nothing');

		assert.strictEqual(lost.status, 404);
		assert.strictEqual(JSON.parse(lost.text).error.code, 'not_found');
		const health = await ask(apiPort, '/api/health');

		assert.strictEqual(JSON.parse(health.text).status, 'ok');
		const html = await ask(apiPort, '/api/login',
			{ headers: { Accept: 'text/html' } });

		assert.match(html.headers['content-type'], /^text\/html/);
		const json = await ask(port, '/api/dashboard',
			{ headers: { Accept: 'application/json' } });

		assert.strictEqual(json.status, 401);
	});

	test('errors: a program logs in and reads what people see', async () => {
		const { apiPort } = world.stack;
		const login = await ask(apiPort, '/api/login', { method: 'POST',
			headers: { 'Content-Type': 'application/json' },
			body: '{"login":"heron","password":"heron-demo-1"}' });
		const { token } = JSON.parse(login.text);
		const answer = await ask(apiPort, '/api/dashboard',
			{ headers: { Authorization: 'Bearer ' + token } });
		const Cookie = writeCookies(await findSession(world.stack, 'heron'));
		const page = await ask(world.stack.port, '/api/dashboard',
			{ headers: { Cookie } });
		const { balance } = JSON.parse(answer.text);

		assert.strictEqual(login.headers['set-cookie'], undefined);
		assert.ok(page.text.includes(balance.live.text));
		assert.match(balance.live.amount, /^-?\d+\.\d+$/);
		assert.strictEqual(balance.live.currency, 'USD');
	});
};
