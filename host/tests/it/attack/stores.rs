//! Attacks on the files of a store.

use sqlx::Connection as _;

use super::Siege;
use crate::servers::{World, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn no_row_goes_to_a_sqlite_file_that_was_deleted_or_replaced() {
    let mut world = World::new("deleted_file");
    let file = world.folder.path().join("rows.db");
    world.configure(&format!("[sink.sqlite]\npath = {file:?}\n"));
    let latest = async || {
        let mut rows = sqlx::SqliteConnection::connect(file.to_str().unwrap()).await.ok()?;
        let query = "SELECT count FROM aggregations WHERE building = 'Steady' ORDER BY window_start DESC LIMIT 1";
        sqlx::query_scalar::<_, i64>(query).fetch_optional(&mut rows).await.ok()?
    };
    let siege = Siege::begin(world).await;
    for round in 1..=3 {
        eventually("rows are in the file", latest).await;
        for ending in ["", "-wal", "-shm"] {
            let path = format!("{}{ending}", file.display());
            // Moved away and not deleted, every other time.
            let _ = if round % 2 == 0 { std::fs::rename(&path, format!("{path}.away")) } else { std::fs::remove_file(&path) };
        }
        eventually("the new file has what comes", latest).await;
        let said = siege.world.log().matches("was deleted, moved or replaced while it was open").count();
        assert!(said >= round, "{}", siege.world.log());
    }
    siege.end("8", "the SQLite file is deleted, moved, deleted again", 600.0).await;
}
