// openapi.js: the API's description: is it one, and are answers what it says?
'use strict';

const Ajv = require('ajv/dist/2020');
const addFormats = require('ajv-formats');
const { lintFromString, createConfig } = require('@redocly/openapi-core');

// What the rules of `redocly lint` (set "recommended") say: errors alone.
async function lint(text) {
	const problems = await lintFromString({ source: text,
		absoluteRef: 'openapi.json',
		config: await createConfig({ extends: ['recommended'],
			telemetry: 'off' }) });

	return problems.filter(problem => problem.severity === 'error').map(
		problem => problem.ruleId + ': ' + problem.message + ' ' +
			problem.location.map(place => place.pointer).join(' '));
}

// A schema that takes no member that it does not name: what the description
// leaves open for later releases is a mistake in this one.
function close(schema) {
	if (Array.isArray(schema))
		return schema.map(close);
	if (!schema || typeof schema !== 'object')
		return schema;
	const closed = Object.fromEntries(Object.entries(schema).map(
		([key, value]) => [key, close(value)]));

	if (closed.properties && [].concat(closed.type).includes('object') &&
		!('additionalProperties' in closed))
		closed.additionalProperties = false;
	return closed;
}

function escape(part) {
	return part.replace(/~/g, '~0').replace(/\//g, '~1');
}

// check(path, method, status, body): what is wrong with an answer; '' if
// nothing.
function makeCheck(description) {
	const ajv = new Ajv({ strict: false, allErrors: true });
	const checks = {};

	addFormats(ajv);
	ajv.addSchema({ $id: 'api', ...close(description) });
	return (path, method, status, body) => {
		let at = ['paths', path, method, 'responses', String(status)];
		let found = at.reduce((o, key) => o && o[key], description);

		if (found && found.$ref) {
			at = found.$ref.slice(2).split('/');
			found = at.reduce((o, key) => o[key], description);
		}
		if (!found)
			return 'status ' + status + ' is not described';
		const media = (found.content || {})['application/json'];

		if (!media)
			return 'no JSON is described';
		const ref = 'api#/' + [...at, 'content', 'application/json',
			'schema'].map(escape).join('/');
		const check = checks[ref] = checks[ref] || ajv.compile({ $ref: ref });

		return check(body) ? '' : ajv.errorsText(check.errors);
	};
}

module.exports = { lint, makeCheck };
