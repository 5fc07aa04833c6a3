// nonsense.test.js: a billing system that answers nonsense: members that are
// missing, null, of another type, far too big. What the portal makes of it is a
// page, a file or an error as described, and never another customer's.
'use strict';

const assert = require('assert');
const http = require('http');
const { openStack, TOKEN } = require('./lib/stack');
const { ask, askJson } = require('./lib/http');
const { makeCheck } = require('./lib/openapi');
const { test } = require('./lib/runner');

const ROUNDS = 12; // of each page

// --- Nonsense ----------------------------------------------------------------

// A number from 0 to below n, the same ones in each run.
function makeDice(seed) {
	return n => {
		seed = (seed + 0x6D2B79F5) | 0;
		let t = Math.imul(seed ^ seed >>> 15, 1 | seed);

		t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
		return ((t ^ t >>> 14) >>> 0) % n;
	};
}

const junk = [null, null, null, true, false, 0, -1, 1e300, -1e-300, 4294967296,
	9007199254740993, '', ' ', '0', '-1', 'NaN', '1e999', 'x'.repeat(70000),
	'9'.repeat(400), '0.' + '1'.repeat(60), '2026-13-45 99:99:99',
	'0000-00-00 00:00:00', '9999-12-31 23:59:59', '1001', 1002, 'EUR', '\ud800',
	'\u0000', '\u202e\u2028', '=1+1', [], {}, [[]], [null], [{}], ['x'],
	{ id: null }, { data: null },
	JSON.parse('['.repeat(40) + ']'.repeat(40))];

function listPlaces(value, places = []) {
	if (value && typeof value === 'object')
		for (const key of Object.keys(value)) {
			places.push([value, key]);
			listPlaces(value[key], places);
		}
	return places;
}

// One to four places of an answer hold something else, or nothing.
function spoil(answer, dice) {
	for (let n = 1 + dice(4); n > 0; n--) {
		const places = listPlaces({ result: answer.result })
			.map(([at, key]) => at.result === answer.result &&
				key === 'result' ? [answer, key] : [at, key]);
		const [at, key] = places[dice(places.length)];

		if (dice(8) === 0)
			delete at[key];
		else
			at[key] = structuredClone(junk[dice(junk.length)]);
	}
}

function spoilText(text, dice) {
	const body = JSON.parse(text);

	if (dice(16) === 0)
		return text.slice(0, dice(text.length));
	for (const answer of [].concat(body))
		if (answer && answer.result !== undefined &&
			(!Array.isArray(body) || dice(2) === 0))
			spoil(answer, dice);
	return JSON.stringify(body);
}

// Stands between the portal and its billing system; state.dice: at work.
function openProxy(port, state) {
	const server = http.createServer((request, response) => {
		const pieces = [];

		request.on('data', piece => pieces.push(piece));
		request.on('end', async () => {
			const answer = await ask(port, request.url, {
				method: request.method, body: Buffer.concat(pieces),
				headers: { 'Content-Type': 'application/json' } });
			const text = state.dice ? spoilText(answer.text, state.dice) :
				answer.text;

			response.writeHead(answer.status,
				{ 'Content-Type': 'application/json' });
			response.end(text);
		});
	});

	return new Promise(resolve => server.listen(0, '127.0.0.1',
		() => resolve(server)));
}

// --- What is asked -----------------------------------------------------------

const asked = ['dashboard', 'rates', 'rates?q=germany&sort=-price',
	'rates/lookup?number=004930123456', 'subscriptions', 'accounts', 'payments',
	'charges', 'invoices', 'invoices?state=unpaid', 'usage/summary',
	'usage/summary?group_by=account', 'usage/summary?group_by=package',
	'usage/summary?group_by=code_name', 'usage/summary?group_by=service',
	'usage/detailed', 'profile', 'voucher', 'password',
	'invoices/9005/download', 'rates.csv', 'payments.csv', 'charges.csv',
	'usage/summary.csv', 'usage/detailed.csv', 'rates.xlsx', 'payments.xlsx',
	'usage/summary.xlsx', 'usage/detailed.xlsx'];

