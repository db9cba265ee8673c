-- The data brings its own keys: let each sequence continue after the highest one.

DO $$
DECLARE
  s record;
BEGIN
  FOR s IN
    SELECT c.relname, a.attname, pg_get_serial_sequence(format('paliad.%I', c.relname), a.attname) AS sequence
      FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
     WHERE c.relnamespace = 'paliad'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
       AND a.attnum > 0 AND NOT a.attisdropped
     ORDER BY c.relname COLLATE "C", a.attnum
  LOOP
    CONTINUE WHEN s.sequence IS NULL;
    EXECUTE format('SELECT setval(%L, max(%I)) FROM paliad.%I HAVING count(*) > 0', s.sequence, s.attname, s.relname);
  END LOOP;
  -- Belongs to no column: the column's default makes a text of it.
  PERFORM setval('paliad.invoice_number_seq', max(substr(number, 2)::bigint)) FROM paliad.invoices;
END
$$;
