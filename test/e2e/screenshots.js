// screenshots.js: the pages as pictures, wide and narrow, light and dark, and
// from right to left.
'use strict';

const fs = require('fs');
const path = require('path');
const { openStack, endAll, build, root } = require('./lib/stack');
const { openBrowser, openPage, closeContexts, follow } = require('./lib/browser');
const { pages, visit } = require('./lib/pages');

const folder = path.join(build, 'screenshots');
const wanted = ['log-in', 'log-in refused', 'dashboard', 'dashboard in German',
	'dashboard without usage', 'dashboard, sections failed',
	'dashboard of a long name', 'dashboard, low balance', 'rates',
	'rates, nothing found', 'rates, first rows only', 'rates of a copy',
	'rates, wrong parameter', 'billing in trouble',
	'not found', 'not found by nginx', 'usage without usage',
	'log-in, code', 'log-in, wrong code', 'log-in, app asked for',
	'app, recovery codes', 'app, off', 'app, begun', 'app, on',
	'app, not removed', 'log-in, code or passkey',
	'log-in, passkey asked for', 'passkeys, some', 'passkeys, begun',
	'passkey, not removed', 'security with passkeys',
	'log-in after a new password', 'forgotten password',
	'forgotten password, sent', 'new password', 'new password, wrong',
	'new password, link gone', 'security of heron',
	'activity', 'activity in German', 'activity, none',
	'activity, wrong parameter', 'personal data',
	...['usage/summary', 'usage/summary?group_by=code_name', 'usage/detailed',
		'payments', 'charges', 'invoices', 'subscriptions', 'accounts',
		'profile', 'rates/lookup?number=%2B49301234567', 'refill',
		'refill with payments', 'refill refused', 'refill of an invoice',
		'payment by card', 'payment redirected', 'payment adding',
		'payment done', 'payment failed', 'payment review'].map(
		name => name + ' of heron'), 'refill refused of osprey',
	'refill with payments of osprey', 'payment adding of osprey'];
const world = {};
const words = process.argv.slice(2).filter(word => !word.startsWith('--'));
const isWanted = name => !words.length || words.some(word => name.includes(word));

function fileOf(...words) {
	return path.join(folder, words.join('-').replace(/[^a-z0-9]+/gi, '-') +
		'.png');
}

async function takeAll() {
	for (const entry of pages.filter(({ name }) =>
		wanted.includes(name) && isWanted(name)))
		for (const width of [1280, 360])
			for (const dark of [false, true])
				await visit(world, entry, { width, height: width < 500 ?
					740 : 800, dark }, page => page.screenshot({
					path: fileOf(entry.name, width, dark ? 'dark' : 'light'),
					fullPage: true }));
}

async function takeMenu() {
	const page = await openPage(world, { user: 'heron', width: 360,
		height: 740 });

	await page.goto('/api/dashboard');
	await page.click('.bar .only-narrow summary');
	await page.screenshot({ path: fileOf('menu', 360) });
}

async function takeTurned() {
	for (const width of [1280, 360]) {
		const page = await openPage(world, { user: 'heron', width,
			stack: world.second });

		await page.goto('/api/dashboard');
		await page.locator('.languages button[value=ar-XB]').first()
			.evaluate(button => button.click());
		await page.waitForSelector('html[dir=rtl] .board');
		for (const name of ['dashboard', 'rates', 'usage/summary',
			'usage/summary?group_by=code_name', 'usage/detailed',
			'payments', 'charges', 'invoices', 'subscriptions',
			'accounts', 'profile', 'refill', 'security', 'audit', 'personal', 'reset'].filter(isWanted)) {
			await page.goto('/api/' + name);
			await page.screenshot({ path: fileOf('rtl', name, width),
				fullPage: true });
		}
		const login = await openPage(world, { width, stack: world.second });

		await login.goto('/api/login');
		await follow(login, '.languages button[value=ar-XB]');
		await login.screenshot({ path: fileOf('rtl-log-in', width) });
	}
}

// The picture in README.md.
async function takeReadme() {
	const page = await openPage(world, { user: 'heron', width: 1280,
		height: 800 });

	await page.goto('/api/dashboard');
	await page.screenshot({ path: path.join(root, 'docs/dashboard.png') });
}

async function main() {
	const readme = process.argv.includes('--readme');

	world.stack = await openStack('main');
	world.second = await openStack('second', { sandbox: world.stack.sandbox,
		settings: { locales: ['en', 'ar-XB'] } });
	world.browser = await openBrowser();
	if (readme) {
		await takeReadme();
	} else {
		fs.rmSync(folder, { recursive: true, force: true });
		fs.mkdirSync(folder, { recursive: true });
		await takeAll();
		await takeMenu();
		await takeTurned();
		console.log(folder);
	}
	await closeContexts();
}

main().catch(error => {
	console.log(error.stack || error);
	process.exitCode = 1;
}).then(async () => {
	if (world.browser)
		await world.browser.close();
	await endAll();
});
