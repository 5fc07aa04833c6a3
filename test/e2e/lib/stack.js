// stack.js: the whole portal for a test: simulated VCS, workers, nginx, on ports
// that nobody uses. Everything is ended by its process id.
'use strict';

const fs = require('fs');
const net = require('net');
const os = require('os');
const path = require('path');
const { spawn } = require('child_process');

const root = path.resolve(__dirname, '../../..');
const build = process.env.PORTICO_BUILD;
const TOKEN = '0123456789abcdef0123456789abcdef';
const PATIENCE = 180000; // ms; only what fails waits that long

// The programs with sanitizers where there are some.
function findProgram(name) {
	const given = process.env[name.toUpperCase() + '_BIN'];
	const found = [given, path.join(build, 'asan', name),
		path.join(build, name)].find(file => file && fs.existsSync(file));

	if (!found)
		throw new Error(name + ' is not built: ./dev build');
	return found;
}

// --- Processes ---------------------------------------------------------------

const running = new Set();

// A part of the stack; it ends with this process, whatever happens.
function start(name, log, command, args, options = {}) {
	const out = fs.openSync(log, 'a');
	const child = spawn('setpriv', ['--pdeathsig', 'TERM', command, ...args],
		{ stdio: ['ignore', out, out], ...options });
	const part = { name, log, child, pid: child.pid, code: undefined };

	fs.closeSync(out);
	running.add(part);
	part.ended = new Promise(resolve => child.on('exit', (code, signal) => {
		part.code = code === null ? signal : code;
		running.delete(part);
		resolve(part.code);
	}));
	child.on('error', error => { part.code = String(error); });
	return part;
}

async function end(part) {
	if (!part || part.code !== undefined)
		return part && part.code;
	process.kill(part.pid, 'SIGTERM');
	const late = setTimeout(() => part.child.kill('SIGKILL'), PATIENCE / 2);
	const code = await part.ended;

	clearTimeout(late);
	return code;
}

function tail(file) {
	return fs.readFileSync(file, 'utf8').split('\n').slice(-25).join('\n');
}

// Asks again and again until the answer is yes; the part must live meanwhile.
async function until(part, what, ask) {
	const deadline = Date.now() + PATIENCE;

	while (!await ask()) {
		if (part.code !== undefined || Date.now() > deadline)
			throw new Error(part.name + ' (' + part.code + '): not ' + what + '\n' +
				tail(part.log));
		await new Promise(resolve => setTimeout(resolve, 25));
	}
}

// --- Ports -------------------------------------------------------------------

function isFree(port) {
	return new Promise(resolve => {
		const server = net.createServer();

		server.once('error', () => resolve(false));
		server.listen(port, '127.0.0.1',
			() => server.close(() => resolve(true)));
	});
}

// The first of `count` free ports, below those that the kernel hands out. Parts
// that run at once begin far from each other.
async function findPorts(count) {
	const first = 20000 + process.pid % 100 * 100;

	for (let i = 0; i < 1200; i++) {
		const base = 20000 + (first - 20000 + i * 10) % 12000;
		const free = [];

		for (let port = base; port < base + count; port++)
			free.push(await isFree(port));
		if (free.every(Boolean))
			return base;
	}
	throw new Error('no free ports');
}

// --- The parts ---------------------------------------------------------------

async function startSandbox(folder, options = ['--small']) {
	const port = await findPorts(6);
	const log = path.join(folder, 'sandbox.log');
	const part = start('sandbox', log, findProgram('sandbox'),
		['--port', String(port), '--dir', path.join(folder, 'sandbox'),
			'--token', TOKEN, '--login', 'portal-api',
			'--password', 'portal-api-demo', ...options]);

	await until(part, 'ready', () => tail(log).includes('sandbox: ready'));
	return { part, port, folder };
}

// The sandbox's gateways and mail, as a portal's settings.
async function readGateways(sandbox) {
	const { askJson } = require('./http');
	const at = await askJson(sandbox.port + 4, '/gateways');

	return {
		paypal: {
			clientId: at.paypal_client, clientSecret: at.paypal_secret,
			environment: 'sandbox', uri: at.paypal, webUri: at.paypal_web,
			webhookId: at.paypal_webhook_id,
			merchantId: at.paypal_merchant_id,
			certHosts: [new URL(at.paypal_cert_base).host],
			certCaFile: path.join(sandbox.folder, 'sandbox/ca.pem'),
		},
		authorizenet: {
			apiLoginId: at.anet_login, apiTransactionKey: at.anet_key,
			apiSignatureKey: at.anet_signature, environment: 'sandbox',
			uri: at.anet, hostedUri: at.anet_page,
		},
		smtp: { uri: 'smtp://' + at.smtp, from: 'portal@example.net',
			operator: 'operator@example.net' },
		payment: { quietTime: 2 },
	};
}

