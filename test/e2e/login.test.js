// login.test.js: log-in, log-out, and who is refused.
'use strict';

const assert = require('assert');
const { openPage, logIn, follow, sendLogin, writeCookies } = require('./lib/browser');
const { ask } = require('./lib/http');
const { test } = require('./lib/runner');

async function tryLogin(world, user, password) {
	const page = await openPage(world);

	await page.goto('/api/login');
	await logIn(page, user, password);
	return page;
}

module.exports = world => {
	test('login: / leads to the dashboard, which asks for a log-in', async () => {
		const page = await openPage(world);

		await page.goto('/');
		assert.strictEqual(new URL(page.url()).pathname, '/api/login');
		assert.strictEqual(new URL(page.url()).searchParams.get('next'),
			'/api/dashboard');
	});

	test('login: heron gets to the page that was asked for', async () => {
		const page = await openPage(world);

		await page.goto('/api/rates?size=10');
		await logIn(page, 'heron');
		assert.strictEqual(page.url(), world.stack.url + '/api/rates?size=10');
	});

	test('login: next leads nowhere else', async () => {
		for (const next of ['//evil.example/', 'https://evil.example/',
			'/\\evil.example', '/api/../../evil']) {
			const page = await openPage(world);

			await page.goto('/api/login?next=' + encodeURIComponent(next));
			await logIn(page, 'heron');
			assert.strictEqual(new URL(page.url()).origin, world.stack.url);
		}
	});

	test('login: a wrong password keeps the login, not the password', async () => {
		const page = await tryLogin(world, 'heron', 'wrong-password');

		assert.match(await page.textContent('[role=alert]'), /wrong/i);
		assert.match(await page.title(), /^Error:/);
		assert.strictEqual(await page.inputValue('#login'), 'heron');
		assert.strictEqual(await page.inputValue('#password'), '');
		assert.ok(!(await page.content()).includes('wrong-password'));
	});

	test('login: an empty form says what is missing, linked to it', async () => {
		const page = await openPage(world);

		await page.goto('/api/login');
		await follow(page, 'main button[type=submit]');
		for (const name of ['login', 'password']) {
			assert.ok(await page.isVisible(
				`.error-summary a[href="#${name}"]`));
			assert.strictEqual(await page.getAttribute('#' + name,
				'aria-invalid'), 'true');
			const note = await page.getAttribute('#' + name,
				'aria-describedby');
			assert.ok((await page.textContent('#' + note)).trim());
		}
	});

	test('login: kestrel is refused in the words for a wrong password', async () => {
		const words = [];

		for (const [user, password] of [['kestrel'], ['nobody', 'x'],
			['osprey', 'x']]) {
			const { answer } = await sendLogin(world.stack, user, password);

			assert.strictEqual(answer.status, 401, user);
			words.push(answer.text.replaceAll(user, 'USER')
				.replace(/(csrf" value=")[^"]*/g, '$1'));
		}
		assert.strictEqual(words[0], words[1]);
		assert.strictEqual(words[1], words[2]);
	});

	test('login: after log-out neither Back nor the old cookie shows a thing', async () => {
		const page = await tryLogin(world, 'heron');

		assert.match(page.url(), /\/api\/dashboard$/);
		const cookies = await page.context().cookies();
		const old = cookies.find(cookie => cookie.name === 'portico');

		assert.ok(old.httpOnly);
		assert.strictEqual(old.sameSite, 'Lax');
		await page.click('summary:has-text("Account of")');
		await follow(page, '.bar form.user button');
		assert.match(page.url(), /\/api\/login/);
		await page.goBack();
		assert.match(page.url(), /\/api\/login/);
		assert.ok(!(await page.content()).includes('board-balance'));
		await page.context().addCookies([old]);
		await page.goto('/api/dashboard');
		assert.match(page.url(), /\/api\/login/);
	});

	test('login: the cookie of before is worth nothing after it', async () => {
		const { jar } = await sendLogin(world.stack, 'heron');
		const page = await openPage(world);

		await page.context().addCookies([{ name: 'portico',
			value: jar.portico, url: world.stack.url }]);
		await page.goto('/api/dashboard');
		const again = (await page.context().cookies()).find(
			cookie => cookie.name === 'portico');

		assert.strictEqual(again.value, jar.portico);
		await page.click('summary:has-text("Account of")');
		await follow(page, '.bar form.user button');
		const answer = await ask(world.stack.port, '/api/dashboard',
			{ headers: { Cookie: writeCookies(jar) } });

		assert.strictEqual(answer.status, 303);
	});

	test('login: a form without its token is refused', async () => {
		const answer = await ask(world.stack.port, '/api/login', {
			method: 'POST', body: 'login=heron&password=heron-demo-1',
			headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
		});

		assert.strictEqual(answer.status, 403);
		assert.ok(!String(answer.headers['set-cookie']).includes('portico='));
	});
};
