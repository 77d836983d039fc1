//! Tests of the service through HTTP, in one binary.

mod client;
mod data;
mod flags;
mod installation;
mod kill;
mod labels;
mod limits;
mod outcome;
mod probes;
mod reload;
mod rollout;
mod routes;
mod running;
mod scrape;
