// openapi.test.js: the API's description is right, and every JSON answer of the
// pages is what it says.
'use strict';

const assert = require('assert');
const { ask, askJson, control } = require('./lib/http');
const { test } = require('./lib/runner');
const { lint, makeCheck } = require('./lib/openapi');

const USERS = ['heron', 'osprey', 'whale'];
const FILE = '/api/openapi.json';

// Queries beside the bare path.
const QUERIES = {
	'/api/rates': ['?q=germany&size=10', '?sort=-price&page=2',
		'?q=nothing-of-the-kind'],
	'/api/rates/lookup': ['?number=004930123456', '?number=999'],
	'/api/usage/summary': ['?group_by=service', '?group_by=account',
		'?group_by=package', '?group_by=code_name',
		'?from=2020-01-01&to=2020-01-31'],
	'/api/usage/detailed': ['?page=2&size=10',
		'?from=2020-01-01&to=2020-01-31'],
	'/api/payments': ['?from=2020-01-01&to=2020-01-31', '?page=2&size=10'],
	'/api/charges': ['?from=2020-01-01&to=2020-01-31', '?page=2&size=10'],
	'/api/refill': ['?amount=25', '?invoice={invoice}'],
	'/api/invoices': ['?state=paid', '?state=unpaid', '?state=overdue',
		'?page=1000'],
};

async function readDescription(world) {
	return askJson(world.stack.apiPort, FILE);
}

async function takeToken(world, login) {
	const answer = await ask(world.stack.apiPort, '/api/login', {
		method: 'POST', headers: { 'Content-Type': 'application/json' },
		body: JSON.stringify({ login, password: login + '-demo-1' }) });

	assert.strictEqual(answer.status, 200, answer.text);
	return JSON.parse(answer.text);
}

function bearer({ token }) {
	return { Authorization: 'Bearer ' + token };
}

// What has an id is asked for where there is one (test/pages/walk_test.py).
function listPages(description) {
	return Object.entries(description.paths).filter(([path, item]) =>
		item.get && !path.includes('{') && ((item.get.responses[200] || {}).content || {})[
			'application/json']).map(([path]) => path);
}

function isOpen(description, path) {
	return description.paths[path].get.security.length === 0;
}

// What stands for {id} and {invoice}: a payment of the user's, its gateway, an
// invoice that is not paid.
const INVOICES = { heron: 9006, osprey: 9106 };

async function beginPayment(world, headers) {
	const answer = await ask(world.stack.apiPort, '/api/refill', {
		method: 'POST', headers: { ...headers,
			'Content-Type': 'application/json' },
		body: JSON.stringify({ gateway: 'paypal', amount: '25.00' }) });

	assert.strictEqual(answer.status, 201, answer.text);
	return JSON.parse(answer.text);
}

function fillIn(uri, user, begun) {
	const { id, gateway } = begun.payment;

	return uri.replace(/\{invoice\}/, INVOICES[user])
		.replace(/(return|cancel)\/\{id\}.*/, `$1/${gateway}?payment=${id}`)
		.replace('{id}', id);
}

// Pages that take parameters of all kinds.
function isLax(path) {
	return /\/(return|cancel)\/\{id\}$/.test(path);
}

// nginx has it for a listener of the operators' alone.
function isHidden(path) {
	return path === '/api/metrics';
}

// Asks for a page; what is wrong with the answer goes to `wrong`.
async function look(world, check, path, uri, headers, wrong, wanted = 200) {
	const answer = await ask(world.stack.apiPort, uri, { headers });
	const fault = check(path, 'get', answer.status, JSON.parse(answer.text));

	if (answer.status !== wanted)
		wrong.push(uri + ': status ' + answer.status);
	if (fault)
		wrong.push(uri + ': ' + fault);
}

function none(wrong) {
	assert.strictEqual(wrong.join('\n'), '');
}

