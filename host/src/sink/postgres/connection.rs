//! How a server is reached: directly, or through a pooler that gives each transaction whichever connection is free.
//!
//! Behind such a pooler nothing may outlast a transaction: no settings of a session, no prepared statements with names, no locks of a
//! session. So every statement runs in a transaction, whose settings are its own.

use std::fmt::Write as _;

use sqlx::postgres::{PgArguments, PgConnectOptions, PgConnection, PgPool};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Connection as _, Error, Postgres, SqlSafeStr, Transaction};

use super::Config;

const POOLER_KEY: &str = "sink.postgres.pooler";
/// PostgreSQL's code for a database that is not there.
const NO_SUCH_DATABASE: &str = "3D000";

/// A way to the database of the configuration.
#[derive(Clone)]
pub(crate) struct Connection {
    options: PgConnectOptions,
    pooler: bool,
    /// What begins a transaction: with its settings where the connection has none.
    begin: Option<String>,
}

impl Connection {
    /// `settings`: names and values, as `SET` takes them.
    ///
    /// # Errors
    /// When the address is not one of PostgreSQL.
    pub(crate) fn new(config: &Config, settings: &[(&str, String)]) -> Result<Self, Error> {
        let options: PgConnectOptions = config.url.parse()?;
        // What the URL sets is the operator's choice.
        let chosen = |name: &str| options.get_options().is_some_and(|options| options.contains(&format!("{name}=")));
        let settings: Vec<_> = settings.iter().filter(|(name, _)| !chosen(name)).collect();
        if !config.pooler {
            let options = options.clone().options(settings.into_iter().map(|(name, value)| (*name, value.as_str())));
            return Ok(Self { options, pooler: false, begin: None });
        }
        let mut begin = "BEGIN".to_owned();
        for (name, value) in settings {
            write!(begin, "; SET LOCAL {name} = '{value}'").expect("a String takes every write");
        }
        let options = options.extra_float_digits(None).statement_cache_capacity(0);
        Ok(Self { options, pooler: true, begin: Some(begin) })
    }

    pub(crate) fn options(&self) -> PgConnectOptions {
        self.options.clone()
    }

    /// Connects, and no more.
    pub(super) async fn try_out(&self) -> Result<(), Error> {
        PgConnection::connect_with(&self.options).await?.close().await
    }

    /// A server behind a pooler cannot be asked for another database.
    pub(super) fn may_create_database(&self) -> bool {
        !self.pooler
    }

    pub(crate) async fn begin(&self, pool: &PgPool) -> Result<Transaction<'static, Postgres>, Error> {
        match &self.begin {
            Some(begin) => pool.begin_with(AssertSqlSafe(begin.clone())).await,
            None => pool.begin().await,
        }
    }

    /// A statement for a transaction.
    pub(crate) fn query<'q>(&self, statement: impl SqlSafeStr) -> Query<'q, Postgres, PgArguments> {
        sqlx::query(statement).persistent(!self.pooler)
    }

    /// The error in words; one that comes of a pooler says what to set.
    pub(crate) fn explained(&self, error: &Error) -> String {
        let advice = match (is_of_a_pooler(error), self.pooler) {
            (false, _) => return error.to_string(),
            (true, false) => format!("this is a connection pooler: set `{POOLER_KEY} = true`"),
            (true, true) => "the pooler takes no `options`: remove them from `sink.postgres.url`".to_owned(),
        };
        format!("{error}; {advice}")
    }
}

/// A parameter that a pooler does not pass on, or a prepared statement that another client of its has made, or that is on another of
/// its connections.
fn is_of_a_pooler(error: &Error) -> bool {
    let Some(error) = error.as_database_error() else { return false };
    let of_a_statement = matches!(error.code().as_deref(), Some("26000" | "42P05"));
    of_a_statement || error.message().contains("unsupported startup parameter")
}

/// There is no database of this name.
pub(super) fn no_such_database(error: &Error) -> bool {
    error.as_database_error().is_some_and(|error| error.code().as_deref() == Some(NO_SUCH_DATABASE))
}
