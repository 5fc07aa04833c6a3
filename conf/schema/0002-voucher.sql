-- 0002-voucher.sql: leases, and vouchers on their way to VCS.

-- Who is at something that only one at a time may do, and until when at most.
create table lease (
	brand text not null,
	name text not null,
	holder text not null,
	until bigint not null,
	primary key (brand, name)
);
create index lease_until on lease (until);

-- Written before VCS is asked, settled after it. 'begun' and no lease: the
-- process ended in between, so that nobody knows what came of it ('unknown').
create table voucher (
	brand text not null,
	client_id bigint not null,
	code_hash text not null,                -- HMAC-SHA-256, hex
	state text not null check (state in ('begun', 'done', 'unknown')),
	amount text,                            -- credited; a decimal
	time bigint not null,                   -- of the last change
	primary key (brand, client_id, code_hash)
);
create index voucher_time on voucher (time);
