-- The type zoo (TRAPS V2 to V5, V7): zoo.<type> for each type that a column can have, with its limits, NULL and empty values, and in
-- each of these tables what can be made of the type: arrays, domains, composites, ranges, and these of one another.
CREATE SCHEMA zoo; CREATE SCHEMA zoo_types;

-- A value in an array's text.
CREATE FUNCTION zoo_types.quoted(value text) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT '"' || replace(replace(value, '\', '\\'), '"', '\"') || '"' $$;

-- CALL zoo_types.build(type), rows into column v, CALL zoo_types.fill(type); exhibit() does all three.
CREATE PROCEDURE zoo_types.build(type regtype) LANGUAGE plpgsql AS $$
DECLARE
    name text := (SELECT typname FROM pg_type WHERE oid = type);
BEGIN
    EXECUTE replace(replace($sql$
        CREATE DOMAIN zoo_types."T domain" AS {T};
        CREATE DOMAIN zoo_types."T domain²" AS zoo_types."T domain";
        CREATE DOMAIN zoo_types."T[] domain" AS {T}[];
        CREATE TYPE zoo_types."T pair" AS (gone int, v {T}, "odd, ""name""" {T}[]);
        CREATE DOMAIN zoo_types."T pair domain" AS zoo_types."T pair";
        CREATE TABLE zoo."T" (v {T}, a {T}[], d zoo_types."T domain", d2 zoo_types."T domain²", da zoo_types."T domain"[],
            ad zoo_types."T[] domain", c zoo_types."T pair", ca zoo_types."T pair"[], cd zoo_types."T pair domain")
        $sql$, '{T}', format_type(type, -1)), '"T', '"' || replace(name, '"', '""'));
    BEGIN
        EXECUTE replace(replace($sql$
            CREATE TYPE zoo_types."T range" AS RANGE (subtype = {T}, multirange_type_name = zoo_types."T multirange");
            ALTER TABLE zoo."T" ADD r zoo_types."T range", ADD ra zoo_types."T range"[], ADD m zoo_types."T multirange",
                ADD ma zoo_types."T multirange"[]
            $sql$, '{T}', format_type(type, -1)), '"T', '"' || replace(name, '"', '""'));
    EXCEPTION WHEN undefined_object THEN NULL; -- without an order there are no ranges
    END;
END $$;

CREATE PROCEDURE zoo_types.fill(type regtype) LANGUAGE plpgsql AS $$
DECLARE
    name text := (SELECT typname FROM pg_type WHERE oid = type);
    delimiter text := (SELECT typdelim FROM pg_type WHERE oid = type);
    value record; elements text[] := '{}'; literal text;
BEGIN
    FOR value IN EXECUTE format('SELECT v::text AS text FROM zoo.%I', name) LOOP
        elements := array_append(elements, zoo_types.quoted(value.text));
    END LOOP;
    elements := array_append(elements, 'NULL');
    EXECUTE format('INSERT INTO zoo.%I (v) VALUES (NULL)', name);
    -- With an attribute that is dropped and another that is added while rows are there.
    EXECUTE replace($sql$
        UPDATE zoo."T" SET d = v, d2 = v, c = ROW(1, v, NULL), cd = ROW(NULL, v, '{}');
        INSERT INTO zoo."T" (c) VALUES (NULL);
        ALTER TYPE zoo_types."T pair" DROP ATTRIBUTE gone, ADD ATTRIBUTE late text
        $sql$, '"T', '"' || replace(name, '"', '""'));
    FOREACH literal IN ARRAY ARRAY['{}', '{NULL}', format('{{NULL}%s{NULL}}', delimiter), '{' || array_to_string(elements, delimiter) || '}',
        format('[-1:0][5:6]={{%s%3$s%2$s}%3$s{NULL%3$s%1$s}}', elements[1], elements[array_upper(elements, 1)], delimiter)]
    LOOP
        EXECUTE replace(replace($sql$
            INSERT INTO zoo."T" (a, da, ad, ca) VALUES ($1::{T}[], $1::zoo_types."T domain"[], $1::zoo_types."T[] domain",
                ARRAY[(NULL, $1::{T}[], '')::zoo_types."T pair", NULL])
            $sql$, '{T}', format_type(type, -1)), '"T', '"' || replace(name, '"', '""'))
        USING literal;
    END LOOP;
    IF to_regtype(format('zoo_types.%I', name || ' range')) IS NULL THEN RETURN; END IF;
    BEGIN
        EXECUTE replace($sql$
            INSERT INTO zoo."T" (r, ra, m, ma)
            SELECT r, ARRAY[r, NULL, 'empty'], zoo_types."T multirange"(r), ARRAY[zoo_types."T multirange"(r), NULL]
            FROM (SELECT zoo_types."T range"(lag(v) OVER (ORDER BY v), v, (ARRAY['()', '(]', '[)', '[]'])[1 + row_number() OVER () % 4]) AS r
                FROM zoo."T" WHERE v IS DISTINCT FROM NULL) AS ranges;
            INSERT INTO zoo."T" (r, ra, m, ma) VALUES ('empty', '{}', '{}', '{}'), ('(,)', '{"(,)"}', '{(,)}', '{"{}"}');
            INSERT INTO zoo."T" (m) SELECT range_agg(r) FROM zoo."T" WHERE NOT lower_inf(r) AND NOT upper_inf(r)
            $sql$, '"T', '"' || replace(name, '"', '""'));
    EXCEPTION WHEN undefined_function THEN NULL; -- a composite whose attributes have no order
    END;
END $$;

CREATE PROCEDURE zoo_types.exhibit(type regtype, VARIADIC literals text[]) LANGUAGE plpgsql AS $$
DECLARE literal text;
BEGIN
    CALL zoo_types.build(type);
    FOREACH literal IN ARRAY literals LOOP
        EXECUTE format('INSERT INTO zoo.%I (v) VALUES (%L)', (SELECT typname FROM pg_type WHERE oid = type), literal);
    END LOOP;
    CALL zoo_types.fill(type);
END $$;

-- Of such a type a column can be made, but no value: its input function refuses every text.
CREATE PROCEDURE zoo_types.exhibit_null(type regtype) LANGUAGE plpgsql AS $$
BEGIN
    CALL zoo_types.build(type);
    CALL zoo_types.fill(type);
END $$;
