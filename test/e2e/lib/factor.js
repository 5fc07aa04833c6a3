// factor.js: an authenticator app.
'use strict';

const { createHmac } = require('crypto');

const STEP = 30000;

function readBase32(text) {
	const bits = [...text].map(c => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c)
		.toString(2).padStart(5, '0')).join('');

	return Buffer.from(bits.match(/.{8}/g).map(byte => parseInt(byte, 2)));
}

// The code of a secret, `steps` from now (RFC 6238).
function codeOf(secret, steps = 0) {
	const count = Buffer.alloc(8);

	count.writeBigUInt64BE(BigInt(Math.floor(Date.now() / STEP) + steps));
	const mac = createHmac('sha1', readBase32(secret)).update(count).digest();

	return String((mac.readUInt32BE(mac[19] & 15) & 0x7fffffff) % 1e6)
		.padStart(6, '0');
}

async function readSecret(page) {
	return (await page.textContent('.secret')).replace(/\s/g, '');
}

module.exports = { codeOf, readSecret };
