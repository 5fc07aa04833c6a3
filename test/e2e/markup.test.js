// markup.test.js: valid HTML, and no obstacle that axe can find.
'use strict';

const assert = require('assert');
const fs = require('fs');
const path = require('path');
const axe = require('axe-core');
const { HtmlValidate, StaticConfigLoader } = require('html-validate');
const rules = require('./lib/htmlvalidate');
const { pages, visit } = require('./lib/pages');
const { root } = require('./lib/stack');
const { test } = require('./lib/runner');

const validator = new HtmlValidate(new StaticConfigLoader(rules));

async function validate(text) {
	const report = await validator.validateString(text);

	return report.results.flatMap(result => result.messages).map(message =>
		`${message.line}:${message.column} ${message.ruleId}: ` +
		message.message);
}

async function runAxe(page) {
	const { violations } = await page.evaluate(tags => window.axe.run(document,
		{ runOnly: tags, resultTypes: ['violations'] }),
	['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa',
		'best-practice']);

	return violations.flatMap(rule => rule.nodes.map(node =>
		`${rule.id}: ${node.html.slice(0, 160)}\n` +
		node.failureSummary.replace(/^/gm, '    ')));
}

// On a desktop and a phone, light and dark. Pages of both languages have these
// in turn: a desktop is light in English, dark in German.
const views = [[1280, 'light'], [360, 'dark'], [1280, 'dark'], [360, 'light']];

function viewsOf({ name, user }) {
	return /^(log-in|dashboard)$/.test(name) ? views :
		user === 'osprey' ? views.slice(2) : views.slice(0, 2);
}

async function findObstacles(page, entry) {
	await page.evaluate(axe.source);
	for (const [width, colorScheme] of viewsOf(entry)) {
		await page.setViewportSize({ width, height: 740 });
		await page.emulateMedia({ colorScheme });
		const found = await runAxe(page);

		assert.ok(!found.length, width + ' px, ' + colorScheme + '\n' +
			found.join('\n'));
	}
}

// Scripts and bypassCSP are for axe alone.
const open = { script: true, bypassCSP: true };

module.exports = world => {
	for (const entry of pages)
		test('markup: valid HTML, axe: ' + entry.name, () =>
			visit(world, entry, open, async (page, answer) => {
				assert.deepStrictEqual(await validate(await answer.text()),
					[]);
				await findObstacles(page, entry);
			}));

	// What is special about whale is its data, not its colours.
	for (const path of ['dashboard', 'rates', 'rates/lookup?number=4420',
		'usage/summary', 'usage/detailed', 'payments', 'charges', 'invoices',
		'subscriptions', 'accounts', 'profile'])
		test('markup: valid HTML, axe: ' + path + ' of whale', () =>
			visit(world, { name: path, path: '/api/' + path, user: 'whale' },
				open, async (page, answer) => {
					assert.deepStrictEqual(await validate(
						await answer.text()), []);
					await page.evaluate(axe.source);
					assert.deepStrictEqual(await runAxe(page), []);
				}));

	test('markup: valid HTML: error pages of nginx', async () => {
		const folder = path.join(root, 'static/default/errors');
		const files = fs.readdirSync(folder);

		assert.ok(files.length >= 5);
		for (const file of files)
			assert.deepStrictEqual(await validate(fs.readFileSync(
				path.join(folder, file), 'utf8')), [], file);
	});
};
