//! scripts/test.sh leaves the servers and logs of another run in the same clone alone.

use std::fs::{self, File};
use std::process::Command;

use crate::support::repository;
use rustix::fs::{FlockOperation, flock};

/// Runs `make test`'s script, which must fail; returns what it says.
fn refused(suite: &str) -> String {
    let mut command = Command::new(repository("scripts/test.sh"));
    let output = command.env("SUITE", suite).env_remove("FILTER").output().expect("the script runs");
    assert!(!output.status.success(), "{output:?}");
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// This test is part of such a run. Where it isn't, it takes the lock that one would hold.
#[test]
fn a_second_run_in_one_clone_is_refused_before_it_does_anything() {
    fs::create_dir_all(repository("build")).unwrap();
    let lock = File::create(repository("build/test.lock")).unwrap();
    let _ = flock(&lock, FlockOperation::NonBlockingLockExclusive);
    assert_eq!(refused("unit"), "test.sh: another make test runs in this clone\n");
    assert_eq!(
        refused("unit nosuch"),
        "test.sh: unknown suite nosuch: SUITE is made of unit doc oracle regress client\n"
    );
}
