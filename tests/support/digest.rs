//! What a database holds, short enough to compare: the rows of every table, the next value of every sequence, every constraint, and
//! the states that a restore must leave as they are. Shares no code with the extension. Included beside `support`.
#![allow(dead_code)] // Each test file includes this module and uses a part of it.

use std::collections::{BTreeMap, BTreeSet};

use postgres::Client;

use crate::support::Database;

/// The settings that a row's text depends on.
const SETTINGS: &str =
    "SET search_path = pg_catalog; SET DateStyle = ISO; SET IntervalStyle = postgres; SET TimeZone = UTC;
    SET extra_float_digits = 3; SET bytea_output = hex; SET lc_monetary = 'C'; SET quote_all_identifiers = off";

/// One query for the rows of all tables. Partitions are read with their root, the children of inheritance apart.
/// `q.*` is the whole row, also where a column has the name q.
const ROWS: &str = "
    SELECT pg_catalog.string_agg(format(
        'SELECT %L, count(*)::text || '' rows, md5 '' || coalesce(md5(string_agg(md5((q.*)::text), '''' ORDER BY (q.*)::text COLLATE \"C\")), ''-'') FROM %s %s AS q',
        'rows of ' || c.oid::regclass, CASE c.relkind WHEN 'r' THEN 'ONLY' ELSE '' END, c.oid::regclass), ' UNION ALL ')
    FROM pg_class AS c WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace::regnamespace::text = ANY ($1)";

/// The value that `nextval` would give, which is computed and not taken.
const SEQUENCES: &str = "
    SELECT pg_catalog.string_agg(format(
        'SELECT %1$L, CASE WHEN NOT is_called THEN last_value
                           WHEN last_value::numeric + (%3$s) BETWEEN %4$s AND %5$s THEN last_value + (%3$s)
                           WHEN %6$L THEN %7$s END::text FROM %2$s',
        'next value of ' || s.seqrelid::regclass, s.seqrelid::regclass, s.seqincrement, s.seqmin, s.seqmax,
        s.seqcycle, CASE WHEN s.seqincrement > 0 THEN s.seqmin ELSE s.seqmax END), ' UNION ALL ')
    FROM pg_sequence AS s JOIN pg_class AS c ON c.oid = s.seqrelid WHERE c.relnamespace::regnamespace::text = ANY ($1)";

const CONSTRAINTS: &str = "
    SELECT CASE WHEN conparentid = 0 THEN 'constraint ' ELSE 'inherited constraint ' END || quote_ident(conname) || ' of '
               || CASE WHEN conrelid = 0 THEN contypid::regtype::text ELSE conrelid::regclass::text END,
           pg_get_constraintdef(oid) || CASE WHEN convalidated THEN '' ELSE ' (not validated)' END
    FROM pg_constraint WHERE connamespace::regnamespace::text = ANY ($1)";

/// The names of internal triggers hold numbers: they are known by their constraint and by what they do.
const STATES: &str = "
    SELECT CASE WHEN tgisinternal THEN format('state of trigger %s %s (%s) of %s, %s', tgfoid::regproc, tgtype,
                     (SELECT format('%I of %s', conname, conrelid::regclass) FROM pg_constraint AS k WHERE k.oid = tgconstraint),
                     tgrelid::regclass, tgconstrrelid::regclass)
                ELSE format('state of trigger %I of %s', tgname, tgrelid::regclass) END,
           tgenabled::text
    FROM pg_trigger JOIN pg_class AS c ON c.oid = tgrelid WHERE c.relnamespace::regnamespace::text = ANY ($1)
    UNION ALL
    SELECT format('state of rule %I of %s', rulename, ev_class::regclass), ev_enabled::text
    FROM pg_rewrite JOIN pg_class AS c ON c.oid = ev_class WHERE c.relnamespace::regnamespace::text = ANY ($1)
    UNION ALL
    SELECT 'state of ' || c.oid::regclass,
           concat_ws(', ', relkind, relpersistence, relowner::regrole, relrowsecurity, relforcerowsecurity, relacl, reloptions,
                     (SELECT indisvalid FROM pg_index WHERE indexrelid = c.oid),
                     (SELECT array_agg((attname, attnotnull, attidentity, attgenerated) ORDER BY attnum)
                      FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped))
    FROM pg_class AS c WHERE c.relnamespace::regnamespace::text = ANY ($1)";

/// The schemas of users, as SQL writes their names.
const SCHEMAS: &str = "
    SELECT array_agg(oid::regnamespace::text) FROM pg_namespace
    WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'paliad_backup', 'cron')";

/// Facts by what they are about, as in `rows of public.t` or `constraint t_pkey of public.t`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Digest(BTreeMap<String, String>);

impl Digest {
    /// Of all schemas that are neither the server's nor the extension's, as a session of its own sees them.
    pub fn of(database: &Database<'_>) -> Digest {
        let mut client = database.connect();
        let schemas: Vec<String> = client.query_one(SCHEMAS, &[]).expect("the catalog can be read").get(0);
        Digest::of_quoted(&mut client, &schemas)
    }

    /// Of some schemas. Changes the settings of the session: let it be one for this alone.
    pub fn of_schemas(reader: &mut Client, schemas: &[String]) -> Digest {
        let sql = "SELECT pg_catalog.quote_ident(name) FROM pg_catalog.unnest($1::text[]) AS name";
        let rows = reader.query(sql, &[&schemas]).expect("connected");
        Digest::of_quoted(reader, &rows.iter().map(|row| row.get(0)).collect::<Vec<_>>())
    }

    fn of_quoted(reader: &mut Client, schemas: &[String]) -> Digest {
        reader.batch_execute(SETTINGS).expect("the settings are known");
        let mut facts = BTreeMap::new();
        let mut add = |fact: String, value: String| {
            let twice = facts.insert(fact.clone(), value);
            assert!(twice.is_none(), "two facts are called {fact}");
        };
        for made in [ROWS, SEQUENCES] {
            let query: Option<String> = reader.query_one(made, &[&schemas]).expect("the catalog can be read").get(0);
            for message in query.into_iter().flat_map(|query| reader.simple_query(&query).expect(made)) {
                if let postgres::SimpleQueryMessage::Row(row) = message {
                    add(row.get(0).expect("a name").to_owned(), row.get(1).unwrap_or("none is left").to_owned());
                }
            }
        }
        for query in [CONSTRAINTS, STATES] {
            for row in reader.query(query, &[&schemas]).expect("the catalog can be read") {
                add(row.get(0), row.get(1));
            }
        }
        Digest(facts)
    }

    /// Rows, sequences and the constraints that are declared: what a bundle can bring into an empty database.
    pub fn contents(&self) -> Digest {
        self.only(|fact| ["rows ", "next value ", "constraint "].iter().any(|kind| fact.starts_with(kind)))
    }

    /// The rows alone.
    pub fn rows(&self) -> Digest {
        self.only(|fact| fact.starts_with("rows "))
    }

    /// The rows of some tables alone, by their names as SQL writes them.
    pub fn only_rows_of(&self, names: &[&str]) -> Digest {
        self.only(|fact| names.iter().any(|name| fact == format!("rows of {name}")))
    }

    /// Without what is about these, by their names as SQL writes them.
    pub fn without(&self, names: &[&str]) -> Digest {
        self.only(|fact| !names.iter().any(|name| fact.ends_with(&format!(" of {name}"))))
    }

    /// Without these facts, as in `constraint c of public.t`.
    pub fn without_facts(&self, facts: &[&str]) -> Digest {
        self.only(|fact| !facts.contains(&fact))
    }

    /// The facts whose values are as asked for.
    pub fn where_value(&self, keep: impl Fn(&str) -> bool) -> Digest {
        Digest(
            self.0.iter().filter(|(_, value)| keep(value)).map(|(fact, value)| (fact.clone(), value.clone())).collect(),
        )
    }

    /// All facts, as texts.
    pub fn facts(&self) -> impl Iterator<Item = String> + '_ {
        self.0.iter().map(|(fact, value)| format!("{fact}: {value}"))
    }

    /// One fact, as in `next value of public.s`.
    pub fn fact(&self, name: &str) -> &str {
        self.0.get(name).unwrap_or_else(|| panic!("there is no {name} in {:?}", self.0.keys()))
    }

    /// Has one fact as the other digest has it.
    pub fn take(&mut self, name: &str, other: &Digest) {
        self.0.insert(name.to_owned(), other.fact(name).to_owned());
    }

    /// The facts whose names `keep` takes.
    pub fn only(&self, keep: impl Fn(&str) -> bool) -> Digest {
        Digest(
            self.0.iter().filter(|(fact, _)| keep(fact)).map(|(fact, value)| (fact.clone(), value.clone())).collect(),
        )
    }

    /// What is not equal, a line each: the fact, what it was, what it is.
    pub fn differences(&self, now: &Digest) -> Vec<String> {
        let facts: BTreeSet<&String> = self.0.keys().chain(now.0.keys()).collect();
        let told = |digest: &Digest, fact| digest.0.get(fact).map_or("(missing)".to_owned(), String::clone);
        let line = |fact| format!("{fact}: {} | {}", told(self, fact), told(now, fact));
        facts.into_iter().filter(|fact| self.0.get(*fact) != now.0.get(*fact)).map(line).collect()
    }
}

/// Fails the test, naming what is not as it was.
pub fn assert_equal(was: &Digest, is: &Digest, what: &str) {
    let differences = was.differences(is);
    assert!(
        differences.is_empty(),
        "{what}: {} differences (was | is):\n{}",
        differences.len(),
        differences.join("\n")
    );
    // Two digests of nothing would be equal, too.
    assert!(!was.0.is_empty(), "{what}: there is nothing to compare");
}
