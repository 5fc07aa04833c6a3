// refill.test.js: money from a customer's browser to the balance, once. The
// gateways' pages are the sandbox's, on other ports and another host.
'use strict';

const assert = require('assert');
const { openPage, closeContexts, follow } = require('./lib/browser');
const { ask, control, core } = require('./lib/http');
const { sendHooks, until } = require('./lib/stack');
const { changeStore } = require('./lib/store');
const { test } = require('./lib/runner');

const CLIENTS = { heron: 1001, osprey: 1002 };
const SUBMIT = 'main form[action^="/api/"] button[type=submit]';

async function readBalance(world, user) {
	const { balance } = await core(world.stack, 'clients.get',
		{ id: CLIENTS[user] });

	return Math.round(Number(balance) * 100);
}

// What the portal added in VCS for this client, by the gateways' references.
async function readCredits(world, user) {
	const { credits } = await control(world.stack, 'GET', '/money');

	return credits.filter(row => row.clients_id === CLIENTS[user] &&
		/\[[^\]]+\]/.test(row.notes || '')).map(row =>
		[Number(row.amount), /\[([^\]]+)\]/.exec(row.notes)[1]]);
}

// From the dashboard's button to the form, filled in.
async function openForm(page, amount, gateway) {
	await page.goto('/api/dashboard');
	await follow(page, '.board-balance .btn-primary');
	assert.match(page.url(), /\/api\/refill$/);
	await page.fill('#amount', amount);
	await page.check(`input[name=gateway][value=${gateway}]`);
}

// On to the gateway's own page.
async function goToGateway(page, amount, gateway) {
	await openForm(page, amount, gateway);
	await follow(page, SUBMIT);
	if (gateway === 'authorizenet') {
		assert.match(page.url(), /\/api\/refill\/payments\/RF/);
		await follow(page, '.actions form button');
	}
	assert.match(await page.title(), gateway === 'paypal' ? /PayPal/ :
		/Authorize\.Net/);
}

async function press(page, what) {
	const [answer] = await Promise.all([page.waitForNavigation(),
		page.getByRole('button', { name: what }).click()]);

	return answer;
}

// The status page moves by itself; nobody touches it.
async function waitForState(page, state) {
	assert.match(page.url(), /\/api\/refill\/payments\/RF/);
	await page.waitForSelector('.badge.state-' + state, { timeout: 60000 });
}

// Runs `body`; then exactly one credit of `amount` came, and the balance is
// higher by it, also when every webhook has been heard.
async function once(world, user, amount, body) {
	const balance = await readBalance(world, user);
	const credits = await readCredits(world, user);

	await body();
	await until(world.stack.portico, 'credited', async () =>
		(await readCredits(world, user)).length > credits.length);
	await hearAll(world);
	const now = await readCredits(world, user);

	assert.deepStrictEqual(now.slice(credits.length).map(row => row[0]),
		[amount]);
	assert.strictEqual(new Set(now.map(row => row[1])).size, now.length);
	assert.strictEqual(await readBalance(world, user) - balance,
		Math.round(amount * 100));
}

async function never(world, user, body) {
	const balance = await readBalance(world, user);
	const credits = await readCredits(world, user);

	await body();
	await hearAll(world);
	assert.deepStrictEqual(await readCredits(world, user), credits);
	assert.strictEqual(await readBalance(world, user), balance);
}

// Until no webhook is on its way.
function hearAll(world) {
	return until(world.stack.portico, 'told of everything', async () =>
		(await control(world.stack, 'GET', '/deliveries')).every(
			delivery => delivery.done));
}

async function countPayments(page, amount) {
	await page.goto('/api/refill');
	return page.locator('.payment-amount', { hasText: amount }).count();
}

// Tab until the focus is on what the selector names.
async function tabTo(page, selector) {
	for (let i = 0; i < 60; i++) {
		await page.keyboard.press('Tab');
		if (await page.evaluate(at => document.activeElement.matches(at),
			selector))
			return;
	}
	assert.fail('Tab does not reach ' + selector);
}

async function enter(page) {
	await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
}

// Approves without a browser, which is gone: nobody comes back.
async function approveAndVanish(world, page) {
	const url = new URL(page.url());
	const token = await page.getAttribute('input[name=token]', 'value');

	await closeContexts();
	const answer = await ask(Number(url.port), url.pathname, {
		method: 'POST',
		headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
		body: String(new URLSearchParams({ token, do: 'approve',
			card: '4111 1111 1111 1111', expires: '12/30', code: '123' })) });

	assert.ok([200, 302, 303].includes(answer.status), answer.status);
}

