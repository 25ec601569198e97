//! The contract `wit/v1` as Rust types, generated; the rest of the crate turns them into something pleasant to write against.
//!
//! The worlds `detector` and `enricher` share the interface `lifecycle`, and one crate cannot generate its exports twice. So each
//! exported interface is generated on its own; the export macros put the two that make up a world together, and the component
//! encoder unites their types.

#![allow(missing_docs, unreachable_pub, clippy::all, reason = "generated code")]

/// The types, the log and the life cycle, which every plugin shares.
pub mod lifecycle {
    wit_bindgen::generate!({
        inline: "
            package wattdog:sdk;
            world lifecycle {
                import wattdog:plugin/host@1.0.0;
                export wattdog:plugin/lifecycle@1.0.0;
            }
        ",
        path: "../../wit/v1",
        pub_export_macro: true,
        export_macro_name: "export_lifecycle",
        additional_derives: [PartialEq],
        generate_unused_types: true,
        generate_all,
    });
}

/// What makes a plugin a detector.
pub mod detection {
    wit_bindgen::generate!({
        inline: "
            package wattdog:sdk;
            world detection {
                export wattdog:plugin/detection@1.0.0;
            }
        ",
        path: "../../wit/v1",
        pub_export_macro: true,
        export_macro_name: "export_detection",
        additional_derives: [PartialEq],
        with: { "wattdog:plugin/types@1.0.0": super::lifecycle::wattdog::plugin::types },
    });
}

/// What makes a plugin an enricher.
pub mod enrichment {
    wit_bindgen::generate!({
        inline: "
            package wattdog:sdk;
            world enrichment {
                export wattdog:plugin/enrichment@1.0.0;
            }
        ",
        path: "../../wit/v1",
        pub_export_macro: true,
        export_macro_name: "export_enrichment",
        additional_derives: [PartialEq],
        with: { "wattdog:plugin/types@1.0.0": super::lifecycle::wattdog::plugin::types },
    });
}