module.exports = world => {
	test('openapi: the file has no error', async () => {
		const answer = await ask(world.stack.apiPort, FILE);

		assert.strictEqual(answer.status, 200);
		assert.match(JSON.parse(answer.text).openapi, /^3\.1\./);
		none(await lint(answer.text));
	});

	test('openapi: the linter finds mistakes', async () => {
		const { paths } = await readDescription(world);
		const mistakes = {
			'operation-operationId-unique': broken => {
				broken.paths['/api/rates'].get.operationId =
					paths['/api/accounts'].get.operationId;
			},
			'no-unresolved-refs': broken => {
				delete broken.components.schemas.money;
			},
			struct: broken => {
				broken.paths['/api/rates'].get.parameters[0].in = 'nowhere';
			},
		};

		for (const [rule, make] of Object.entries(mistakes)) {
			const broken = await readDescription(world);

			make(broken);
			const found = await lint(JSON.stringify(broken));

			assert.ok(found.some(text => text.startsWith(rule + ':')), rule);
		}
	});

	test('openapi: the same for everybody, and kept by browsers', async () => {
		const first = await ask(world.stack.port, FILE, {
			headers: { 'Accept-Language': 'de' } });
		const tag = first.headers.etag;

		assert.match(first.headers['cache-control'], /public/);
		for (const port of [world.stack.port, world.stack.apiPort]) {
			const again = await ask(port, FILE, {
				headers: bearer(await takeToken(world, 'osprey')) });

			assert.strictEqual(again.text, first.text);
			assert.strictEqual(again.headers.etag, tag);
		}
		const known = await ask(world.stack.port, FILE, {
			headers: { 'If-None-Match': tag } });

		assert.strictEqual(known.status, 304);
		assert.strictEqual(known.text, '');
		assert.strictEqual((await ask(world.stack.apiPort, '/api/docs')).text,
			first.text);
	});

	for (const user of USERS)
		test('openapi: every page of ' + user + ' is as described', async () => {
			const description = await readDescription(world);
			const check = makeCheck(description);
			const session = await takeToken(world, user);
			const wrong = [];

			const begun = await beginPayment(world, bearer(session));

			none([check('/api/login', 'post', 200, session),
				check('/api/refill', 'post', 201, begun)].filter(Boolean));
			for (const path of listPages(description))
				for (const query of ['', ...QUERIES[path] || []])
					if (!query.includes('{invoice}') || INVOICES[user])
						await look(world, check, path,
							fillIn(path + query, user, begun),
							bearer(session), wrong);
			none(wrong);
		});

	test('openapi: every error is as described', async () => {
		const description = await readDescription(world);
		const check = makeCheck(description);
		const headers = bearer(await takeToken(world, 'heron'));
		const wrong = [];

		for (const [path, { get }] of Object.entries(description.paths)) {
			if (!get || path === '/api/metrics') // is for operators
				continue;
			const uri = path.replace('{id}', '999999999');

			// A gateway may add what it likes.
			await look(world, check, path, uri + '?no_such=1', headers, wrong,
				isLax(path) || isHidden(path) ? 404 : 400);
			if (!isOpen(description, path))
				await look(world, check, path, uri, {}, wrong, 401);
			if (uri !== path)
				await look(world, check, path, uri, headers, wrong, 404);
		}
		none(wrong);
	});

	test('openapi: failures of VCS are as described', async () => {
		const description = await readDescription(world);
		const check = makeCheck(description);
		const headers = bearer(await takeToken(world, 'heron'));
		const wrong = [];

		for (const operation of ['reports.summary', 'reports.xdrs']) {
			await control(world.stack, 'POST', '/faults',
				{ operation, fault: 'error' });
			await look(world, check, '/api/dashboard', '/api/dashboard',
				headers, wrong);
		}
		await control(world.stack, 'POST', '/faults',
			{ operation: 'core', fault: 'error' });
		for (const path of listPages(description))
			if (!isOpen(description, path)) {
				const answer = await ask(world.stack.apiPort, path,
					{ headers });
				const fault = check(path, 'get', answer.status,
					JSON.parse(answer.text));

				if (fault)
					wrong.push(path + ': ' + fault);
			}
		none(wrong);
	});

	test('openapi: what is sent is answered as described', async () => {
		const description = await readDescription(world);
		const check = makeCheck(description);
		const headers = { ...bearer(await takeToken(world, 'heron')),
			'Content-Type': 'application/json' };
		const profile = await askJson(world.stack.apiPort, '/api/profile',
			{ headers });
		const bodies = [
			['/api/language', { locale: 'de' }, 200],
			['/api/language', { locale: 'xx' }, 400],
			['/api/profile', { version: profile.version,
				...profile.fields }, 200],
			['/api/profile', { version: profile.version, nickname: 'x' }, 400],
			['/api/password', { current: 'wrong', new: 'long-enough-7f3a',
				repeat: 'long-enough-7f3a' }, 422],
			['/api/voucher', { code: '000-000000' }, 422],
			['/api/voucher', {}, 400],
			['/api/voucher', { code: '101-000001' }, 200],
			['/api/refill', { gateway: 'paypal', amount: '25.00' }, 201],
			['/api/refill', { gateway: 'authorizenet', amount: '25' }, 201],
			['/api/refill', { gateway: 'paypal', amount: '25,00' }, 400],
			['/api/refill', { gateway: 'paypal', amount: '1' }, 422],
			['/api/refill', { gateway: 'none', amount: '25' }, 400],
			['/api/invoices/{id}/pay', { gateway: 'paypal' }, 201, 9007],
			['/api/invoices/{id}/pay', { gateway: 'paypal' }, 422, 9001],
			['/api/invoices/{id}/pay', { gateway: 'paypal' }, 404, 9107],
			['/api/hooks/{id}', {}, 401, 'authorizenet'],
			['/api/hooks/{id}', {}, 404, 'none'],
			['/api/logout', {}, 200],
			['/api/logout', {}, 401],
		];
		const wrong = [];

		for (const [path, body, status, id] of bodies) {
			const answer = await ask(world.stack.apiPort,
				path.replace('{id}', id), {
				method: 'POST', headers, body: JSON.stringify(body) });
			const fault = check(path, 'post', answer.status,
				JSON.parse(answer.text));

			if (answer.status !== status || fault)
				wrong.push(path + ': ' + answer.status + ' ' + fault + ' ' +
					answer.text.slice(0, 300));
		}
		none(wrong);
	});

	test('openapi: the check finds what is not described', async () => {
		const check = makeCheck(await readDescription(world));
		const headers = bearer(await takeToken(world, 'heron'));
		const model = await askJson(world.stack.apiPort, '/api/accounts',
			{ headers });
		const faultOf = body => check('/api/accounts', 'get', 200, body);

		assert.strictEqual(faultOf(model), '');
		assert.match(faultOf({ ...model, more: 1 }), /additional/);
		assert.match(faultOf({}), /accounts/);
		model.accounts[0].enabled = 'yes';
		assert.match(faultOf(model), /boolean/);
	});

	test('docs: the page names every path, in both languages', async () => {
		const description = await readDescription(world);

		for (const language of ['en', 'de']) {
			const page = await ask(world.stack.port, '/api/docs', {
				headers: { 'Accept-Language': language } });

			assert.strictEqual(page.status, 200);
			assert.ok(page.text.includes('<html lang="' + language + '"'));
			for (const path of Object.keys(description.paths))
				assert.ok(page.text.includes(path), path);
			assert.ok(!page.text.includes('<script'));
		}
	});
};
