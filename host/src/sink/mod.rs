//! Stores of results.
pub mod postgres {
    //! x
    /// x
    #[derive(Clone, Debug, serde::Deserialize, serde::Serialize)]
    pub struct Config {
        /// x
        pub url: String,
    }
}
pub mod mongodb {
    //! x
    pub use super::postgres::Config;
}
pub mod sqlite {
    //! x
    pub use super::postgres::Config;
}
pub mod console {
    //! x
    pub use super::postgres::Config;
}
