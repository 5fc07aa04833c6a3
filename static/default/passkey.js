// passkey.js: hands a page's question to the browser's passkeys, and the answer
// back with the page's own form. Where the browser has no passkeys, the forms
// stay hidden.
const encode = bytes => btoa(String.fromCharCode(...new Uint8Array(bytes)))
	.replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');

const decode = text => Uint8Array.from(
	atob(text.replace(/-/g, '+').replace(/_/g, '/')), c => c.charCodeAt(0));

const decodeIds = list => list && list.map(
	one => ({ ...one, id: decode(one.id) }));

// Options and answers in their JSON forms (WebAuthn level 3, 5.1.8), which not
// all browsers know themselves.
function readOptions(json) {
	const options = { ...json, challenge: decode(json.challenge) };

	if (json.user)
		options.user = { ...json.user, id: decode(json.user.id) };
	for (const list of ['allowCredentials', 'excludeCredentials'])
		if (json[list])
			options[list] = decodeIds(json[list]);
	return options;
}

function writeCredential(credential) {
	const response = {};

	for (const name of ['clientDataJSON', 'attestationObject',
		'authenticatorData', 'signature', 'userHandle'])
		if (credential.response[name])
			response[name] = encode(credential.response[name]);
	return JSON.stringify({ id: credential.id, type: credential.type, response });
}

// Fresh ones, since a challenge is good for minutes only.
async function askOptions(form) {
	const answer = await fetch(form.action,
		{ headers: { Accept: 'application/json' } });

	if (!answer.ok)
		throw new Error('status ' + answer.status);
	return readOptions((await answer.json()).public_key);
}

let waiting = null; // what ends the field's own suggestion

async function ask(form) {
	if (waiting)
		waiting.abort();
	if (form.dataset.options)
		return navigator.credentials.create({ publicKey:
			readOptions(JSON.parse(form.dataset.options)) });
	return navigator.credentials.get({ publicKey: await askOptions(form) });
}

function send(form, credential) {
	form.elements.credential.value = writeCredential(credential);
	form.submit();
}

function say(form, name) {
	for (const text of form.querySelectorAll('[data-passkey-trouble]'))
		text.hidden = text.dataset.passkeyTrouble !== name;
}

async function go(form, button) {
	button.disabled = true;
	say(form, '');
	try {
		send(form, await ask(form));
	} catch (error) {
		button.disabled = false;
		say(form, error.name === 'InvalidStateError' ? 'known' : 'failed');
	}
}

// Passkeys among what the field of the log-in suggests, while nobody has clicked.
// Each challenge is renewed before it is too old.
const ASK_AGAIN = 5 * 60 * 1000;

async function suggest(form) {
	const control = waiting = new AbortController();
	const timer = setTimeout(() => {
		control.abort();
		suggest(form);
	}, ASK_AGAIN);

	control.signal.addEventListener('abort', () => clearTimeout(timer));
	try {
		const publicKey = await askOptions(form);

		send(form, await navigator.credentials.get(
			{ publicKey, mediation: 'conditional', signal: control.signal }));
	} catch {
		// Nothing was chosen; the button is there.
	}
}

function open(form) {
	const button = form.querySelector('button');

	form.hidden = false;
	form.addEventListener('submit', event => {
		event.preventDefault();
		go(form, button);
	});
}

if (window.PublicKeyCredential) {
	const { PublicKeyCredential } = window;
	const forms = document.querySelectorAll('form[data-passkey]');

	forms.forEach(open);
	for (const text of document.querySelectorAll('[data-no-passkey]'))
		text.hidden = true;
	const suggesting = document.querySelector('form[data-passkey=suggest]');

	if (suggesting && PublicKeyCredential.isConditionalMediationAvailable &&
		await PublicKeyCredential.isConditionalMediationAvailable())
		suggest(suggesting);
}
