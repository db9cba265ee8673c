//! What the types of a case need.

/// What a case's database must have first.
pub const SETUP: &str = "
    CREATE EXTENSION citext SCHEMA public; CREATE EXTENSION hstore SCHEMA public; CREATE EXTENSION ltree SCHEMA public; CREATE EXTENSION cube SCHEMA public;
    CREATE COLLATION public.without_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false)";
