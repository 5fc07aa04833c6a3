// runner.js: a small runner of tests: one after the other, in the order in
// which they were written down.
'use strict';

const tests = [];

function test(name, body) {
	tests.push({ name, body });
}

// Every test is a promise of at most this long; only a failing one needs it.
const PATIENCE = 120000;

function inTime(name, promise) {
	let timer;
	const late = new Promise((resolve, reject) => {
		timer = setTimeout(
			() => reject(new Error('no end after ' + PATIENCE + ' ms')),
			PATIENCE);
	});
	return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function isWanted(name, words) {
	return !words.length || words.some(word => name.includes(word));
}

// Runs them; answers how many passed and failed.
async function runTests(words, after) {
	const counts = { passed: 0, failed: 0 };

	for (const { name, body } of tests) {
		if (!isWanted(name, words))
			continue;
		const start = Date.now();

		try {
			await inTime(name, Promise.resolve().then(body));
			counts.passed++;
			console.log('ok      ' + name + ' (' + (Date.now() - start) +
				' ms)');
		} catch (error) {
			counts.failed++;
			console.log('FAILED  ' + name + '\n' +
				String(error.stack || error).replace(/^/gm, '    '));
		}
		await after();
	}
	return counts;
}

module.exports = { test, runTests };
