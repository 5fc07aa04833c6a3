// http.js: requests just as they are written, without a browser's help.
'use strict';

const http = require('http');
const net = require('net');

const agent = new http.Agent({ keepAlive: true, maxSockets: 32 });

// ask PORT PATH: the path goes out as it is. Answers status, headers, the names
// of all header lines, body (Buffer) and text.
function ask(port, path, { method = 'GET', headers = {}, body } = {}) {
	return new Promise((resolve, reject) => {
		const request = http.request({ host: '127.0.0.1', port, path, method,
			agent, headers: { Host: 'localhost:' + port, ...headers } },
		answer => {
			const pieces = [];

			answer.on('data', piece => pieces.push(piece));
			answer.on('error', reject);
			answer.on('end', () => {
				const bytes = Buffer.concat(pieces);

				resolve({ status: answer.statusCode,
					headers: answer.headers,
					names: answer.rawHeaders.filter((x, i) => i % 2 === 0)
						.map(name => name.toLowerCase()),
					body: bytes, text: bytes.toString() });
			});
		});

		request.on('error', reject);
		request.end(body);
	});
}

async function askJson(port, path, options) {
	return JSON.parse((await ask(port, path, options)).text);
}

// Bytes on a connection; answers as ask does, once the other side closes it.
function sendRaw(port, text) {
	return new Promise((resolve, reject) => {
		const socket = net.connect(port, '127.0.0.1');
		let answer = '';

		socket.on('data', piece => { answer += piece; });
		socket.on('error', reject);
		socket.on('close', () => resolve(parseRaw(answer)));
		socket.write(text);
	});
}

function parseRaw(answer) {
	const [head, ...rest] = answer.split('\r\n\r\n');
	const [line, ...fields] = head.split('\r\n');
	const headers = {}, names = [];

	for (const field of fields) {
		const at = field.indexOf(':');
		const name = field.slice(0, at).toLowerCase();

		names.push(name);
		headers[name] = field.slice(at + 1).trim();
	}
	return { status: Number(line.split(' ')[1]), headers, names,
		text: rest.join('\r\n\r\n') };
}

// --- The simulated VCS -------------------------------------------------------

function control(stack, method, path, body) {
	return askJson(stack.sandbox.port + 4, path, { method,
		body: body === undefined ? undefined : JSON.stringify(body) });
}

async function core(stack, method, params) {
	const { TOKEN } = require('./stack');
	const answer = await askJson(stack.sandbox.port, '/', { method: 'POST',
		headers: { 'Content-Type': 'application/json' },
		body: JSON.stringify({ jsonrpc: '2.0', id: 1, method,
			params: { AUTH: TOKEN, ...params } }) });

	if (answer.error)
		throw new Error(method + ': ' + JSON.stringify(answer.error));
	return answer.result;
}

module.exports = { ask, askJson, sendRaw, control, core };
