// main.js: starts the stack and the browser, runs the tests, ends everything.
'use strict';

const { openStack, closeStack, endAll, findTrouble } = require('./lib/stack');
const { openBrowser, closeContexts } = require('./lib/browser');
const { control } = require('./lib/http');
const { test, runTests } = require('./lib/runner');

const world = {};
const suites = ['login', 'dashboard', 'rates', 'language', 'keyboard', 'layout',
	'markup', 'network', 'static', 'errors', 'rtl'];

for (const name of suites)
	require('./' + name + '.test.js')(world);

// What a test left behind does not reach the next one.
async function tidy() {
	await closeContexts();
	await control(world.stack, 'DELETE', '/faults');
}

test('all parts end well and report no trouble', async () => {
	const trouble = findTrouble(world.stack);

	await world.browser.close();
	await closeStack(world.stack);
	trouble.push(...findTrouble(world.stack));
	if (trouble.length)
		throw new Error([...new Set(trouble)].join('\n'));
	for (const part of [world.stack.portico, world.stack.sandbox.part])
		if (part.code !== 0)
			throw new Error(part.name + ' ended with ' + part.code);
	world.closed = true;
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