module.exports = world => {
	for (const script of [true, false])
		for (const gateway of ['paypal', 'authorizenet'])
			test(`refill: 25.00 by ${gateway}, script ${script ? 'on' : 'off'}`,
				() => once(world, 'heron', 25, async () => {
					const page = await openPage(world, { user: 'heron', script });
					const before = await readBalance(world, 'heron');

					await goToGateway(page, '25.00', gateway);
					await press(page, 'Approve');
					await waitForState(page, 'paid');
					assert.strictEqual(await page.locator('.figure')
						.innerText(), '$25.00');
					assert.strictEqual(await page.locator('.bar .amount')
						.innerText(), new Intl.NumberFormat('en-US', {
						style: 'currency', currency: 'USD' }).format(
						before / 100 + 25));
					await follow(page, '.actions a');
					assert.match(page.url(), /\/api\/dashboard$/);
				}));

	test('refill: in German, with a decimal comma', () =>
		once(world, 'osprey', 25.5, async () => {
			const page = await openPage(world, { user: 'osprey' });

			await goToGateway(page, '25,50', 'paypal');
			assert.ok(await page.getByText('25.50 EUR').isVisible());
			await press(page, 'Approve');
			await waitForState(page, 'paid');
			assert.strictEqual(await page.locator('.figure').innerText(),
				'25,50\u00a0€');
			assert.strictEqual(await page.locator('.badge').first()
				.innerText(), 'Bezahlt');
		}));

	test('refill: an amount that is none says what is wrong', async () => {
		const page = await openPage(world, { user: 'osprey' });

		await openForm(page, '1.000', 'paypal');
		const answer = await follow(page, SUBMIT);

		assert.strictEqual(answer.status(), 400);
		assert.strictEqual(await page.inputValue('#amount'), '1.000');
		await page.fill('#amount', '2');
		assert.strictEqual((await follow(page, SUBMIT)).status(), 422);
		assert.ok(await page.locator('.field-error').getByText('5,00\u00a0€')
			.isVisible());
		await page.click('.presets a >> nth=1');
		await page.waitForURL(/amount=25/);
		assert.strictEqual(await page.inputValue('#amount'), '25');
		await follow(page, SUBMIT);
		assert.match(await page.title(), /PayPal/);
	});

	test('refill: Pay leads from an invoice to what is due of it', async () => {
		const page = await openPage(world, { user: 'heron' });

		await page.goto('/api/invoices');
		await follow(page, 'a[href="/api/refill?invoice=9006"]');
		const due = await page.locator('.figure').innerText();

		assert.strictEqual(await page.locator('h1').innerText(),
			'Pay an invoice');
		await once(world, 'heron', Number(due.slice(1)), async () => {
			await follow(page, SUBMIT);
			await press(page, 'Approve');
			await waitForState(page, 'paid');
			assert.ok(await page.getByText('INV-9006').isVisible());
			assert.strictEqual(await page.locator('.figure').innerText(), due);
		});
	});

	for (const gateway of ['paypal', 'authorizenet'])
		test(`refill: browser closed after approval, ${gateway}: the webhook`,
			() => once(world, 'heron', 25, async () => {
				const page = await openPage(world, { user: 'heron' });

				await goToGateway(page, '25.00', gateway);
				await approveAndVanish(world, page);
			}));

	for (const gateway of ['paypal', 'authorizenet'])
		test(`refill: browser closed after approval, ${gateway}: the reconciler`,
			async () => {
				await sendHooks(world.stack, false);
				try {
					await once(world, 'heron', 25, async () => {
						const page = await openPage(world, { user: 'heron' });

						await goToGateway(page, '25.00', gateway);
						await approveAndVanish(world, page);
						// It would look in a minute.
						changeStore(world.stack, ['update payment set ' +
							'due = 1 where state = \'redirected\'', [[]]]);
					});
				} finally {
					await sendHooks(world.stack, true);
				}
			});

	test('refill: Decline at PayPal charges nothing, and says so', () =>
		never(world, 'heron', async () => {
			const page = await openPage(world, { user: 'heron' });

			await goToGateway(page, '27.00', 'paypal');
			await press(page, 'Decline');
			assert.match(page.url(), /\/api\/refill$/);
			assert.ok(await page.getByText('Nothing was charged').first()
				.isVisible());
			await follow(page, '.payment-link:has-text("$27.00")');
			assert.ok(await page.isVisible('.badge.state-cancelled'));
			assert.ok(await page.getByRole('link', { name: 'Try again' })
				.isVisible());
		}));

	test('refill: a declined card can be tried again, and counts once', () =>
		once(world, 'heron', 25, async () => {
			const page = await openPage(world, { user: 'heron' });

			await goToGateway(page, '25.00', 'authorizenet');
			await press(page, 'Decline');
			assert.ok(await page.getByText('declined').isVisible());
			await press(page, 'Approve');
			await waitForState(page, 'paid');
		}));

	test('refill: a declined card alone charges nothing', () =>
		never(world, 'heron', async () => {
			const page = await openPage(world, { user: 'heron' });

			await goToGateway(page, '28.00', 'authorizenet');
			await press(page, 'Decline');
			await page.goto('/api/refill');
			await follow(page, '.payment-link:has-text("$28.00")');
			assert.strictEqual(await page.locator('.badge.state-paid').count(), 0);
		}));

	for (const [gateway, amount] of [['paypal', '29.10'],
		['authorizenet', '29.20']])
		test('refill: Close and Back are harmless, ' + gateway, () =>
			never(world, 'heron', async () => {
				const page = await openPage(world, { user: 'heron' });

				await goToGateway(page, amount, gateway);
				await page.goBack();
				assert.match(page.url(), /\/api\/refill/);
				await page.goto('/api/refill');
				await follow(page, `.payment-link:has-text("$${amount}")`);
				assert.ok(await page.isVisible('.badge.state-open'));
				await follow(page, '.actions .btn-primary');
				await press(page, 'Close');
				await page.goto('/api/refill');
				await follow(page, `.payment-link:has-text("$${amount}")`);
				assert.ok(await page.isVisible(gateway === 'paypal' ?
					'.badge.state-open' : '.badge.state-cancelled'));
			}));

	test('refill: Back from the gateway, another amount: that one is asked for',
		() => once(world, 'heron', 31, async () => {
			const page = await openPage(world, { user: 'heron', script: true });

			await goToGateway(page, '30.00', 'paypal');
			await page.goBack();
			assert.match(page.url(), /\/api\/refill$/);
			await page.fill('#amount', '31.00');
			await page.check('input[value=paypal]');
			await follow(page, SUBMIT);
			assert.ok(await page.getByText('31.00 USD').isVisible());
			await press(page, 'Approve');
			await waitForState(page, 'paid');
		}));

	test('refill: a double click makes one payment', async () => {
		const page = await openPage(world, { user: 'heron', script: true });

		await openForm(page, '32.10', 'authorizenet');
		await page.dblclick(SUBMIT);
		await page.waitForURL(/\/api\/refill\/payments\/RF/);
		assert.strictEqual(await countPayments(page, '$32.10'), 1);
	});

	test('refill: two tabs are two payments, of which the approved one counts',
		() => once(world, 'heron', 33, async () => {
			const [one, two] = [await openPage(world, { user: 'heron' }),
				await openPage(world, { user: 'heron' })];

			await goToGateway(one, '33.00', 'paypal');
			await goToGateway(two, '33.00', 'paypal');
			assert.notStrictEqual(one.url(), two.url());
			await press(two, 'Approve');
			await waitForState(two, 'paid');
			assert.strictEqual(await countPayments(two, '$33.00'), 2);
		}));

	test('refill: without a mouse', () => once(world, 'heron', 25, async () => {
		const page = await openPage(world, { user: 'heron' });

		await page.goto('/api/dashboard');
		await tabTo(page, '.board-balance .btn-primary');
		await enter(page);
		await tabTo(page, '#amount');
		await page.keyboard.type('25.00');
		await tabTo(page, 'input[name=gateway]');
		await page.keyboard.press('ArrowDown');
		assert.ok(await page.isChecked('input[value=authorizenet]'));
		await tabTo(page, SUBMIT);
		await enter(page);
		await tabTo(page, '.actions form button');
		await enter(page);
		await tabTo(page, 'button[value=approve]');
		await enter(page);
		await waitForState(page, 'paid');
	}));

	test('refill: held for review: it says so, and is not charged twice', () =>
		never(world, 'heron', async () => {
			const page = await openPage(world, { user: 'heron' });

			await goToGateway(page, '34.00', 'authorizenet');
			const answer = await press(page, 'Hold for review');

			assert.ok(answer.headers().refresh, 'it looks again by itself');
			await waitForState(page, 'confirming');
			assert.ok(await page.getByText('still checking').isVisible());
		}));

	test('refill: a letter and an entry in the history name the reference',
		async () => {
			const page = await openPage(world, { user: 'heron' });

			await once(world, 'heron', 35, async () => {
				await goToGateway(page, '35.00', 'paypal');
				await press(page, 'Approve');
				await waitForState(page, 'paid');
			});
			const reference = await page.locator('dd.code').nth(1).innerText();

			await until(world.stack.portico, 'mailed', async () =>
				(await control(world.stack, 'GET', '/mail')).some(mail =>
					Buffer.from(mail.data.split('\r\n\r\n')[1] || '', 'base64')
						.toString().includes(reference)));
			await page.goto('/api/payments');
			assert.ok(await page.getByText(reference).first().isVisible());
		});
};
