// main.js: starts the stack and the browser, runs the tests, ends everything.
// All tests run in two parts at once, each with a stack and a browser of its own.
'use strict';

const { spawn } = require('child_process');
const { openStack, closeStack, endAll, findTrouble } = require('./lib/stack');
const { openBrowser, closeContexts } = require('./lib/browser');
const { control } = require('./lib/http');
const { test, runTests } = require('./lib/runner');

const world = {};
const parts = [
	['dashboard', 'rates', 'keyboard', 'layout', 'network', 'static', 'headers',
		'errors', 'downloads', 'forms', 'openapi', 'nonsense', 'refill'],
	// axe takes as long as nearly all the others.
	['markup', 'rtl', 'limits', 'login', 'factor', 'passkey', 'language'],
];
const part = process.env.PORTICO_E2E_PART;

for (const name of part ? parts[part] : parts.flat())
	require('./' + name + '.test.js')(world);

// A second portal with a site of its own, for what would disturb the first one:
// a pseudo-language from right to left, an exhausted request rate.
world.findSecond = async () => {
	world.second = world.second || await openStack('second' + (part || ''), {
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
	const stacks = [world.third, world.second, world.stack]
		.filter(Boolean);

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

async function main(words) {
	world.stack = await openStack('main' + (part || ''));
	world.browser = await openBrowser();
	return runTests(words, () => world.closed ? null : tidy());
}

// --- Parts -------------------------------------------------------------------

const children = [];

// Another process of this program; what it says, and how it ended.
function runPart(number) {
	const child = spawn(process.execPath, [__filename], {
		stdio: ['ignore', 'pipe', 'inherit'],
		env: { ...process.env, PORTICO_E2E_PART: String(number) } });
	let text = '';

	children.push(child);
	child.stdout.setEncoding('utf8');
	child.stdout.on('data', piece => { text += piece; });
	return new Promise(resolve => child.on('close', () => resolve(text)));
}

async function runParts() {
	const counts = { passed: 0, failed: 0 };

	for (const running of parts.map((names, number) => runPart(number))) {
		const text = await running;
		const [last, passed, failed] =
			/(?:^|\n)(\d+) passed, (\d+) failed\n$/.exec(text) || ['', 0, 1];

		process.stdout.write(text.slice(0, text.length - last.length) + '\n');
		counts.passed += Number(passed);
		counts.failed += Number(failed);
	}
	return counts;
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
	process.once(signal, () => {
		for (const child of children)
			child.kill(signal);
		return endAll().then(() => process.exit(1));
	});

const words = process.argv.slice(2);

(part || words.length ? main(words) : runParts()).catch(error => {
	console.log(error.stack || error);
	return { passed: 0, failed: 1 };
}).then(async counts => {
	if (world.browser)
		await world.browser.close();
	await endAll();
	console.log(counts.passed + ' passed, ' + counts.failed + ' failed');
	process.exit(counts.failed || !counts.passed ? 1 : 0);
});
