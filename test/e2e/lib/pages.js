// pages.js: every page in every state that a customer may meet, for the tests
// that look at all of them.
'use strict';

const crypto = require('crypto');
const { control, core } = require('./http');
const { openPage, findPage, forgetPage, forgetUser, logIn, follow } =
	require('./browser');
const { codeOf, readSecret } = require('./factor');
const { changeStore } = require('./store');

const failed = operation => ({ operation, fault: 'error' });

// `client` is laid over a customer's fields in VCS while the page is looked at.
// kestrel, once let in, has no usage and no rate table.
const nothing = { id: 1003, status: 'active', orig_rate_table: 999 };
const LONG = 'Wwwwwwwwwwwwwwwwwwwwwwwwwwwwww'.repeat(4);

const pages = [
	{ name: 'log-in', path: '/api/login' },
	{ name: 'log-in refused', path: '/api/login', status: 401,
		act: page => logIn(page, 'nobody', 'x') },
	{ name: 'log-in incomplete', path: '/api/login', status: 400,
		act: page => logIn(page, '', '') },
	{ name: 'dashboard', path: '/api/dashboard', user: 'heron' },
	{ name: 'dashboard in German', path: '/api/dashboard', user: 'osprey' },
	{ name: 'dashboard, numbers and menus open', path: '/api/dashboard',
		user: 'heron', act: openDetails },
	{ name: 'dashboard without usage', path: '/api/dashboard',
		user: 'kestrel', client: nothing },
	{ name: 'dashboard, sections failed', path: '/api/dashboard',
		user: 'heron', faults: [failed('reports.xdrs'),
			failed('reports.summary')] },
	{ name: 'dashboard, balance failed', path: '/api/dashboard',
		user: 'heron', faults: [failed('clients.get')] },
	{ name: 'dashboard, low balance', path: '/api/dashboard', user: 'heron',
		client: { id: 1001, balance: '-12345678.9' } },
	{ name: 'dashboard of a long name', path: '/api/dashboard',
		user: 'heron', client: { id: 1001, name: LONG } },
	{ name: 'rates', path: '/api/rates', user: 'heron' },
	{ name: 'rates in German', path: '/api/rates?sort=-price',
		user: 'osprey' },
	{ name: 'rates of a long name', path: '/api/rates?q=germany',
		user: 'heron', client: { id: 1001, name: LONG } },
	{ name: 'rates, nothing found', user: 'heron',
		path: '/api/rates?q=' + 'nowhere-'.repeat(8) },
	{ name: 'rates, none at all', path: '/api/rates', user: 'kestrel',
		client: nothing },
	{ name: 'rates, first rows only', path: '/api/rates?q=a',
		user: 'whale', copied: false },
	{ name: 'rates of a copy', path: '/api/rates?q=a&sort=-price&page=3',
		user: 'whale', copied: true, act: awaitCopy },
	{ name: 'rates, wrong parameter', path: '/api/rates?size=7',
		user: 'heron', status: 400 },
	{ name: 'docs', path: '/api/docs' },
	{ name: 'docs in German', path: '/api/docs', user: 'osprey' },
	{ name: 'billing in trouble', path: '/api/rates', user: 'heron',
		status: 502, faults: [failed('core')] },
	{ name: 'not found', path: '/api/nothing', user: 'heron', status: 404 },
	{ name: 'not found, not logged in', path: '/api/nothing', status: 404 },
	{ name: 'not found by nginx', path: '/nothing', status: 404 },
];

// Pages without states worth a row of their own, in both languages.
for (const path of ['usage/summary', 'usage/summary?group_by=code_name',
	'usage/detailed', 'payments', 'charges', 'invoices',
	'rates/lookup?number=%2B49301234567', 'subscriptions', 'accounts',
	'profile', 'password', 'voucher', 'refill'])
	for (const user of ['heron', 'osprey'])
		pages.push({ name: path + ' of ' + user, path: '/api/' + path, user });
