//! D8: a restore sets nothing off: no trigger, rule or policy, however it is enabled; and leaves all of them as they were.

use crate::digest::{Digest, assert_equal};
use crate::restores::{FILL_IN, OVERWRITE, restore};
use crate::runs::exported;
use crate::security::login;
use crate::support::{Database, sqlstate};
use postgres::Client;

/// `told` is what rules write to.
const TABLES: &str = "
    CREATE TABLE told (what text);
    CREATE FUNCTION raise_() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'fired: %', TG_NAME; END $$;
    CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'a'), (2, 'b');
    INSERT INTO paliad_backup.exclusions (schema_name, relation_name, reason) VALUES ('public', 'told', 'test');";

/// Exports these tables and what the SQL makes.
fn exported_with(sql: &str) -> (Database<'static>, Client, String) {
    exported(&format!("{TABLES} {sql}"))
}

/// Restores in every way; rows are as exported, states as they are, and nothing was told.
fn assert_sets_nothing_off(database: &Database<'_>, client: &mut Client, id: &str, exported: &Digest) {
    let before = Digest::of(database);
    for arguments in ["overwrite => true", "overwrite => false", FILL_IN, OVERWRITE] {
        let report = restore(client, id, arguments).unwrap_or_else(|error| panic!("{arguments}: {error:?}"));
        assert_eq!(report.errors(), Vec::<serde_json::Value>::new(), "{arguments}");
        let now = Digest::of(database);
        let states: Vec<String> =
            before.differences(&now).into_iter().filter(|line| !line.starts_with("rows ")).collect();
        assert_eq!(states, Vec::<String>::new(), "{arguments}");
        let told: i64 = client.query_one("SELECT count(*) FROM told", &[]).unwrap().get(0);
        assert_eq!(told, 0, "{arguments}");
    }
    assert_equal(exported, &Digest::of(database).rows(), "restored");
}

#[test]
fn d8_triggers_of_every_kind_and_state() {
    let (database, mut client, id) = exported(TABLES);
    let exported = Digest::of(&database).rows();
    let kinds = [
        "CREATE TRIGGER x BEFORE INSERT OR UPDATE OR DELETE ON t FOR EACH ROW EXECUTE FUNCTION raise_()",
        "CREATE TRIGGER x AFTER INSERT OR DELETE ON t FOR EACH ROW EXECUTE FUNCTION raise_()",
        "CREATE TRIGGER x BEFORE INSERT OR TRUNCATE OR DELETE ON t FOR EACH STATEMENT EXECUTE FUNCTION raise_()",
        "CREATE TRIGGER x AFTER INSERT OR TRUNCATE OR DELETE ON t FOR EACH STATEMENT EXECUTE FUNCTION raise_()",
        "CREATE TRIGGER x AFTER INSERT ON t REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION raise_()",
        "CREATE TRIGGER x AFTER DELETE ON t REFERENCING OLD TABLE AS o FOR EACH ROW EXECUTE FUNCTION raise_()",
        "CREATE CONSTRAINT TRIGGER x AFTER INSERT OR DELETE ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION raise_()",
        "CREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW WHEN (NEW.id > 0) EXECUTE FUNCTION raise_()",
    ];
    for kind in kinds {
        for state in ["ENABLE", "ENABLE ALWAYS", "ENABLE REPLICA", "DISABLE"] {
            println!("{state} {kind}");
            client.batch_execute("DELETE FROM t WHERE id = 1; UPDATE t SET v = 'changed'").unwrap();
            client.batch_execute(&format!("{kind}; ALTER TABLE t {state} TRIGGER x")).unwrap();
            assert_sets_nothing_off(&database, &mut client, &id, &exported);
            client.batch_execute("DROP TRIGGER x ON t").unwrap();
        }
    }
}

