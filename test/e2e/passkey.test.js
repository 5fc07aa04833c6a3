// passkey.test.js: passkeys with Chromium's own virtual authenticator, by the
// page's own script: added, used instead of the password, after it, removed.
'use strict';

const assert = require('assert');
const { openPage, logIn, follow, forgetUser, passwords } =
	require('./lib/browser');
const { test } = require('./lib/runner');

const pathOf = page => new URL(page.url()).pathname;
const HOME = '/api/security/passkeys';

// `suggests`: answers of itself to what the log-in's field may suggest, as if
// somebody chose the passkey there.
async function plugIn(page, more = {}) {
	const cdp = await page.context().newCDPSession(page);

	await cdp.send('WebAuthn.enable');
	const { authenticatorId } = await cdp.send(
		'WebAuthn.addVirtualAuthenticator', { options: {
			protocol: 'ctap2', transport: 'internal', hasResidentKey: true,
			hasUserVerification: true, isUserVerified: true,
			automaticPresenceSimulation: true, ...more } });

	return { cdp, authenticatorId };
}

async function withKeys(world, more) {
	const page = await openPage(world, { script: true });

	return { page, ...await plugIn(page, more) };
}

async function add(page, user, name) {
	await page.goto(HOME);
	await page.fill('#current', passwords[user]);
	await follow(page, 'main form[action$=new] button');
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

const shows = (page, selector) => page.locator(selector).isVisible();

// Out of the log-in, on the page of the next one; the browser keeps its keys.
async function logOut(page) {
	await page.context().clearCookies();
	await page.goto('/api/login');
}

module.exports = world => {
	test('passkey: add, log in with it, use it as a second step, remove it',
		async () => {
			const { page, cdp, authenticatorId } = await withKeys(world);

			await page.goto('/api/login');
			await logIn(page, 'whale');
			await page.goto('/api/security');
			await follow(page, 'main a[href="' + HOME + '"]');
			const answer = await add(page, 'whale', 'Test "key"');

			assert.strictEqual(answer.status(), 200);
			assert.strictEqual(
				await page.locator('.recovery code').count(), 10);
			await page.goto(HOME);
			assert.match(await page.textContent('.sessions'),
				/Test "key"[^]*Not used yet/);
			const { credentials } = await cdp.send('WebAuthn.getCredentials',
				{ authenticatorId });

			assert.strictEqual(credentials.length, 1);
			assert.strictEqual(credentials[0].rpId, 'localhost');

			// The key is there already: the browser says so.
			await page.fill('#current', passwords.whale);
			await follow(page, 'main form[action$=new] button');
			await page.click('main form[data-passkey=add] button');
			await page.locator('[data-passkey-trouble=known]').waitFor();

			// After the password.
			await cdp.send('WebAuthn.setAutomaticPresenceSimulation',
				{ authenticatorId, enabled: false });
			await logOut(page);
			await page.goto('/api/rates?size=10');
			await logIn(page, 'whale');
			assert.strictEqual(pathOf(page), '/api/login/code');
			await page.goto('/api/invoices');
			assert.strictEqual(pathOf(page), '/api/login/code');
			await page.goto('/api/rates?size=10');
			await cdp.send('WebAuthn.setAutomaticPresenceSimulation',
				{ authenticatorId, enabled: true });
			await follow(page, 'form[data-passkey=code] button');
			assert.strictEqual(page.url(),
				world.stack.url + '/api/rates?size=10');

			// Instead of the password.
			await cdp.send('WebAuthn.setAutomaticPresenceSimulation',
				{ authenticatorId, enabled: false });
			await logOut(page);
			await page.goto('/api/usage/summary');
			assert.strictEqual(pathOf(page), '/api/login');
			await cdp.send('WebAuthn.setAutomaticPresenceSimulation',
				{ authenticatorId, enabled: true });
			if (pathOf(page) === '/api/login')
				await follow(page, 'form[data-passkey=suggest] button');
			assert.strictEqual(pathOf(page), '/api/usage/summary');
			await page.goto(HOME);
			assert.match(await page.textContent('.sessions'), /Last used/);

			await remove(page, 'whale');
			assert.match(await page.textContent('[role=status]'), /removed/);
			assert.strictEqual(await page.locator('.session').count(), 0);

			// The browser still has it; the portal does not.
			await logOut(page);
			await page.locator('form[data-passkey=suggest]').waitFor();
			if (await page.locator('main [role=alert]:visible').count() === 0)
				await Promise.all([page.waitForNavigation(),
					page.click('form[data-passkey=suggest] button')
						.catch(() => {})]);
			await page.locator('main [role=alert]').first().waitFor();
			assert.strictEqual(pathOf(page), '/api/login/passkey');
			await forgetUser(world.stack, 'whale');
		});

	test('passkey: who is not verified does not get in', async () => {
		const { page, cdp, authenticatorId } = await withKeys(world);

		await page.goto('/api/login');
		await logIn(page, 'whale');
		await add(page, 'whale');
		await cdp.send('WebAuthn.setUserVerified',
			{ authenticatorId, isUserVerified: false });
		await logOut(page);
		await page.locator('form[data-passkey=suggest] button').click();
		await page.locator('[data-passkey-trouble=failed]').waitFor();
		assert.strictEqual(pathOf(page), '/api/login');
		await page.goto('/api/dashboard');
		assert.strictEqual(pathOf(page), '/api/login');
		await cdp.send('WebAuthn.setUserVerified',
			{ authenticatorId, isUserVerified: true });
		await logIn(page, 'whale');
		await follow(page, 'form[data-passkey=code] button');
		assert.strictEqual(pathOf(page), '/api/dashboard');
		await remove(page, 'whale');
		await forgetUser(world.stack, 'whale');
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
