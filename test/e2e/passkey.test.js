// passkey.test.js: passkeys with Chromium's own virtual authenticator, by the
// page's own script: added, used instead of the password, after it, removed.
'use strict';

const assert = require('assert');
const { openPage, logIn, follow, forgetUser, passwords } =
	require('./lib/browser');
const { test } = require('./lib/runner');
const { changeStore } = require('./lib/store');

const pathOf = page => new URL(page.url()).pathname;
const HOME = '/api/security/passkeys';

// A browser whose keys are touched as soon as they are asked. Where it suggests
// them in the field of the log-in, that is touched at once, too.
async function withKeys(world, suggests = false) {
	const page = await openPage(world, { script: true });

	if (!suggests)
		await page.addInitScript(() => {
			PublicKeyCredential.isConditionalMediationAvailable =
				async () => false;
		});
	const cdp = await page.context().newCDPSession(page);

	await cdp.send('WebAuthn.enable');
	const { authenticatorId } = await cdp.send(
		'WebAuthn.addVirtualAuthenticator', { options: {
			protocol: 'ctap2', transport: 'internal', hasResidentKey: true,
			hasUserVerification: true, isUserVerified: true,
			automaticPresenceSimulation: true } });

	return { page, ask: (what, more) => cdp.send('WebAuthn.' + what,
		{ authenticatorId, ...more }) };
}

async function begin(page, user) {
	await page.goto(HOME);
	await page.fill('#current', passwords[user]);
	return follow(page, 'main form[action$=new] button');
}

async function add(page, user, name) {
	await page.goto('/api/login');
	await logIn(page, user);
	await begin(page, user);
	if (name)
		await page.fill('#name', name);
	return follow(page, 'main form[data-passkey=add] button');
}

async function remove(page, user) {
	await page.goto(HOME);
	await follow(page, '.session a');
	await page.fill('#current', passwords[user]);
	return follow(page, 'main form[action$=remove] button');
}

// Nobody is logged in then; the browser keeps its keys.
async function goOut(page, path) {
	await page.context().clearCookies();
	await page.goto(path);
}

async function forgetKeys(world, user) {
	changeStore(world.stack, ['delete from passkey', [[]]],
		['delete from recovery_code', [[]]]);
	await forgetUser(world.stack, user);
}

const shows = (page, selector) => page.locator(selector).isVisible();

module.exports = world => {
	test('passkey: added, and named', async () => {
		const { page, ask } = await withKeys(world);
		const answer = await add(page, 'whale', 'Test "key"');

		assert.strictEqual(answer.status(), 200);
		assert.strictEqual(await page.locator('.recovery code').count(), 10);
		await page.goto(HOME);
		assert.match(await page.textContent('.sessions'),
			/Test "key"[^]*Not used yet/);
		const { credentials } = await ask('getCredentials');

		assert.deepStrictEqual(credentials.map(key => key.rpId), ['localhost']);
		// The browser knows that it has one.
		await begin(page, 'whale');
		await page.click('main form[data-passkey=add] button');
		await page.locator('[data-passkey-trouble=known]').waitFor();
		await page.goto(HOME);
		await follow(page, '.session a');
		await page.fill('#name', 'Other');
		await follow(page, 'main form:first-of-type button');
		assert.match(await page.textContent('.sessions'), /Other/);
		await page.goto('/api/security');
		assert.match(await page.textContent('main'), /Other/);
		assert.ok(!await shows(page, '[data-no-passkey]'));
		await forgetKeys(world, 'whale');
	});

	test('passkey: instead of the password, and after it', async () => {
		const { page } = await withKeys(world);

		await add(page, 'whale');
		await goOut(page, '/api/rates?size=10');
		await logIn(page, 'whale');
		assert.strictEqual(pathOf(page), '/api/login/code');
		await page.goto('/api/invoices');
		assert.strictEqual(pathOf(page), '/api/login/code');
		await page.goto('/api/rates?size=10');
		await follow(page, 'form[data-passkey=code] button');
		assert.strictEqual(page.url(), world.stack.url + '/api/rates?size=10');

		await goOut(page, '/api/usage/summary');
		assert.strictEqual(pathOf(page), '/api/login');
		await follow(page, 'form[data-passkey=suggest] button');
		assert.strictEqual(pathOf(page), '/api/usage/summary');
		await page.goto(HOME);
		assert.match(await page.textContent('.sessions'), /Last used/);

		await remove(page, 'whale');
		assert.match(await page.textContent('[role=status]'), /removed/);
		assert.strictEqual(await page.locator('.session').count(), 0);
		// The browser still has it.
		await goOut(page, '/api/login');
		const answer = await follow(page, 'form[data-passkey=suggest] button');

		assert.strictEqual(answer.status(), 401);
		assert.ok(await shows(page, '.alert-danger'));
		await logIn(page, 'whale');
		assert.strictEqual(pathOf(page), '/api/dashboard');
		await forgetKeys(world, 'whale');
	});

	test('passkey: chosen in the field of the log-in', async () => {
		const { page } = await withKeys(world, true);

		await add(page, 'whale');
		await page.context().clearCookies();
		await Promise.all([page.waitForURL('**/api/accounts'),
			page.goto('/api/accounts').catch(() => {})]);
		await forgetKeys(world, 'whale');
	});

	test('passkey: who is not verified does not get in', async () => {
		const { page, ask } = await withKeys(world);

		await add(page, 'whale');
		await ask('setUserVerified', { isUserVerified: false });
		await goOut(page, '/api/login');
		await page.click('form[data-passkey=suggest] button');
		await page.locator('[data-passkey-trouble=failed]').waitFor();
		await page.goto('/api/dashboard');
		assert.strictEqual(pathOf(page), '/api/login');
		await forgetKeys(world, 'whale');
	});

	test('passkey: without script, and without keys', async () => {
		const page = await openPage(world, { user: 'heron' });

		await page.goto('/api/security');
		assert.ok(await shows(page, '[data-no-passkey]'));
		await page.goto(HOME);
		assert.ok(await shows(page, '[data-no-passkey]'));
		await page.goto('/api/rates');
		const stranger = await openPage(world);

		await stranger.goto('/api/login');
		assert.ok(!await shows(stranger, '[data-passkey]'));

		const other = await openPage(world, { script: true });

		await other.addInitScript(() => {
			delete window.PublicKeyCredential;
		});
		await other.goto('/api/login');
		await other.waitForLoadState();
		assert.ok(!await shows(other, '[data-passkey]'));
	});
};