async function logIn(stack) {
	const answer = await ask(stack.apiPort, '/api/login', { method: 'POST',
		headers: { 'Content-Type': 'application/json' },
		body: JSON.stringify({ login: 'heron', password: 'heron-demo-1' }) });

	assert.strictEqual(answer.status, 200, answer.text);
	return { Authorization: 'Bearer ' + JSON.parse(answer.text).token };
}

// Who is not known to be an active customer is logged out.
function hasEnded(answer) {
	return answer.status === 401 || (answer.status === 303 &&
		answer.headers.location.startsWith('/api/login'));
}

// What is wrong with an answer; '' if nothing.
function judge(answer, path, check) {
	const type = (answer.headers['content-type'] || '').split(';')[0];

	if (hasEnded(answer))
		return '';
	if (![200, 404, 413, 502, 503].includes(answer.status))
		return 'status ' + answer.status + ' ' + answer.text.slice(0, 200);
	if (/Osprey|Fischadler|osprey/.test(answer.text))
		return 'shows osprey';
	if (type === 'application/json' && /\.(csv|xlsx)/.test(path))
		return JSON.parse(answer.text).error ? '' : 'no error';
	if (type === 'application/json')
		return check('/api/' + path.replace(/\?.*/, '')
			.replace('9005', '{id}'), 'get', answer.status,
		JSON.parse(answer.text));
	if (type === 'text/html')
		return /<\/html>\s*$/.test(answer.text) ? '' : 'half a page';
	return answer.status === 200 ? '' : 'a file that is an error';
}

// The portal behind the proxy; both live until all tests have ended.
async function findThird(world) {
	if (!world.third) {
		const state = { dice: null };
		const proxy = await openProxy(world.stack.sandbox.port, state);

		proxy.unref();
		world.third = await openStack('nonsense', {
			sandbox: world.stack.sandbox, settings: { coreApi: {
				authToken: TOKEN,
				uri: 'http://127.0.0.1:' + proxy.address().port } } });
		world.third.state = state;
		world.third.check = makeCheck(await askJson(world.third.apiPort,
			'/api/openapi.json'));
	}
	return world.third;
}

// Asks once; answers what is wrong.
async function tryOnce(stack, path, accept, seed) {
	stack.bearer = stack.bearer || await logIn(stack);
	stack.state.dice = makeDice(seed);
	try {
		const answer = await ask(stack.apiPort, '/api/' + path,
			{ headers: { Accept: accept, ...stack.bearer } });

		if (hasEnded(answer))
			stack.bearer = null;
		return judge(answer, path, stack.check);
	} catch (error) {
		// A file may be broken off, but no page.
		return /\.csv|download/.test(path) && /aborted|hang up|RESET/.test(
			error.message + error.code) ? '' : String(error);
	} finally {
		stack.state.dice = null;
	}
}

module.exports = world => {
	for (const path of asked)
		test('nonsense: what the billing system says breaks nothing: ' + path,
			async () => {
				const stack = await findThird(world);
				const first = asked.indexOf(path) * 1000;

				for (let seed = first; seed < first + ROUNDS; seed++)
					for (const accept of ['application/json', 'text/html']) {
						const wrong = await tryOnce(stack, path, accept, seed);

						assert.strictEqual(wrong.slice(0, 600), '',
							accept + ', seed ' + seed);
					}
			});

	test('nonsense: an answer that is spoiled is another', () => {
		const answer = { result: [{ id: 1, name: 'x', list: [1, 2] }] };

		for (let seed = 0; seed < 100; seed++)
			assert.notStrictEqual(spoilText(JSON.stringify(answer),
				makeDice(seed)), JSON.stringify(answer));
	});
};