// Where the sandbox sends the gateways' webhooks.
function sendHooks(stack, on) {
	const { askJson } = require('./http');
	const hook = name => on ? `http://127.0.0.1:${stack.port}/api/hooks/${name}` :
		'';

	return askJson(stack.sandbox.port + 4, '/gateways', { method: 'POST',
		body: JSON.stringify({ paypal_hook: hook('paypal'),
			anet_hook: hook('authorizenet') }) });
}

async function writeConfig(folder, sandbox, port, settings) {
	const file = path.join(folder, 'customer-params.json');

	fs.writeFileSync(file, JSON.stringify({
		coreApi: { uri: 'http://127.0.0.1:' + sandbox.port, authToken: TOKEN },
		managementApi: {
			uri: 'https://127.0.0.1:' + (sandbox.port + 1) + '/jsonrpc/',
			login: 'portal-api', password: 'portal-api-demo',
			caFile: path.join(sandbox.folder, 'sandbox/ca.pem'),
		},
		billingUri: 'https://127.0.0.1:' + (sandbox.port + 1),
		publicUri: 'http://localhost:' + port,
		store: { uri: 'sqlite:' + path.join(folder, 'portico.db') },
		pool: { workers: 3 },
		...await readGateways(sandbox),
		...settings,
	}, null, 2));
	return file;
}

function hasIpv6() {
	try {
		return /^0{31}1 /m.test(fs.readFileSync('/proc/net/if_inet6', 'utf8'));
	} catch {
		return false;
	}
}

// The demo's own nginx configuration, with its limit of requests if wanted.
function writeNginx(stack, limit) {
	const values = {
		BUILD: path.dirname(stack.folder), PORT: stack.port,
		API_PORT: stack.apiPort, METRICS_PORT: stack.metricsPort,
		SOCKET: stack.socket, SHARE: path.join(build, 'share'),
		USER: os.userInfo().username,
		LIMIT_REQ: limit ? 'limit_req zone=portico burst=200 nodelay;' : '',
	};
	const text = fs.readFileSync(path.join(root, 'nginx/demo.conf.in'), 'utf8')
		.split('\n')
		.filter(line => hasIpv6() || !line.endsWith('# ipv6'))
		.join('\n')
		.replace(/@([A-Z_]+)@/g, (all, name) => name in values ? values[name] : all);

	fs.writeFileSync(path.join(stack.folder, 'nginx.conf'), text);
}

async function startPortico(stack) {
	stack.portico = start('portico', path.join(stack.folder, 'portico.log'),
		findProgram('portico'), ['serve', '--config', stack.config,
			'--socket', stack.socket, '--reconcile', '1']);
	await until(stack.portico, 'listening',
		() => fs.existsSync(stack.socket));
}

async function startNginx(stack) {
	const { folder } = stack;

	stack.nginx = start('nginx', path.join(folder, 'nginx.log'), 'nginx',
		['-e', path.join(folder, 'nginx-error.log'), '-p', folder,
			'-c', path.join(folder, 'nginx.conf')],
		{ env: { ...process.env, PATH: process.env.PATH + ':/usr/sbin:/sbin' } });
	await until(stack.nginx, 'listening', async () => !await isFree(stack.port));
}

async function isHealthy(stack) {
	const { ask } = require('./http');

	return (await ask(stack.port, '/api/health')).status === 200;
}

// openStack NAME: workers and nginx before a sandbox (an own one, or that of
// another stack).
async function openStack(name, { sandbox, settings, limit } = {}) {
	const folder = path.join(build, 'e2e', name, 'demo');

	fs.rmSync(path.dirname(folder), { recursive: true, force: true });
	fs.mkdirSync(folder, { recursive: true });
	const stack = { name, folder, ownsSandbox: !sandbox };

	stack.sandbox = sandbox || await startSandbox(folder);
	stack.port = await findPorts(3);
	stack.apiPort = stack.port + 1;
	stack.metricsPort = stack.port + 2;
	stack.socket = path.join(folder, 's');
	stack.url = 'http://localhost:' + stack.port;
	stack.config = await writeConfig(folder, stack.sandbox, stack.port,
		settings);
	writeNginx(stack, limit);
	if (stack.ownsSandbox)
		await sendHooks(stack, true);
	await startPortico(stack);
	await startNginx(stack);
	await until(stack.portico, 'healthy', () => isHealthy(stack));
	return stack;
}

async function closeStack(stack) {
	await end(stack.nginx);
	await end(stack.portico);
	if (stack.ownsSandbox)
		await end(stack.sandbox.part);
}

// What the sanitizers and the pool had to say.
function findTrouble(stack) {
	const logs = ['portico.log', 'sandbox.log'].map(
		name => path.join(stack.folder, name)).filter(fs.existsSync);

	return logs.flatMap(log => fs.readFileSync(log, 'utf8').split('\n').filter(
		line => /Sanitizer|runtime error|worker\.(crash|killed)/.test(line)));
}

async function endAll() {
	await Promise.all([...running].map(end));
}

module.exports = {
	root, build, TOKEN, openStack, closeStack, startPortico, sendHooks, end,
	until, isHealthy, findTrouble, endAll,
};
