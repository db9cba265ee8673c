//! Which cases to run.

/// The seed of `PALIAD_BACKUP_SEED` alone; else the first of `PALIAD_BACKUP_CASES`, of 100 where that is not set.
pub fn seeds() -> Vec<u64> {
    let number = |name: &str| {
        let text = std::env::var(name).ok().filter(|text| !text.is_empty())?;
        let parsed = match text.strip_prefix("0x") {
            Some(hex) => u64::from_str_radix(hex, 16),
            None => text.parse(),
        };
        Some(parsed.unwrap_or_else(|error| panic!("{name}={text}: {error}")))
    };
    match number("PALIAD_BACKUP_SEED") {
        Some(seed) => vec![seed],
        None => (1..=number("PALIAD_BACKUP_CASES").unwrap_or(100)).collect(),
    }
}