pages.push(
	{ name: 'profile, wrong', path: '/api/profile', user: 'heron', status: 400,
		act: page => send(page, { email: 'nobody', company: '' }) },
	{ name: 'voucher, incomplete', path: '/api/voucher', user: 'heron',
		status: 400, act: page => send(page, { code: '' }) },
	{ name: 'password, wrong', path: '/api/password', user: 'osprey',
		status: 422, act: page => send(page,
			{ current: 'x', new: 'short', repeat: 'other' }) },
	{ name: 'payments, wrong period', user: 'heron', status: 400,
		path: '/api/payments?from=2026-02-01&to=2026-01-01' },
	{ name: 'usage without usage', path: '/api/usage/detailed',
		user: 'kestrel', client: nothing },
	{ name: 'subscriptions failed', path: '/api/subscriptions', status: 502,
		user: 'heron', faults: [failed('clients_packages.search')] });

/* An authenticator app in each state. `factor`: whose is on; `lacks`: whose
 * log-ins lack one; `ends`: whose sessions end by what is done. */
async function beginApp(page) {
	return follow(page, 'main form[action$=totp] button');
}

async function confirmApp(page) {
	await logIn(page, 'whale');
	await page.goto('/api/security/totp');
	await beginApp(page);
	await page.fill('#code', codeOf(await readSecret(page)));
	return follow(page, 'main form[action$=confirm] button');
}

pages.push(
	{ name: 'log-in, code', path: '/api/login', factor: 1001,
		act: page => logIn(page, 'heron') },
	{ name: 'log-in, wrong code', path: '/api/login', factor: 1001, status: 422,
		act: async page => {
			await logIn(page, 'heron');
			return send(page, { code: 'AAAA-AAAA-AAAA' });
		} },
	{ name: 'log-in, app asked for', path: '/api/login', lacks: 1004,
		ends: 'whale', act: async (page, lack) => {
			await logIn(page, 'whale');
			lack();
			await page.goto('/api/security/totp');
			return beginApp(page);
		} },
	{ name: 'app, recovery codes', path: '/api/login', ends: 'whale',
		act: confirmApp },
	{ name: 'app, off', path: '/api/security/totp', user: 'heron' },
	{ name: 'app, begun', path: '/api/security/totp', user: 'osprey',
		factor: 0, act: beginApp },
	{ name: 'app, on', path: '/api/security/totp', user: 'heron',
		factor: 1001 },
	{ name: 'app, not removed', path: '/api/security/totp', user: 'osprey',
		factor: 1002, status: 422,
		act: page => send(page, { current: '' }) });

/* Passkeys, as they are without script: the forms that need it stay hidden. `keys`:
 * whose there are two of. */
const KEYS = '/api/security/passkeys';
const KEY = KEYS + '/' + 'KEY'.padEnd(16, 'A');

async function prove(page, form, current) {
	await page.fill('#current', current);
	return follow(page, 'main form[action$=' + form + '] button');
}

pages.push(
	{ name: 'log-in, code or passkey', path: '/api/login', keys: 1001,
		act: page => logIn(page, 'heron') },
	{ name: 'log-in, passkey asked for', path: '/api/login', lacks: 1004,
		ends: 'whale', act: async (page, lack) => {
			await logIn(page, 'whale');
			lack();
			return page.goto(KEYS);
		} },
	{ name: 'passkeys, none', path: KEYS, user: 'heron' },
	{ name: 'passkeys, some', path: KEYS, user: 'osprey', keys: 1002 },
	{ name: 'passkeys, not proved', path: KEYS, user: 'osprey', status: 422,
		act: page => prove(page, 'new', '') },
	{ name: 'passkeys, begun', path: KEYS, user: 'heron',
		act: page => prove(page, 'new', 'heron-demo-1') },
	{ name: 'passkey', path: KEY, user: 'heron', keys: 1001 },
	{ name: 'passkey, no name', path: KEY, user: 'heron', keys: 1001,
		status: 400, act: page => send(page, { name: '' }) },
	{ name: 'passkey, not removed', path: KEY, user: 'osprey', keys: 1002,
		status: 422, act: page => prove(page, 'remove', '') },
	{ name: 'security with passkeys', path: '/api/security', user: 'heron',
		keys: 1001 });

function writeKeys(world, client) {
	const now = Math.floor(Date.now() / 1000);

	changeStore(world.stack, [`insert into passkey (id, brand, client_id, login,
		credential, public_key, sign_count, name, created, used)
		values (?, 'default', ?, 'heron', ?, '', 0, ?, ?, ?)`, [
		[KEY.split('/').pop(), client, 'aa', 'Phone', now - 86400, now],
		['OTHER'.padEnd(16, 'A'), client, 'bb', LONG.slice(0, 60), now, 0]]],
	[`insert into recovery_code (brand, client_id, code_hash)
		values ('default', ?, ?)`, [[client, 'a']]]);
}

