//! wattdog
fn main() {}
