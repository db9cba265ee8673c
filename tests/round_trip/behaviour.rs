//! What a restore must not set off, and must leave as it was: triggers, rules, policies, owners.

use std::collections::BTreeSet;

use crate::names::{literal, quoted};
use crate::rng::Rng;

/// Owners of tables that may not log in.
pub const OWNERS: [&str; 2] = ["round_trip_anna", "round_trip_ben"];

/// The triggers' functions do nothing where the setting `round_trip.quiet` is on: the test itself damages the tables. Their log is a
/// table of the case: a row too many is seen.
pub fn functions(schema: &str) -> Vec<String> {
    let quiet = "current_setting('round_trip.quiet', true) = 'on'";
    let trigger = |name: &str, body: &str| {
        format!(
            "CREATE FUNCTION {schema}.{name}() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN
                 IF {quiet} THEN RETURN coalesce(NEW, OLD); END IF; {body} END $f$"
        )
    };
    vec![
        format!("CREATE TABLE {schema}.{LOG} (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, told text)"),
        format!("INSERT INTO {schema}.{LOG} (told) VALUES ('begin')"),
        format!("GRANT ALL ON {schema}.{LOG} TO PUBLIC"),
        trigger("raise_", "RAISE EXCEPTION 'the trigger % has fired', TG_NAME;"),
        trigger("tell", &format!("INSERT INTO {schema}.{LOG} (told) VALUES (TG_NAME); RETURN coalesce(NEW, OLD);")),
        trigger("swallow", "RETURN NULL;"),
        format!("CREATE FUNCTION {schema}.small(bigint) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT $1 < 1000000'"),
        format!(
            "CREATE FUNCTION {schema}.half(bigint) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1 / 2; END'"
        ),
    ]
}

/// The table that functions and rules write to, quoted.
pub const LOG: &str = "\"log of the case\"";

/// What is done to a table that has its rows. `plain` tables are neither partitioned nor partitions.
pub fn add(
    rng: &mut Rng,
    features: &mut BTreeSet<&'static str>,
    schema: &str,
    table: &str,
    plain: bool,
) -> Vec<String> {
    let mut sql = Vec::new();
    for number in 0..rng.below(4) {
        sql.extend(trigger(rng, features, schema, table, plain, number));
    }
    if plain && rng.chance(20) {
        features.insert("rule");
        let loud = "current_setting('round_trip.quiet', true) IS DISTINCT FROM 'on'";
        let (event, then) = *rng.pick(&[
            ("INSERT", "ALSO INSERT INTO $log (told) SELECT 'rule' WHERE $loud"),
            ("DELETE", "INSTEAD NOTHING"),
            ("INSERT", "INSTEAD NOTHING"),
        ]);
        let only = if then == "INSTEAD NOTHING" { format!(" WHERE {loud}") } else { String::new() };
        let then = then.replace("$log", &format!("{schema}.{LOG}")).replace("$loud", loud);
        sql.push(format!("CREATE RULE rule_ AS ON {event} TO {table}{only} DO {then}"));
        let state = *rng.pick(&["ENABLE", "ENABLE ALWAYS", "ENABLE REPLICA", "DISABLE"]);
        sql.push(format!("ALTER TABLE {table} {state} RULE rule_"));
    }
    if rng.chance(15) {
        features.insert("row security");
        sql.push(format!("ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"));
        sql.push(format!("ALTER TABLE {table} FORCE ROW LEVEL SECURITY"));
        sql.push(format!("CREATE POLICY policy_ ON {table} USING (false) WITH CHECK (false)"));
    }
    if rng.chance(60) {
        features.insert("another owner");
        sql.push(format!("ALTER TABLE {table} OWNER TO {}", rng.pick(&OWNERS)));
    }
    sql
}

fn trigger(
    rng: &mut Rng,
    features: &mut BTreeSet<&'static str>,
    schema: &str,
    table: &str,
    plain: bool,
    number: usize,
) -> Vec<String> {
    let function = *rng.pick(&["raise_", "tell", "swallow"]);
    let name = format!("{number} {function} é");
    let quoted_name = quoted(&name);
    let (kind, when) = match rng.below(6) {
        0 => ("TRIGGER", "BEFORE INSERT OR UPDATE OR DELETE ON $table FOR EACH ROW"),
        1 => ("TRIGGER", "AFTER INSERT OR DELETE ON $table FOR EACH ROW"),
        2 => ("TRIGGER", "BEFORE INSERT OR TRUNCATE ON $table FOR EACH STATEMENT"),
        3 if plain => ("TRIGGER", "AFTER INSERT ON $table REFERENCING NEW TABLE AS made FOR EACH STATEMENT"),
        4 if plain => {
            features.insert("constraint trigger");
            ("CONSTRAINT TRIGGER", "AFTER INSERT OR DELETE ON $table DEFERRABLE INITIALLY DEFERRED FOR EACH ROW")
        }
        _ => ("TRIGGER", "AFTER INSERT OR TRUNCATE ON $table FOR EACH STATEMENT"),
    };
    let when = when.replace("$table", table);
    let mut sql = vec![format!("CREATE {kind} {quoted_name} {when} EXECUTE FUNCTION {schema}.{function}()")];
    let (feature, state) = *rng.pick(&[
        ("trigger", "ENABLE"),
        ("trigger ENABLE ALWAYS", "ENABLE ALWAYS"),
        ("trigger ENABLE ALWAYS", "ENABLE ALWAYS"),
        ("trigger ENABLE REPLICA", "ENABLE REPLICA"),
        ("trigger DISABLE", "DISABLE"),
    ]);
    features.insert(feature);
    // The partitions of a partitioned table may have other states than it has itself.
    let only = if !plain && rng.chance(50) { "ONLY " } else { "" };
    sql.push(format!("ALTER TABLE {only}{table} {state} TRIGGER {quoted_name}"));
    sql
}

/// Foreign keys of the table, and to it, are enforced even where triggers do not fire.
pub fn always_enforced(table: &str) -> String {
    let table = literal(table);
    format!(
        "DO $do$ DECLARE t record; BEGIN
             FOR t IN SELECT tgname, tgrelid::regclass AS place FROM pg_trigger WHERE tgisinternal AND tgrelid = {table}::regclass LOOP
                 EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', t.place, t.tgname);
             END LOOP; END $do$"
    )
}