// Without a log-in, by a letter's link (reset: true makes it good), and sessions.
const LINK = 'Link'.padEnd(43, 'A');

pages.push(
	{ name: 'log-in after a new password', path: '/api/login?done=reset' },
	{ name: 'forgotten password', path: '/api/reset' },
	{ name: 'forgotten password, sent', path: '/api/reset?sent=yes' },
	{ name: 'forgotten password, incomplete', path: '/api/reset', status: 400,
		act: page => send(page, { login: '' }) },
	{ name: 'new password', path: '/api/reset/' + LINK, reset: true },
	{ name: 'new password, wrong', path: '/api/reset/' + LINK, reset: true,
		status: 422, act: page => send(page, { new: 'short', repeat: 'x' }) },
	{ name: 'new password, link gone', path: '/api/reset/nothing', status: 404 },
	{ name: 'security of heron', path: '/api/security', user: 'heron' },
	{ name: 'security of osprey', path: '/api/security', user: 'osprey' },
	{ name: 'personal data', path: '/api/personal', user: 'heron' },
	{ name: 'personal data in German', path: '/api/personal', user: 'osprey' },
	{ name: 'activity', path: '/api/audit?size=50', user: 'heron',
		trail: 1001 },
	{ name: 'activity in German', path: '/api/audit', user: 'osprey',
		trail: 1002 },
	{ name: 'activity, none', user: 'heron',
		path: '/api/audit?from=2020-01-01&to=2020-01-31' },
	{ name: 'activity, wrong parameter', path: '/api/audit?size=7',
		user: 'heron', status: 400 });

// Everything that may have happened: event, item, old, new, amount, times.
const TRAIL = [['login', 'password'], ['login', 'code', '', '', '', 12],
	['new_device'], ['logout'], ['password_changed'], ['reset_done'],
	['session_ended', 'billing-sync/2.1'], ['sessions_ended'],
	['sessions_revoked'], ['factor_added'], ['factor_removed'],
	['recovery_used'], ['profile_changed', 'email', 'old@heron.example',
		'billing+' + 'long'.repeat(10) + '@heron.example'],
	['profile_changed', 'address', '', '1 Side St <b>Boston</b>'],
	['profile_changed', 'company', '\u05d0\u05d1\u05d2 Ltd', 'Heron & Sons'],
	['voucher_redeemed', '', '', '', '25.00'],
	...['begun', 'paid', 'failed', 'cancelled', 'expired', 'review',
		'partly_reversed', 'reversed'].map(what => ['payment_' + what,
		'RFABCDEFGHIJKLMNOPQR', '', '', '1234.50']),
	['invoice_downloaded', 'INV-9005.pdf'],
	['exported', 'usage_detailed_2026-10-26_2026-11-24.csv']];
const TALLY = ['login_failed', 'code_failed', 'password_failed', 'reset_asked'];

function writeTrail(world, client) {
	const now = Math.floor(Date.now() / 1000);
	const agent = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 ' +
		'Firefox/140.0';

	changeStore(world.stack, ['insert into audit values ' +
		"('default', ?, ?, ?, ?, ?, ?, ?, ?, ?, 'USD', ?, ?, ?)", TRAIL.map(
		([event, item = '', old = '', next = '', amount = '', times = 1],
			i) => [client, 1000 + i, now - 60 * i, now - 90 * i, event, item, old, next,
			amount, times, ...(event.startsWith('payment_') ? ['', ''] :
				['198.51.100.1', agent])])],
	['insert into audit_tally values ' +
		"('default', ?, ?, '', 0, ?, ?, 7, '2001:db8::7', ?, ?)", TALLY.map(
		event => ['client:' + client, event, now - 300, now - 900, agent,
			now + 9999])]);
}

function forgetTrail(world) {
	changeStore(world.stack, ['delete from audit', [[]]],
		['delete from audit_tally', [[]]]);
}

function writeReset(world) {
	changeStore(world.stack, ['insert into reset values (?, ?, ?, ?, ?)', [[
		crypto.createHash('sha256').update(LINK).digest('hex'), 'default',
		CLIENTS.heron[0], 'heron', Math.floor(Date.now() / 1000) + 900]]]);
}

