//! wattdog
