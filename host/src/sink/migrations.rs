//! How the tables of the SQL stores came to be: the files under `migrations/`, in order.

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// The file's number, what it does, and its text. `sqlx::migrate!` would look for the files itself, but builds SQLite and most of
/// sqlx a second time, for the compiler's use.
type File = (i64, &'static str, &'static str);

const POSTGRES: [File; 3] = [
    (1, "rows", include_str!("../../migrations/postgres/0001_rows.sql")),
    (2, "fewer indexes", include_str!("../../migrations/postgres/0002_fewer_indexes.sql")),
    (3, "findings by building", include_str!("../../migrations/postgres/0003_findings_by_building.sql")),
];

const SQLITE: [File; 3] = [
    (1, "rows", include_str!("../../migrations/sqlite/0001_rows.sql")),
    (2, "shadow by time", include_str!("../../migrations/sqlite/0002_shadow_by_time.sql")),
    (3, "findings by building", include_str!("../../migrations/sqlite/0003_findings_by_building.sql")),
];

pub(super) fn postgres() -> Migrator {
    migrator(&POSTGRES)
}

pub(super) fn sqlite() -> Migrator {
    migrator(&SQLITE)
}

fn migrator(files: &[File]) -> Migrator {
    let migration =
        |&(number, what, sql): &File| Migration::new(number, what.into(), MigrationType::Simple, sql.into_sql_str(), false);
    Migrator::with_migrations(files.iter().map(migration).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_file_is_forgotten() {
        for (store, files) in [("postgres", POSTGRES), ("sqlite", SQLITE)] {
            let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(store);
            let mut names: Vec<_> =
                folder.read_dir().unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            let listed = files.map(|(number, what, _)| format!("{number:04}_{}.sql", what.replace(' ', "_")));
            assert_eq!(names, listed, "{store}");
        }
    }
}
