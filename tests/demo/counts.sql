-- Rows of every table of the application; a partitioned table counts once, an inheriting one for itself.
CREATE TEMP TABLE demo_counts (kind text, name text, rows bigint);

SELECT format('INSERT INTO pg_temp.demo_counts SELECT %L, %L, count(*) FROM %s paliad.%I',
              CASE WHEN relname IN ('paliadin_turns', 'paliadin_aichat_conversation') THEN 'excluded' ELSE 'exported' END,
              relname, CASE relkind WHEN 'p' THEN '' ELSE 'ONLY' END, relname)
  FROM pg_class
 WHERE relnamespace = 'paliad'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
 ORDER BY relname COLLATE "C" \gexec

SELECT name AS "table", kind, rows FROM pg_temp.demo_counts ORDER BY kind DESC, name COLLATE "C";
SELECT kind, count(*) AS tables, sum(rows) AS rows FROM pg_temp.demo_counts GROUP BY kind ORDER BY kind DESC;
DROP TABLE pg_temp.demo_counts;
