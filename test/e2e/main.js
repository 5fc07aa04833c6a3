// main.js: starts the stack and the browser, runs the tests, ends everything.
'use strict';

const { openStack, closeStack, endAll, findTrouble } = require('./lib/stack');
const { openBrowser, closeContexts } = require('./lib/browser');
const { control } = require('./lib/http');
const { test, runTests } = require('./lib/runner');

const world = {};
const suites = ['login', 'dashboard', 'rates', 'language', 'keyboard', 'layout',
	'markup', 'network', 'static', 'headers', 'errors', 'downloads', 'rtl',
	'limits', 'openapi', 'refill'];

for (const name of suites)
	require('./' + name + '.test.js')(world);

// A second portal with a site of its own, for what would disturb the first one:
// a pseudo-language from right to left, an exhausted request rate.
world.findSecond = async () => {
	world.second = world.second || await openStack('second', {
		sandbox: world.stack.sandbox, limit: true,
		settings: { locales: ['en', 'ar-XB'] } });
	return world.second;
};

// What a test left behind does not reach the next one.
async function tidy() {
	await closeContexts();
	await control(world.stack, 'DELETE', '/faults');
}

test('all parts end well and report no trouble', async () => {
	const stacks = [world.second, world.stack].filter(Boolean);

	world.closed = true;
	await world.browser.close();
	for (const stack of stacks)
		await closeStack(stack);
	const trouble = stacks.flatMap(findTrouble);

	if (trouble.length)
		throw new Error(trouble.join('\n'));
	for (const stack of stacks)
		for (const part of [stack.nginx, stack.portico, stack.sandbox.part])
			if (part.code !== 0)
				throw new Error(part.name + ' ended with ' + part.code);
});

async function main() {
	world.stack = await openStack('main');
	world.browser = await openBrowser();
	return runTests(process.argv.slice(2),
		() => world.closed ? null : tidy());
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
	process.once(signal, () => endAll().then(() => process.exit(1)));

main().catch(error => {
	console.log(error.stack || error);
	return { passed: 0, failed: 1 };
}).then(async counts => {
	if (world.browser)
		await world.browser.close();
	await endAll();
	console.log(counts.passed + ' passed, ' + counts.failed + ' failed');
	process.exit(counts.failed || !counts.passed ? 1 : 0);
});
