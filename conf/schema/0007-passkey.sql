-- 0007-passkey.sql: passkeys.

-- Public keys only: a stolen copy of the store logs nobody in.
create table passkey (
	id text primary key,            -- for paths: random
	brand text not null,
	client_id bigint not null,
	login text not null,            -- whose session a log-in begins
	credential text not null,       -- its id; hex
	public_key text not null,       -- COSE_Key; hex
	sign_count bigint not null,
	name text not null,
	created bigint not null,
	used bigint not null,           -- 0: not yet
	unique (brand, credential)
);
create index passkey_client on passkey (brand, client_id);

-- Challenges that were answered, until they are too old anyway.
create table passkey_answered (
	challenge_hash text primary key,
	expires bigint not null
);
create index passkey_answered_expires on passkey_answered (expires);
