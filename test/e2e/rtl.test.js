// rtl.test.js: a language from right to left. ar-XB is English turned round.
'use strict';

const assert = require('assert');
const { openPage, follow, logIn } = require('./lib/browser');
const { test } = require('./lib/runner');

async function openTurned(world, options) {
	const stack = await world.findSecond();
	const page = await openPage(world, { stack, ...options });

	await page.goto('/api/login');
	await follow(page, '.languages button[value=ar-XB]');
	return page;
}

module.exports = world => {
	test('rtl: pages run from right to left, with their own style', async () => {
		const page = await openTurned(world);

		assert.strictEqual(await page.getAttribute('html', 'dir'), 'rtl');
		assert.strictEqual(await page.getAttribute('html', 'lang'), 'ar-XB');
		assert.strictEqual(await page.locator(
			'link[href$="/portal.rtl.css"]').count(), 1);
		await logIn(page, 'heron');
		const menu = await page.locator('.side').boundingBox();
		const main = await page.locator('main').boundingBox();

		assert.ok(menu.x > main.x + main.width / 2, 'the menu is on the right');
	});

	for (const width of [1280, 360, 320])
		test('rtl: no scrolling sideways at ' + width + ' px', async () => {
			const page = await openTurned(world, { width });
			const fits = () => page.evaluate(() =>
				document.documentElement.scrollWidth <= innerWidth &&
				[...document.querySelectorAll('main, header, .card')].every(
					at => at.getBoundingClientRect().left >= -1 &&
						at.getBoundingClientRect().right <= innerWidth + 1));

			assert.ok(await fits(), 'log-in');
			await logIn(page, 'heron');
			for (const path of ['/api/dashboard', '/api/rates',
				'/api/rates?q=nowhere', '/api/nothing', '/api/usage/summary',
				'/api/usage/summary?group_by=code_name',
				'/api/usage/detailed', '/api/payments', '/api/charges',
				'/api/invoices', '/api/subscriptions', '/api/accounts',
				'/api/profile', '/api/refill', '/api/refill?invoice=9006']) {
				await page.goto(path);
				assert.strictEqual(await page.getAttribute('html', 'dir'),
					'rtl', path);
				assert.ok(await fits(), path);
			}
		});

	test('rtl: time runs from right to left, its words do not', async () => {
		const page = await openTurned(world);

		await logIn(page, 'heron');
		for (const path of ['/api/dashboard', '/api/usage/summary']) {
			await page.goto(path);
			const bars = await page.locator('.chart-bar').evaluateAll(
				all => all.map(at => at.getBoundingClientRect().left));

			assert.ok(bars.length > 20, path);
			assert.deepStrictEqual(bars, [...bars].sort((a, b) => b - a), path);
			// Turned twice is not turned.
			const turns = await page.locator('.chart text').evaluateAll(
				all => all.map(at => at.getScreenCTM().a > 0));

			assert.ok(turns.length > 3 && turns.every(Boolean), path);
		}
	});

	test('rtl: what identifies an account stands at the end', async () => {
		const page = await openTurned(world, { width: 360 });

		await logIn(page, 'heron');
		await page.goto('/api/accounts');
		const places = await page.locator('main tbody tr').evaluateAll(rows => {
			const left = at => {
				const range = document.createRange();

				range.selectNodeContents(at);
				return Math.round(range.getBoundingClientRect().left);
			};

			return rows.map(row => [left(row.querySelector('td bdi')),
				left(row.querySelector('.identifiers bdi'))]);
		});

		assert.ok(places.length > 1);
		for (const [name, id] of places)
			assert.ok(Math.abs(name - id) < 2, name + ', ' + id);
	});
};
