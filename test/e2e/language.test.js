// language.test.js: German for osprey, and the choice of language.
'use strict';

const assert = require('assert');
const { openPage, logIn, follow } = require('./lib/browser');
const { core } = require('./lib/http');
const { test } = require('./lib/runner');

const lang = page => page.getAttribute('html', 'lang');

module.exports = world => {
	test('language: osprey reads German, with euros', async () => {
		const client = await core(world.stack, 'clients.get', { id: 1002 });
		const page = await openPage(world, { user: 'osprey' });
		const euros = new Intl.NumberFormat('de-DE', { style: 'currency',
			currency: 'EUR' }).format(client.balance);

		await page.goto('/api/dashboard');
		assert.strictEqual(await lang(page), 'de');
		assert.strictEqual((await page.locator('.board-balance .figure')
			.innerText()).trim(), euros);
		assert.match(await page.title(), /^Übersicht/);
		assert.ok(await page.getByRole('link', { name: 'Guthaben aufladen' })
			.first().isVisible());
		const text = await page.locator('body').innerText();

		assert.doesNotMatch(text, /\b(Balance|Refill|Charges|Duration)\b/);
		await page.goto('/api/rates');
		assert.match(await page.locator('tbody td:nth-child(4)').first()
			.innerText(), /^\d+,\d+\s€$/);
	});

	test('language: chosen on the log-in page, remembered', async () => {
		const page = await openPage(world);

		await page.goto('/api/login');
		assert.strictEqual(await lang(page), 'en');
		await follow(page, '.languages button[value=de]');
		assert.match(page.url(), /\/api\/login/);
		assert.strictEqual(await lang(page), 'de');
		assert.strictEqual(await page.innerText('h1'), 'Anmelden');
		await page.goto('/api/login');
		assert.strictEqual(await lang(page), 'de');
		assert.strictEqual(await page.getAttribute(
			'.languages button[value=de]', 'aria-current'), 'true');
		await logIn(page, 'heron');
		assert.strictEqual(await lang(page), 'de');
		assert.match(await page.locator('.board-balance .figure').innerText(),
			/\d,\d\d\s\$/);
	});

	test('language: chosen inside, back on the same page, remembered', async () => {
		const page = await openPage(world, { user: 'heron' });

		await page.goto('/api/rates?q=germany&size=10');
		await page.click('.bar summary:has-text("Language")');
		await follow(page, '.bar .only-wide button[value=de]');
		assert.strictEqual(await lang(page), 'de');
		assert.strictEqual(new URL(page.url()).pathname, '/api/rates');
		assert.strictEqual(new URL(page.url()).searchParams.get('q'), 'germany');
		await page.goto('/api/dashboard');
		assert.strictEqual(await lang(page), 'de');
		await page.click('.bar summary:has-text("Sprache")');
		await follow(page, '.bar .only-wide button[value=en]');
		assert.strictEqual(await lang(page), 'en');
	});

	test('language: that of the browser, where nobody chose', async () => {
		const page = await openPage(world, { locale: 'de-AT' });

		await page.goto('/api/login');
		assert.strictEqual(await lang(page), 'de');
	});

	test('language: errors too, within the portal', async () => {
		const page = await openPage(world, { user: 'osprey' });

		await page.goto('/api/nothing');
		assert.strictEqual(await lang(page), 'de');
		assert.match(await page.title(), /^Nicht gefunden/);
		assert.ok(await page.isVisible('.side a[href="/api/rates"]'));
	});
};
