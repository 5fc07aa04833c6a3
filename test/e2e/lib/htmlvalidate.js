// htmlvalidate.js: the rules for the HTML of the pages: all that are
// recommended, save these.
'use strict';

module.exports = {
	root: true,
	extends: ['html-validate:recommended'],
	rules: {
		// Where a template's tag stood alone, a blank may remain.
		'no-trailing-whitespace': 'off',
		// A matter of taste; HTML reads both.
		'doctype-style': 'off',
		// The menu is there twice, for wide and narrow windows, and CSS shows
		// one. axe checks what is shown.
		'unique-landmark': 'off',
		// A box that scrolls has to be a region with a name, but is no
		// section of the page.
		'prefer-native-element': ['error', { exclude: ['region'] }],
	},
};
