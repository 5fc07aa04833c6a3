// forms.test.js: what a customer sends, with the keyboard alone and no script.
'use strict';

const assert = require('assert');
const { openPage, logIn, passwords } = require('./lib/browser');
const { control } = require('./lib/http');
const { test } = require('./lib/runner');

// Tab by Tab to the field or button; a page has fewer stops than that.
async function reach(page, selector) {
	for (let i = 0; i < 120; i++) {
		if (await page.evaluate(wanted =>
			document.activeElement.matches(wanted), selector))
			return;
		await page.keyboard.press('Tab');
	}
	assert.fail('Tab does not lead to ' + selector);
}

async function write(page, selector, text) {
	await reach(page, selector);
	await page.keyboard.press('Control+A');
	await page.keyboard.type(text);
}

// What Enter leads to.
async function enter(page) {
	const [answer] = await Promise.all([page.waitForNavigation(),
		page.keyboard.press('Enter')]);

	return answer;
}

async function submit(page, action) {
	await reach(page, `main form[action="${action}"] button`);
	return enter(page);
}

// A session that no other test shares.
async function openOwn(world, user, password = passwords[user]) {
	const page = await openPage(world);

	await page.goto('/api/login');
	await logIn(page, user, password);
	return page;
}

function message(page, kind) {
	return page.locator('main .alert-' + kind).first().innerText();
}

// "1.234,50 €"
function readEuro(text) {
	return Number(text.replace(/[^\d,-]/g, '').replace(',', '.'));
}

module.exports = world => {
	const reset = () => control(world.stack, 'POST', '/reset');

	test('forms: the profile in two tabs: the second is told', async () => {
		const pages = [await openOwn(world, 'heron'),
			await openOwn(world, 'heron')];

		try {
			for (const page of pages)
				await page.goto('/api/profile');
			const [first, second] = pages;

			await write(first, '#company', 'First & Sons');
			assert.strictEqual((await submit(first, '/api/profile')).status(),
				200);
			assert.match(await message(first, 'success'), /saved/);
			await write(second, '#company', 'Second <b>Ltd</b>');
			assert.strictEqual((await submit(second, '/api/profile')).status(),
				409);
			assert.match(await message(second, 'danger'),
				/changed while you were editing/);
			assert.strictEqual(await second.inputValue('#company'),
				'Second <b>Ltd</b>', 'what was typed is kept');
			assert.match(await second.innerText('.field-now'), /First & Sons/);
			await first.goto('/api/profile');
			assert.strictEqual(await first.inputValue('#company'),
				'First & Sons', 'and nothing is overwritten');
			await submit(second, '/api/profile');
			assert.match(await message(second, 'success'), /saved/);
			assert.strictEqual(await second.inputValue('#company'),
				'Second <b>Ltd</b>');
		} finally {
			await reset();
		}
	});

	test('forms: a wrong profile is explained at its field', async () => {
		const page = await openOwn(world, 'heron');

		await page.goto('/api/profile');
		await write(page, '#email', 'nobody');
		assert.strictEqual((await submit(page, '/api/profile')).status(), 400);
		assert.match(await page.title(), /^Error/);
		await reach(page, '.error-summary a');
		await page.keyboard.press('Enter');
		await reach(page, '#email');
		assert.strictEqual(await page.inputValue('#email'), 'nobody');
		assert.match(await page.innerText('#email-error'), /name@example/);
	});

	test('forms: a voucher is credited once, however often it is sent',
		async () => {
			const page = await openOwn(world, 'osprey');
			const balance = () => page.innerText('main .figure');
			const send = async code => {
				await write(page, '#code', code);
				return (await enter(page)).status();
			};

			try {
				await page.goto('/api/voucher');
				const before = await balance();

				assert.strictEqual(await send('102-000001'), 200);
				const amount = /[\d,]+\s€/.exec(
					await message(page, 'success'))[0];
				const after = await balance();

				assert.strictEqual((readEuro(after) - readEuro(before))
					.toFixed(2), readEuro(amount).toFixed(2));
				assert.ok(readEuro(amount) > 0);
				assert.strictEqual(await page.innerText('.bar .amount'),
					after);
				assert.strictEqual(await send('102-000001'), 200);
				assert.strictEqual(await balance(), after, 'sent twice');
				assert.strictEqual(await send('102-999999'), 422);
				assert.ok(await page.isVisible('#code-error'));
				assert.strictEqual(await balance(), after);
			} finally {
				await reset();
			}
		});

	test('forms: a new password ends the other sessions', async () => {
		const [page, other] = [await openOwn(world, 'osprey'),
			await openOwn(world, 'osprey')];
		const fill = async current => {
			await page.goto('/api/password');
			await write(page, '#current', current);
			await write(page, '#new', 'sieben graue Reiher');
			await write(page, '#repeat', 'sieben graue Reiher');
			return submit(page, '/api/password');
		};

		try {
			await page.goto('/api/password');
			assert.ok(await page.isVisible('#rules li'), 'rules come first');
			assert.strictEqual((await fill('wrong')).status(), 422);
			assert.ok(await page.isVisible('#current-error'));
			assert.strictEqual((await fill(passwords.osprey)).status(), 200);
			assert.ok(await page.isVisible('main .alert-success'));
			await other.goto('/api/dashboard');
			assert.match(other.url(), /\/api\/login/);
			await page.goto('/api/dashboard');
			assert.match(page.url(), /\/api\/dashboard$/);
			await openOwn(world, 'osprey', 'sieben graue Reiher');
		} finally {
			await reset();
			delete world.stack.sessions.osprey; // it has ended, too
		}
	});

	test('forms: a number is looked up as it is dialled', async () => {
		const page = await openOwn(world, 'heron');

		await page.goto('/api/rates/lookup');
		await write(page, '#number', '00 49 (30) 123-4567');
		await enter(page);
		const text = await page.innerText('main');

		assert.match(text, /Germany-Berlin/);
		assert.match(text, /3 min 20 s costs \$\d/);
	});

	test('forms: usage is grouped and filtered', async () => {
		const page = await openOwn(world, 'heron');

		await page.goto('/api/usage/summary');
		await reach(page, '#group_by');
		await page.keyboard.type('Dest');
		await reach(page, '#account');
		await page.keyboard.press('ArrowDown');
		await submit(page, '/api/usage/summary');
		const query = new URL(page.url()).searchParams;

		assert.strictEqual(query.get('group_by'), 'code_name');
		assert.match(query.get('account'), /^\d+$/);
		assert.ok(await page.locator('.usage-bar').count() > 1);
		await reach(page, 'main .filters a');
		await enter(page);
		assert.strictEqual(new URL(page.url()).searchParams.get('account'),
			null);
	});

	test('forms: invoices of a state, and the file of one', async () => {
		const page = await openOwn(world, 'heron');

		await page.goto('/api/invoices');
		await reach(page, '.tab[href*="state=paid"]');
		await enter(page);
		const states = await page.locator('main tbody .badge').allInnerTexts();

		assert.ok(states.length && states.every(text => text === 'Paid'));
		await reach(page, 'main tbody tr .btn');
		const [file] = await Promise.all([page.waitForEvent('download'),
			page.keyboard.press('Enter')]);
		const number = await page.locator('main tbody .brief-lead').first()
			.innerText();

		assert.ok(file.suggestedFilename().includes(number),
			file.suggestedFilename());
		assert.match(file.suggestedFilename(), /\.pdf$/);
	});
};
