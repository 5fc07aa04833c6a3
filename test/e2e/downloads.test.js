// downloads.test.js: files through nginx: whole ones, ones that VCS breaks in
// their middle, ones that cannot be had. What is broken must look broken to the
// client, and never hold a page.
'use strict';

const assert = require('assert');
const http = require('http');
const zlib = require('zlib');
const { control } = require('./lib/http');
const { openPage, findSession, writeCookies } = require('./lib/browser');
const { test } = require('./lib/runner');

const HTML = 'text/html,application/xhtml+xml,*/*;q=0.8';

// As a browser fetches a file; `broken` is why it ended too early, if it did.
async function download(stack, path, user, headers = {}) {
	const Cookie = writeCookies(await findSession(stack, user));

	return new Promise(resolve => {
		http.get({ host: '127.0.0.1', port: stack.port, path, agent: false,
			headers: { Host: 'localhost:' + stack.port, Cookie,
				Accept: HTML, ...headers } }, answer => {
			const pieces = [];
			const end = broken => resolve({ status: answer.statusCode,
				headers: answer.headers, broken,
				body: Buffer.concat(pieces) });

			answer.on('data', piece => pieces.push(piece));
			answer.on('error', error => end(error.code || String(error)));
			answer.on('end', () => end(answer.complete ? null : 'cut'));
		}).on('error', error => resolve({ broken: error.code,
			body: Buffer.alloc(0) }));
	});
}

async function fault(world, operation, kind, more) {
	assert.deepStrictEqual(await control(world.stack, 'POST', '/faults',
		{ operation, fault: kind, ...more }), { ok: true });
}

// The days that the sandbox has calls of.
function period() {
	const day = 86400000, now = Date.now();
	const print = time => new Date(time).toISOString().slice(0, 10);

	return 'from=' + print(now - 150 * day) + '&to=' + print(now - day);
}

const detailed = '/api/usage/detailed.csv?' + period();

function checkPart(part, whole) {
	assert.strictEqual(part.status, 200);
	assert.ok(part.broken, 'the transfer looks whole');
	assert.ok(part.body.length > 10000, part.body.length + ' bytes came');
	assert.ok(part.body.length < whole.length);
	assert.ok(whole.subarray(0, part.body.length).equals(part.body),
		'something else came: ' + part.body.subarray(-200));
}

module.exports = world => {
	for (const kind of ['error', 'truncate', 'cut', 'wrong_type'])
		test('downloads: a CSV that VCS breaks (' + kind + ') is broken', async () => {
			const whole = await download(world.stack, detailed, 'whale');

			assert.strictEqual(whole.broken, null);
			assert.ok(whole.body.length > 1000000);
			await fault(world, 'reports.xdrs', kind, { after: 4 });
			checkPart(await download(world.stack, detailed, 'whale'),
				whole.body);
		});

	test('downloads: so is a compressed one', async () => {
		const zip = { 'Accept-Encoding': 'gzip' };
		const whole = await download(world.stack, detailed, 'whale', zip);

		assert.strictEqual(whole.headers['content-encoding'], 'gzip');
		const rows = zlib.gunzipSync(whole.body);

		await fault(world, 'reports.xdrs', 'error', { after: 4 });
		const part = await download(world.stack, detailed, 'whale', zip);

		assert.ok(part.broken, 'the transfer looks whole');
		assert.throws(() => zlib.gunzipSync(part.body));
		const got = zlib.gunzipSync(part.body,
			{ finishFlush: zlib.constants.Z_SYNC_FLUSH });

		assert.ok(got.length && rows.subarray(0, got.length).equals(got));
	});

	test('downloads: an XLSX that VCS breaks is a page that says so', async () => {
		await fault(world, 'reports.xdrs', 'error', { after: 4 });
		const path = detailed.replace('.csv', '.xlsx');
		const page = await download(world.stack, path, 'whale');

		assert.strictEqual(page.status, 502);
		assert.strictEqual(page.broken, null);
		assert.match(page.headers['content-type'], /^text\/html/);
		assert.strictEqual(page.headers['content-disposition'], undefined);
		assert.match(String(page.body), /The billing system could not answer/);
		await control(world.stack, 'DELETE', '/faults');
		await fault(world, 'reports.xdrs', 'error', { after: 4 });
		const json = await download(world.stack, path, 'whale',
			{ Accept: '*/*' });

		assert.strictEqual(json.status, 502);
		assert.strictEqual(JSON.parse(json.body).error.code, 'upstream');
	});

	test('downloads: an invoice that VCS cuts is broken', async () => {
		const path = '/api/invoices/9005/download';
		const whole = await download(world.stack, path, 'heron');

		assert.strictEqual(whole.broken, null);
		assert.match(String(whole.body), /^%PDF[^]*%%EOF\n$/);
		await fault(world, 'invoices.getFile', 'cut');
		const part = await download(world.stack, path, 'heron');

		// So little that nginx may not even have begun to answer.
		assert.ok(part.broken, 'the transfer looks whole');
		assert.ok(part.body.length < whole.body.length);
		assert.ok(whole.body.subarray(0, part.body.length).equals(part.body));
	});

	test('downloads: who clicks is told what went wrong, and gets back', async () => {
		const page = await openPage(world, { user: 'heron' });

		await page.goto('/api/payments');
		await fault(world, 'transactions.search', 'error');
		for (const ending of ['csv', 'xlsx']) {
			const link = '.files a[href*=".' + ending + '"]';
			const [answer] = await Promise.all([page.waitForNavigation(),
				page.click(link)]);

			assert.strictEqual(answer.status(), 502);
			assert.match(await page.innerText('main'),
				/The billing system could not answer/);
			await control(world.stack, 'DELETE', '/faults');
			await page.click('main a.btn-primary');
			assert.match(page.url(), /\/api\/payments$/);
			await fault(world, 'transactions.search', 'error');
		}
		await control(world.stack, 'DELETE', '/faults');
		const [file] = await Promise.all([page.waitForEvent('download'),
			page.click('.files a[href*=".csv"]')]);

		assert.match(file.suggestedFilename(), /^payments_.*\.csv$/);
		assert.strictEqual(await file.failure(), null);
	});
};
