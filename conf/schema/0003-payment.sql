-- 0003-payment.sql: the journal of payments. Each row is on the disk before the
-- outside call that it stands for; unique keys forbid doubles. Amounts are
-- decimals as text. Environment ("sandbox", "live") is part of every key that a
-- gateway gave.

-- An attempt to pay. Its id is its reference at the gateway.
create table payment (
	id text primary key,
	brand text not null,
	client_id bigint not null,
	gateway text not null,
	environment text not null,
	amount text not null,
	currency text not null,
	state text not null,
	nonce text not null,            -- of the form: one form, one payment
	invoice_id bigint not null,     -- 0: none
	invoice text,                   -- its number
	locale text not null,           -- of the customer's letters
	order_id text,                  -- the gateway's
	way text,                       -- where the customer approves
	captures bigint not null,       -- requests to capture with a name of their own
	why text,                       -- of failed, review
	mailed bigint not null,         -- 1: the receipt was sent
	tries bigint not null,          -- in this state, that came to nothing
	created bigint not null,
	updated bigint not null,        -- when the state last changed
	due bigint not null             -- the reconciler looks then; 0: never
);
create unique index payment_nonce on payment (brand, client_id, nonce);
create index payment_client on payment (brand, client_id, created);
create index payment_due on payment (brand, due);
create index payment_order on payment (brand, gateway, order_id);

-- Money that a gateway says it has: a capture, a transaction.
create table receipt (
	gateway text not null,
	environment text not null,
	money_id text not null,
	brand text not null,
	payment_id text not null references payment (id),
	amount text not null,
	currency text not null,
	status text not null,           -- the gateway's word
	fit bigint not null,            -- 1: of the amount, currency, payee asked for
	created bigint not null,
	primary key (gateway, environment, money_id)
);
create index receipt_payment on receipt (payment_id);

-- What is to be added to the balance in VCS, or taken back.
create table posting (
	reference text primary key,     -- "pp:live:cap:3EF..."; stands in VCS's notes
	brand text not null,
	payment_id text not null references payment (id),
	client_id bigint not null,
	money_id text not null,         -- of the receipt that it is about
	amount text not null,           -- negative: taken back
	currency text not null,
	state text not null,            -- intent, sent, posted, review
	sent_at bigint not null,        -- seconds; 0: never
	sent_boot text,                 -- of the machine that sent it, and
	sent_ms bigint not null,        -- its milliseconds since that boot
	tries bigint not null,
	created bigint not null,
	posted bigint not null          -- 0: not yet
);
create index posting_payment on posting (payment_id, created);

-- What gateways told us, as it came: a hint to go and look.
create table inbox (
	brand text not null,
	gateway text not null,
	event_id text not null,
	delivery text,                  -- what its signature names, if it does
	kind text not null,
	body text not null,
	state text not null,            -- new, done
	tries bigint not null,
	received bigint not null,
	primary key (brand, gateway, event_id)
);
create unique index inbox_delivery on inbox (brand, gateway, delivery);
create index inbox_state on inbox (brand, state, received);

-- A payment's story, for people.
create table payment_story (
	payment_id text not null references payment (id),
	time bigint not null,           -- milliseconds
	what text not null,
	alarm bigint not null           -- 1: the operator is to be told; 2: was told
);
create index payment_story_alarm on payment_story (alarm);
create index payment_story_id on payment_story (payment_id, time);

-- When a gateway's lists were last gone through.
create table payment_sweep (
	brand text not null,
	gateway text not null,
	time bigint not null,
	primary key (brand, gateway)
);