function forgetReset(world) {
	changeStore(world.stack, ['delete from reset', [[]]]);
}

/* The refill page with payments in each state, refused, for an invoice; and
 * pages of payments. */
const STATES = ['creating', 'redirected', 'capturing', 'pending', 'adding',
	'done', 'failed', 'cancelled', 'expired', 'debiting', 'partly_reversed',
	'reversed', 'review'];

// Those that differ in more than words.
const SHOWN = {
	heron: ['redirected', 'adding', 'done', 'failed', 'reversed', 'review'],
	osprey: ['redirected', 'adding', 'failed'],
};

async function refillWrong(page) {
	await page.fill('#amount', '1.234,5x');
	return follow(page, 'main form button[type=submit]');
}

for (const user of ['heron', 'osprey']) {
	pages.push(
		{ name: 'refill with payments of ' + user, path: '/api/refill',
			user, payments: STATES },
		{ name: 'refill refused of ' + user, path: '/api/refill', user,
			status: 400, act: refillWrong },
		{ name: 'refill of an invoice of ' + user, user,
			path: '/api/refill?invoice=' + (user === 'heron' ? 9006 : 9106) },
		{ name: 'payment by card of ' + user, user, gateway: 'authorizenet',
			payments: ['redirected'], path: statusPath('redirected') });
	for (const state of SHOWN[user])
		pages.push({ name: 'payment ' + state + ' of ' + user, user,
			payments: [state], path: statusPath(state) });
}

function statusPath(state) {
	return '/api/refill/payments/' + paymentId(state);
}

/* From the last one up: an open menu of the bar covers what is below it. */
async function openDetails(page) {
	for (const summary of (await page.locator('summary:visible').all()).reverse())
		await summary.click();
	return null;
}

async function send(page, fields) {
	for (const [id, value] of Object.entries(fields))
		await page.fill('#' + id, value);
	return follow(page, 'main form[method=post] button[type=submit]');
}

async function readFields(world, { id, ...fields }) {
	const client = await core(world.stack, 'clients.get', { id });

	return Object.fromEntries(Object.keys(fields).map(
		name => [name, client[name]]));
}

function writeFields(world, id, fields) {
	return control(world.stack, 'POST', '/clients/' + id, fields);
}

const CLIENTS = { heron: [1001, 'USD', 'en'], osprey: [1002, 'EUR', 'de'] };

function paymentId(state) {
	return 'RF' + state.replace(/_/g, '').toUpperCase().padEnd(18, 'A');
}

