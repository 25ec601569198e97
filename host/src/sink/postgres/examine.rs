//! Whether rows could be stored, asked without storing any.

use sqlx::migrate::MigrateDatabase as _;
use sqlx::{Connection as _, PgConnection, Postgres};

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

pub(super) async fn examine(url: &str) -> Result<String, SinkError> {
    if !Postgres::database_exists(url).await.map_err(outside)? {
        return Ok("answers; the database is missing, and a host will make it where the user may".into());
    }
    let mut connection = PgConnection::connect(url).await.map_err(outside)?;
    let (version, database, encrypted, tables, may_make, may_write): (String, String, bool, bool, bool, bool) =
        sqlx::query_as(QUESTION).fetch_one(&mut connection).await.map_err(outside)?;
    // It answered all that was asked.
    let _ = connection.close().await;
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
