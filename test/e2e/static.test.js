// static.test.js: files, which nginx serves without a worker.
'use strict';

const assert = require('assert');
const zlib = require('zlib');
const { ask } = require('./lib/http');
const { test } = require('./lib/runner');

async function findFiles(world) {
	const { text } = await ask(world.stack.port, '/api/login');

	return [...text.matchAll(/(?:href|src)="(\/static\/[^"]+)"/g)].map(
		match => match[1]);
}

const types = { css: /^text\/css/, png: /^image\/png$/,
	js: /^(text|application)\/javascript/, svg: /^image\/svg\+xml/ };

module.exports = world => {
	test('static: what a page names never changes, and is kept', async () => {
		const files = await findFiles(world);

		assert.ok(files.length >= 3, String(files));
		for (const file of files) {
			assert.match(file, /^\/static\/v-[0-9a-f]{8,}\/default\//);
			const answer = await ask(world.stack.port, file);

			assert.strictEqual(answer.status, 200, file);
			assert.strictEqual(answer.headers['cache-control'],
				'public, max-age=31536000, immutable');
			assert.match(answer.headers['content-type'],
				types[file.split('.').pop()]);
		}
	});

	test('static: a page waits for one stylesheet', async () => {
		const sheets = (await findFiles(world)).filter(
			file => file.endsWith('.css'));

		assert.strictEqual(sheets.length, 1, String(sheets));
	});

	test('static: compressed beforehand, where the browser takes it',
		async () => {
			const [sheet] = (await findFiles(world)).filter(
				file => file.endsWith('.css'));
			const small = await ask(world.stack.port, sheet,
				{ headers: { 'Accept-Encoding': 'gzip' } });
			const whole = await ask(world.stack.port, sheet);

			// Made on the way, its length would not be known.
			assert.strictEqual(small.headers['content-encoding'], 'gzip');
			assert.ok(Number(small.headers['content-length']) > 0);
			assert.match(small.headers.vary, /Accept-Encoding/);
			assert.strictEqual(whole.headers['content-encoding'], undefined);
			assert.strictEqual(
				zlib.gunzipSync(small.body).toString(), whole.text);
		});

	test('static: the plain address is kept for a while only', async () => {
		const answer = await ask(world.stack.port,
			'/static/default/portico.css');

		assert.strictEqual(answer.status, 200);
		assert.strictEqual(answer.headers['cache-control'],
			'public, max-age=300');
	});

	test('static: text is compressed, pictures are not', async () => {
		for (const file of [...await findFiles(world), '/api/login']) {
			const answer = await ask(world.stack.port, file,
				{ headers: { 'Accept-Encoding': 'gzip' } });
			const small = answer.body.length < 512;

			assert.strictEqual(answer.headers['content-encoding'],
				file.endsWith('.png') || small ? undefined : 'gzip', file);
		}
	});

	test('static: a file that has not changed is not sent again', async () => {
		const first = await ask(world.stack.port,
			'/static/default/portico.css');
		const second = await ask(world.stack.port,
			'/static/default/portico.css',
			{ headers: { 'If-None-Match': first.headers.etag } });

		assert.strictEqual(second.status, 304);
		assert.strictEqual(second.body.length, 0);
	});

	test('static: unknown files and folders are not found', async () => {
		for (const path of ['/static', '/static/', '/static/default',
			'/static/default/', '/static/default/none.css',
			'/static/default/image-resources/', '/static/v-00/',
			'/static/v-00/default/', '/static/default/errors/',
			'/static/default/errors/502.html', '/favicon.ico',
			'/static/v-00/default/errors/502.html', '/nginx/portico.conf']) {
			const answer = await ask(world.stack.port, path);

			assert.strictEqual(answer.status, 404, path);
			assert.doesNotMatch(answer.text, /Index of/);
			assert.strictEqual(answer.headers['cache-control'], 'no-store');
		}
	});

	test('static: no way out of the folder', async () => {
		const secrets = /authToken|root:x|server_name|"coreApi"|\{\{/;
		const ups = ['..', '%2e%2e', '.%2e', '%252e%252e'];
		const slashes = ['/', '%2f', '%5c', '\\', '//', '%252f'];
		const goals = ['conf/customer-params.default.json',
			'templates/default/login.mustache', 'nginx/portico.conf',
			'etc/passwd'];

		for (const start of ['/static/', '/static/default/',
			'/static/v-00/'])
			for (const up of ups)
				for (const slash of slashes)
					for (const goal of goals) {
						const path = start + (up + slash).repeat(3) + goal;
						const answer = await ask(world.stack.port, path);

						assert.ok([400, 404].includes(answer.status),
							path + ': ' + answer.status);
						assert.doesNotMatch(answer.text, secrets, path);
					}
		for (const path of ['/static/.htaccess', '/static/default/%00.css',
			'/static//etc/passwd', '/static/v-00//etc/passwd'])
			assert.ok([400, 404].includes(
				(await ask(world.stack.port, path)).status), path);
	});
};
