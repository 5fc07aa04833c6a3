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
	await page.evaluate(axe.source);
	const { violations } = await page.evaluate(tags => window.axe.run(document,
		{ runOnly: tags, resultTypes: ['violations'] }),
	['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa',
		'best-practice']);

	return violations.flatMap(rule => rule.nodes.map(node =>
		`${rule.id}: ${node.html.slice(0, 160)}\n` +
		node.failureSummary.replace(/^/gm, '    ')));
}

module.exports = world => {
	for (const entry of pages)
		test('markup: valid HTML: ' + entry.name, () =>
			visit(world, entry, {}, async (page, answer) => {
				assert.deepStrictEqual(await validate(await answer.text()),
					[]);
			}));

	// What is special about whale is its data, not its colours.
	for (const path of ['dashboard', 'rates', 'rates/lookup?number=4420',
		'usage/summary', 'usage/detailed', 'payments', 'charges', 'invoices',
		'subscriptions', 'accounts', 'profile'])
		test('markup: valid HTML, axe: ' + path + ' of whale', () =>
			visit(world, { name: path, path: '/api/' + path, user: 'whale' },
				{ script: true, bypassCSP: true }, async (page, answer) => {
					assert.deepStrictEqual(await validate(
						await answer.text()), []);
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

	// Scripts and bypassCSP are for axe alone.
	for (const entry of pages)
		test('markup: axe: ' + entry.name, () =>
			visit(world, entry, { script: true, bypassCSP: true },
				async page => {
					for (const width of [1280, 360])
						for (const colorScheme of ['light', 'dark']) {
							await page.setViewportSize({ width, height: 740 });
							await page.emulateMedia({ colorScheme });
							const found = await runAxe(page);

							assert.ok(!found.length, width + ' px, ' +
								colorScheme + '\n' + found.join('\n'));
						}
				}));
};