// Payments in these states; due never, so that nothing moves them.
function writePayments(world, { user, payments, gateway = 'paypal' }) {
	const [client, currency, locale] = CLIENTS[user];
	const now = Math.floor(Date.now() / 1000);
	const rows = payments.map((state, i) => [paymentId(state), 'default',
		client, gateway, 'sandbox', String(25 + i * 10), currency, state,
		paymentId(state), i % 3 === 2 ? 9006 : 0,
		i % 3 === 2 ? 'INV-9006' : null, locale, 'ORDER' + state,
		state === 'redirected' ? 'http://localhost/way' : null, 1, null, 0, 0,
		now - i * 3600, now - i * 60, 0]);

	const receipts = rows.filter(row =>
		/done|debiting|reversed|adding|review/.test(row[7])).map(row =>
		[row[3], row[4], '3C679366HH908993' + row[7].slice(0, 4).toUpperCase(),
			'default', row[0], row[5], row[6], 'COMPLETED', 1, row[17]]);

	changeStore(world.stack, [`insert into payment (id, brand, client_id,
		gateway, environment, amount, currency, state, nonce, invoice_id,
		invoice, locale, order_id, way, captures, why, mailed, tries, created,
		updated, due) values (${rows[0].map(() => '?').join()})`, rows],
	[`insert into receipt (gateway, environment, money_id, brand, payment_id,
		amount, currency, status, fit, created)
		values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, receipts]);
}

function forgetPayments(world, { payments }) {
	const ids = payments.map(state => [paymentId(state)]);

	changeStore(world.stack, ...['receipt', 'payment_story', 'posting'].map(
		table => [`delete from ${table} where payment_id = ?`, ids]),
	['delete from payment where id = ?', ids]);
}

// An app that is on, whose secret nobody knows; it needs none for recovery codes.
function writeFactor(world, client) {
	changeStore(world.stack, [`insert into totp (brand, client_id, secret, state,
		session, step, time) values ('default', ?, '', 'on', '', 0, ?)`,
	client ? [[client, Math.floor(Date.now() / 1000)]] : []],
	[`insert into recovery_code (brand, client_id, code_hash)
		values ('default', ?, ?)`, client ? [[client, 'a'], [client, 'b']] : []]);
}

function forgetFactors(world) {
	changeStore(world.stack, ['delete from totp', [[]]],
		['delete from recovery_code', [[]]], ['delete from passkey', [[]]],
		['delete from throttle where kind = ?', [['code']]]);
}

function setLack(world, client) {
	changeStore(world.stack,
		['update session set lack = 2 where client_id = ?', [[client]]]);
}

// A page that looks again by itself would do so while it is looked at.
function holdStill(page) {
	return page.route(/\/api\/refill\/payments\//, async route => {
		const response = await route.fetch();
		const { refresh, ...headers } = response.headers();

		await route.fulfill({ response, headers });
	});
}

async function load(world, entry, page) {
	for (const fault of entry.faults || [])
		await control(world.stack, 'POST', '/faults', fault);
	let answer = await page.goto(entry.path);

	if (entry.act)
		answer = await entry.act(page, () => setLack(world, entry.lacks)) ||
			answer;
	if (answer.status() !== (entry.status || 200))
		throw new Error(entry.name + ': status ' + answer.status());
	return answer;
}

async function lookAt(world, entry, page, look, prepare) {
	const undo = prepare && prepare(page);

	if (entry.payments)
		await holdStill(page);
	await look(page, await load(world, entry, page));
	await page.unrouteAll();
	if (undo)
		undo();
}

// Opens a page in its state, and calls look(page, answer). Where somebody is
// logged in, the page is one that others looked at before; what prepare(page)
// answers undoes it.
// The mirror has a copy of the whale's rates, or none and makes none; it is made
// at the first time.
function writeRates(world, copied) {
	const made = '(select max(generation) from rate_copy ' +
		"where table_id = 22 and state = 'whole')";

	changeStore(world.stack, [
		"insert into rate_table values ('default', 22, ?, 0, 0, 0) " +
		'on conflict (brand, table_id) do nothing',
		[[Math.floor(Date.now() / 1000)]]], [copied
		? `update rate_table set generation = coalesce(${made}, 0), ` +
			`next_try = case when ${made} > 0 then 9000000000 else 0 end ` +
			'where table_id = ?'
		: 'update rate_table set generation = 0, next_try = 9000000000 ' +
			'where table_id = ?', [[22]]]);
}

async function awaitCopy(page) {
	const end = Date.now() + 60000;
	let answer;

	while (!(await page.content()).includes('Rates as of') &&
		Date.now() < end)
		answer = await page.reload();
	return answer;
}

async function visit(world, entry, options, look, prepare) {
	const { id, ...fields } = entry.client || {};
	const before = id && await readFields(world, entry.client);
	const open = entry.user ? findPage : openPage;
	let page;

	if (id)
		await writeFields(world, id, fields);
	if (entry.payments)
		writePayments(world, entry);
	if (entry.factor)
		writeFactor(world, entry.factor);
	if (entry.reset)
		writeReset(world);
	if (entry.trail)
		writeTrail(world, entry.trail);
	if ('copied' in entry)
		writeRates(world, entry.copied);
	try {
		page = await open(world, { user: entry.user, ...options });
		// Who logs in with passkeys needs one.
		if (entry.keys)
			writeKeys(world, entry.keys);
		await lookAt(world, entry, page, look, prepare);
	} catch (error) {
		if (page)
			await forgetPage(page);
		throw error;
	} finally {
		await control(world.stack, 'DELETE', '/faults');
		if (entry.payments)
			forgetPayments(world, entry);
		if ('factor' in entry || entry.keys || entry.ends)
			forgetFactors(world);
		if (entry.ends)
			await forgetUser(world.stack, entry.ends);
		if (entry.trail)
			forgetTrail(world);
		if (entry.reset)
			forgetReset(world);
		if (id)
			await writeFields(world, id, before);
	}
}

module.exports = { pages, visit };
