//! `wit/v1`. One world with every interface, so that types are generated once; an instance uses the exports that it has.
#![allow(missing_docs, reason = "generated; `wit/v1` documents every name")]

wasmtime::component::bindgen!({
    path: "../../wit/v1",
    inline: "
        package wattdog:any-plugin;
        world any-plugin {
            import wattdog:plugin/host@1.0.0;
            export wattdog:plugin/lifecycle@1.0.0;
            export wattdog:plugin/detection@1.0.0;
            export wattdog:plugin/enrichment@1.0.0;
        }",
    world: "wattdog:any-plugin/any-plugin",
    ownership: Borrowing { duplicate_if_necessary: true },
    imports: { default: trappable },
});
