// rates.test.js: search, filter, sort and pages, by links and forms alone.
'use strict';

const assert = require('assert');
const { openPage, follow } = require('./lib/browser');
const { control } = require('./lib/http');
const { test } = require('./lib/runner');

function query(page) {
	return Object.fromEntries(new URL(page.url()).searchParams);
}

// A column's texts, by its number in theme.json.
const CODE = 1, NAME = 2, SERVICE = 3, PRICE = 4;

function column(page, number) {
	return page.locator(`tbody td:nth-child(${number})`).allInnerTexts();
}

async function openRates(world, path = '/api/rates', user = 'heron') {
	const page = await openPage(world, { user });

	await page.goto(path);
	return page;
}

async function sorts(page) {
	return page.locator('thead th').evaluateAll(
		cells => cells.map(cell => cell.getAttribute('aria-sort')));
}

function isAscending(list, compare) {
	return list.every((item, i) => !i || compare(list[i - 1], item) <= 0);
}

function byNumber(a, b) {
	return Number(a.replace(/[^\d.]/g, '')) - Number(b.replace(/[^\d.]/g, ''));
}

module.exports = world => {
	test('rates: 25 rows of the nine columns', async () => {
		const page = await openRates(world);

		assert.strictEqual(await page.locator('tbody tr').count(), 25);
		assert.strictEqual(await page.locator('thead th').count(), 9);
		assert.strictEqual((await sorts(page)).filter(
			sort => sort === 'ascending').length, 1);
	});

	test('rates: search by a part of the destination', async () => {
		const page = await openRates(world);

		await page.fill('#q', 'germany');
		await follow(page, '.filters button[type=submit]');
		const names = await column(page, NAME);

		assert.ok(names.length > 0);
		for (const name of names)
			assert.match(name, /germany/i);
		assert.strictEqual(await page.inputValue('#q'), 'germany');
	});

	test('rates: search by the beginning of a code', async () => {
		const page = await openRates(world);

		await page.fill('#q', '+49');
		await follow(page, '.filters button[type=submit]');
		const codes = await column(page, CODE);

		assert.ok(codes.length > 0);
		for (const code of codes)
			assert.match(code, /^49/);
	});

	test('rates: service filter', async () => {
		const page = await openRates(world);
		const options = await page.locator('#service option').allInnerTexts();

		assert.ok(options.length > 2);
		for (const service of options.slice(1)) {
			await page.selectOption('#service', { label: service });
			await follow(page, '.filters button[type=submit]');
			for (const text of await column(page, SERVICE))
				assert.strictEqual(text, service);
			assert.strictEqual(await page.locator(
				'#service option:checked').innerText(), service);
		}
	});

	test('rates: the header sorts, up and down', async () => {
		const page = await openRates(world, '/api/rates?size=100');

		await follow(page, `thead th:nth-child(${PRICE}) a`);
		assert.strictEqual((await sorts(page))[PRICE - 1], 'ascending');
		const cheap = await column(page, PRICE);

		assert.ok(isAscending(cheap, byNumber));
		assert.strictEqual(query(page).size, '100');
		await follow(page, `thead th:nth-child(${PRICE}) a`);
		assert.strictEqual((await sorts(page))[PRICE - 1], 'descending');
		const dear = await column(page, PRICE);

		assert.ok(isAscending(dear.slice().reverse(), byNumber));
		assert.notStrictEqual(dear[0], cheap[0]);
	});

	test('rates: every column sorts', async () => {
		const page = await openRates(world);

		for (let i = 1; i <= 9; i++) {
			if ((await sorts(page))[i - 1] === 'none')
				await follow(page, `thead th:nth-child(${i}) a`);
			assert.strictEqual((await sorts(page))[i - 1], 'ascending');
			assert.strictEqual((await sorts(page)).filter(
				sort => sort !== 'none').length, 1);
			assert.strictEqual(await page.locator('tbody tr').count(), 25);
		}
	});

	test('rates: next and previous, without overlap', async () => {
		const page = await openRates(world, '/api/rates?size=10');
		const first = await column(page, CODE);

		assert.strictEqual(await page.locator('a[rel=prev]').count(), 0);
		await follow(page, 'a[rel=next]');
		const second = await column(page, CODE);

		assert.strictEqual(query(page).page, '2');
		assert.strictEqual(query(page).size, '10');
		assert.strictEqual(second.length, 10);
		assert.deepStrictEqual(second.filter(code => first.includes(code)), []);
		await follow(page, 'a[rel=prev]');
		assert.deepStrictEqual(await column(page, CODE), first);
	});

	test('rates: the last page of a search has no next one', async () => {
		const page = await openRates(world, '/api/rates?q=germany&size=10');
		const seen = new Set();
		let pages = 1;

		for (;; pages++) {
			for (const code of await column(page, CODE))
				seen.add(code + (await column(page, SERVICE))[0]);
			if (!await page.locator('a[rel=next]').count())
				break;
			await follow(page, 'a[rel=next]');
			assert.strictEqual(query(page).q, 'germany');
		}
		const whole = await openRates(world, '/api/rates?q=germany&size=100');

		assert.ok(pages > 1);
		assert.ok(seen.size >= Math.min(100,
			await whole.locator('tbody tr').count()) - 9);
	});

	test('rates: rows a page', async () => {
		const page = await openRates(world);

		for (const size of ['10', '50']) {
			await page.selectOption('#size', size);
			await follow(page, '.filters button[type=submit]');
			assert.strictEqual(await page.locator('tbody tr').count(),
				Number(size));
		}
	});

	test('rates: nothing found says so, and clears', async () => {
		const page = await openRates(world, '/api/rates?q=nowhere-at-all');

		assert.strictEqual(await page.locator('tbody tr').count(), 0);
		assert.ok(await page.isVisible('.empty'));
		await follow(page, '.empty a');
		assert.strictEqual(await page.locator('tbody tr').count(), 25);
		assert.strictEqual(await page.inputValue('#q'), '');
		assert.ok(!query(page).q);
	});

	test('rates: a parameter out of range or unknown is named', async () => {
		const page = await openPage(world, { user: 'heron' });

		for (const [name, words] of [['size', 'Rows'], ['nonsense', 'nonsense']]) {
			const answer = await page.goto('/api/rates?' + name + '=7');

			assert.strictEqual(answer.status(), 400);
			assert.match(await page.locator('main').innerText(),
				new RegExp('\\b' + words + '\\b'));
			assert.ok(await page.isVisible('.side a[href="/api/rates"]'));
		}
	});

	test('rates: a large table says that only its first rows were searched', async () => {
		const page = await openRates(world, '/api/rates?q=germany', 'whale');

		assert.match(await page.locator('.hint-warning').innerText(), /10,000/);
		assert.ok(await page.locator('tbody tr').count() > 0);
	});

	test('rates: VCS in trouble: the page offers to retry', async () => {
		const page = await openPage(world, { user: 'heron' });

		await control(world.stack, 'POST', '/faults',
			{ operation: 'rates.search', fault: 'error' });
		await page.goto('/api/rates?q=germany');
		assert.strictEqual(await page.locator('tbody tr').count(), 0);
		await control(world.stack, 'DELETE', '/faults');
		await follow(page, 'main a:has-text("Try again")');
		assert.strictEqual(query(page).q, 'germany');
		assert.ok(await page.locator('tbody tr').count() > 0);
	});
};
