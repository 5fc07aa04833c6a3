// layout.test.js: nothing is cut off or must be scrolled sideways on a phone.
'use strict';

const assert = require('assert');
const { pages, visit } = require('./lib/pages');
const { test } = require('./lib/runner');

// What sticks out of the window. Inside a scrolling box (tables on wide
// screens) it may.
function findOverflow() {
	const found = [];
	const hides = at => /hidden|clip|auto|scroll/.test(
		getComputedStyle(at).overflowX);
	const isInside = at => {
		for (at = at.parentElement; at && at !== document.body;
			at = at.parentElement)
			if (hides(at))
				return true;
		return false;
	};

	if (document.documentElement.scrollWidth > innerWidth)
		found.push('page: ' + document.documentElement.scrollWidth);
	for (const at of [document.documentElement, document.body])
		if (hides(at))
			found.push(at.tagName + ' hides what sticks out');
	for (const at of document.body.querySelectorAll('*')) {
		const box = at.getBoundingClientRect();

		if (box.width > 1 && box.height > 1 && !isInside(at) &&
			(box.right > innerWidth + 1 || box.left < -1))
			found.push(at.tagName + '.' + at.getAttribute('class') + ' ' +
				Math.round(box.left) + '..' + Math.round(box.right));
	}
	return found;
}

// Texts that are wider than the box that cuts them off.
function findCut() {
	return [...document.querySelectorAll('body *')].filter(at => {
		const style = getComputedStyle(at);

		return /hidden|clip/.test(style.overflowX) &&
			style.textOverflow !== 'ellipsis' &&
			style.clip === 'auto' && style.clipPath === 'none' &&
			!at.closest('.visually-hidden, .skip-link, svg, input') &&
			at.scrollWidth > at.clientWidth + 1;
	}).map(at => at.tagName + '.' + at.getAttribute('class'));
}

module.exports = world => {
	for (const entry of pages)
		test('layout: no scrolling sideways: ' + entry.name, () =>
			visit(world, entry, { width: 360, height: 740 }, async page => {
				for (const width of [360, 320, 768, 1280]) {
					await page.setViewportSize({ width, height: 740 });
					assert.deepStrictEqual(await page.evaluate(findOverflow),
						[], width + ' px');
					assert.deepStrictEqual(await page.evaluate(findCut), [],
						width + ' px');
				}
			}));
};
