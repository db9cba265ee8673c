//! README.md is true: its commands run as they stand, its tables list what is there, its links lead somewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::page::{blocks, code_spans, readme, rows};
use crate::support::{Cluster, bindir, repository};
use postgres::{Client, Config, NoTls, config::Host};

/// The directory that README.md's examples use: replaced by one of the test's own.
const DIRECTORY: &str = "/var/lib/postgresql/paliad_backup";

/// All sql blocks, and the shell blocks that are not about make, in the page's order, each in a session of its own as the page
/// demands; in a fresh database `paliad` with the demo application, where pg_cron lives too.
#[test]
fn commands_run_as_they_stand() {
    let cluster = Cluster::own(&["cron.database_name = 'paliad'"]);
    cluster.connect("postgres", "postgres").batch_execute("CREATE DATABASE paliad").expect("the database is made");
    let config = cluster.config("paliad", "postgres");
    let folder = tempfile::tempdir().expect("a temporary directory");
    let load = format!("\\i {}", repository("tests/demo/load.sql").display());
    assert_succeeds("the demo application", &run("psql", &PSQL, &config, folder.path(), &load));
    let holidays = count(&config, "paliad.holidays");

    let directory = cluster.dir().join("backups/readme").display().to_string();
    for block in blocks() {
        let text = block.text.replace(DIRECTORY, &directory);
        let what = format!("README.md, line {}", block.line);
        match block.language.as_str() {
            "sql" => {
                let output = run("psql", &PSQL, &config, folder.path(), &text);
                match &block.fails {
                    None => assert_succeeds(&what, &output),
                    Some(sqlstate) => assert_fails(&what, &output, sqlstate),
                }
            }
            "sh" if make_targets(&text).is_empty() => {
                assert_succeeds(&what, &run("bash", &["-euo", "pipefail"], &config, folder.path(), &text));
            }
            "sh" | "console" => {}
            "ini" => assert_in_force(&what, &config, &text),
            other => panic!("{what}: a block of language {other:?} is not tested"),
        }
    }
    assert_eq!(count(&config, "paliad.holidays"), holidays, "the rows deleted by mistake are back");
}

/// The example at the top shows the fields that its statement returns.
#[test]
fn shown_results_have_the_fields_of_their_statements() {
    let database = Cluster::shared().database();
    for block in blocks().iter().filter(|block| block.language == "console") {
        let (prompt, shown) = block.text.split_once('\n').expect("a statement and its result");
        let statement = prompt.strip_prefix("paliad=# ").expect("a prompt");
        let fields = |text: &str| {
            text.lines().filter_map(|l| Some(l.split_once(" | ")?.0.trim().to_owned())).collect::<Vec<_>>()
        };
        assert_eq!(fields(&database.psql(&["-c", statement.trim_end_matches("\\gx").trim(), "-x"])), fields(shown));
    }
}

#[test]
fn function_table_lists_the_functions_with_arguments_and_roles() {
    let database = Cluster::shared().database();
    let expected = pairs(
        &mut database.connect(),
        "SELECT format('%s(%s)', p.proname, (SELECT string_agg(coalesce(p.proargnames[i], p.proargtypes[i - 1]::regtype::text),
                                                              ', ' ORDER BY i) FROM generate_series(1, p.pronargs) AS i)),
                CASE WHEN has_function_privilege('paliad_backup_reader', p.oid, 'EXECUTE') THEN 'reader'
                     WHEN has_function_privilege('paliad_backup_admin', p.oid, 'EXECUTE') THEN 'admin'
                     ELSE 'superuser' END
         FROM pg_proc AS p
         WHERE p.pronamespace = 'paliad_backup'::regnamespace AND p.prorettype <> 'trigger'::regtype",
    );
    assert_eq!(rows("### Functions"), expected);
}

#[test]
fn settings_tables_list_the_settings_with_their_defaults() {
    let database = Cluster::shared().database();
    let expected = pairs(
        &mut database.connect(),
        "LOAD 'paliad_backup';
         SELECT name, coalesce('`' || nullif(boot_val, '') || '`', 'empty') FROM pg_settings WHERE name LIKE 'paliad_backup.%'
         UNION ALL
         SELECT key, format('`%s`', coalesce(value, 'NULL'))
         FROM paliad_backup.settings AS s, jsonb_each_text(to_jsonb(s))",
    );
    assert_eq!(rows("### Settings"), expected);
}

#[test]
fn relations_table_lists_the_tables_and_views() {
    let database = Cluster::shared().database();
    let expected = pairs(
        &mut database.connect(),
        "SELECT relname, '' FROM pg_class WHERE relnamespace = 'paliad_backup'::regnamespace AND relkind IN ('r', 'v')",
    );
    assert_eq!(rows("### Tables and views").into_keys().collect::<BTreeSet<_>>(), expected.into_keys().collect());
}

