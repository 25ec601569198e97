//! Whether rows could be stored, asked without storing any.

use sqlx::Row as _;
use sqlx::postgres::{PgPoolOptions, PgRow};

use super::connection::{Connection, no_such_database};
use super::outside;
use crate::sink::SinkError;

/// Version, database, whether the way is encrypted; whether its tables are there; whether they may be made, and written to.
const QUESTION: &str = "SELECT current_setting('server_version'), current_database(),
    coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false),
    to_regclass('aggregations') IS NOT NULL AND to_regclass('anomalies') IS NOT NULL,
    has_database_privilege(current_database(), 'CREATE') OR coalesce(has_schema_privilege(current_schema(), 'CREATE'), false),
    (SELECT coalesce(bool_and(has_table_privilege(c.oid, right_to)), true)
     FROM pg_class c, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE']) right_to
     WHERE c.oid IN (to_regclass('aggregations'), to_regclass('anomalies'), to_regclass('shadow_anomalies')))";

pub(super) async fn examine(connection: &Connection) -> Result<String, SinkError> {
    let answer = match ask(connection).await {
        Err(error) if no_such_database(&error) && connection.may_create_database() => {
            return Ok("answers; the database is missing, and a host will make it where the user may".into());
        }
        answer => answer.map_err(|error| outside(connection, &error))?,
    };
    let (version, database): (String, String) = (answer.get(0), answer.get(1));
    let [encrypted, tables, may_make, may_write] = [2, 3, 4, 5].map(|place| answer.get::<bool, _>(place));
    if !may_make {
        return Err(SinkError::Refused(format!("the user may make no tables and columns in `{database}`")));
    }
    if !may_write {
        return Err(SinkError::Refused(format!("the user may not read, insert and update in the tables of `{database}`")));
    }
    let tables = if tables { "its tables are there" } else { "a host will make its tables" };
    let encrypted = if encrypted { "encrypted" } else { "not encrypted" };
    Ok(format!("PostgreSQL {version}, {encrypted}, database `{database}`: {tables}"))
}

async fn ask(connection: &Connection) -> Result<PgRow, sqlx::Error> {
    connection.try_out().await?;
    let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with(connection.options());
    let mut transaction = connection.begin(&pool).await?;
    let answer = connection.query(QUESTION).fetch_one(&mut *transaction).await?;
    transaction.commit().await?;
    pool.close().await;
    Ok(answer)
}
