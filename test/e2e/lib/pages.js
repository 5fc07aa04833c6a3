// pages.js: every page in every state that a customer may meet, for the tests
// that look at all of them.
'use strict';

const { control, core } = require('./http');
const { openPage, logIn, follow } = require('./browser');

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
		user: 'whale' },
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
	'profile', 'password', 'voucher'])
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

async function load(world, entry, page) {
	for (const fault of entry.faults || [])
		await control(world.stack, 'POST', '/faults', fault);
	let answer = await page.goto(entry.path);

	if (entry.act)
		answer = await entry.act(page) || answer;
	if (answer.status() !== (entry.status || 200))
		throw new Error(entry.name + ': status ' + answer.status());
	return answer;
}

// Opens a page in its state, and calls look(page, answer).
async function visit(world, entry, options, look, prepare = () => {}) {
	const { id, ...fields } = entry.client || {};
	const before = id && await readFields(world, entry.client);

	if (id)
		await writeFields(world, id, fields);
	try {
		const page = await openPage(world, { user: entry.user, ...options });

		await prepare(page);
		await look(page, await load(world, entry, page));
	} finally {
		await control(world.stack, 'DELETE', '/faults');
		if (id)
			await writeFields(world, id, before);
	}
}

module.exports = { pages, visit };
