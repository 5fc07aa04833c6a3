// layout.test.js: nothing is cut off or must be scrolled sideways on a phone.
'use strict';

const assert = require('assert');
const { openPage } = require('./lib/browser');
const { pages, visit } = require('./lib/pages');
const { test } = require('./lib/runner');

// What sticks out of the window. Inside a scrolling box (tables on wide
// screens) it may.
function findOverflow() {
	const found = [];
	const hides = at => /hidden|clip|auto|scroll/.test(
		getComputedStyle(at).overflowX);
	const isInside = at => {
		for (at = at.parentElement; at && at !== document.body;
			at = at.parentElement)
			if (hides(at))
				return true;
		return false;
	};

	if (document.documentElement.scrollWidth > innerWidth)
		found.push('page: ' + document.documentElement.scrollWidth);
	for (const at of [document.documentElement, document.body])
		if (hides(at))
			found.push(at.tagName + ' hides what sticks out');
	for (const at of document.body.querySelectorAll('*')) {
		const box = at.getBoundingClientRect();

		if (box.width > 1 && box.height > 1 && !isInside(at) &&
			(box.right > innerWidth + 1 || box.left < -1))
			found.push(at.tagName + '.' + at.getAttribute('class') + ' ' +
				Math.round(box.left) + '..' + Math.round(box.right));
	}
	return found;
}

// Texts that are wider than the box that cuts them off.
function findCut() {
	return [...document.querySelectorAll('body *')].filter(at => {
		const style = getComputedStyle(at);

		return /hidden|clip/.test(style.overflowX) &&
			style.textOverflow !== 'ellipsis' &&
			style.clip === 'auto' && style.clipPath === 'none' &&
			!at.closest('.visually-hidden, .skip-link, svg, input') &&
			at.scrollWidth > at.clientWidth + 1;
	}).map(at => at.tagName + '.' + at.getAttribute('class'));
}

// What people call themselves, their lines, packages and destinations: in
// every text of the billing system that somebody typed.
const names = {
	'200 letters without a space': 'W'.repeat(200),
	'from right to left': '\u0634\u0631\u0643\u0629'.repeat(25),
	'emoji': '\u{1F426}'.repeat(50),
	'emoji that join': '\u{1F468}\u200D\u{1F469}\u200D\u{1F467}'.repeat(12),
};
const named = ['dashboard', 'rates', 'rates/lookup?number=%2B49301234567',
	'usage/summary', 'usage/summary?group_by=account',
	'usage/summary?group_by=code_name', 'usage/detailed', 'payments', 'charges',
	'invoices', 'subscriptions', 'accounts', 'profile', 'password', 'voucher',
	'refill'];

module.exports = world => {
	for (const [kind, value] of Object.entries(names))
		for (const path of named)
			test('layout: names, ' + kind + ': ' + path, () => visit(world, {
				name: path, path: '/api/' + path, user: 'heron',
				faults: [{ operation: '*', fault: 'markup', value }] },
			{ width: 360, height: 740 }, async page => {
				assert.ok((await page.content()).includes(value),
					'the name is on the page');
				for (const width of [360, 320]) {
					await page.setViewportSize({ width, height: 740 });
					assert.deepStrictEqual(await page.evaluate(findOverflow),
						[], width + ' px');
					assert.deepStrictEqual(await page.evaluate(findCut), [],
						width + ' px');
				}
			}));
	for (const [path, most] of [['rates', 6], ['usage/detailed', 8],
		['usage/summary', 5], ['payments', 6], ['charges', 6],
		['invoices', 8]])
		test('layout: a row is short on a phone: ' + path, () => visit(world, {
			name: path, path: '/api/' + path, user: 'heron' },
		{ width: 360, height: 740 }, async page => {
			for (const row of await page.locator('main tbody tr').all()) {
				const [lead, value] = await Promise.all(
					['.brief-lead', '.brief-value'].map(
						name => row.locator(name).boundingBox()));
				const { height } = await row.boundingBox();

				assert.ok(Math.abs(lead.y - value.y) < 2 &&
					lead.x + lead.width <= value.x, 'side by side');
				assert.ok(height <= most * 24 + 24, 'a row of ' + height);
			}
		}));
	for (const user of ['heron', 'osprey', 'whale'])
		test('layout: tables and menu fit at 1280 px: ' + user, async () => {
			const page = await openPage(world, { user });

			for (const path of ['rates', 'usage/summary', 'usage/detailed',
				'payments', 'charges', 'invoices', 'accounts', 'voucher']) {
				await page.goto('/api/' + path);
				assert.deepStrictEqual(await page.evaluate(() =>
					[...document.querySelectorAll('main .scroll')].map(
						at => at.scrollWidth - at.clientWidth)
						.filter(more => more > 0)), [], path);
				for (const height of await page.locator('.side .menu-link')
					.evaluateAll(all => all.map(at => at.offsetHeight)))
					assert.ok(height < 48, path + ': a word in two lines');
			}
		});
	for (const user of ['heron', 'osprey'])
		test('layout: a number is in one line on a phone: ' + user,
			async () => {
				const page = await openPage(world, { user, width: 360 });

				await page.goto('/api/accounts');
				const heights = await page.locator('.identifiers bdi')
					.evaluateAll(all => all.map(at => at.offsetHeight));

				assert.ok(heights.length > 1);
				for (const height of heights)
					assert.ok(height < 30, 'a height of ' + height);
			});
	for (const entry of pages)
		test('layout: no scrolling sideways: ' + entry.name, () =>
			visit(world, entry, { width: 360, height: 740 }, async page => {
				for (const width of [360, 320, 768, 1280]) {
					await page.setViewportSize({ width, height: 740 });
					assert.deepStrictEqual(await page.evaluate(findOverflow),
						[], width + ' px');
					assert.deepStrictEqual(await page.evaluate(findCut), [],
						width + ' px');
				}
			}));
};
