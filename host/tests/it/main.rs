//! The whole program on real servers: Apache Kafka, PostgreSQL and a server of MongoDB's protocol.
//!
//! The servers are those of `WATTDOG_TEST_KAFKA`, `WATTDOG_TEST_POSTGRES` and `WATTDOG_TEST_MONGODB`; a missing one is a failure.
#![allow(clippy::disallowed_methods, reason = "tests wait with a deadline")]

mod alerts;
mod archive;
mod attack;
mod averages;
mod biting_rows;
mod broken_records;
mod chaos;
mod compression;
mod correctness;
mod crash;
mod dashboards;
mod dead_letters;
mod deployed;
mod documents;
mod dropped_plugin;
mod equality;
mod failing_detector;
mod faults;
mod feeder;
mod files;
mod formats;
mod keys;
mod late_data;
mod live;
mod log_admin;
mod logs;
mod meters;
mod monitoring;
mod names_that_bite;
mod odd_messages;
mod odd_topics;
mod oracle;
mod other_languages;
mod page;
mod pooler;
mod proxy;
mod repartition;
mod restart;
mod score;
mod secured;
mod servers;
mod shortened_log;
mod sink_duties;
mod tables_in_use;
mod told;
mod topic_made_anew;
mod topics;
mod traces;
mod training;
