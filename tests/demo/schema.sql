-- The tables, by subject: 12 reference tables, 37 entity tables, and the two AI chat tables that no export may contain.
\ir 20_reference.sql
\ir 30_people.sql
\ir 40_patents.sql
\ir 50_work.sql
\ir 60_system.sql
