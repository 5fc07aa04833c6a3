// lighthouse.js: runs Lighthouse over the pages; see the script beside it.
'use strict';

const fs = require('fs');
const path = require('path');
const { pathToFileURL } = require('url');
const { parseArgs } = require('util');
const { openStack, closeStack, endAll, build } = require('../e2e/lib/stack');
const { findSession, writeCookies } = require('../e2e/lib/browser');
const { pages } = require('../e2e/lib/pages');

const LEAST = 95;
const modules = path.join(build, 'lighthouse/node_modules');

// Its packages are modules of the newer kind, which know no NODE_PATH.
function load(file) {
	return import(pathToFileURL(path.join(modules, file)));
}

// Each address once, as it is without anything that a test does there. The log-in
// page comes last: the cookie that it sets would be sent instead of a customer's.
function listPages(words) {
	const found = new Map();

	for (const entry of pages) {
		const { name, path, user, ...more } = entry;

		if (!Object.keys(more).length && (user === 'heron' ||
			path === '/api/login') && !found.has(path))
			found.set(path, entry);
	}
	return [...found.values()].sort((a, b) => !a.user - !b.user).filter(
		({ name }) => !words.length || words.some(
			word => name.includes(word)));
}

function median(numbers) {
	return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
}

// The audits that cost points, and what they are about.
function findFaults({ audits, categories }) {
	return Object.values(categories).flatMap(category =>
		category.auditRefs.filter(({ id, weight }) => weight > 0 &&
			audits[id].score !== null && audits[id].score < 0.9).map(
			({ id }) => ({ id, title: audits[id].title,
				value: audits[id].displayValue || '',
				items: ((audits[id].details || {}).items || []).slice(0, 5) })));
}

async function look(world, { path: at, user }) {
	const Cookie = user && writeCookies(await findSession(world.stack, user));
	const { lhr } = await world.lighthouse(world.stack.url + at, {
		port: world.chrome.port, logLevel: 'error', output: [],
		extraHeaders: user ? { Cookie } : undefined,
		onlyCategories: ['performance', 'accessibility', 'best-practices',
			...user ? [] : ['seo']] });

	if (lhr.runtimeError || !lhr.finalDisplayedUrl.endsWith(at))
		throw new Error(at + ': ' + (lhr.runtimeError || {}).message +
			', ' + lhr.finalDisplayedUrl);
	return lhr;
}

async function judge(world, entry, runs) {
	const reports = [];
	const scores = {};

	while (reports.length < runs)
		reports.push(await look(world, entry));
	for (const id of Object.keys(reports[0].categories))
		scores[id.replace('-', '_')] = median(reports.map(
			lhr => Math.round(lhr.categories[id].score * 100)));
	return { path: entry.path, scores, faults: findFaults(reports[0]),
		bytes: reports[0].audits['total-byte-weight'].numericValue };
}

function print(name, { scores, faults, bytes }) {
	console.log(name.padEnd(44) + Object.values(scores).map(
		score => String(score).padStart(4)).join('') +
		(bytes / 1024).toFixed(1).padStart(7) + ' KB');
	for (const { id, value, items } of faults)
		console.log('    ' + id + ' ' + value + ' ' + JSON.stringify(
			items.map(({ node, ...item }) => node ? node.snippet : item)).slice(0, 400));
}

async function open(world) {
	world.stack = await openStack('lighthouse');
	// Now: the server does not keep a connection that waits for a browser.
	await findSession(world.stack, 'heron');
	const { launch } = await load('chrome-launcher/dist/index.js');

	const userDataDir = path.join(build, 'lighthouse/profile');

	fs.mkdirSync(userDataDir, { recursive: true });
	world.lighthouse = (await load('lighthouse/core/index.js')).default;
	world.chrome = await launch({
		chromePath: process.env.CHROMIUM || '/usr/bin/chromium-headless-shell',
		userDataDir,
		chromeFlags: ['--headless', '--no-sandbox', '--disable-gpu',
			'--disable-quic', '--no-first-run',
			'--disable-background-networking', '--disable-component-update',
			'--disable-sync'] });
}

async function close(world) {
	if (world.chrome)
		await world.chrome.kill();
	if (world.stack)
		await closeStack(world.stack);
	await endAll();
}

async function main() {
	const { values, positionals } = parseArgs({ allowPositionals: true,
		options: { json: { type: 'string' },
			runs: { type: 'string', default: '1' } } });
	const world = {}, found = {};
	let lowest = 100;

	try {
		await open(world);
		console.log('page'.padEnd(44) + 'perf a11y best  seo');
		for (const entry of listPages(positionals)) {
			const page = await judge(world, entry, Number(values.runs));

			found[entry.name] = page;
			lowest = Math.min(lowest, ...Object.values(page.scores));
			print(entry.name, page);
		}
	} finally {
		await close(world);
	}
	if (values.json)
		fs.writeFileSync(values.json, JSON.stringify({ budget: LEAST, lowest,
			pages: found }, null, 2) + '\n');
	console.log('lowest score: ' + lowest);
	return lowest < LEAST || !Object.keys(found).length ? 1 : 0;
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
	process.once(signal, () => endAll().then(() => process.exit(1)));

main().catch(error => {
	console.error(error.stack || error);
	return 1;
}).then(code => process.exit(code));
