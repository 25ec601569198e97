//! What `wit/` says, as Rust; a module for each major version of the contract.

pub(crate) mod v1;
