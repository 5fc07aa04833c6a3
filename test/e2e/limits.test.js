// limits.test.js: too many requests, on a site of its own.
'use strict';

const assert = require('assert');
const { ask } = require('./lib/http');
const { test } = require('./lib/runner');

// Until one is refused; far more than the burst would be wrong.
async function exhaust(port, path) {
	for (let sent = 0; sent < 20000; sent += 100) {
		const answers = await Promise.all(Array.from({ length: 100 },
			() => ask(port, path)));
		const refused = answers.find(answer => answer.status === 429);

		if (refused)
			return { refused, sent };
	}
	return {};
}

module.exports = world => {
	test('limits: too many requests answer 429, for people', async () => {
		const { port } = await world.findSecond();
		const { refused } = await exhaust(port, '/static/default/icon.svg');

		assert.ok(refused, 'never refused');
		assert.match(refused.headers['retry-after'], /^\d+$/);
		assert.match(refused.headers['content-type'], /^text\/html/);
		assert.match(refused.text, /Request number: [0-9a-f]{32}/);
		assert.strictEqual(refused.headers['x-frame-options'], 'DENY');
		assert.match(refused.headers['content-security-policy'], /'sha256-/);
	});

	test('limits: too many requests answer 429, for programs', async () => {
		const { apiPort } = await world.findSecond();
		const { refused } = await exhaust(apiPort, '/static/default/icon.svg');

		assert.ok(refused, 'never refused');
		assert.match(refused.headers['retry-after'], /^\d+$/);
		assert.strictEqual(JSON.parse(refused.text).error.code, 'too_often');
		assert.strictEqual(refused.headers['x-frame-options'], 'DENY');
	});
};
