// keyboard.test.js: everything can be reached and used without a mouse.
'use strict';

const assert = require('assert');
const { openPage, findPage } = require('./lib/browser');
const { test } = require('./lib/runner');

// What has the focus: what it is, and whether a person can see that.
function readFocus() {
	const at = document.activeElement;
	const style = getComputedStyle(at);
	const box = at.getBoundingClientRect();

	return {
		what: at.id || at.getAttribute('href') || at.className ||
			at.tagName.toLowerCase(),
		body: at === document.body,
		outline: style.outlineStyle !== 'none' ?
			parseFloat(style.outlineWidth) : 0,
		shadow: style.boxShadow !== 'none',
		inView: box.width > 0 && box.height > 0 && box.right > 0 &&
			box.left < innerWidth && box.bottom > 0 &&
			box.top < innerHeight,
	};
}

// Tab through the page; answers each stop, up to `most`.
async function walk(page, most) {
	const stops = [];

	for (let i = 0; i < most; i++) {
		await page.keyboard.press('Tab');
		const stop = await page.evaluate(readFocus);

		if (stop.body)
			break;
		stops.push(stop);
	}
	return stops;
}

function whatOf(stops) {
	return stops.map(stop => stop.what);
}

async function press(page, key) {
	await Promise.all([page.waitForNavigation(), page.keyboard.press(key)]);
}

// The log-in form is reached and sent by keys.
async function logInByKeys(page) {
	await page.goto('/api/login');
	for (let i = 0; i < 20; i++) {
		await page.keyboard.press('Tab');
		if ((await page.evaluate(readFocus)).what === 'login')
			break;
	}
	await page.keyboard.type('heron');
	await page.keyboard.press('Tab');
	await page.keyboard.type('heron-demo-1');
	await press(page, 'Enter');
}

module.exports = world => {
	test('keyboard: log-in, search and log-out without a mouse', async () => {
		const page = await openPage(world);

		await logInByKeys(page);
		assert.match(page.url(), /\/api\/dashboard$/);
		await page.focus('.side a[href="/api/rates"]');
		await press(page, 'Enter');
		await page.focus('#q');
		await page.keyboard.type('germany');
		await press(page, 'Enter');
		assert.strictEqual(new URL(page.url()).searchParams.get('q'), 'germany');
		await page.focus('.bar summary:has-text("Account of")');
		await page.keyboard.press('Enter');
		await page.keyboard.press('Tab');
		await press(page, 'Enter');
		assert.match(page.url(), /\/api\/login/);
	});

	test('keyboard: the first stop is the skip link, and it skips', async () => {
		const page = await openPage(world, { user: 'heron' });

		for (const path of ['/api/dashboard', '/api/rates']) {
			await page.goto(path);
			const [first] = await walk(page, 1);

			assert.strictEqual(first.what, '#content');
			assert.ok(first.inView, 'the skip link is seen when it has focus');
			await page.keyboard.press('Enter');
			const [next] = await walk(page, 1);

			assert.ok(await page.evaluate(() => document.querySelector('main')
				.contains(document.activeElement)), next.what);
		}
	});

	test('keyboard: Tab goes through the dashboard in reading order', async () => {
		const page = await openPage(world, { user: 'heron' });

		await page.goto('/api/dashboard');
		const stops = whatOf(await walk(page, 60));
		const order = ['#content', '/api/dashboard', '/api/refill', 'tool',
			'tool', '/api/dashboard', '/api/rates', '/api/refill',
			'/api/usage/detailed'];
		let at = 0;

		for (const stop of stops)
			if (at < order.length && stop === order[at])
				at++;
		assert.strictEqual(at, order.length, stops.join(' > '));
	});

	for (const [user, path, dark] of [
		[null, '/api/login'], [null, '/api/login', true],
		...['dashboard', 'rates?q=germany&size=10', 'rates/lookup',
			'usage/summary', 'usage/detailed?size=10', 'payments', 'charges',
			'invoices', 'subscriptions', 'accounts', 'profile', 'password',
			'voucher', 'refill', 'nothing'].map(
			path => ['heron', '/api/' + path]),
		...['dashboard', 'usage/summary', 'invoices', 'refill'].map(
			path => ['heron', '/api/' + path, true])])
		test('keyboard: every stop shows its focus, ' +
			(dark ? 'dark: ' : 'light: ') + path, async () => {
			const page = await findPage(world, { user, dark });

			await page.goto(path);
			const stops = await walk(page, 100);

			assert.ok(stops.length >= 4, path);
			for (const stop of stops) {
				assert.ok(stop.outline >= 2 || stop.shadow,
					'no focus to be seen on ' + stop.what);
				assert.ok(stop.inView, 'focus out of sight on ' + stop.what);
			}
		});

	test('keyboard: the menu of a phone opens and leads on', async () => {
		const page = await openPage(world, { user: 'heron', width: 360 });

		await page.goto('/api/dashboard');
		await page.focus('.bar .only-narrow summary');
		await page.keyboard.press('Enter');
		assert.ok(await page.isVisible('.bar .only-narrow a[href="/api/rates"]'));
		await page.focus('.bar .only-narrow a[href="/api/rates"]');
		await press(page, 'Enter');
		assert.match(page.url(), /\/api\/rates$/);
	});
};
