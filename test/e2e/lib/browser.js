// browser.js: Chromium, without script unless a test asks for it. Its headless
// shell is the same engine without a browser's windows, in half the time.
'use strict';

const { chromium } = require('playwright-core');
const { ask } = require('./http');

const passwords = {
	heron: 'heron-demo-1', osprey: 'osprey-demo-1',
	kestrel: 'kestrel-demo-1', whale: 'whale-demo-1',
};

function openBrowser() {
	return chromium.launch({
		executablePath: process.env.CHROMIUM ||
			'/usr/bin/chromium-headless-shell',
		args: ['--headless', '--no-sandbox', '--disable-gpu',
			'--disable-quic', '--no-first-run',
			'--disable-background-networking',
			'--disable-component-update', '--disable-sync'],
	});
}

// --- Log-in without a browser ------------------------------------------------

function cookiesOf(answer) {
	const jar = {};

	for (const line of answer.headers['set-cookie'] || []) {
		const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);

		jar[name] = value;
	}
	return jar;
}

function writeCookies(jar) {
	return Object.entries(jar).map(pair => pair.join('=')).join('; ');
}

function findCsrf(text) {
	return /name="csrf" value="([^"]+)"/.exec(text)[1];
}

// Sends the log-in form; answers the answer and all cookies.
async function sendLogin(stack, user, password = passwords[user]) {
	const form = await ask(stack.port, '/api/login');
	const jar = cookiesOf(form);
	const answer = await ask(stack.port, '/api/login', { method: 'POST',
		headers: { Cookie: writeCookies(jar),
			'Content-Type': 'application/x-www-form-urlencoded' },
		body: String(new URLSearchParams({ csrf: findCsrf(form.text),
			login: user, password })) });

	return { answer, jar: { ...jar, ...cookiesOf(answer) } };
}

// One session for each user of a stack is enough for most tests.
async function findSession(stack, user) {
	stack.sessions = stack.sessions || {};
	if (!stack.sessions[user]) {
		const { answer, jar } = await sendLogin(stack, user);

		if (answer.status !== 303)
			throw new Error('log-in of ' + user + ': ' + answer.status);
		stack.sessions[user] = jar;
	}
	return stack.sessions[user];
}

// --- Pages -------------------------------------------------------------------

// A page of a new context (which is private); closed by closeContexts.
const contexts = new Set();

async function openPage(world, { stack = world.stack, user, width = 1280,
	height = 800, script = false, dark = false, ...options } = {}) {
	const context = await world.browser.newContext({
		javaScriptEnabled: script, viewport: { width, height },
		colorScheme: dark ? 'dark' : 'light', locale: 'en-US',
		reducedMotion: 'reduce',
		baseURL: stack.url, ...options });
	const page = await context.newPage();

	contexts.add(context);
	page.setDefaultTimeout(30000);
	if (user)
		await useSession(context, stack, user);
	return page;
}

// One that stays open, for tests that only look: a new context costs more than
// a page. Of each user, and each kind of browser.
const kept = new Map();

async function findPage(world, { width = 1280, height = 800, dark = false,
	...options }) {
	const key = JSON.stringify(options);

	if (!kept.has(key)) {
		const page = await openPage(world, options);

		contexts.delete(page.context());
		kept.set(key, page);
	}
	const page = kept.get(key);

	await page.setViewportSize({ width, height });
	await page.emulateMedia({ colorScheme: dark ? 'dark' : 'light' });
	return page;
}

// After a failure, a page may be in any state.
async function forgetPage(page) {
	for (const [key, other] of kept)
		if (other === page)
			kept.delete(key);
	await page.context().close();
}

// After a user's sessions have ended.
async function forgetUser(stack, user) {
	for (const [key, page] of kept)
		if (JSON.parse(key).user === user)
			await forgetPage(page);
	delete (stack.sessions || {})[user];
}

async function useSession(context, stack, user) {
	const jar = await findSession(stack, user);

	await context.addCookies(Object.entries(jar).map(([name, value]) =>
		({ name, value, url: stack.url })));
}

async function closeContexts() {
	for (const context of contexts)
		await context.close();
	contexts.clear();
}

async function logIn(page, user, password = passwords[user]) {
	await page.fill('#login', user);
	await page.fill('#password', password);
	return follow(page, 'main button[type=submit]');
}

// What a click leads to.
async function follow(page, selector) {
	const [answer] = await Promise.all([page.waitForNavigation(),
		page.click(selector)]);

	return answer;
}

module.exports = {
	passwords, openBrowser, openPage, findPage, forgetPage, forgetUser,
	closeContexts, logIn, follow, sendLogin, findSession, writeCookies, findCsrf, cookiesOf,
};