/// The partitions' triggers have states of their own, also other ones than their parents'.
#[test]
fn d8_triggers_of_partitions() {
    let (database, mut client, id) = exported_with(
        "CREATE TABLE p (k int, v text) PARTITION BY LIST (k); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1) PARTITION BY LIST (v);
         CREATE TABLE p1d PARTITION OF p1 DEFAULT; CREATE TABLE pd PARTITION OF p DEFAULT; INSERT INTO p VALUES (1, 'a'), (2, 'b')",
    );
    let exported = Digest::of(&database).rows();
    client
        .batch_execute(
            "CREATE TRIGGER x AFTER INSERT OR DELETE ON p FOR EACH ROW EXECUTE FUNCTION raise_();
             CREATE TRIGGER own BEFORE INSERT OR TRUNCATE ON p1d FOR EACH STATEMENT EXECUTE FUNCTION raise_();
             ALTER TABLE p ENABLE ALWAYS TRIGGER x; ALTER TABLE ONLY p DISABLE TRIGGER x; ALTER TABLE pd ENABLE REPLICA TRIGGER x;
             ALTER TABLE ONLY p1 ENABLE TRIGGER x; ALTER TABLE p1d ENABLE ALWAYS TRIGGER own",
        )
        .unwrap();
    let before = Digest::of(&database);
    client.batch_execute("SET session_replication_role = replica").unwrap();
    client.batch_execute("ALTER TABLE pd DISABLE TRIGGER x; DELETE FROM pd; ALTER TABLE pd ENABLE REPLICA TRIGGER x; RESET session_replication_role").unwrap();
    restore(&mut client, &id, OVERWRITE).unwrap();
    assert_equal(&before, &Digest::of(&database), "restored");
    assert_equal(&exported, &Digest::of(&database).rows(), "restored");
}

/// Foreign keys whose triggers fire for replicas, too: rows are loaded in any order, and nothing cascades from what is emptied.
#[test]
fn d8_foreign_keys_that_are_always_enforced() {
    let (database, mut client, id) = exported_with(
        "CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE a_child (id int PRIMARY KEY REFERENCES parent ON DELETE CASCADE);
         CREATE TABLE outside (id int REFERENCES parent ON DELETE CASCADE); INSERT INTO parent VALUES (1), (2);
         INSERT INTO a_child VALUES (1); INSERT INTO outside VALUES (2)",
    );
    client
        .batch_execute(
            "DO $$ DECLARE x record; BEGIN
                 FOR x IN SELECT tgname, tgrelid::regclass AS place FROM pg_trigger WHERE tgisinternal LOOP
                     EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', x.place, x.tgname);
                 END LOOP; END $$",
        )
        .unwrap();
    let before = Digest::of(&database);
    client.batch_execute("INSERT INTO parent VALUES (3); INSERT INTO a_child VALUES (3)").unwrap();
    restore(&mut client, &id, &format!("sheets => '{{parent,a_child}}', {OVERWRITE}")).unwrap();
    assert_equal(&before, &Digest::of(&database), "restored");
    client.batch_execute("DELETE FROM a_child; DELETE FROM outside; DELETE FROM parent").unwrap();
    restore(&mut client, &id, OVERWRITE).unwrap();
    assert_equal(&before, &Digest::of(&database), "restored");
    // They are enforced again.
    assert_eq!(sqlstate(&client.batch_execute("INSERT INTO a_child VALUES (99)").unwrap_err()), "23503");
    client.batch_execute("DELETE FROM parent WHERE id = 2").unwrap();
    assert_eq!(client.query_one("SELECT count(*) FROM outside", &[]).unwrap().get::<_, i64>(0), 0);
}

