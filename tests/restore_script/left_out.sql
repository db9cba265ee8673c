-- What cannot be in an empty database, and what depends on it.
CREATE SCHEMA app; CREATE SCHEMA secret; CREATE EXTENSION hstore SCHEMA app;
CREATE FUNCTION app.f(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1 + 1'; CREATE FUNCTION app.ok(text) RETURNS bool IMMUTABLE LANGUAGE sql AS 'SELECT $1 <> ''''';
CREATE FUNCTION app.stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE OPERATOR app.=== (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq, COMMUTATOR = OPERATOR(app.===)); CREATE OPERATOR CLASS app.odd_ops FOR TYPE int USING btree AS OPERATOR 3 =, FUNCTION 1 btint4cmp(int, int);
CREATE FUNCTION app.hour_diff(time, time) RETURNS float8 IMMUTABLE LANGUAGE sql AS 'SELECT extract(epoch FROM $1 - $2)::float8';

-- A base type, and what is made of it.
CREATE TYPE app.raw; CREATE FUNCTION app.raw_in(cstring) RETURNS app.raw IMMUTABLE STRICT LANGUAGE internal AS 'textin'; CREATE FUNCTION app.raw_out(app.raw) RETURNS cstring IMMUTABLE STRICT LANGUAGE internal AS 'textout';
CREATE TYPE app.raw (INPUT = app.raw_in, OUTPUT = app.raw_out, LIKE = text); CREATE TYPE app.of_raw AS (r app.raw); CREATE TABLE app.has_raw (id int PRIMARY KEY, r app.of_raw[]); INSERT INTO app.has_raw VALUES (1, NULL);
CREATE TABLE app.to_raw (id int REFERENCES app.has_raw); INSERT INTO app.to_raw VALUES (1);

-- Types that call functions.
CREATE DOMAIN app.checked AS text CHECK (app.ok(VALUE)) CONSTRAINT long CHECK (length(VALUE) < 99); CREATE DOMAIN app.defaulted AS int DEFAULT app.f(1) CHECK (VALUE > 0); CREATE TYPE app.hours AS RANGE (subtype = time, subtype_diff = app.hour_diff);
CREATE TABLE app.typed (c app.checked, d app.defaulted, h app.hours); INSERT INTO app.typed VALUES ('x', DEFAULT, '[10:00,12:00)');

-- Expressions of a table.
CREATE TABLE app.t (
    id int PRIMARY KEY DEFAULT app.f(0), a int CHECK (app.f(a) > 0) CHECK (a < 100), g int GENERATED ALWAYS AS (app.f(a)) STORED NOT NULL UNIQUE CHECK (g > 0), kept int GENERATED ALWAYS AS (a * 2) STORED,
    EXCLUDE (a app.odd_ops WITH =) WHERE (id > 50), h app.hstore DEFAULT 'a=>1');
CREATE INDEX t_f ON app.t (app.f(a)); CREATE INDEX t_where ON app.t (id) WHERE app.f(a) > 1; CREATE INDEX t_ops ON app.t (a app.odd_ops); CREATE INDEX t_g ON app.t (g); CREATE INDEX t_kept ON app.t (kept); CREATE INDEX t_h ON app.t USING gist (h);
INSERT INTO app.t (id, a) SELECT i, i FROM generate_series(1, 20) AS i; CREATE TABLE app.to_g (g int REFERENCES app.t (g), id int REFERENCES app.t); INSERT INTO app.to_g VALUES (5, 4);
CREATE TABLE app.heir (own int) INHERITS (app.t); INSERT INTO app.heir (id, a) VALUES (99, 9);

-- Partitions by a function.
CREATE TABLE app.by_f (k int, v text) PARTITION BY RANGE (app.f(k)); CREATE TABLE app.by_f_1 PARTITION OF app.by_f FOR VALUES FROM (0) TO (10) PARTITION BY LIST (v); CREATE TABLE app.by_f_1_1 PARTITION OF app.by_f_1 DEFAULT;
CREATE INDEX by_f_v ON app.by_f (v); ALTER TABLE app.by_f ADD CHECK (k < 1000); INSERT INTO app.by_f VALUES (1, 'a'), (5, 'b');

-- What is excluded, and what refers to it.
CREATE TABLE app.hidden_one (id serial PRIMARY KEY); INSERT INTO app.hidden_one VALUES (1); CREATE TABLE secret.other (id int PRIMARY KEY);
CREATE TABLE app.refers (id int DEFAULT nextval('app.hidden_one_id_seq'), h int CONSTRAINT to_hidden REFERENCES app.hidden_one, s regclass DEFAULT 'app.hidden_one'); INSERT INTO app.refers VALUES (7, 1, NULL);
CREATE TABLE app.of_hidden (h app.hidden_one); INSERT INTO app.of_hidden VALUES (ROW(1));
CREATE TABLE app.thinned (k int PRIMARY KEY) PARTITION BY LIST (k); CREATE TABLE app.thinned_1 PARTITION OF app.thinned FOR VALUES IN (1); CREATE TABLE app.hidden_two PARTITION OF app.thinned FOR VALUES IN (2);
INSERT INTO app.thinned VALUES (1), (2); CREATE TABLE app.to_thinned (k int REFERENCES app.thinned); INSERT INTO app.to_thinned VALUES (2);
INSERT INTO paliad_backup.exclusions (schema_name, relation_name, reason) VALUES ('*', 'hidden_one', 'test'), ('*', 'hidden_two', 'test');
CREATE TABLE app.disabled (id int PRIMARY KEY, t text); INSERT INTO paliad_backup.sheets (relation_schema, relation_name, enabled) VALUES ('app', 'disabled', false);
CREATE TABLE app.heir_of_disabled (x int) INHERITS (app.disabled); INSERT INTO app.heir_of_disabled VALUES (1, 't', 2); CREATE TABLE app.to_disabled (id int REFERENCES app.disabled); CREATE TABLE app.of_disabled (d app.disabled); INSERT INTO app.of_disabled VALUES (ROW(1, 'x'));
CREATE TABLE app.member (id int); ALTER EXTENSION hstore ADD TABLE app.member; INSERT INTO app.member VALUES (1); INSERT INTO paliad_backup.sheets (relation_schema, relation_name) VALUES ('app', 'member');

-- What has no statement.
CREATE VIEW app.v AS SELECT id FROM app.t; CREATE MATERIALIZED VIEW app.m AS SELECT 1 AS one; CREATE TABLE app.of_view (v app.v); INSERT INTO app.of_view VALUES (ROW(3)); CREATE AGGREGATE app.agg (int) (SFUNC = int4pl, STYPE = int); CREATE PROCEDURE app.proc() LANGUAGE sql AS '';
CREATE TRIGGER stamp BEFORE INSERT ON app.t FOR EACH ROW EXECUTE FUNCTION app.stamp(); CREATE RULE quiet AS ON DELETE TO app.t DO INSTEAD NOTHING; CREATE STATISTICS app.st ON id, a FROM app.t;
ALTER TABLE app.t ENABLE ROW LEVEL SECURITY; CREATE POLICY "po licy" ON app.t USING (app.f(id) > 0); GRANT SELECT ON app.t TO PUBLIC; GRANT USAGE ON SCHEMA app TO PUBLIC; CREATE CAST (app.hours AS text) WITH INOUT;
CREATE FUNCTION app.on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; CREATE EVENT TRIGGER "on ddl" ON ddl_command_end WHEN TAG IN ('COMMENT') EXECUTE FUNCTION app.on_ddl();
CREATE TABLE app.statement (id int, CONSTRAINT "line
break" CHECK (app.f(id) > 0)); CREATE TEXT SEARCH CONFIGURATION app.conf (COPY = simple); CREATE TABLE app.searched (t text, v tsvector GENERATED ALWAYS AS (to_tsvector('app.conf', t)) STORED); INSERT INTO app.searched VALUES ('a b');
CREATE EXTENSION postgres_fdw SCHEMA app; CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw; CREATE FOREIGN TABLE app.far (id int) SERVER s;
