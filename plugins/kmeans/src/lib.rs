//! wattdog plugin.
