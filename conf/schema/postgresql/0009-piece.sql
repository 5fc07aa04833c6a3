-- 0009-piece.sql: pieces of rate tables are read more often than written, and
-- unpacking what PostgreSQL packs by itself (pglz) took most of a search: 66 ms
-- of 500,000 rates, 20 with lz4, 36 unpacked. A server may lack lz4, or be older
-- than 14. Nobody waits for this: while a backup reads the table, it stays as it
-- is.
do $$
begin
	perform set_config('lock_timeout', '1s', true);
	begin
		execute 'alter table rate_piece '
			'alter column data set compression lz4';
	exception when feature_not_supported or syntax_error
			or invalid_parameter_value then
		execute 'alter table rate_piece '
			'alter column data set storage external';
	end;
exception when lock_not_available then
	raise warning 'rate_piece was in use, and its pieces are packed with '
		'pglz, which is slow to unpack. Once, at a quiet time: alter '
		'table rate_piece alter column data set compression lz4';
end
$$;