#[test]
fn d8_states_are_as_before_after_an_error() {
    let (database, mut client, id) = exported(TABLES);
    client
        .batch_execute(
            "CREATE TRIGGER x BEFORE INSERT OR TRUNCATE ON t FOR EACH STATEMENT EXECUTE FUNCTION raise_();
             ALTER TABLE t ENABLE ALWAYS TRIGGER x, ADD CONSTRAINT small CHECK (id < 2) NOT VALID",
        )
        .unwrap();
    let before = Digest::of(&database);
    assert_eq!(sqlstate(&restore(&mut client, &id, OVERWRITE).unwrap_err()), "23514");
    assert_equal(&before, &Digest::of(&database), "an error");
    // Also for who goes on in the same transaction.
    client.batch_execute("BEGIN; SAVEPOINT s").unwrap();
    assert_eq!(sqlstate(&restore(&mut client, &id, OVERWRITE).unwrap_err()), "23514");
    client.batch_execute("ROLLBACK TO s").unwrap();
    assert_eq!(sqlstate(&client.batch_execute("INSERT INTO t VALUES (0, 'x')").unwrap_err()), "P0001");
    client.batch_execute("ROLLBACK").unwrap();
    assert_equal(&before, &Digest::of(&database), "an error in a transaction");
    // The session that has restored sees its triggers work again, as do others.
    client.batch_execute("ALTER TABLE t DROP CONSTRAINT small").unwrap();
    restore(&mut client, &id, OVERWRITE).unwrap();
    for mut session in [client, database.connect()] {
        assert_eq!(sqlstate(&session.batch_execute("INSERT INTO t VALUES (0, 'x')").unwrap_err()), "P0001");
        assert_eq!(sqlstate(&session.batch_execute("TRUNCATE t").unwrap_err()), "P0001");
    }
}

#[test]
fn d8_rules_and_row_security() {
    let (database, mut client, id) =
        exported_with("CREATE TABLE watched (id int PRIMARY KEY); INSERT INTO watched VALUES (1), (2)");
    let owner = login(&database, "owner", &[]);
    let rows = Digest::of(&database).rows();
    client
        .batch_execute(&format!(
            "GRANT USAGE ON SCHEMA public TO {owner}; ALTER TABLE t OWNER TO {owner}; ALTER TABLE watched OWNER TO {owner};
             CREATE TABLE outside (id int REFERENCES watched); INSERT INTO outside VALUES (1);
             INSERT INTO paliad_backup.exclusions (schema_name, relation_name, reason) VALUES ('public', 'outside', 'test');
             ALTER TABLE watched ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
             CREATE POLICY none ON watched USING (false) WITH CHECK (false);
             DELETE FROM t WHERE id = 1"
        ))
        .unwrap();
    let outside = Digest::of(&database).only_rows_of(&["public.outside"]);
    for rule in [
        "CREATE RULE r AS ON INSERT TO $t DO INSTEAD NOTHING",
        "CREATE RULE r AS ON INSERT TO $t DO ALSO INSERT INTO told VALUES ('insert')",
        "CREATE RULE r AS ON DELETE TO $t DO INSTEAD NOTHING",
        "CREATE RULE r AS ON DELETE TO $t DO ALSO INSERT INTO told VALUES ('delete')",
    ] {
        for state in ["ENABLE", "ENABLE ALWAYS", "ENABLE REPLICA"] {
            for table in ["t", "watched"] {
                client
                    .batch_execute(&format!("{}; ALTER TABLE {table} {state} RULE r", rule.replace("$t", table)))
                    .unwrap();
                assert_sets_nothing_off_beside(&database, &mut client, &id, &rows);
                client.batch_execute(&format!("DROP RULE r ON {table}; DELETE FROM t WHERE id = 1")).unwrap();
            }
        }
    }
    assert_equal(&outside, &Digest::of(&database).only_rows_of(&["public.outside"]), "outside");
}

fn assert_sets_nothing_off_beside(database: &Database<'_>, client: &mut Client, id: &str, exported: &Digest) {
    for arguments in [FILL_IN, OVERWRITE] {
        restore(client, id, arguments).unwrap_or_else(|error| panic!("{arguments}: {error:?}"));
        let told: i64 = client.query_one("SELECT count(*) FROM told", &[]).unwrap().get(0);
        assert_eq!(told, 0, "{arguments}");
        let tables = ["public.t", "public.watched"];
        assert_equal(&exported.only_rows_of(&tables), &Digest::of(database).only_rows_of(&tables), arguments);
    }
}
