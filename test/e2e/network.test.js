// network.test.js: what a page asks for, from whom, and how much that is.
'use strict';

const assert = require('assert');
const { pages, visit } = require('./lib/pages');
const { openPage, logIn } = require('./lib/browser');
const { test } = require('./lib/runner');

const MOST = 60 * 1024; // of a first visit

// The one script that there is.
const OURS = /^\/static\/v-[0-9a-f]+\/default\/passkey\.js$/;

// That the document itself is an error is said in the console as well.
function isOwnStatus(page, message) {
	return message.text().startsWith('Failed to load resource') &&
		message.location().url === page.url();
}

// Until the function that it answers is called.
function listen(world, page, found) {
	const heard = {
		console: message => {
			if (['error', 'warning'].includes(message.type()) &&
				!isOwnStatus(page, message))
				found.push('console: ' + message.text());
		},
		pageerror: error => found.push('script: ' + error),
		requestfailed: request => found.push('failed: ' + request.url()),
		request: request => {
			const url = new URL(request.url());

			if (url.protocol !== 'data:' && url.origin !== world.stack.url)
				found.push('elsewhere: ' + request.url());
			if (request.resourceType() === 'script' && !OURS.test(url.pathname))
				found.push('script: ' + request.url());
		},
		response: answer => {
			if (answer.status() >= 400 &&
				answer.request().resourceType() !== 'document')
				found.push(answer.status() + ': ' + answer.url());
		},
	};

	for (const [name, hear] of Object.entries(heard))
		page.on(name, hear);
	return () => {
		for (const [name, hear] of Object.entries(heard))
			page.off(name, hear);
	};
}

module.exports = world => {
	for (const entry of pages)
		test('network: own files only, nothing refused: ' + entry.name, () => {
			const found = [];

			return visit(world, entry, { script: true }, async page => {
				await page.waitForLoadState('load');
				assert.deepStrictEqual(found, []);
			}, page => listen(world, page, found));
		});

	test('network: a script or style that gets into a page is not run', async () => {
		const page = await openPage(world, { script: true, user: 'heron' });
		const refused = [];

		page.on('console', message => refused.push(message.text()));
		await page.goto('/api/dashboard');
		await page.evaluate(() => {
			document.body.insertAdjacentHTML('beforeend',
				'<img src="/static/none" onerror="window.ran = 1">' +
				'<p id="red" style="color: rgb(255, 0, 0)">x</p>');
			const script = document.createElement('script');

			script.textContent = 'window.ran = 2';
			document.body.append(script);
		});
		assert.strictEqual(await page.evaluate(() => window.ran), undefined);
		assert.notStrictEqual(await page.evaluate(() => getComputedStyle(
			document.querySelector('#red')).color), 'rgb(255, 0, 0)');
		assert.ok(refused.some(text => /Content Security Policy/.test(text)));
	});

	test('network: a first visit takes at most 60 KB', async () => {
		const page = await openPage(world);
		const cdp = await page.context().newCDPSession(page);
		let sum = 0;

		cdp.on('Network.loadingFinished', event => {
			sum += event.encodedDataLength;
		});
		await cdp.send('Network.enable');
		await page.goto('/', { waitUntil: 'networkidle' });
		await logIn(page, 'heron');
		await page.waitForLoadState('networkidle');
		assert.match(page.url(), /\/api\/dashboard$/);
		assert.ok(sum > 10000, 'nothing was measured');
		console.log('        first visit: ' + sum + ' bytes');
		assert.ok(sum <= MOST, sum + ' bytes');
	});
};
