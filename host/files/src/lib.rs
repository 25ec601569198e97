//! Files that others may have put there: how they are read, and folders that belong to this user alone.

mod private;
mod read;

pub use private::{NotPrivate, PrivateFolder};
pub use read::{ReadError, read, read_text};
