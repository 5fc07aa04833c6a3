// factor.test.js: an authenticator app, from setting it up to its removal, as
// people go: links, forms, no script.
'use strict';

const assert = require('assert');
const { openPage, logIn, follow, forgetUser } = require('./lib/browser');
const { codeOf, readSecret } = require('./lib/factor');
const { test } = require('./lib/runner');

const pathOf = page => new URL(page.url()).pathname;

async function sendCode(page, code) {
	await page.fill('#code', code);
	return follow(page, 'main form[method=post] button[type=submit]');
}

async function setUp(page) {
	await page.goto('/api/security');
	await follow(page, 'main a[href="/api/security/totp"]');
	await follow(page, 'main form[action$=totp] button');
	const secret = await readSecret(page);

	assert.ok((await page.locator('svg.qr').boundingBox()).width > 150);
	assert.strictEqual((await sendCode(page, '12345')).status(), 422);
	assert.strictEqual(await readSecret(page), secret);
	assert.strictEqual((await sendCode(page, codeOf(secret))).status(), 200);
	return secret;
}

module.exports = world => {
	test('factor: set up, log in with it, remove it', async () => {
		const page = await openPage(world);

		await page.goto('/api/login');
		await logIn(page, 'whale');
		const secret = await setUp(page);
		const codes = await page.locator('.recovery code').allTextContents();

		assert.strictEqual(new Set(codes).size, 10);
		await page.goto('/api/security/totp');
		assert.ok(!(await page.content()).includes(codes[0]));

		const other = await openPage(world);

		await other.goto('/api/rates?size=10');
		await logIn(other, 'whale');
		assert.strictEqual(pathOf(other), '/api/login/code');
		await other.goto('/api/invoices');
		assert.strictEqual(pathOf(other), '/api/login/code');
		await other.goto('/api/rates?size=10');
		assert.strictEqual((await sendCode(other, '1')).status(), 422);
		assert.match(await other.title(), /^Error:/);
		// That of the next step, since the one of now was taken.
		assert.strictEqual((await sendCode(other, codeOf(secret, 1))).status(),
			200);
		assert.strictEqual(other.url(), world.stack.url +
			'/api/rates?size=10');

		await other.goto('/api/security/totp');
		await other.fill('#current', 'whale-demo-1');
		await follow(other, 'main form[action$=remove] button');
		assert.match(await other.textContent('[role=status]'), /removed/);
		await forgetUser(world.stack, 'whale');
	});

	test('factor: out of a log-in that is not whole', async () => {
		const page = await openPage(world);

		await page.goto('/api/login');
		await logIn(page, 'whale');
		const secret = await setUp(page);

		await page.context().clearCookies();
		await page.goto('/api/login');
		await logIn(page, 'whale');
		await follow(page, '.languages button[value=de]');
		assert.strictEqual(await page.getAttribute('html', 'lang'), 'de');
		await page.goto('/api/login/code');
		await follow(page, '.other-login button');
		assert.strictEqual(pathOf(page), '/api/login');
		await page.goto('/api/login/code');
		assert.strictEqual(pathOf(page), '/api/login');
		await logIn(page, 'whale');
		assert.strictEqual((await sendCode(page, codeOf(secret, 1))).status(),
			200);
		await page.goto('/api/security/totp');
		await page.fill('#current', 'whale-demo-1');
		await follow(page, 'main form[action$=remove] button');
		await forgetUser(world.stack, 'whale');
	});
};