/// What the functions' comments say that they raise.
#[test]
fn errors_table_has_every_documented_sqlstate() {
    let database = Cluster::shared().database();
    let documented = pairs(
        &mut database.connect(),
        "SELECT DISTINCT m[1], '' FROM pg_proc AS p,
                regexp_matches(obj_description(p.oid), '\\m([0-9][0-9A-Z]{4}|XX[0-9]{3})\\M', 'g') AS m
         WHERE p.pronamespace = 'paliad_backup'::regnamespace",
    );
    let listed = rows("### Errors");
    let absent: Vec<_> = documented.keys().filter(|sqlstate| !listed.contains_key(*sqlstate)).collect();
    assert!(documented.len() > 5 && absent.is_empty(), "documented {documented:?}, not in README.md: {absent:?}");
}

#[test]
fn make_targets_exist() {
    let makefile = fs::read_to_string(repository("Makefile")).expect("the Makefile");
    let exists = |target: &String| makefile.lines().any(|line| line.starts_with(&format!("{target}:")));
    let page = readme();
    let inline = code_spans(&page).into_iter().filter(|code| code.starts_with("make ")).map(str::to_owned);
    let shell = blocks().into_iter().filter(|block| block.language == "sh").map(|block| block.text);
    let named: BTreeSet<String> = inline.chain(shell).flat_map(|text| make_targets(&text)).collect();
    assert!(named.contains("demo") && named.contains("test"), "{named:?}");
    let absent: Vec<_> = named.iter().filter(|target| !target.is_empty() && !exists(target)).collect();
    assert!(absent.is_empty(), "not in the Makefile: {absent:?}");
}

#[test]
fn links_lead_to_files() {
    let page = readme();
    let targets = page.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let absent: Vec<_> = targets.filter(|target| !target.contains("://") && !repository(target).is_file()).collect();
    assert!(absent.is_empty(), "no such file: {absent:?}");
}

/// As a reader would: psql, stopping at the first error, with the SQLSTATE in front of each message.
const PSQL: [&str; 7] = ["-X", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=verbose", "-f", "-"];

/// Targets of the make commands in a shell text; the empty text for the default target.
fn make_targets(shell: &str) -> Vec<String> {
    let commands = shell.lines().filter_map(|line| {
        let command = line.split('#').next().unwrap_or_default().trim();
        let command = command.strip_prefix("sudo ").unwrap_or(command);
        (command == "make" || command.starts_with("make ")).then(|| command["make".len()..].trim())
    });
    commands
        .map(|arguments| arguments.split(' ').find(|word| !word.contains('=')).unwrap_or_default().to_owned())
        .collect()
}

/// The two text columns of the last statement's rows.
fn pairs(client: &mut Client, sql: &str) -> BTreeMap<String, String> {
    let messages = client.simple_query(sql).expect("the query is good");
    let pair = |message| match message {
        postgres::SimpleQueryMessage::Row(row) => Some((row.get(0)?.to_owned(), row.get(1)?.to_owned())),
        _ => None,
    };
    messages.into_iter().filter_map(pair).collect()
}

fn count(config: &Config, table: &str) -> i64 {
    let mut client = config.connect(NoTls).expect("the cluster takes connections");
    client.query_one(&format!("SELECT count(*) FROM {table}"), &[]).expect("the table can be read").get(0)
}

/// Runs a program that reads `input`, with the server's programs in PATH and the database in the environment.
fn run(program: &str, arguments: &[&str], config: &Config, folder: &Path, input: &str) -> Output {
    let path = std::env::var("PATH").expect("PATH is set");
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).env("PATH", format!("{}:{path}", bindir().display()));
    command.env("PGPORT", config.get_ports()[0].to_string()).env("PGUSER", "postgres").env("PGDATABASE", "paliad");
    if let Host::Unix(socket) = &config.get_hosts()[0] {
        command.env("PGHOST", socket);
    }
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    let mut stdin = child.stdin.take().expect("stdin is piped");
    // Far below the pipe's capacity, so that this cannot wait for a program that waits for its output to be read.
    stdin.write_all(input.as_bytes()).expect("the program reads its input");
    drop(stdin);
    child.wait_with_output().expect("the program ends")
}

/// The settings of the page are those that the server of this test was started with.
fn assert_in_force(what: &str, config: &Config, settings: &str) {
    let mut client = config.connect(NoTls).expect("the server takes connections");
    for setting in settings.lines() {
        let (name, value) = setting.split('#').next().and_then(|line| line.split_once('=')).expect("name = value");
        let row = client.query_one("SELECT current_setting($1)", &[&name.trim()]).expect(what);
        assert_eq!(row.get::<_, String>(0), value.trim().trim_matches('\''), "{what}: {name}");
    }
}

fn assert_succeeds(what: &str, output: &Output) {
    assert!(output.status.success(), "{what}: {}\n{}", output.status, printed(output));
}

/// psql ends with status 3 at an error of a script; the block's last statement is the one that fails.
fn assert_fails(what: &str, output: &Output, sqlstate: &str) {
    let text = printed(output);
    assert!(
        output.status.code() == Some(3) && text.contains(&format!("ERROR:  {sqlstate}: ")),
        "{what}: should fail with {sqlstate}\n{text}"
    );
}

fn printed(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
