-- 0005-factor.sql: second factors.

-- What a log-in still lacks: 0 nothing, 1 the code, 2 a factor.
alter table session add column lack bigint not null default 0;

-- A customer's authenticator app.
create table totp (
	brand text not null,
	client_id bigint not null,
	secret text not null,           -- AES-256-GCM: nonce, text, tag; hex
	state text not null check (state in ('begun', 'on')),
	session text not null,          -- token_hash of who began
	step bigint not null,           -- of the last code that was taken
	time bigint not null,           -- of the state
	primary key (brand, client_id)
);

-- Those that were not used yet.
create table recovery_code (
	brand text not null,
	client_id bigint not null,
	code_hash text not null,        -- HMAC-SHA-256, hex
	primary key (brand, client_id, code_hash)
);
