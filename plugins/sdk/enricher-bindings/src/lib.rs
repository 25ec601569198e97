//! The world `enricher`, generated, with the types of the world `detector`.

wit_bindgen::generate!({
    path: "../../../wit/v1",
    world: "enricher",
    pub_export_macro: true,
    export_macro_name: "export_enricher_world",
    default_bindings_module: "wattdog_enricher_bindings",
    with: {
        "wattdog:plugin/types@1.0.0": wattdog_detector_bindings::wattdog::plugin::types,
        "wattdog:plugin/host@1.0.0": wattdog_detector_bindings::wattdog::plugin::host,
    },
});
