//! The world `detector`, generated. A crate of its own, because wit-bindgen's export macros are named by interface and both
//! worlds export `lifecycle`.

wit_bindgen::generate!({
    path: "../../../wit/v1",
    world: "detector",
    pub_export_macro: true,
    export_macro_name: "export_detector_world",
    default_bindings_module: "wattdog_detector_bindings",
    generate_all,
});
