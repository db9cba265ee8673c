//! check_health() and the state that `status` tells: each thing that can be wrong is made wrong, and named with what to type.

mod damage;
mod files;
mod foreign_code;
mod jobs;
mod rows;
mod state;
