// dashboard.test.js: the balance that VCS holds, and the ways on from it.
'use strict';

const assert = require('assert');
const { openPage } = require('./lib/browser');
const { control, core } = require('./lib/http');
const { test } = require('./lib/runner');

function dollars(number) {
	const text = new Intl.NumberFormat('en-US', { style: 'currency',
		currency: 'USD' }).format(number);

	return text;
}

async function texts(page, selector) {
	return (await page.locator(selector).allInnerTexts()).map(
		text => text.trim());
}

module.exports = world => {
	test('dashboard: shows the balance that VCS holds', async () => {
		const client = await core(world.stack, 'clients.get', { id: 1001 });
		const page = await openPage(world, { user: 'heron' });

		await page.goto('/api/dashboard');
		assert.deepStrictEqual(await texts(page, '.board-balance .figure'),
			[dollars(client.balance)]);
		assert.deepStrictEqual(await texts(page, '.board-balance dd'),
			[dollars(client.credit),
				dollars(client.balance + client.credit)]);
		assert.deepStrictEqual(await texts(page, '.bar .amount'),
			[dollars(client.balance)]);
		assert.strictEqual(await page.locator('.page-sub').innerText(),
			client.name);
	});

	test('dashboard: a balance that changes in VCS is there at once', async () => {
		const { balance } = await core(world.stack, 'clients.get', { id: 1001 });
		const page = await openPage(world, { user: 'heron' });

		await control(world.stack, 'POST', '/clients/1001', { balance: '1234.5' });
		await page.goto('/api/dashboard');
		assert.deepStrictEqual(await texts(page, '.board-balance .figure'),
			['$1,234.50']);
		await control(world.stack, 'POST', '/clients/1001', { balance });
	});

	test('dashboard: Refill button, refill arrow, View details', async () => {
		const page = await openPage(world, { user: 'heron' });

		await page.goto('/api/dashboard');
		assert.ok(await page.getByRole('link', { name: 'Refill balance' })
			.first().isVisible());
		assert.strictEqual(await page.getByRole('link',
			{ name: 'Refill balance' }).count(), 3);
		assert.strictEqual(await page.getAttribute('.board-balance .btn',
			'href'), '/api/refill');
		assert.strictEqual(await page.getAttribute('.bar .tool-accent',
			'href'), '/api/refill');
		assert.strictEqual(await page.getByRole('link',
			{ name: 'View details' }).getAttribute('href'),
		'/api/usage/detailed');
		await page.goto('/api/rates');
		assert.ok(await page.isVisible('.bar .tool-accent'));
		assert.ok(await page.isVisible('.bar .amount'));
	});

	test('dashboard: the chart has 30 bars, and the numbers as a table', async () => {
		const page = await openPage(world, { user: 'heron' });

		await page.goto('/api/dashboard');
		assert.strictEqual(await page.locator('svg .chart-bar').count(), 30);
		assert.ok(await page.locator('svg.chart').getByText('$').count() > 0);
		const bars = page.locator('svg .chart-bar > title');

		for (const title of await bars.allTextContents())
			assert.match(title, /\$[\d,.]+, \d[\d,]* events?$/);
		await page.click('.board-usage summary');
		assert.strictEqual(await page.locator(
			'.board-usage tbody tr:visible').count(), 30);
	});

	test('dashboard: the latest ten calls', async () => {
		const page = await openPage(world, { user: 'heron' });

		await page.goto('/api/dashboard');
		assert.strictEqual(await page.locator('.board-recent tbody tr').count(),
			10);
		for (const cost of await texts(page, '.board-recent td.cost'))
			assert.match(cost, /^\$\d/);
	});

	test('dashboard: markup in names is text', async () => {
		const page = await openPage(world, { user: 'whale' });

		await page.goto('/api/dashboard');
		assert.strictEqual(await page.locator('.page-sub').innerText(),
			'Whale 🐋 <big> "Telecom"');
		assert.strictEqual(await page.locator('big').count(), 0);
	});

	test('dashboard: a failed section says so, the rest is served', async () => {
		const page = await openPage(world, { user: 'heron' });

		await control(world.stack, 'POST', '/faults',
			{ operation: 'reports.xdrs', fault: 'error' });
		const answer = await page.goto('/api/dashboard');

		assert.strictEqual(answer.status(), 200);
		assert.strictEqual(await page.locator('.empty-failed').count(), 1);
		assert.ok(await page.isVisible('.board-recent .empty-failed'));
		assert.ok(await page.isVisible('.board-balance .figure'));
		assert.strictEqual(await page.locator('svg .chart-bar').count(), 30);
		await control(world.stack, 'DELETE', '/faults');
		await page.click('.board-recent .empty-failed a');
		await page.waitForSelector('.board-recent tbody tr');
		assert.match(page.url(), /\/api\/dashboard$/);
	});
};
